"""Sequential sweeps: more seeds for undecided arms, until a verdict or the last look."""

from dataclasses import replace

from infra.answer.board import Leaderboard, open_rows
from infra.answer.verdicts import looks
from infra.errors import Refused
from infra.study.plan import Plan, extend_plan, plan_like
from infra.study.study import Study

MOST_SEEDS = 12  # where nobody says where a sequential sweep ends


def next_look(study: Study, plan: Plan, board: Leaderboard) -> Plan | None:
    """The plan extended to the next look, None when there is nothing to decide or no look left.

    Only undecided arms, the baseline and controls get further seeds: the study's, then the whole
    numbers that follow. An arm with a failed cell, one that is not comparable and one that is the
    baseline again are left as they are, since more seeds do not mend that.

    Args:
        study: The question.
        plan: What has run; `max_seeds` says where the sweep ends.
        board: What came out so far.
    """
    undecided = open_rows(board.rows)
    if not undecided or plan.baseline not in plan.arms:
        return None
    have = min(row.planned for row in undecided)
    size = next((n for n in looks(plan.max_seeds) if n > have), 0)
    if not size:
        return None
    arms = [plan.baseline, *(row.arm for row in undecided if row.planned < size)]
    arms += [arm for arm in plan.arms if arm in plan.controls]
    return extend_plan(plan, plan_like(plan, study, arms, declared_seeds(study, plan, size)))


def declared_seeds(study: Study, plan: Plan, count: int) -> list[int]:
    """So many seeds: those of the plan, of the study, then the whole numbers that follow."""
    known = list(dict.fromkeys([*plan.seeds, *study.seeds]))
    following = range(max(known) + 1, max(known) + 1 + count)
    return [*known, *following][:count]


def until_decided(plan: Plan, max_seeds: int, old: Plan | None) -> Plan:
    """The plan as that of a sequential sweep, which may have begun as `old`.

    Raises:
        Refused: See `check_max_seeds`.
    """
    most = max_seeds or (old and old.max_seeds) or MOST_SEEDS
    check_max_seeds(old or plan, most)
    return replace(plan, max_seeds=most)


def check_max_seeds(plan: Plan, max_seeds: int) -> None:
    """The last look is fixed once: it decides how much of the error each look may spend.

    Raises:
        Refused: When the sweep has another one, or more seeds already.
    """
    if max_seeds < 3:
        raise Refused(f"--max-seeds {max_seeds}: must be at least 3, since no verdict needs fewer")
    if plan.max_seeds not in (0, max_seeds):
        raise Refused(
            f"--max-seeds {max_seeds}: must stay {plan.max_seeds}, with which this sweep began to "
            "look; leave it, or run the study under another --name"
        )
    if max_seeds < len(plan.seeds):
        raise Refused(
            f"--max-seeds {max_seeds}: must be at least {len(plan.seeds)}, the seeds that this "
            "sweep has; give more"
        )
