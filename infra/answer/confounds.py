"""What differed between arms besides what was asked, told by what ran and not by the config.

Three classes. *Invalidating*: the numbers do not mean the same, so there is no verdict.
*Explaining*: a quantity that may be the cause, shown beside the row, see `amounts`.
*Machine*: losses are compared with a note, times and dollars are not ranked.

What an arm declares is its question and no confound. A realised learning rate, steps, a dtype may
differ where the arm's fields are declared to move it (`Study.explains`), were seen to before the
sweep, or are named like what does. Where none of it holds though the trial looked, there is no
verdict; where nobody looked, the difference stands beside the row.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from infra.answer.arms import Arm, declared
from infra.answer.named import measuring_fields, named_like
from infra.answer.ran import MACHINE, MODULE, SCRIPTS, Facts, begun_with
from infra.ledger.code import SCRIPT
from infra.ledger.points import column, steps
from infra.ledger.records import CellRecord, Point, Seen
from infra.study.quantities import AMOUNT, COMPUTED, LEARNING_RATE, STEPS, WAY
from infra.words import joined

LR = "train/lr_realised"
_TIMES = ("seconds", "dollars", "perf/")
_SAME_LR = 1e-6
_COUNTS = re.compile(r"^(?:val|valid|validation|test|eval)\w*/(?:n|count|examples|bytes)$")


class _Gap(NamedTuple):
    """One thing that differs between the cells of two arms at a seed.

    Attributes:
        quantity: What it is, as a study may declare it; "" for what no field can move.
        text: How it differs.
        throughout: Whether it does so from the beginning, where the trial has looked.
    """

    quantity: str
    text: str
    throughout: bool = True


_Standing = Literal["explained", "seen", "unknown", "unexplained"]


def invalidating(arm: Arm, baseline: Arm, at_end: bool) -> list[str]:
    """Why arm and baseline cannot be compared, seed by seed; nothing where they can.

    Args:
        arm: One arm.
        baseline: The other.
        at_end: Whether they are read at their last points, which must be at equal steps then.
    """
    found = _gaps(arm, baseline, at_end)
    barred = [(gap, seeds) for gap, (how, seeds) in found.items() if how == "unexplained"]
    return [f"{_with_seeds(gap, seeds)}{_way_out(gap)}" for gap, seeds in barred]


def differing(arm: Arm, baseline: Arm, at_end: bool) -> list[str]:
    """What else differs, as far as the arm's own fields were seen to move it, or nobody looked."""
    told = []
    for gap, (how, seeds) in _gaps(arm, baseline, at_end).items():
        fields = declared(arm.cells[seeds[0]], baseline)
        if how == "seen":
            told.append(f"{gap.text}, moved by {joined(fields)}")
        elif how == "unknown":
            told.append(f"{_with_seeds(gap, seeds)}{_remedy(gap, fields)}")
    return told


def _way_out(gap: _Gap) -> str:
    if not gap.quantity:
        return ""
    declare = f"declare {gap.quantity!r} in Study.explains"
    if gap.quantity == WAY:
        return f", so that two things differ: give each an arm of its own, or {declare}"
    return f", and the trial saw no field of the arm move it: look for what does, or {declare}"


def _remedy(gap: _Gap, fields: Sequence[str]) -> str:
    if gap.quantity == STEPS and not fields:
        return "; compare at equal steps with --at"
    if not fields:
        return ", and no config tells why"
    return f"; if {joined(fields)} is meant to, declare {gap.quantity!r} of it in Study.explains"


def _with_seeds(gap: _Gap, seeds: Sequence[int]) -> str:
    return f"{gap.text} in seed {', '.join(map(str, seeds))}"


def _gaps(arm: Arm, baseline: Arm, at_end: bool) -> dict[_Gap, tuple[_Standing, list[int]]]:
    """What differs in which seeds, but for what is explained, and how it stands."""
    found: dict[_Gap, tuple[_Standing, list[int]]] = {}
    shared = [seed for seed in arm.values if seed in baseline.values]
    if shared:
        # The cells of an arm differ in their seeds alone, which both of a pair have in common.
        fields = declared(arm.cells[shared[0]], baseline)
        for seed in shared:
            for gap in _pair(arm, baseline, seed, fields, at_end):
                how = _standing(arm, baseline, seed, gap, fields)
                if how != "explained":
                    found.setdefault(gap, (how, []))[1].append(seed)
    return found


def _standing(arm: Arm, baseline: Arm, seed: int, gap: _Gap, fields: Sequence[str]) -> _Standing:
    """Declared or named so, seen to be moved, not looked at, or looked at and not moved."""
    if not gap.quantity:
        return "unexplained"
    if named_like(gap.quantity, fields) or arm.is_explained(gap.quantity, fields):
        return "explained"
    seen = [arm.records[seed].seen, baseline.records[seed].seen]
    if gap.quantity == WAY:  # told from the configs, and a fault where the trial confirms it
        how = {own.moved.get(WAY) for own in seen if own}
        return "unexplained" if any(how) else "explained" if "" in how else "unknown"
    if any(own and own.moved.get(gap.quantity) for own in seen):
        return "seen"
    pairs = zip(seen, (arm, baseline), strict=True)
    looked = all(own and _looked(own, one, seed, gap) for own, one in pairs)
    return "unexplained" if looked and gap.throughout else "unknown"


def _looked(seen: Seen, arm: Arm, seed: int, gap: _Gap) -> bool:
    """Whether the trial looked at it, on such a device as the cell ran on."""
    return gap.quantity in seen.moved and list(arm.machines[seed]["device"]) in ([], [seen.device])


def _pair(
    arm: Arm, baseline: Arm, seed: int, fields: Sequence[str], at_end: bool
) -> Iterator[_Gap]:
    ours, theirs = arm.records[seed].points, baseline.records[seed].points
    yield from _code(arm.ran[seed], baseline.ran[seed])
    if arm.cells[seed].config:  # those of recorded curves are not told
        for text in counts(ours[-1].metrics, theirs[-1].metrics):
            yield _Gap(AMOUNT, text)
    yield from _measured_otherwise(fields, arm)
    if gap := _lr_gap(ours, theirs):
        step, one, two, throughout = gap
        told = f"realised learning rate differs at step {step} ({one:g}, baseline {two:g})"
        yield _Gap(LEARNING_RATE, told, throughout)
    steps = ours[-1].step, theirs[-1].step
    if at_end and steps[0] != steps[1]:
        yield _Gap(STEPS, f"steps differ ({steps[0]}, baseline {steps[1]})")


def _measured_otherwise(fields: Sequence[str], arm: Arm) -> Iterator[_Gap]:
    asked = [name for name in fields if name != "steps" or not arm.timed]
    measured = measuring_fields(asked)
    others = [n for n in asked if n not in measured and not arm.only_measures([n])]
    if measured and others:
        yield _Gap(WAY, f"measured otherwise ({', '.join(measured)}) besides {', '.join(others)}")


def counts(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Iterator[str]:
    """How much was measured, which is what a mean or a rate was divided by, where it differs."""
    for name in sorted(ours.keys() & theirs.keys()):
        if _COUNTS.search(name) and ours[name] != theirs[name]:
            yield f"{name} differs ({ours[name]:g}, baseline {theirs[name]:g})"


def _code(ours: Facts, theirs: Facts) -> Iterator[_Gap]:
    for name in sorted({*ours, *theirs}) if ours != theirs else ():
        own = name.startswith(MODULE) or name == SCRIPTS
        if own and not (name in ours and name in theirs):
            continue  # an arm may import what others do not, or have code of its own
        if ours.get(name) != theirs.get(name):
            told = _short(ours.get(name)), _short(theirs.get(name))
            quantity = name if name in COMPUTED.values() else ""
            yield _Gap(quantity, f"{name} differs ({told[0]}, baseline {told[1]})")


def _short(values: Sequence[Any] | None) -> str:
    return ", ".join(str(value)[:12] for value in values or ("none",))


def same_rate(one: float, two: float) -> bool:
    """Whether two learning rates are the same but for rounding."""
    return abs(one - two) <= _SAME_LR * max(abs(one), abs(two))


def _lr_gap(
    ours: Sequence[Point], theirs: Sequence[Point]
) -> tuple[int, float, float, bool] | None:
    """The first common step at which the realised rates differ, both of them, if from the first."""
    own = [(steps(points), column(points, LR)) for points in (ours, theirs)]
    if own[0] == own[1]:
        return None
    other, first = dict(zip(*own[1], strict=True)), True
    for step, one in zip(*own[0], strict=True):
        two = other.get(step)
        if one is not None and two is not None:
            if not same_rate(one, two):
                return step, one, two, first
            first = False
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
    for name in ("package_digest", "study_sha256", SCRIPT, "torch"):
        counts = Counter(t for told in known for t in {one.get(name, ""): 0 for one in told})
        if name == SCRIPT:
            del counts[""]  # cells of arms that have code of their own
        if len(counts) > 1:
            told = (f"{text[:12] or 'none'} ({n} cells)" for text, n in sorted(counts.items()))
            each = ", ".join(told)
            yield f"cells ran under different code, {name} {each}"
