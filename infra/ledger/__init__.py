"""What is true: plan, commits and ends of cells, in a storage that one driver holds."""
