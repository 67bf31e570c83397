"""What a run does in a few steps from several moments of its life, as digests to be compared.

Reading a field is not using it, and a term that starts late or a knob of the evaluation alone moves
nothing at step 0. So a run is moved to several shares of its budget, by the step in its state, and
trained and evaluated from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.cell.reported import dump_state, load_state, weights_sha256
from infra.study.study import Run

SHARES = (0.0, 0.25, 0.5, 0.75, 0.97)
STEPS = 3
EARLY = 1  # steps before the state is taken, so that optimizer and averages have something in them


@dataclass(frozen=True)
class Moment:
    """What happened from one share of the budget on.

    What training reports does not count when two are compared, but for the study's metric: a term
    of the loss that has no gradient changes the loss and nothing that is learnt, and a rate that is
    reported as it was configured tells nothing of its use.

    Attributes:
        weights: Digest of the weights after the steps.
        score: The study's metric, where training reports it.
        losses: What the steps report as a loss.
        evaluation: Metrics after them, without those about time and memory.
        still: Tensors of the model that the steps did not move.
        lost: Those that hold not-a-number after them.
    """

    weights: str
    score: float | None
    losses: Mapping[str, float] = field(compare=False)
    evaluation: Mapping[str, float]
    still: tuple[str, ...]
    lost: tuple[str, ...] = ()


def moments(run: Run, budget: int, metric: str) -> dict[float, Moment]:
    """The run's moments by share of its budget of steps; moves the run.

    Where the budget is too short for the shares to differ, the run is moved no further than three
    steps before its end; a run of fewer than four steps has no moments.
    """
    if budget < EARLY + STEPS:
        return {}  # over before it could be told from another
    run.advance(EARLY)
    early = dump_state(run.state_dict())
    starts = {share: min(int(share * budget), budget - STEPS) for share in SHARES}
    first = {start: share for share, start in reversed(starts.items())}
    found = {}
    for start, share in sorted(first.items()):
        run.load_state_dict({**load_state(early), "step": start})
        found[share] = moment(run, STEPS, metric)
    return found


def moment(run: Run, steps: int, metric: str) -> Moment:
    """What happens in so many steps from where the run stands; moves the run."""
    before = _tensors(run)
    training = run.advance(steps)
    model = run.state_dict()["model"]
    return Moment(
        weights=weights_sha256(model),
        score=training.get(metric),
        losses={name: value for name, value in training.items() if "loss" in name},
        evaluation={n: v for n, v in run.evaluate().items() if not n.startswith("perf/")},
        still=tuple(name for name, tensor in model.items() if tensor.equal(before[name])),
        lost=tuple(sorted(not_a_number(model))),
    )


def not_a_number(model: Mapping[str, Any]) -> set[str]:
    """Names of the tensors that hold one."""
    return {name for name, tensor in model.items() if bool(tensor.isnan().any())}


def at_rest(run: Run) -> Moment:
    """What there is of a run that does not train: its weights and their evaluation."""
    evaluation = {n: v for n, v in run.evaluate().items() if not n.startswith("perf/")}
    return Moment(weights_sha256(run.state_dict()["model"]), None, {}, evaluation, ())


def _tensors(run: Run) -> dict[str, Any]:
    return {name: tensor.detach().clone() for name, tensor in run.state_dict()["model"].items()}
