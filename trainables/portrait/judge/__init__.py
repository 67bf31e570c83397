"""From portraits to figures: how near what was made comes to the truth."""
