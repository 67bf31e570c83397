"""The studies of the pixel DiT on portraits: documented arms, results and findings."""
