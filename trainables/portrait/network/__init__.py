"""The diffusion transformer of portraits, and what each of its passes is given."""
