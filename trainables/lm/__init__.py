"""Tiny language models: a plain transformer and seven changes of it."""
