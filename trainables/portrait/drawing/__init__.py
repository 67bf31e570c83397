"""Drawn portraits: who sits, what a caption says of it, the picture, its parts and its joints."""
