"""Whether the arms are measured on the same examples at one seed, where their runs tell them.

Arms may ask for other data, as of another resolution, and only a reader knows what was meant: so it
is a note, with the fields in which the arms differ and with what the examples have in common.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from infra.cell.worker import Capture, clean_slate
from infra.preflight.complaint import Complaint, listed
from infra.preflight.disguised import digest
from infra.preflight.leaks import TellsExamples, rows_of
from infra.preflight.small import small_config
from infra.preflight.trial import Trial
from infra.preflight.twins import differences
from infra.study.plan import Plan
from infra.study.study import Study


@dataclass(frozen=True)
class _Examples:
    """What one arm is measured on: its examples' digests in order, and how they are laid out."""

    digests: tuple[bytes, ...]
    layout: str

    def apart(self, other: "_Examples") -> str:
        """How they differ from those of another arm."""
        if self.layout != other.layout:
            return f"are {self.layout} and {other.layout}"
        common = len({*self.digests} & {*other.digests})
        if len(self.digests) != len(other.digests):
            return f"are {len(self.digests)} and {len(other.digests)}, {common} of them in common"
        if common == len({*self.digests, *other.digests}):
            return f"are the same {common} in another order"
        return f"have {common} of {len(self.digests)} in common"


def evaluated_on(study: Study, plan: Plan, arms: Sequence[Trial]) -> Iterator[Complaint]:
    """A note for each group of arms that is measured on other examples than the first arm."""
    told = [(arm, own) for arm in arms if (own := _examples(study, plan, arm.name))]
    groups: dict[_Examples, list[Trial]] = {}
    for arm, own in told:
        groups.setdefault(own, []).append(arm)
    (first, own), *others = groups.items() or [(_Examples((), ""), [])]
    for examples, group in others:
        fields = ", ".join(differences([own[0], group[0]]))
        yield Complaint(
            f"{listed([own[0].name, *(arm.name for arm in group)])}: evaluation examples differ "
            f"at seed {plan.seeds[0]}, they {first.apart(examples)} ({fields}); where that is not "
            "the question, draw them by a stream of their own",
            fatal=False,
        )


def _examples(study: Study, plan: Plan, arm: str) -> _Examples | None:
    """Of the arm's run at the first seed; None where it does not tell."""
    seed = plan.seeds[0]
    with suppress(Exception), Capture().listening(), clean_slate(plan.threads, seed):
        run = study.run(small_config(study, plan, arm, seed))
        if isinstance(run, TellsExamples):
            digests, layouts = [], set()
            for row, _ in rows_of(run.examples("evaluation")):
                digests.append(digest(row))
                layouts.add(f"{str(row.dtype).removeprefix('torch.')} {list(row.shape)}")
            return _Examples(tuple(digests), " or ".join(sorted(layouts)))
    return None
