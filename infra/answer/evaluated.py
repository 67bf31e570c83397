"""What the evaluation read of an arm: another score of equal weights, no other of other weights."""

from collections.abc import Mapping

from infra.answer.arms import Arm, declared
from infra.answer.verdicts import Sample
from infra.ledger.records import CellRecord
from infra.words import joined

_OTHERS = ("train", "perf")


def nothing_read(arm: Arm, baseline: Arm, pairs: Sample) -> str:
    """Why an arm's score says nothing of it: its weights differ and no evaluation does; else ""."""
    if not pairs.seeds or any(pairs.values):
        return ""
    if len({arm.values[seed] for seed in pairs.seeds}) < 2:
        return ""  # a metric that is full, or that moves in steps, tells not even seeds apart
    for seed in pairs.seeds:
        one, two = arm.records[seed], baseline.records[seed]
        if "" in (arm.weights(seed), baseline.weights(seed)) or not _alike(one, two, arm.metric):
            return ""
        if arm.weights(seed) == baseline.weights(seed):
            return ""
    n, fields = len(pairs.seeds), declared(arm.cells[pairs.seeds[0]], baseline)
    tensors = _seen(arm, "weights")
    moved = f" ({tensors})" if tensors else ""
    return (
        f"every evaluation is the same in {n} of {n} seeds, and the weights differ{moved}: it "
        f"reads nothing of what {joined(fields) if fields else 'the arm'} moves, or is too coarse"
    )


def only_read(arm: Arm, baseline: Arm, pairs: Sample) -> list[str]:
    """In how many seeds equal weights have another score, unless that is declared or expected."""
    if not pairs.seeds:
        return []
    fields = declared(arm.cells[pairs.seeds[0]], baseline)
    told = zip(pairs.seeds, pairs.values, strict=True)
    same = [s for s, gap in told if gap and arm.weights(s) == baseline.weights(s) != ""]
    if not same or not fields or arm.only_measures(fields):
        return []
    tensors = _seen(arm, "tensors")
    of = f" ({tensors})" if tensors else ""
    return [
        f"identical weights{of} in {len(same)} of {len(pairs.seeds)} seeds and another score: "
        f"{joined(fields)} acts in evaluation, or on what is kept beside the model; where it is "
        "meant to measure alone, declare it in Study.evaluation_only"
    ]


def _seen(arm: Arm, what: str) -> str:
    """Names of tensors as the trial before the sweep told them, "" where there was none."""
    known = (record.seen.moved.get(what, "") for record in arm.records.values() if record.seen)
    return next(known, "")


def _alike(one: CellRecord, two: CellRecord, metric: str) -> bool:
    """Whether all that was measured of two runs is the same at every point."""
    return _evaluated(one, metric) == _evaluated(two, metric)


def _evaluated(record: CellRecord, metric: str) -> list[tuple[int, Mapping[str, float]]]:
    """The study's metric and all others, but for what training reports, times and memory."""
    return [
        (point.step, {
            name: value for name, value in point.metrics.items()
            if name == metric or name.split("/")[0] not in _OTHERS
        })
        for point in record.points
    ]  # fmt: skip
