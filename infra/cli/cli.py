"""The entry points: `ablate ...`, and a sweep's script run by itself."""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.cli.parser import EXIT_STATUS, OneLineParser, add_run_options, build_parser
from infra.errors import INTERRUPTED, REFUSED
from infra.hash_seed import start_over
from infra.root import ROOT
from infra.study.study import Study


@dataclass(frozen=True)
class Ingester:
    """Makes prepared data of one kind.

    Attributes:
        help: What it takes, in a line.
        run: Called with source folder, target folder and the options; gives back the manifest. Its
            ValueError tells in a line what was asked wrongly, its RuntimeError what lacks here.
        options: Flag to argparse settings.
    """

    help: str
    run: Callable[..., Mapping[str, Any]]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def main(study: Study, argv: Sequence[str] | None = None) -> int:
    """What a script in sweeps/ does: `ablate run` of its study. Gives back the exit status."""
    parser = OneLineParser(
        description=f"{study.name}: {study.question}",
        epilog=f"{EXIT_STATUS}; look at the sweep with `ablate status`, `logs`, `leaderboard` NAME",
    )
    add_run_options(parser)
    options = parser.parse_args(argv)
    if argv is None and options.here:
        start_over()

    def start() -> int:
        from infra.cli.run import run_study
        from infra.study.neighbours import refuse_hiding

        file = Path(sys.argv[0]).absolute()
        ours = file.parent == ROOT / "sweeps"
        given_by_path = "" if ours else str(file)
        refuse_hiding(file.parent)
        return run_study(study, given_by_path, options)

    return _answer(start, options.json)


def ablate(
    studies: Mapping[str, Path],
    ingesters: Mapping[str, Ingester],
    argv: Sequence[str] | None = None,
    read_events: Callable[[Path], Iterable[Any]] = lambda path: (),
) -> int:
    """The `ablate` command over these studies and data ingesters; gives back the exit status.

    `read_events` reads an event file of TensorBoard, see `infra/execution/recorded/event_runs.py`.
    """
    parser = build_parser(ingesters)
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        told = f"unrecognized arguments: {' '.join(unknown)}; see ablate {options.command} --help"
        print(f"ablate: {options.command}: {told}", file=sys.stderr)
        return REFUSED
    if argv is None and getattr(options, "here", ""):
        start_over()
    start = _command(options.command, read_events)
    return _answer(lambda: start(studies, options, ingesters), options.json)


def _command(name: str, read_events: Callable[[Path], Iterable[Any]]) -> Callable[..., int]:
    """The function of a command; imported only now, so that --help is quick."""
    from infra.cli import keep, listing, new, read, run, watch

    def plain(function: Callable[..., int]) -> Callable[..., int]:
        return lambda studies, options, ingesters: function(studies, options)

    return {
        "new": plain(new.new),
        "run": plain(run.run),
        "resume": plain(run.resume),
        "list": plain(listing.list_studies),
        "status": plain(read.status),
        "logs": plain(read.logs),
        "leaderboard": plain(read.leaderboard),
        "verdicts": plain(read.verdicts),
        "export": plain(read.export),
        "report": plain(read.report),
        "watch": plain(watch.watch),
        "import": lambda studies, options, _: keep.import_curves(options, read_events),
        "sync": plain(keep.sync),
        "gc": plain(keep.gc),
        "doctor": plain(keep.doctor),
        "data": lambda studies, options, ingesters: keep.data(ingesters[options.kind], options),
    }[name]


def _answer(start: Callable[[], int], as_json: bool) -> int:
    """Runs a command; what a user can mend is one line on stderr, the rest keeps its traceback.

    A program that asked for JSON has the line in a document too.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    from infra.cli.command import print_json
    from infra.ledger.patience import StorageError

    try:
        return start()
    except (ValueError, StorageError) as error:
        if os.environ.get("ABLATE_DEBUG"):
            raise
        print(f"ablate: {error}", file=sys.stderr)
        if as_json:
            print_json({"status": REFUSED, "error": str(error)})
        return REFUSED
    except KeyboardInterrupt:
        told = "the same command goes on, or begins anew where no cell had begun"
        print(f"ablate: interrupted; {told}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
