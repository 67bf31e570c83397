"""The columns of an export, what each means, and where it stands."""

from collections.abc import Iterable
from functools import cache

from infra.answer.compare import PARAMETERS

SCHEMA = 1

CELL = {
    "study": "name of the study",
    "sweep": "name of the sweep",
    "scale": "how big the cells are",
    "arm": "name of the arm",
    "seed": "the seed",
    "cell": "key of the cell, its folder in the ledger",
    "status": "finished, failed, interrupted or pending",
    "error": "why the cell failed, one line",
    "damage": "what was found broken while reading the cell",
    "labels": "what the points say is wrong: kind, step, evidence; in arms.csv the kinds, each "
    "with how many cells have it",
    "steps": "optimizer steps at the last commit",
    "parameters": f"where the run reports {PARAMETERS}",
    "gpu_hours": "hours billed over all attempts times GPUs reserved",
    "cost_usd": "gpu_hours times the price; empty without a price or a GPU",
}
PROVENANCE = {
    "weights_sha256": "digest of the trained weights of a finished cell",
    "commit": "git commit of the code",
    "dirty": "whether the code differed from the commit",
    "package_digest": "digest of the packages as imported",
    "study_sha256": "digest of a study's file that was given by path",
    "script_sha256": "digest of the code of a script, where the arm has none of its own",
    "torch": "version of torch",
    "python": "version of Python",
    "host": "name of the machine",
    "device": "GPU or processor",
    "threads": "CPU threads of the cell",
    "data_digest": "digest of the prepared data that the cell was given",
    "dtype": "dtypes of the model's floating tensors",
    "autocast": "dtypes that autocast computed in, or off",
    "compile": "compiled where torch.compile made a graph, else eager",
    "matmul_precision": "how torch multiplies float32 matrices",
    "deterministic": "on where torch was held to deterministic kernels throughout",
    "attempts": "how often the cell was tried",
    "resume": "what an attempt can do with what the one before left: exact, inexact, checkpoint "
    "(the script's own), again (from its beginning)",
}
ARM = {
    "metric": "the metric that answers the question",
    "mode": "min: less is better; max: more is better",
    "budget": "where the runs were read; end: at their last points",
    "n": "finished cells, which the row's figures are over",
    "planned": "cells in the plan",
    "failed": "cells that failed; n + failed < planned while others have not finished",
    "mean": "mean of the metric over seeds",
    "sd": "standard deviation over seeds (n - 1)",
    "mean_low": "lower end of the 95 % t interval of the mean",
    "mean_high": "its upper end",
    "baseline": "the arm that differences are to",
    "pairs": "how many seeds the difference is over",
    "pair_seeds": "which they are; where means are over others, arms stand by their differences",
    "difference": "mean of the differences, arm minus baseline, paired by seed",
    "difference_low": "lower end of its t interval at level `confidence`",
    "difference_high": "its upper end",
    "confidence": "level of one interval, so that all of them hold together at 95 %",
    "margin": "differences smaller than this do not matter; empty: none declared",
    "verdict": "better, worse, equivalent or undecided; empty for the baseline",
    "reason": "why",
    "uneven": "why a t interval may mislead: a seed far from the others, or differences far from "
    "symmetric; empty: neither",
    "by_signs": "where it may, what the exact sign test says at the same level: whether the arm is "
    "ahead in more than half of all seeds",
    "beside": "what else may explain the row: parameters, FLOPs, tokens, memory, machines",
}
FINDING = {
    "finding": "id of the documented claim",
    "tag": "what kind of claim it is",
    "verdict": "reproduced, refuted, undecided, not comparable or not run; on the "
    "documented record alone consistent or inconsistent",
    "basis": "what the verdict rests on: sweep, arithmetic, record (documented), none",
    "reason": "why",
    "holds": "seeds in which the claim holds",
    "seeds": "seeds that were planned; empty where no seed was asked",
    "statement": "the claim",
    "documented": "the documented numbers",
    "source": "where it is documented",
}
PATTERNS = {
    "config.<field>": "resolved config of the cell, dotted for nested components",
    "seed.<n>": "arms.csv: the metric at seed n; findings.csv: whether the claim holds there",
    "<split>/<quantity>_<unit>": "a metric: in cells.csv at the last point of a finished cell, in "
    "arms.csv its mean where every finished cell has it, in curves.csv at the point",
    "metric.<name>": "a metric whose name is taken by another column",
    "perf/<quantity>": "timing, memory: not the same in two exact executions",
    "perf/billed_s": "seconds billed over all attempts",
}
DICTIONARY = {
    "cells.csv": {**CELL, **PROVENANCE},
    "arms.csv": ARM,
    "curves.csv": {"arm, seed": "the cell", "step": "optimizer steps at the point"},
    "findings.csv": FINDING,
    "several files": PATTERNS,
}
TAKEN = {*CELL, *PROVENANCE, *ARM, *FINDING, "step", "perf/billed_s"}


@cache
def column(metric: str) -> str:
    """The column of a metric: its own name, unless that is taken."""
    taken = metric in TAKEN or metric.startswith(("config.", "seed.", "metric."))
    return f"metric.{metric}" if taken else metric


def metric_of(name: str) -> str:
    """The metric of a column."""
    return name.removeprefix("metric.")


def ordered(names: Iterable[str], metric: str) -> list[str]:
    """Columns as they stand in a file: what it is, metrics, provenance, `perf/` last.

    Metrics are sorted, the study's own before the others; what else there is keeps its order.
    """

    def place(name: str) -> tuple[int, str]:
        if name.startswith("perf/"):
            return 4, name
        if name in PROVENANCE:
            return 3, ""
        if name in TAKEN or name.startswith(("config.", "seed.")):
            return 0, ""
        return (1, "") if name == column(metric) else (2, name)

    return sorted(dict.fromkeys(names), key=place)
