"""Arms that train otherwise, and whose difference no evaluation reads.

An average that is kept and never evaluated, a head that nothing is asked of: such an arm is another
run with the same score, and its sweep ends as a published "no difference". A coarse metric, as the
share of right answers before anything is learnt, may be the same by chance. So the tensors in which
the arms differ are lost on purpose: where the evaluation does not notice, it does not read them.
"""

from collections.abc import Collection, Iterator, Sequence

from infra.cell.reported import dump_state, load_state
from infra.cell.worker import Capture, clean_slate
from infra.preflight.complaint import Complaint
from infra.preflight.fingerprint import measured
from infra.preflight.longer import Alike, Look, alike_for_long
from infra.preflight.small import small_config
from infra.preflight.tensors import WAYS, differing_tensors, named, without
from infra.preflight.trial import Trial
from infra.preflight.twins import differences, is_declared, remedy
from infra.study.plan import Plan
from infra.study.study import Study
from infra.words import joined


def unevaluated(
    study: Study, plan: Plan, arms: Sequence[Trial], allowed: Collection[frozenset[str]]
) -> Iterator[Complaint]:
    """A line for each group of arms whose weights differ, and nothing that a run reports of them.

    Fatal where they are not declared twins.
    """
    for group in _measured_alike(arms):
        for same in alike_for_long(study, plan, group, _measures):
            first, *others = same.arms
            did = same.looks[first.name].did
            unlike = [one for one in others if same.looks[one.name].did != did]
            unread = [one for one in unlike if _is_blind(study, plan, same, first, one)]
            if unread:
                told = is_declared([first, *unread], allowed)
                yield _complaint(same._replace(arms=[first, *unread]), fatal=not told)


def _complaint(same: Alike, fatal: bool) -> Complaint:
    names = dict.fromkeys(
        name for arm in same.arms[1:] for name in _differing(same, same.arms[0], arm)
    )
    return Complaint(
        f"arms {joined(repr(arm.name) for arm in same.arms)}: must differ in what is evaluated, "
        f"but {', '.join(differences(same.arms))} moves {named(names)} and no metric {same.far}: "
        f"evaluate() is the same without them; {remedy(same) if fatal else 'declared twins'}",
        fatal,
    )


def _measured_alike(arms: Sequence[Trial]) -> list[list[Trial]]:
    """Arms by what their trials report, where that is the same and their weights are not."""
    groups: list[list[Trial]] = []
    for arm in arms:
        if not (arm.moments and arm.trains):
            continue
        own = _told(arm)
        group = next((one for one in groups if _told(one[0]) == own), None)
        if group is None:
            groups.append([arm])
        elif all(arm.moments != other.moments for other in group):  # else they are twins
            group.append(arm)
    return [group for group in groups if len(group) > 1]


def _told(arm: Trial) -> object:
    return arm.config.get("steps"), {share: one.measures for share, one in arm.moments.items()}


def _measures(look: Look) -> object:
    did = look.did
    return did if isinstance(did, str) else {share: one.measures for share, one in did.items()}


def _is_blind(study: Study, plan: Plan, same: Alike, one: Trial, two: Trial) -> bool:
    """Whether a run evaluates the same without the tensors in which two arms differ."""
    look = same.looks[two.name]
    if isinstance(look.did, str):
        return False
    lost = set(_differing(same, one, two))
    config = small_config(study, plan, two.name, plan.seeds[0])
    try:
        with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
            run = study.run(config)
            run.advance(look.steps)
            before = measured(run)
            state = load_state(dump_state(run.state_dict()))
            for way in WAYS:
                run.load_state_dict(without(state, lost, way))
                if measured(run) != before:
                    return False
    except Exception:
        return False  # it noticed
    return True


def _differing(same: Alike, one: Trial, two: Trial) -> list[str]:
    return differing_tensors(same.looks[one.name].state, same.looks[two.name].state)
