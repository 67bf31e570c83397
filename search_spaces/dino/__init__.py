"""The lung-CT studies: documented arms, results and findings."""
