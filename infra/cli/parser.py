"""The command line's words: every command with its options and defaults."""

import argparse
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from infra.errors import REFUSED
from infra.study.study import DEFAULT_SCALE, check_seed
from infra.words import MANY_ARMS

EXIT_STATUS = (
    "exit status: 0 done, 1 some cells failed, 2 wrong usage or refused, "
    "130 interrupted (resumable)"
)


class OneLineParser(argparse.ArgumentParser):
    """Tells wrong usage in one line, as everything else that is refused."""

    def error(self, message: str) -> NoReturn:
        """The message and where to look, on stderr; exit status 2."""
        command = self.prog.removeprefix("ablate").strip()
        subject = f"ablate: {command}: " if command else "ablate: "
        self.exit(REFUSED, f"{subject}{message}; see {self.prog} --help\n")


def build_parser(ingesters: Mapping[str, Any]) -> argparse.ArgumentParser:
    """The parser of `ablate`."""
    parser = OneLineParser(
        prog="ablate",
        description="Runs ablation studies on Ray and says which differences are real.",
        epilog=EXIT_STATUS,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    known = "studies with arms x seeds, metric, findings and cost per scale; sweeps in the storage"
    _places(commands.add_parser("list", help=known, description=known))
    _add_new(commands)
    run = commands.add_parser(
        "run", help="run a study to its leaderboard and verdicts", epilog=EXIT_STATUS
    )
    run.add_argument(
        "study",
        metavar="STUDY",
        help="a study's name (see `ablate list`) or the path of your own file",
    )
    add_run_options(run)
    _add_resume(commands)
    _add_readers(commands)
    _add_keepers(commands)
    _add_data(commands, ingesters)
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of `ablate run`, which every script in sweeps/ takes too."""
    _add_what(parser.add_argument_group("what to run"))
    where = parser.add_argument_group("where to run")
    _add_where(where)
    where.add_argument(
        "--cpus-per-cell",
        type=_positive,
        default=1.0,
        metavar="F",
        help="CPUs per cell (default: 1)",
    )
    where.add_argument(
        "--gpus-per-cell",
        type=_share,
        default=None,
        metavar="F",
        help="GPUs per cell, fractions share one (default: 1 where there is one)",
    )
    where.add_argument(
        "--usd-per-gpu-hour", type=_share, default=None, metavar="P", help="price, for the costs"
    )
    where.add_argument(
        "--here",
        default="",
        metavar="ARM",
        help="run one arm in this process, without Ray and preflight (for a debugger)",
    )
    _places(parser)


def _add_what(group: Any) -> None:
    group.add_argument(
        "--name",
        default="",
        help="name of the sweep (default: STUDY-SCALE, and -seconds at equal ones)",
    )
    group.add_argument(
        "--scale",
        default=DEFAULT_SCALE,
        metavar="smoke|lab|paper",
        help="how big the cells are; a study may have further ones (default: %(default)s)",
    )
    group.add_argument(
        "--seeds", type=_seeds, default=[], metavar="0,1,2", help="seeds (default: the study's)"
    )
    group.add_argument("--arms", type=_some, default=[], metavar="A,B", help="arms (default: all)")
    group.add_argument(
        "--data",
        type=place,
        default="",
        metavar="DIR",
        help="prepared data, a folder or s3:// (default: the study's own)",
    )
    group.add_argument(
        "--equal-seconds",
        action="store_true",
        help="give each arm the steps that take the baseline's time; timed before, then fixed",
    )
    group.add_argument(
        "--keep-checkpoints",
        choices=("all", "last", "none"),
        default="last",
        help="state files to keep (default: %(default)s)",
    )


def _add_where(group: Any) -> None:
    """What `run` and `resume` share."""
    group.add_argument(
        "--address",
        default="auto",
        metavar="auto|local|HOST:PORT",
        help="Ray to run on (default: RAY_ADDRESS where set, else a private one)",
    )
    group.add_argument(
        "--max-parallel",
        type=_count,
        default=0,
        metavar="N",
        help="most cells at a time (default: as many as fit)",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="print the plan, try the arms and stop"
    )
    group.add_argument(
        "--until-decided",
        action="store_true",
        help="add seeds for undecided arms, look by look, to --max-seeds at most",
    )
    group.add_argument(
        "--max-seeds",
        type=_count,
        default=0,
        metavar="N",
        help="last look (default: 12, or the one that the sweep began with)",
    )
    group.add_argument(
        "--budget-hours",
        type=_positive,
        metavar="H",
        help="worker-hours that all cells may take; more is refused, then stopped resumably",
    )
    group.add_argument(
        "--budget-usd", type=_positive, metavar="P", help="the same in dollars, with a price"
    )
    group.add_argument("--no-preflight", action="store_true", help="do not try the arms before")
    group.add_argument(
        "--allow-identical",
        type=_twins,
        action="append",
        default=[],
        metavar="A,B",
        help="arms that may do the same, on the record",
    )
    group.add_argument(
        "--accept-code-change", action="store_true", help="go on with cells that other code began"
    )


def _add_new(commands: Any) -> None:
    text = "write a study that runs, to make one's own of"
    new = commands.add_parser("new", help=text, description=text)
    new.add_argument("name", metavar="NAME", help="name of the study and of its file")
    new.add_argument(
        "--script",
        action="store_true",
        help="as a training script of its own, train.py, and a TOML file that says how it is swept",
    )
    _json(new)


def _add_resume(commands: Any) -> None:
    resume = commands.add_parser(
        "resume", help="go on with an interrupted sweep, or extend it", epilog=EXIT_STATUS
    )
    resume.add_argument("name", metavar="NAME")
    resume.add_argument("--arms", type=_some, default=[], metavar="A,B", help="add these arms")
    resume.add_argument("--seeds", type=_seeds, default=[], metavar="3,4", help="add these seeds")
    resume.add_argument("--retry-failed", action="store_true", help="run failed cells again")
    _add_where(resume)
    _places(resume)


def _add_readers(commands: Any) -> None:
    status = _reader(commands, "status", "cells done, running, failed")
    status.add_argument(
        "--watch",
        action="store_true",
        help="redraw it with the curves so far until it ends; waits for one that is not there yet",
    )
    logs = _reader(commands, "logs", "what a cell's run printed")
    logs.add_argument("cell", metavar="CELL", help="a cell's key, see `ablate status NAME`")
    board = _reader(
        commands, "leaderboard", "arms by the study's metric, with intervals and verdicts"
    )
    board.add_argument(
        "more", nargs="*", metavar="NAME", help="further sweeps by the same metric, in one table"
    )
    board.add_argument(
        "--at",
        default="",
        metavar="AXIS=N",
        help="read at another budget: steps, examples, tokens, flops, seconds, dollars or a metric "
        "that adds up",
    )
    board.add_argument(
        "--metric", default="", metavar="NAME", help="read by another metric that the runs report"
    )
    board.add_argument(
        "--mode", choices=("min", "max"), default="", help="of --metric (default: the study's)"
    )
    board.add_argument(
        "--top",
        type=_count,
        default=0,
        metavar="K",
        help=f"show the K best arms and the baseline (default: all, of more than {MANY_ARMS} the "
        f"best {MANY_ARMS})",
    )
    _reader(commands, "verdicts", "what the sweep says of every documented finding")
    export = _reader(commands, "export", "CSV, Markdown and LaTeX for the write-up")
    export.add_argument("--to", required=True, metavar="DIR")
    report = _reader(commands, "report", "one HTML page with answer, pictures, tables, provenance")
    report.add_argument("more", nargs="*", metavar="NAME", help="further sweeps, in the same page")
    report.add_argument("--to", required=True, metavar="FILE.html")
    watch = _reader(
        commands, "watch", "serve the report to this machine's browser, redrawn as the sweep runs"
    )
    watch.add_argument(
        "--port", type=_count, default=0, metavar="N", help="on 127.0.0.1 (default: any)"
    )
    watch.add_argument(
        "--until-ended", action="store_true", help="end when every cell has (default: at Ctrl-C)"
    )


def _add_keepers(commands: Any) -> None:
    _add_import(commands)
    _reader(commands, "sync", "bring MLflow up to the ledger")
    gc = _reader(commands, "gc", "delete state files that nothing needs any more")
    gc.add_argument("--weights", action="store_true", help="also the finished cells' last ones")
    doctor = commands.add_parser("doctor", help="check Python, torch, Ray, MLflow and the storage")
    _places(doctor)


def _add_import(commands: Any) -> None:
    text = "make a sweep of results that were recorded elsewhere"
    columns = (
        "a CSV with columns arm, seed, step and one per metric, as the curves.csv of an export, or "
        "arm, seed, step, metric, value"
    )
    others = (
        "MLflow by http://, sqlite:/// or folder; files of W&B histories (CSV, JSON, Parquet) or "
        "of a chart; a folder of TensorBoard's event files"
    )
    curves = commands.add_parser("import", help=text, description=f"{text}: {columns}; {others}")
    curves.add_argument("file", metavar="SOURCE", help=f"{columns}; {others}")
    curves.add_argument("--name", default="", help="name of the sweep (default: the source's)")
    curves.add_argument(
        "--metric", default="", help="the metric that answers (default: the only one)"
    )
    curves.add_argument(
        "--mode", choices=("min", "max"), required=True, help="whether less or more of it is better"
    )
    curves.add_argument(
        "--baseline", default="", metavar="ARM", help="the arm that others are compared to"
    )
    curves.add_argument(
        "--margin",
        type=_share,
        default=None,
        metavar="D",
        help="differences smaller than this do not matter (default: none is declared)",
    )
    _add_runs(curves.add_argument_group("which runs of a tracker are which cells"))
    _places(curves)


def _add_runs(group: Any) -> None:
    group.add_argument(
        "--from",
        dest="kind",
        choices=("csv", "mlflow", "wandb", "tensorboard"),
        default="",
        help="what wrote the source (default: as it looks)",
    )
    group.add_argument(
        "--experiment",
        default="",
        metavar="NAME",
        help="MLflow's (default: the only one with runs)",
    )
    group.add_argument(
        "--arm-field",
        type=_some,
        default=["arm"],
        metavar="F,G",
        help="fields of a run's config that tell its arm (default: arm)",
    )
    group.add_argument(
        "--seed-field", default="seed", metavar="F", help="that tells its seed (default: seed)"
    )
    group.add_argument(
        "--run-name",
        default="",
        metavar="TEMPLATE",
        help="fields that runs' names tell, such as '{arm}-s{seed}'",
    )
    group.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="F=V,W",
        help="runs whose field has one of these values, F!=V those that have not; repeatable",
    )
    group.add_argument(
        "--step-field", default="", metavar="F", help="W&B's column of steps (default: _step)"
    )
    group.add_argument(
        "--runs",
        type=Path,
        default=None,
        metavar="FILE",
        help="W&B's table of runs, with their names or ids and configs",
    )
    group.add_argument(
        "--last-step", type=_count, default=None, metavar="N", help="leave out points beyond it"
    )


def _add_data(commands: Any, ingesters: Mapping[str, Any]) -> None:
    data = commands.add_parser("data", help="turn real data into what the studies read")
    kinds = data.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, ingester in ingesters.items():
        one = kinds.add_parser(kind, help=ingester.help, description=ingester.help)
        one.add_argument("source", metavar="SOURCE", help="a file, a folder or s3://")
        one.add_argument("--to", required=True, metavar="DIR", help="the folder to make")
        for flag, settings in ingester.options.items():
            one.add_argument(flag, **settings)
        _json(one)


def _reader(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("name", metavar="NAME", help="name of the sweep")
    _places(parser)
    return parser


def _places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--storage",
        type=place,
        default="",
        metavar="URI",
        help="folder or s3://bucket/prefix (default: $ABLATE_STORAGE, else runs/)",
    )
    parser.add_argument(
        "--tracking", default="", metavar="URI", help="MLflow (default: SQLite in the storage)"
    )
    _json(parser)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def place(text: str) -> str:
    """An address as it is, a folder with its whole path: commands run from other folders later."""
    if not text or ("://" in text and not text.startswith("file://")):
        return text
    return str(Path(text.removeprefix("file://")).expanduser().absolute())


def _some(text: str) -> list[str]:
    if not (names := _names(text)):
        raise argparse.ArgumentTypeError("must name at least one, got none")
    return names


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _seeds(text: str) -> list[int]:
    parts = _some(text)
    try:
        return list(dict.fromkeys(check_seed(int(part)) for part in parts))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be whole numbers from 0 like 0,1,2, got {text}"
        ) from error


def _twins(text: str) -> frozenset[str]:
    if len(twins := frozenset(_names(text))) < 2:
        raise argparse.ArgumentTypeError(f"must be two arms or more like A,B, got {text}")
    return twins


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, got {text}")
    return int(text)


def _positive(text: str) -> float:
    if (value := _number(text)) <= 0:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return value


def _share(text: str) -> float:
    if (value := _number(text)) < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, got {text}")
    return value


def _number(text: str) -> float:
    with suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise argparse.ArgumentTypeError(f"must be a finite number, got {text}")
