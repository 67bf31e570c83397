"""Words and commands: `ablate ...`, and a sweep's script run by itself."""

from infra.cli.cli import Ingester, ablate, main

__all__ = ["Ingester", "ablate", "main"]
