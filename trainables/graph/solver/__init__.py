"""How values become lawful graphs."""
