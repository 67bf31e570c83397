"""Proof before GPU-hours: every arm runs, reads what it overrides, and differs from the others.

All of it happens in this process, on the study's smallest scale with the step budget of the scale
that is to run, in seconds. Nothing here knows a trainable.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from infra.cell.worker import clean_slate
from infra.errors import Refused, first_line
from infra.ledger.data import local_data
from infra.ledger.records import Seen
from infra.preflight.complaint import Complaint, listed
from infra.preflight.evaluated_on import evaluated_on
from infra.preflight.fingerprint import EARLY, STEPS
from infra.preflight.hashing import Repeated
from infra.preflight.leaks import leak
from infra.preflight.measuring import measuring
from infra.preflight.moved import moved, moved_notes
from infra.preflight.seeds import seedless
from infra.preflight.small import first_trained, small_config
from infra.preflight.telling import tell
from infra.preflight.trial import Trial, tried
from infra.preflight.twins import twins
from infra.preflight.unevaluated import unevaluated
from infra.preflight.unread import unread
from infra.study.plan import Plan
from infra.study.study import Study, replace_fields
from infra.words import counted, joined


class Tried(NamedTuple):
    """What came of the trials of all arms.

    Attributes:
        complaints: What is wrong, or a reader must know, worst first.
        seen: What each arm was seen to move, by name.
    """

    complaints: list[Complaint]
    seen: Mapping[str, Seen]


def checked(study: Study, plan: Plan, allowed_twins: Sequence[frozenset[str]]) -> Tried:
    """What a reader must know of the plan's arms, and what each of them moves.

    Raises:
        Refused: When the sweep must not start, a line for each reason.
    """
    for name in sorted(frozenset().union(*allowed_twins) - set(study.arms)):
        raise Refused(
            f"--allow-identical: must name arms of study {study.name!r}, {', '.join(study.arms)}, "
            f"got {name!r}"
        )
    tried = try_arms(study, plan, allowed_twins)
    refusing(study, tried.complaints)
    return tried


def refusing(study: Study, complaints: list[Complaint]) -> list[Complaint]:
    """The complaints, where none of them is fatal; Refused by those that are."""
    if fatal := [complaint.text for complaint in complaints if complaint.fatal]:
        raise Refused("\nablate: ".join(f"study {study.name!r}, {text}" for text in fatal))
    return complaints


def preflight(
    study: Study,
    plan: Plan,
    allowed_twins: Sequence[frozenset[str]] = (),
    in_two_processes: bool = True,
) -> list[Complaint]:
    """What is wrong with the plan's arms, worst first; nothing when they may run."""
    return try_arms(study, plan, allowed_twins, in_two_processes).complaints


def try_arms(
    study: Study,
    plan: Plan,
    allowed_twins: Sequence[frozenset[str]] = (),
    in_two_processes: bool = True,
) -> Tried:
    """Tries the plan's arms, and compares what they did.

    Args:
        study: The question.
        plan: What is to run; its first seed is tried.
        allowed_twins: Sets of arms that may be identical, on the record.
        in_two_processes: Whether an arm is also tried in a process with another hash seed.
    """
    arms: list[Trial] = []
    broken: dict[str, list[str]] = {}
    allowed = {*allowed_twins, *map(frozenset, study.twins)}
    elsewhere = Repeated(study, plan) if in_two_processes else None
    for number, name in enumerate(plan.arms, 1):
        tell(f"tries arm {name!r}, {number} of {len(plan.arms)}")
        try:
            arms.append(tried(study, plan, name))
        except (Exception, SystemExit) as error:
            broken.setdefault(first_line(error), []).append(name)
    tell(f"compares {counted(len(arms), 'arm')}")
    complaints = [Complaint(f"{listed(who)}: must run, but {why}") for why, who in broken.items()]
    complaints += _broken(arms)
    complaints += seedless(study, plan, arms)
    complaints += elsewhere.compared(arms) if elsewhere else ()
    complaints += evaluated_on(study, plan, arms)
    complaints += _leak_of_data(study, plan)
    if not any(arm.troubles for arm in arms):  # which end a trial before all is read
        complaints += unread(study, plan, arms, allowed)
    complaints += twins(study, plan, arms, allowed)
    complaints += unevaluated(study, plan, arms, allowed)
    complaints += measuring(study, plan, arms)
    seen = moved(study, plan, arms)
    complaints += [*_still(arms), *_lost(arms), *moved_notes(plan, arms, seen), *_untold(arms)]
    return Tried(sorted(complaints, key=lambda complaint: not complaint.fatal), seen)


def _leak_of_data(study: Study, plan: Plan) -> Iterator[Complaint]:
    """Of the prepared data, on which one arm takes a step; they share it."""
    if plan.data:
        small = small_config(study, plan, first_trained(plan), plan.seeds[0])
        try:
            with clean_slate(plan.threads, plan.seeds[0]):
                run = study.run(replace_fields(small, {"data": local_data(plan.data)}))
                found = leak(run)
                if not run.done():
                    run.advance(1)
        except Exception as error:
            found = f"a run must take it, but {first_line(error)}"
        if found:
            yield Complaint(f"data {plan.data!r}: {found}")


def _broken(arms: Sequence[Trial]) -> Iterator[Complaint]:
    by_trouble: dict[str, list[str]] = {}
    for arm in arms:
        for trouble in arm.troubles:
            by_trouble.setdefault(trouble, []).append(arm.name)
    for trouble, names in by_trouble.items():
        yield Complaint(f"{listed(names)}: {trouble}")


def _untold(arms: Sequence[Trial]) -> Iterator[Complaint]:
    """What the trial cannot say, lest its silence passes for proof."""
    if blind := [arm for arm in arms if arm.unrecorded]:
        yield Complaint(
            f"{listed([arm.name for arm in blind])}: fields that nothing reads are not looked for, "
            f"since with a config that records its readers {blind[0].unrecorded}",
            fatal=False,
            unproven=True,
        )
    for arm in arms:
        if arm.inexact:
            yield Complaint(
                f"arm {arm.name!r}: steps do not repeat to the bit, since {joined(arm.inexact)} "
                "has no deterministic kernel here, so a dead knob may pass; compare the arms on "
                "the CPU with CUDA_VISIBLE_DEVICES= and --dry-run",
                fatal=False,
                unproven=True,
            )
    untold = [
        arm for arm in arms if not (arm.moments or arm.troubles or arm.is_control or arm.lost)
    ]
    if short := [arm.name for arm in untold]:
        yield Complaint(
            f"{listed(short)}: not compared with other arms, since a run has under "
            f"{EARLY + STEPS} steps",
            fatal=False,
            unproven=True,
        )


def _still(arms: Sequence[Trial]) -> Iterator[Complaint]:
    """Tensors that no moment of an arm moved: a reader must know, but a frozen part is no fault."""
    by_tensors: dict[tuple[str, ...], list[str]] = {}
    for arm in arms:
        still = [set(moment.still) for moment in arm.moments.values()]
        if still := set.intersection(*still) if still else set():
            by_tensors.setdefault(tuple(sorted(still)), []).append(arm.name)
    for tensors, names in by_tensors.items():
        some = ", ".join(tensors[:5]) + (", ..." if len(tensors) > 5 else "")
        yield Complaint(
            f"{listed(names)}: {len(tensors)} tensors of the model stay as they were ({some}); "
            "has an optimizer got them, and do they get a gradient?",
            fatal=False,
        )


def _lost(arms: Sequence[Trial]) -> Iterator[Complaint]:
    """Weights that are no numbers any more, which a finite metric hides."""
    by_tensors: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for arm in arms:
        if arm.lost:
            by_tensors.setdefault((arm.lost, bool(arm.moments)), []).append(arm.name)
    for (tensors, compared), names in by_tensors.items():
        yield Complaint(
            f"{listed(names)}: weights must stay numbers, and {joined(tensors)} become NaN while "
            "all metrics stay finite; look for an overflow, or a gradient without a limit"
            + ("" if compared else "; so not compared with other arms"),
            fatal=False,
            unproven=not compared,
        )
