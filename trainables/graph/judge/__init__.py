"""What graphs are worth: laws, nearness to true ones, rewards, rows that no network made."""
