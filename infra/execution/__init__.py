"""Cells at work: on Ray, in this process, or recorded elsewhere."""
