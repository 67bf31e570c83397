"""A learning rate that another knob scales: it may be the cause of a difference, so it is told.

A rate that a run reports, or that stands in its optimizers, is compared with the baseline's at the
steps at which both are known. An arm that sets a rate asks for it. A batch that is three times as
big and trained at three times the rate is two changes, of which a config may show one.
"""

import re
from collections.abc import Iterator, Mapping

from infra.answer.arms import Arm, declared
from infra.ledger.records import RATES, CellRecord

_REPORTED = "train/lr_realised"
_NEAR = 0.01  # of one ratio at every step; schedules that are only stretched differ by far more
_SETS_RATE = re.compile(  # such names silence a note, and accuse nobody
    r"(?:^|[._])(?:lr|learning|rate|schedule\w*|warm_?up|cool_?down|anneal\w*|optim\w*)(?:[._]|$)"
)
_Rates = Mapping[tuple[int, str], float]  # by step and place


def scaled_rate(arm: Arm, baseline: Arm) -> str:
    """How many times the baseline's rate an arm has, steps through; "" where it asks for it."""
    seed = next((seed for seed in arm.readings if seed in baseline.readings), None)
    if seed is None:
        return ""
    fields = declared(arm.cells[seed], baseline)
    if any(_SETS_RATE.search(name) for name in fields):
        return ""
    scales = set(_scales(_rates(arm.records[seed]), _rates(baseline.records[seed])))
    told = [f"{scale:.3g}" for scale in sorted(scales) if scale != 1.0]
    return f"learning rate x {' and '.join(told)} (no rate is set)" if told else ""


def _scales(ours: _Rates, theirs: _Rates) -> Iterator[float]:
    """The ratio at each place of a state where it is the same at every step."""
    ratios: dict[str, list[float]] = {}
    for at, rate in ours.items():
        if rate and theirs.get(at):
            ratios.setdefault(at[1], []).append(rate / theirs[at])
    for own in ratios.values():
        if max(own) - min(own) <= _NEAR * max(own):
            mean = sum(own) / len(own)
            yield 1.0 if abs(mean - 1) <= _NEAR else float(f"{mean:.3g}")


def _rates(record: CellRecord) -> _Rates:
    """What a run reports, else what its state held at commits."""
    reported = {(p.step, ""): p.metrics[_REPORTED] for p in record.points if _REPORTED in p.metrics}
    held = record.commit.realised.get(RATES, ()) if record.commit else ()
    parts = (text.split(" ") for text in held)
    return reported or {(int(step), place): float(rate) for step, place, rate in parts}
