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
from typing import Any

from infra.answer.arms import Arm
from infra.ledger.points import column, steps
from infra.ledger.records import CellRecord

LR = "train/lr_realised"
STATE = {"train/compiled": "compile state", "train/dtype_bits": "dtype"}  # where a run tells them
_CODE = {
    "data_digest": "data digest",
    "package_digest": "package digest",
    "study_sha256": "digest of the study's file",
    "torch": "torch version",
    "dtype": "dtype",
    "compile": "compile state",
    "autocast": "autocast",
    "matmul_precision": "precision of matrix products",
    "deterministic": "determinism",
}
_MACHINE = ("device", "host")
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
    for seed in arm.values:
        if seed in baseline.values:
            for text in _pair(arm, baseline, seed, at_end):
                found.setdefault(text, []).append(seed)
    return [f"{text} in seed {', '.join(map(str, seeds))}" for text, seeds in found.items()]


def _pair(arm: Arm, baseline: Arm, seed: int, at_end: bool) -> Iterator[str]:
    ours, theirs = arm.records[seed], baseline.records[seed]
    declared = _declared(arm.cells[seed].config, baseline.cells[seed].config)
    yield from _code(ours, theirs, declared)
    configs_told = bool(arm.cells[seed].config)  # which those of recorded curves are not
    if configs_told and not any(map(_SETS_COUNTS.search, declared)):
        yield from _counts(ours.points[-1].metrics, theirs.points[-1].metrics)
    asked = [name for name in declared if name != "steps" or not arm.timed]
    measured = [name for name in asked if _MEASURES.search(name)]
    if measured and len(measured) < len(asked):
        others = ", ".join(name for name in asked if name not in measured)
        yield f"measured otherwise ({', '.join(measured)}) besides {others}"
    if not any(_SETS_LR.search(name) for name in declared) and (gap := _lr_gap(ours, theirs)):
        yield f"realised learning rate differs at step {gap[0]} ({gap[1]:g}, baseline {gap[2]:g})"
    steps = ours.points[-1].step, theirs.points[-1].step
    if at_end and steps[0] != steps[1] and not any(map(_SETS_STEPS.search, declared)):
        yield f"steps differ ({steps[0]}, baseline {steps[1]})"


def _counts(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Iterator[str]:
    """How much was measured, which is what a mean or a rate was divided by."""
    for name in sorted(ours.keys() & theirs.keys()):
        if _COUNTS.search(name) and ours[name] != theirs[name]:
            yield f"{name} differs ({ours[name]:g}, baseline {theirs[name]:g})"


def _declared(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Fields in which the resolved configs differ, but for how often a run reports."""
    names = sorted({*ours, *theirs} - {"steps_per_report"})
    return [name for name in names if ours.get(name) != theirs.get(name)]


def _code(ours: CellRecord, theirs: CellRecord, declared: Sequence[str]) -> Iterator[str]:
    one, two = _known(ours), _known(theirs)
    for name in sorted({*one, *two}):
        knob = _SETS_STATE.get(name)
        if one.get(name) != two.get(name) and not (knob and any(map(knob.search, declared))):
            yield f"{name} differs ({_short(one.get(name))}, baseline {_short(two.get(name))})"


def _known(record: CellRecord) -> dict[str, list[Any]]:
    """Code, data and numerical state of a cell, by their names in a sentence."""
    last, known = record.points[-1].metrics, {}
    for start in record.starts:
        told = _told(start)
        for name, text in _CODE.items():
            if told.get(name) and told[name] not in known.setdefault(text, []):
                known[text].append(told[name])
    known = {text: sorted(values) for text, values in known.items() if values}
    for name, values in (record.commit.realised if record.commit else {}).items():
        if name in _CODE:
            known.setdefault(_CODE[name], []).extend(values)
    for name, text in STATE.items():
        if name in last:
            known.setdefault(text, []).append(last[name])
    return known


def _told(start: Mapping[str, Any]) -> dict[str, Any]:
    """What an attempt began with, its code and versions among it."""
    code = start.get("code", {})
    return {**start, **code, **code.get("versions", {})}


def _short(values: Sequence[Any] | None) -> str:
    return ", ".join(str(value)[:12] for value in values or ("none",))


def _lr_gap(ours: CellRecord, theirs: CellRecord) -> tuple[int, float, float] | None:
    """The first common step at which the realised rates differ, with both of them."""
    own = [(steps(one.points), column(one.points, LR)) for one in (ours, theirs)]
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
    for name in _MACHINE:
        pairs = [
            (_machines(arm.records[s], name), _machines(baseline.records[s], name))
            for s in arm.values
            if s in baseline.values
        ]
        if apart := [(one, two) for one, two in pairs if one != two]:
            one, two = apart[0]
            ours, theirs = (" and ".join(names) or "unknown" for names in (one, two))
            seeds = f"{len(apart)} of {len(pairs)} seeds"
            told.append(f"{name} {ours}, baseline {theirs} ({seeds})")
    return told


def _machines(record: CellRecord, name: str) -> list[str]:
    """All that a cell ran on, its earlier attempts included."""
    known = (start.get("machine", {}).get(name) for start in record.starts)
    return sorted({str(one) for one in known if one})


def mixed_machines(arms: Iterable[Arm]) -> str:
    """What mix of machines the finished cells ran on, "" where all are the same."""
    records = [arm.records[seed] for arm in arms for seed in arm.values]
    told = []
    for name in _MACHINE:
        counts = Counter(
            one for record in records for one in _machines(record, name) or ["unknown"]
        )
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
    known = [[_told(s) for s in r.starts if "code" in s] for r in records if r.commit]
    for name in ("package_digest", "study_sha256", "torch"):
        counts = Counter(t for told in known for t in {one.get(name, ""): 0 for one in told})
        if len(counts) > 1:
            told = (f"{text[:12] or 'none'} ({n} cells)" for text, n in sorted(counts.items()))
            each = ", ".join(told)
            yield f"cells ran under different code, {name} {each}"
