"""What differed between arms besides what was asked, told by what ran and not by the config.

Three classes. *Invalidating*: the numbers do not mean the same, so there is no verdict.
*Explaining*: a quantity that may be the cause, shown beside the row, see `amounts`.
*Machine*: losses are compared with a note, times and dollars are not ranked.

What an arm declares is its question and no confound: a realised learning rate may differ where the
configs differ in a field that sets it. How it is measured may differ only where nothing else does.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from infra.answer.arms import Arm, declared
from infra.answer.ran import MACHINE, MODULE, Facts, begun_with
from infra.ledger.points import column, steps
from infra.ledger.records import CellRecord, Point

LR = "train/lr_realised"
_TIMES = ("seconds", "dollars", "perf/")
_SAME_LR = 1e-6


# Named like what sets a rate, a budget or an amount, and nothing of the kind.
_FALSE_FRIENDS = r"batch_?norm|data_norm|stop_grad|register_tokens"


def _field(*words: str) -> re.Pattern[str]:
    """Config fields with one of these words in their dotted, underscored names."""
    some = "|".join(words)
    return re.compile(rf"^(?!.*(?:{_FALSE_FRIENDS}))(?:.*[._])?(?:{some})(?:[._]|$)")


_SETS_LR = re.compile(
    _field("lr", "learning", "schedule", "warmup", "cooldown", "batch", "accumulation", "steps?")
    .pattern + r"|(?:^|\.)rate$|(?:^|\.)optim(?:izer)?(?:\.(?:kind|name))?$"
)  # fmt: skip
_SETS_STEPS = _field(
    "steps?",
    "epochs?",
    "seconds",
    "budget",
    "examples",
    "tokens",
    "batch",
    "stop",
    "stopping",
)
_SETS_DTYPE = _field("dtype", "precision", "amp", "autocast", "bf16", "fp16", "fp8", "tf32")
_SETS_STATE = {
    "dtype": _SETS_DTYPE,
    "autocast": _SETS_DTYPE,
    "precision of matrix products": _SETS_DTYPE,
    "compile state": _field("compiled?"),
    "determinism": _field("deterministic", "determinism"),
}
_COUNTS = re.compile(r"^(?:val|valid|validation|test|eval)\w*/(?:n|count|examples|bytes)$")
_SETS_COUNTS = _field(
    "eval", "evaluation", "validation", "data", "text", "vocab", "tokenizer", "sequence"
)
_MEASURES = _field("eval", "evaluation", "sampler", "sampling", "validation")


def invalidating(arm: Arm, baseline: Arm, at_end: bool) -> list[str]:
    """Why arm and baseline cannot be compared, seed by seed; nothing where they can.

    Args:
        arm: One arm.
        baseline: The other.
        at_end: Whether they are read at their last points, which must be at equal steps then.
    """
    found: dict[str, list[int]] = {}
    shared = [seed for seed in arm.values if seed in baseline.values]
    if shared:
        # The cells of an arm differ in their seeds alone, which both of a pair have in common.
        asked = _Asked.of(arm, baseline, shared[0], at_end)
        for seed in shared:
            for text in _pair(arm, baseline, seed, asked):
                found.setdefault(text, []).append(seed)
    return [f"{text} in seed {', '.join(map(str, seeds))}" for text, seeds in found.items()]


class _Asked(NamedTuple):
    """What two arms declare, and what may not differ between their cells therefore.

    Attributes:
        declared: Fields in which their configs differ.
        measured: How they are measured otherwise, where they differ in other fields too.
    """

    declared: Sequence[str]
    measured: Sequence[str]
    counts: bool
    lr: bool
    steps: bool

    @classmethod
    def of(cls, arm: Arm, baseline: Arm, seed: int, at_end: bool) -> "_Asked":
        """Of two arms by their cells at a seed; the configs of recorded curves are not told."""
        cell = arm.cells[seed]
        fields = declared(cell, baseline)
        return cls(
            fields,
            tuple(_measured_otherwise(fields, arm)),
            counts=bool(cell.config) and not _sets(_SETS_COUNTS, fields),
            lr=not _sets(_SETS_LR, fields),
            steps=at_end and not _sets(_SETS_STEPS, fields),
        )


def _measured_otherwise(fields: Sequence[str], arm: Arm) -> Iterator[str]:
    asked = [name for name in fields if name != "steps" or not arm.timed]
    measured = [name for name in asked if _found(_MEASURES, name)]
    others = [n for n in asked if n not in measured and not arm.only_measures([n])]
    if measured and others:
        yield f"measured otherwise ({', '.join(measured)}) besides {', '.join(others)}"


def _pair(arm: Arm, baseline: Arm, seed: int, asked: _Asked) -> Iterator[str]:
    ours, theirs = arm.records[seed].points, baseline.records[seed].points
    yield from _code(arm.ran[seed], baseline.ran[seed], asked.declared)
    if asked.counts:
        yield from _counts(ours[-1].metrics, theirs[-1].metrics)
    yield from asked.measured
    if asked.lr and (gap := _lr_gap(ours, theirs)):
        yield f"realised learning rate differs at step {gap[0]} ({gap[1]:g}, baseline {gap[2]:g})"
    steps = ours[-1].step, theirs[-1].step
    if asked.steps and steps[0] != steps[1]:
        yield f"steps differ ({steps[0]}, baseline {steps[1]})"


def _counts(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Iterator[str]:
    """How much was measured, which is what a mean or a rate was divided by."""
    for name in sorted(ours.keys() & theirs.keys()):
        if _found(_COUNTS, name) and ours[name] != theirs[name]:
            yield f"{name} differs ({ours[name]:g}, baseline {theirs[name]:g})"


def _sets(kind: re.Pattern[str], fields: Iterable[str]) -> bool:
    """Whether one of these fields is of the kind."""
    return any(_found(kind, name) for name in fields)


@cache
def _found(kind: re.Pattern[str], name: str) -> bool:
    return kind.search(name) is not None


def _code(ours: Facts, theirs: Facts, fields: Sequence[str]) -> Iterator[str]:
    for name in sorted({*ours, *theirs}) if ours != theirs else ():
        if name.startswith(MODULE) and not (name in ours and name in theirs):
            continue  # an arm may import what others do not
        knob = _SETS_STATE.get(name)
        if ours.get(name) != theirs.get(name) and not (knob and _sets(knob, fields)):
            told = _short(ours.get(name)), _short(theirs.get(name))
            yield f"{name} differs ({told[0]}, baseline {told[1]})"


def _short(values: Sequence[Any] | None) -> str:
    return ", ".join(str(value)[:12] for value in values or ("none",))


def _lr_gap(ours: Sequence[Point], theirs: Sequence[Point]) -> tuple[int, float, float] | None:
    """The first common step at which the realised rates differ, with both of them."""
    own = [(steps(points), column(points, LR)) for points in (ours, theirs)]
    if own[0] == own[1]:
        return None
    other = dict(zip(*own[1], strict=True))
    for step, one in zip(*own[0], strict=True):
        two = other.get(step)
        if one is not None and two is not None:
            if abs(one - two) > _SAME_LR * max(abs(one), abs(two)):
                return step, one, two
    return None


def machines(arm: Arm, baseline: Arm) -> list[str]:
    """On what other machines than the baseline's an arm ran, in seeds that both have."""
    told = []
    for name in MACHINE:
        pairs = [
            (arm.machines[s][name], baseline.machines[s][name])
            for s in arm.values
            if s in baseline.values
        ]
        if apart := [(one, two) for one, two in pairs if one != two]:
            one, two = apart[0]
            ours, theirs = (" and ".join(names) or "unknown" for names in (one, two))
            seeds = f"{len(apart)} of {len(pairs)} seeds"
            told.append(f"{name} {ours}, baseline {theirs} ({seeds})")
    return told


def mixed_machines(arms: Iterable[Arm]) -> str:
    """What mix of machines the finished cells ran on, "" where all are the same."""
    ran_on = [own for arm in arms for own in arm.machines.values()]
    told = []
    for name in MACHINE:
        counts = Counter(one for own in ran_on for one in own[name] or ["unknown"])
        if len(counts) > 1:
            each = ", ".join(f"{text} ({n} cells)" for text, n in sorted(counts.items()))
            told.append(f"{name} {each}")
    return "; ".join(told)


def machine_notes(mix: str) -> Iterator[str]:
    """What a mix of machines does to a leaderboard."""
    if mix:
        yield (
            f"confound: cells ran on different machines, {mix}; losses are compared all the same, "
            "seconds and dollars are not ranked"
        )


def is_time(axis: str) -> bool:
    """Whether a budget of this axis depends on the machine."""
    return axis.startswith(_TIMES)


def mixed_code(records: Iterable[CellRecord]) -> Iterator[str]:
    """What --accept-code-change let into one comparison."""
    known = [[begun_with(s) for s in r.starts if "code" in s] for r in records if r.commit]
    for name in ("package_digest", "study_sha256", "torch"):
        counts = Counter(t for told in known for t in {one.get(name, ""): 0 for one in told})
        if len(counts) > 1:
            told = (f"{text[:12] or 'none'} ({n} cells)" for text, n in sorted(counts.items()))
            each = ", ".join(told)
            yield f"cells ran under different code, {name} {each}"
