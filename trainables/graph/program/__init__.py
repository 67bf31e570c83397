"""Programs as graphs: what runs them, what writes them."""
