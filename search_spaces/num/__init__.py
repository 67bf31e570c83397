"""The studies of the Neural Universal Machine: documented arms, results and findings."""
