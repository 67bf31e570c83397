"""The command line of the scripts beside this file: help, smallest size, peers."""

import argparse
import sys
from importlib import import_module
from pathlib import Path


def parser_of(docstring: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring."""
    return argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def options_of(parser: argparse.ArgumentParser, **smallest: object) -> argparse.Namespace:
    """What was asked for; with --smallest these values stand in for the defaults."""
    told = ", ".join(f"{name} {value}" for name, value in smallest.items())
    parser.add_argument(
        "--smallest", action="store_true", help=f"only see that it runs, in seconds: {told}"
    )
    if parser.parse_known_args()[0].smallest:
        parser.set_defaults(**smallest)
    return parser.parse_args()


def need(peer: str) -> None:
    """Ends the script with status 2, and the command that brings the peer, where there is none."""
    try:
        import_module(peer)
    except ModuleNotFoundError:
        script = Path(sys.argv[0]).stem
        told = f"{script}: needs {peer} to compare with; pip install -e '.[peers]'"
        print(told, file=sys.stderr)
        raise SystemExit(2) from None
