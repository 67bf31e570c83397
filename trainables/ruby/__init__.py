"""Ruby methods as syntax trees: their label, and what brings them in."""
