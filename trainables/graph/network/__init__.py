"""The network, what it learns from and how it is drawn from."""
