"""Nine rooms, each of which imports only what stands before it; see README.md."""
