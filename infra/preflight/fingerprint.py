"""What a run does in a few steps from several moments of its life, as digests to be compared.

Reading a field is not using it, and a term that starts late or a knob of the evaluation alone moves
nothing at step 0. So a run is moved to several shares of its budget, by the step in its state, and
trained and evaluated from there.
"""

import gc
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from infra.cell.realised import Watch
from infra.cell.reported import dump_state, load_state, weights_sha256
from infra.study.study import Run

SHARES = (0.0, 0.25, 0.5, 0.75, 0.97)
STEPS = 3
EARLY = 1  # steps before the state is taken, so that optimizer and averages have something in them
_MOST_STEPS = 2**30  # that a run is asked about for its end
_COMPUTED = ("dtype", "autocast", "matmul_precision", "compile", "deterministic")


@dataclass(frozen=True)
class Moment:
    """What happened from one share of the budget on.

    What training reports does not count when two are compared, but for the study's metric: a term
    of the loss that has no gradient changes the loss and nothing that is learnt, and a rate that is
    reported as it was configured tells nothing of its use.

    Attributes:
        weights: Digest of each tensor of the model after the steps, by name.
        score: The study's metric, where training reports it.
        training: What the steps report.
        evaluation: Metrics after them, without those about time and memory.
        still: Parameters of the model that the steps did not move.
        lost: Tensors that hold not-a-number after them.
        steps: How many were taken, fewer where the run ended.
        end: Steps after which the run is done; None where that does not hang on its step.
        computed: With what dtype, autocast and settings of torch, see `infra.cell.realised`.
    """

    weights: tuple[tuple[str, str], ...]
    score: float | None
    training: Mapping[str, float] = field(compare=False)
    evaluation: Mapping[str, float]
    still: tuple[str, ...]
    lost: tuple[str, ...] = ()
    steps: int = field(default=0, compare=False)
    end: int | None = field(default=None, compare=False)
    computed: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    @property
    def losses(self) -> Mapping[str, float]:
        """What the steps report as a loss."""
        return {name: value for name, value in self.training.items() if "loss" in name}

    @property
    def measures(self) -> tuple[float | None, Mapping[str, float]]:
        """All that a verdict may read of it."""
        return self.score, self.evaluation


def moments(run: Run, budget: int, metric: str) -> dict[float, Moment]:
    """The run's moments by share of its budget of steps; moves the run.

    Where the budget is too short for the shares to differ, the run is moved no further than three
    steps before its end; a run of fewer than four steps has no moments.
    """
    if budget < EARLY + STEPS:
        return {}  # over before it could be told from another
    run.advance(EARLY)
    early = dump_state(run.state_dict())
    end = _end(run, early, budget)
    starts = {share: min(int(share * budget), budget - STEPS) for share in SHARES}
    first = {start: share for share, start in reversed(starts.items())}
    found = {}
    for start, share in sorted(first.items()):
        run.load_state_dict({**load_state(early), "step": start})
        found[share] = moment(run, STEPS, metric, end)
    return found


def moment(run: Run, steps: int, metric: str, end: int | None = None) -> Moment:
    """What happens in so many steps from where the run stands; moves the run."""
    before, began, watch = _tensors(run), run.step, Watch("")
    with watch.training():
        training = run.advance(steps)
        evaluation = measured(run)
    model = run.state_dict()["model"]
    still = [name for name, tensor in model.items() if tensor.equal(before[name])]
    tables = _tables() if still else set()
    computed = watch.realised(model)
    return Moment(
        weights=digests(model),
        score=training.get(metric),
        training=training,
        evaluation=evaluation,
        still=tuple(n for n in still if (n.rpartition(".")[2], model[n].shape) not in tables),
        lost=tuple(sorted(not_a_number(model))),
        steps=run.step - began,
        end=end,
        computed={name: tuple(computed[name]) for name in _COMPUTED},
    )


def not_a_number(model: Mapping[str, Any]) -> set[str]:
    """Names of the tensors that hold one."""
    return {name for name, tensor in model.items() if bool(tensor.isnan().any())}


def at_rest(run: Run) -> Moment:
    """What there is of a run that does not train: its weights and their evaluation."""
    return Moment(digests(run.state_dict()["model"]), None, {}, measured(run), ())


def digests(tensors: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Of each tensor, by name."""
    return tuple((name, weights_sha256({"": tensors[name]})) for name in sorted(tensors))


def measured(run: Run) -> dict[str, float]:
    """What a run evaluates to, without what is about time and memory."""
    return {n: v for n, v in run.evaluate().items() if not n.startswith("perf/")}


def _end(run: Run, early: bytes, budget: int) -> int | None:
    """After how many steps the run says that it is done, asked with the step in its state."""

    def done_at(step: int) -> bool:
        run.load_state_dict({**load_state(early), "step": step})
        return run.done()

    with suppress(Exception):  # some states take no other step
        low, high = EARLY, budget
        if done_at(budget) and not done_at(budget - 1):
            return budget
        while high < _MOST_STEPS and not done_at(high):
            low, high = high, 2 * high
        if high >= _MOST_STEPS or done_at(low):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if done_at(middle) else (middle, high)
        return high
    return None


def _tables() -> set[tuple[str, Any]]:
    """Name and shape of buffers of modules that nothing trains: masks, tables of positions.

    Running statistics are none of them, since they stay where a network is never in training mode.
    """
    import torch
    from torch.nn.modules.batchnorm import _NormBase

    buffers, parameters = set(), set()
    for thing in gc.get_objects():
        kind = type(thing)
        if issubclass(kind, torch.nn.Module):
            parameters |= _shapes(vars(thing).get("_parameters"))
            buffers |= (
                set() if issubclass(kind, _NormBase) else _shapes(vars(thing).get("_buffers"))
            )
    return buffers - parameters


def _shapes(tensors: Mapping[str, Any] | None) -> set[tuple[str, Any]]:
    return {(name, one.shape) for name, one in (tensors or {}).items() if one is not None}


def _tensors(run: Run) -> dict[str, Any]:
    return {name: tensor.detach().clone() for name, tensor in run.state_dict()["model"].items()}
