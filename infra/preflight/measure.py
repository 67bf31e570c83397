"""What an arm needs, measured before it runs: seconds of a worker, and the memory of its GPU.

Some steps along the run and two evaluations at its real size, where cells run on this machine.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from time import perf_counter
from typing import Any

from infra.cell.timed import SHARES, Timed
from infra.cell.worker import Capture, clean_slate
from infra.errors import Refused, first_line
from infra.ledger.data import local_data
from infra.ledger.records import shared_s
from infra.preflight.kept import asked, kept
from infra.preflight.telling import tell, telling
from infra.study.plan import Cell, Plan, cell_config
from infra.study.study import Run, Study
from infra.sweep_options import meant_address
from infra.words import counted

_SHARE_S = 0.03  # that steps are timed at each share of the budget
_LONG_S = 1.0  # an evaluation this long is not timed twice
_GIB = 2**30
_GOOD_S = 3600.0  # that a measure is good, since what a machine does besides changes


@dataclass(frozen=True)
class Need:
    """What one cell of an arm was measured to need, alone on the machine.

    Attributes:
        seconds: To build, train and evaluate; None where the config does not tell its steps.
        memory: Most bytes that torch reserved on a GPU in a step and an evaluation, 0 without one.
        of: Bytes that such a GPU has.
        shared_s: Of the seconds, those of a stem that was trained before and is booked again.
    """

    seconds: float | None
    memory: int = 0
    of: int = 0
    shared_s: float = 0.0


def cell_gpus(plan: Plan, address: str) -> float:
    """GPUs of a cell as far as they are known before Ray is asked: one where there is one here.

    Raises:
        Refused: When this machine is to run the cells and has not as many.
    """
    import torch

    have = torch.cuda.device_count() if meant_address(address) == "local" else 0
    if plan.gpus is None:
        return float(have > 0)
    if meant_address(address) == "local" and plan.gpus > have:
        raise Refused(
            f"--gpus-per-cell {plan.gpus:g}: must fit on this machine, which has {have} GPUs; ask "
            "for at most that, or give --address of a Ray that has them"
        )
    return plan.gpus


def measured(
    study: Study,
    plan: Plan,
    cells: Sequence[Cell],
    address: str,
) -> dict[str, Need]:
    """What the arms of these cells need, by arm; the first cell of each is measured.

    Where there is no GPU, only what the study does not say is measured; where cells run elsewhere,
    or with other hardware than this process has, nothing is.

    Raises:
        Refused: When arms do not run at their real size, or not in a cell's share of the GPU.
    """
    import torch

    cuda, gpus = torch.cuda.is_available(), cell_gpus(plan, address)
    if meant_address(address) != "local" or bool(gpus) != cuda:
        return {}
    told = plan.scale in study.cell_seconds or not hasattr(study.base, "steps")
    first: dict[str, Cell] = {}
    for cell in cells if cuda or not told else ():
        first.setdefault(cell.arm, cell)
    if not first:
        return {}
    keys = [cell.key for cell in first.values()]
    known = asked(study, plan, "needs", keys)
    found = kept(known, lambda: _needs(study, plan, first), _GOOD_S).value
    needs = {arm: Need(**need) for arm, need in found.items()}
    lacks = (lack_of_memory(arm, need, gpus) for arm, need in needs.items())
    _refuse(study, list(filter(None, lacks)))
    return needs


def _needs(study: Study, plan: Plan, first: Mapping[str, Cell]) -> dict[str, dict[str, Any]]:
    """What the arm of each cell needs, as plain data; Refused where arms do not run."""
    size = f"{counted(len(first), 'arm')} at scale {plan.scale}"
    print(f"measuring {size}; --no-preflight leaves it out", flush=True)
    found: dict[str, Need | str] = {}
    with telling("measuring"):
        for number, (arm, cell) in enumerate(first.items(), 1):
            tell(f"arm {arm!r}, {number} of {len(first)}")
            found[arm] = _need(study, plan, cell)
    _refuse(study, [text for text in found.values() if isinstance(text, str)])
    return {arm: asdict(need) for arm, need in found.items() if isinstance(need, Need)}


def _refuse(study: Study, broken: Sequence[str]) -> None:
    if broken:
        raise Refused("\nablate: ".join(f"study {study.name!r}, {text}" for text in broken))


def lack_of_memory(arm: str, need: Need, gpus: float) -> str:
    """Why the arm's cells have no room on the GPUs that they share, "" where they have."""
    share = min(1.0, gpus)
    if need.memory <= share * need.of:
        return ""
    return (
        f"arm {arm!r}: must fit in {share:g} of a GPU, {share * need.of / _GIB:.1f} GiB, and torch "
        f"reserves {need.memory / _GIB:.1f} GiB; raise --gpus-per-cell, or make it smaller, or "
        "give --no-preflight where it would do with less"
    )


def memory_text(needs: Mapping[str, Need]) -> str:
    """The arm that needs most of the GPU, "" without one."""
    arm = max(needs, key=lambda name: needs[name].memory, default="")
    if not arm or not needs[arm].of:
        return ""
    need = needs[arm]
    return f"at most {need.memory / _GIB:.1f} of {need.of / _GIB:.1f} GiB of GPU memory ({arm})"


def _need(study: Study, plan: Plan, cell: Cell) -> Need | str:
    """What the arm needs, or why it does not run.

    Only numbers and text come out of the slate that is cleaned: a run that lived on would keep its
    memory, also that of the GPU, for as long as the driver does.
    """
    with Capture().listening(), clean_slate(plan.threads, cell.seed):
        try:
            return _measure(study, cell_config(study, plan, cell, local_data(plan.data)))
        except (Exception, SystemExit) as error:
            return (
                f"arm {cell.arm!r}: must run at scale {plan.scale}, but {first_line(error)}; mend "
                "it, or leave it out with --arms"
            )


def _measure(study: Study, config: Any) -> Need:
    began = perf_counter()
    run = study.run(config)
    build_s = perf_counter() - began
    first_report_s, told = _evaluation(run)
    report_s, shared = first_report_s, shared_s(told)
    begin_s = build_s + first_report_s + shared
    if run.done():
        return Need(begin_s, *_reserved(), shared)
    steps = getattr(config, "steps", None)
    timed = Timed(run, steps or 1)
    if first_report_s < _LONG_S:
        report_s, _ = _evaluation(run)
    memory = _reserved()
    if steps is None:
        return Need(None, *memory, shared)
    step_s = mean(timed.step_s(share, _SHARE_S) for share in SHARES) if steps > 1 else 0.0
    reports = math.ceil(steps / config.steps_per_report)
    training_s = timed.first_s + (steps - 1) * step_s
    return Need(begin_s + training_s + reports * report_s, *memory, shared)


def _evaluation(run: Run) -> tuple[float, Mapping[str, float]]:
    """Its seconds, and what it tells."""
    began = perf_counter()
    told = run.evaluate()
    return perf_counter() - began, told


def _reserved() -> tuple[int, int]:
    """Most bytes that torch reserved on any GPU of this process, and those that it has."""
    from torch import cuda

    if not cuda.is_available():
        return 0, 0
    most, device = max((cuda.max_memory_reserved(i), i) for i in range(cuda.device_count()))
    return most, cuda.get_device_properties(device).total_memory
