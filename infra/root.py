"""The folder that holds the packages: the checkout, Ray's copy of it, or site-packages."""

from pathlib import Path

PACKAGES = ("ablate", "infra", "search_spaces", "sweeps", "trainables")
ROOT = Path(__file__).parent.parent
