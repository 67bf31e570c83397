"""Training scripts that were not written for us, each run as a process of its own."""
