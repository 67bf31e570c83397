"""Portraits as pictures for people."""
