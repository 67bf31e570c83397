"""Proof before GPU-hours: that arms run, read and differ, and what they take."""
