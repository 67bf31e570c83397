"""What cells take before they run: seconds of a worker, and the memory of its GPU.

Finished cells tell for their arm. Another arm is measured, some steps and an evaluation at its real
size, where this process has what cells get; elsewhere the study says.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from time import perf_counter

from infra.data import local_data
from infra.errors import Refused
from infra.plan import Cell, Plan, cell_config
from infra.records import CellRecord
from infra.study import Run, Study
from infra.trial import first_line
from infra.worker import Capture, clean_slate

_TIMED_S = 0.15  # of training, or one step where that is longer
_GIB = 2**30


@dataclass(frozen=True)
class Need:
    """What one cell of an arm was measured to need.

    Attributes:
        seconds: To build, train and evaluate; None where the config does not tell its steps.
        memory: Most bytes that torch reserved on a GPU in a step and an evaluation, 0 without one.
        of: Bytes that such a GPU has.
    """

    seconds: float | None
    memory: int = 0
    of: int = 0


def open_cells(
    plan: Plan, records: Mapping[str, CellRecord], retry_failed: bool = False
) -> list[Cell]:
    """The cells that are to run."""
    ended = ("finished",) if retry_failed else ("finished", "failed")
    return [c for c in plan.cells if c.key not in records or records[c.key].status not in ended]


def cell_seconds(
    study: Study, plan: Plan, records: Mapping[str, CellRecord], needs: Mapping[str, Need]
) -> dict[str, float]:
    """Seconds of a cell by arm: as its finished cells took, as measured, or as the study says."""
    found = dict.fromkeys(plan.arms, study.cell_seconds.get(plan.scale))
    found |= {arm: need.seconds for arm, need in needs.items() if need.seconds is not None}
    for arm in plan.arms:
        own = [records[c.key] for c in plan.cells if c.arm == arm and c.key in records]
        if took := [r.billed_s for r in own if r.status == "finished" and r.billed_s]:
            found[arm] = mean(took)
    return {arm: seconds for arm, seconds in found.items() if seconds is not None}


def ahead_s(todo: Iterable[Cell], seconds: Mapping[str, float]) -> float | None:
    """Worker-seconds of the open cells; None where an arm's are not known."""
    each = [seconds.get(cell.arm) for cell in todo]
    known = [one for one in each if one is not None]
    return math.fsum(known) if len(known) == len(each) else None


def estimate(plan: Plan, todo: Sequence[Cell], seconds: Mapping[str, float]) -> str:
    """What the open cells take, "" where that is not known."""
    total = ahead_s(todo, seconds)
    if not todo or total is None:
        return ""
    each = sorted(seconds[cell.arm] for cell in todo)
    span = dict.fromkeys(f"{one:.0f}" if one >= 1 else f"{one:.1g}" for one in (each[0], each[-1]))
    hours, gpus, price = total / 3600, plan.gpus or 0.0, plan.usd_per_gpu_hour
    told = [f"about {' to '.join(span)} s a cell", f"{hours:.2g} worker-hours"]
    told += [f"{hours * gpus:.2g} GPU-hours"] if gpus else []
    told += [f"${hours * gpus * price:.2f}"] if gpus and price is not None else []
    return ", ".join(told)


def measured(
    study: Study, plan: Plan, todo: Sequence[Cell], known: Mapping[str, float], address: str
) -> dict[str, Need]:
    """What arms with open cells need, by arm: all where there is a GPU, else those not `known`.

    None is measured where cells run on what this process lacks.

    Raises:
        Refused: When an arm does not run at its real size, or not in a cell's share of the GPU.
    """
    import torch

    cuda = torch.cuda.is_available()
    elsewhere = address not in ("auto", "local") or bool(os.environ.get("RAY_ADDRESS"))
    unlike = elsewhere and not cuda if plan.gpus is None else bool(plan.gpus) != cuda
    if unlike:
        return {}
    first = {cell.arm: cell for cell in reversed(todo)}
    needs = {
        arm: _need(study, plan, cell) for arm, cell in first.items() if cuda or arm not in known
    }
    for arm, need in needs.items():
        check_memory(arm, need, plan.gpus)
    return needs


def check_memory(arm: str, need: Need, gpus: float | None) -> None:
    """Refused unless the arm's cells have room on the GPUs that they share."""
    share = min(1.0, gpus or 1.0)
    if need.memory > share * need.of:
        raise Refused(
            f"arm {arm!r}: must fit in {share:g} of a GPU, {share * need.of / _GIB:.1f} GiB, and "
            f"reserves {need.memory / _GIB:.1f} GiB; raise --gpus-per-cell, or make it smaller"
        )


def memory_text(needs: Mapping[str, Need]) -> str:
    """The arm that needs most of the GPU, "" without one."""
    arm = max(needs, key=lambda name: needs[name].memory, default="")
    if not arm or not needs[arm].of:
        return ""
    need = needs[arm]
    return f"at most {need.memory / _GIB:.1f} of {need.of / _GIB:.1f} GiB of GPU memory ({arm})"


def _need(study: Study, plan: Plan, cell: Cell) -> Need:
    config = cell_config(study, plan, cell, local_data(plan.data))
    try:
        with Capture().listening(), clean_slate(plan.threads, cell.seed):
            began = perf_counter()
            run = study.run(config)
            run.evaluate()
            begin_s = perf_counter() - began
            step_s = _step_s(run)
            began = perf_counter()
            run.evaluate()
            report_s = perf_counter() - began
            memory, of = _reserved()
    except (Exception, SystemExit) as error:
        raise Refused(
            f"arm {cell.arm!r}: must run at scale {plan.scale}, but {first_line(error)}"
        ) from error
    if (steps := getattr(config, "steps", None)) is None:
        return Need(None, memory, of)
    reports = math.ceil(steps / config.steps_per_report)
    return Need(begin_s + steps * step_s + reports * report_s, memory, of)


def _step_s(run: Run) -> float:
    """Seconds of a training step once the first is done, 0 where nothing trains."""
    if not run.done():
        run.advance(1)  # which makes the optimizer's state and chooses kernels
    seconds, count, step_s = 0.0, 1, 0.0
    while seconds < _TIMED_S and not run.done():
        began, before = perf_counter(), run.step
        run.advance(count)
        seconds, count = perf_counter() - began, 2 * count
        step_s = seconds / max(1, run.step - before)
    return step_s


def _reserved() -> tuple[int, int]:
    """Most bytes that torch reserved on any GPU of this process, and those that it has."""
    from torch import cuda

    if not cuda.is_available():
        return 0, 0
    each = ((cuda.max_memory_reserved(i), i) for i in range(cuda.device_count()))
    most, device = max(each)
    return most, cuda.get_device_properties(device).total_memory
