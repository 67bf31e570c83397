"""One arm tried in this process at the smallest scale: built, trained, evaluated for some steps.

It has the study's step budget at the scale that is to run. Nothing here knows a trainable.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from infra.cell.reported import load_state
from infra.cell.worker import Capture, clean_slate
from infra.errors import first_line
from infra.preflight.causes import UNREPEATED, UNSTEADY
from infra.preflight.fingerprint import Moment, at_rest, moments
from infra.preflight.laws import held_to_laws
from infra.preflight.reads import field_names, recording
from infra.preflight.small import small_config, small_scale
from infra.study.plan import Plan
from infra.study.study import Study, flatten

_TRAINED = (
    "is a control, so its run must be done() at step 0, and it has steps to take; end it there, or "
    "take the arm out of Study.controls"
)
_LOOK_S, _LOOK_ARMS_S = 0.5, 4.0  # seconds of steps without a break: of an arm, and of all arms


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Attributes:
        overrides: What the arm sets.
        config: Every resolved field, dotted.
        read: Those that the run asked for.
        fields: All of them, components before their fields.
        moments: What it did, by share of its budget; none of a control, or where there are
            troubles.
        troubles: Laws of the protocol that it breaks.
        unrecorded: Why it could not be recorded what the run asks for, "" where it was.
        inexact: Operations without a deterministic kernel here, where steps do not repeat.
        trains: Whether the run has any step to take.
        is_control: Whether the study says that it has none.
        lost: Tensors of the model that became not-a-number while all metrics were finite.
    """

    name: str
    overrides: Mapping[str, Any]
    config: Mapping[str, Any]
    read: frozenset[str]
    fields: tuple[str, ...]
    moments: Mapping[float, Moment]
    troubles: tuple[str, ...]
    unrecorded: str = ""
    inexact: tuple[str, ...] = ()
    trains: bool = True
    is_control: bool = False
    lost: tuple[str, ...] = ()


def tried(study: Study, plan: Plan, arm: str) -> Trial:
    """Tries it with a config that remembers what it is asked for.

    Where a run cannot do with that, as one that looks a component up by its very type, it is tried
    with its own config, and all fields pass for read.
    """
    config = small_config(study, plan, arm, plan.seeds[0])
    seen: set[str] = set()
    unrecorded, is_control = "", arm in plan.controls
    try:
        found = _trial_of(study, plan, config, recording(config, seen), is_control)
    except (Exception, SystemExit) as error:
        unrecorded = first_line(error)
        found = _trial_of(study, plan, config, config, is_control)
        seen.update(field_names(config))
    overrides = study.overrides(arm, small_scale(study, plan))
    values = flatten(asdict(config))
    return Trial(
        name=arm,
        overrides=overrides,
        config=values,
        read=frozenset(seen),
        fields=tuple(field_names(config)),
        moments=found.moments,
        troubles=found.troubles,
        unrecorded=unrecorded,
        inexact=found.inexact,
        trains=found.trains,
        is_control=is_control,
        lost=found.lost,
    )


class _Found(NamedTuple):
    troubles: tuple[str, ...]
    inexact: tuple[str, ...] = ()
    moments: Mapping[float, Moment] = {}
    trains: bool = True
    lost: tuple[str, ...] = ()


def _trial_of(study: Study, plan: Plan, config: Any, recorded: Any, is_control: bool) -> _Found:
    """What is wrong with a run of `recorded`, and its moments where nothing is."""
    seconds = min(_LOOK_S, _LOOK_ARMS_S / len(plan.arms))
    with (capture := Capture()).listening(), clean_slate(plan.threads, plan.seeds[0]):
        run = study.run(recorded)
        if is_control and not run.done():
            return _Found((_TRAINED,))
        trains = not run.done()
        kept = held_to_laws(study, run, config, seconds)
        warned = capture.nondeterministic
        excused = {UNREPEATED, UNSTEADY} & set(kept.broken) if warned else set()
        troubles = tuple(trouble for trouble in kept.broken if trouble not in excused)
        inexact = tuple(sorted(set(warned))) if excused else ()
        if troubles or is_control:
            return _Found(troubles, inexact, {}, trains, kept.lost)
        if kept.walk is None:
            return _Found((), inexact, {0.0: at_rest(run)}, trains)
        run.load_state_dict(load_state(kept.walk.marks[kept.walk.begun].state))
        did = moments(run, kept.walk.budget, study.metric)
        lost = {*kept.lost, *(name for one in did.values() for name in one.lost)}
        if any(one.lost for one in did.values()):
            did = {}  # not-a-number is the same whatever it came from
        return _Found((), inexact, did, trains, tuple(sorted(lost)))


def name_of(run: Any) -> str:
    """Of a run's class or function."""
    return getattr(run, "__name__", str(run))
