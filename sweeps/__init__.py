"""One executable script per study; `__main__` joins them with the command line."""
