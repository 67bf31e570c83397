"""Whether the arms are measured on the same examples at one seed, where their runs tell them.

Arms may ask for other data, as of another resolution, and only a reader knows what was meant: so it
is a note, with the fields in which the arms differ and with what the examples have in common.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from infra.cell.worker import Capture, clean_slate
from infra.preflight.complaint import Complaint, listed
from infra.preflight.disguised import digest
from infra.preflight.held import held, redrawn
from infra.preflight.leaks import TellsExamples, rows_of
from infra.preflight.small import small_config
from infra.preflight.tensors import named
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
    """A note for each group of arms that is measured on other examples than the first arm.

    Where runs do not tell their examples, what they hold beside their states is looked at instead.
    """
    told, data = list[tuple[Trial, _Examples]](), dict[str, Mapping[str, Any]]()
    for arm in arms:
        seen = _examples(study, plan, arm.name, plan.seeds[0])
        if isinstance(seen, _Examples):
            told.append((arm, seen))
        elif seen:
            data[arm.name] = seen
    yield from _on_others(plan, told)
    if len(data) > 1 and len(plan.seeds) > 1:
        yield from _of_others(study, plan, [arm for arm in arms if arm.name in data], data)


def _on_others(plan: Plan, told: Sequence[tuple[Trial, _Examples]]) -> Iterator[Complaint]:
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


def _of_others(
    study: Study, plan: Plan, arms: Sequence[Trial], data: Mapping[str, Mapping[str, Any]]
) -> Iterator[Complaint]:
    """A note for each arm that holds other data than the first, as another seed does."""
    first, *others = arms
    seeded = _examples(study, plan, first.name, plan.seeds[1])
    if not seeded or isinstance(seeded, _Examples):
        return
    for arm in others:
        if names := redrawn(data[first.name], data[arm.name], seeded):
            fields = ", ".join(differences([first, arm]))
            yield Complaint(
                f"{listed([first.name, arm.name])}: {named(names)} beside the state differ at seed "
                f"{plan.seeds[0]} as they do between seeds ({fields}), so that the arms have other "
                "data; where that is not the question, draw them by a stream of their own, as "
                "`with keyed(seed, 'data'):` does",
                fatal=False,
            )


def _examples(
    study: Study, plan: Plan, arm: str, seed: int
) -> _Examples | Mapping[str, Any] | None:
    """Of the arm's run, or what it holds beside its state where it does not tell."""
    with suppress(Exception), Capture().listening(), clean_slate(plan.threads, seed):
        run = study.run(small_config(study, plan, arm, seed))
        if not isinstance(run, TellsExamples):
            return held(run)
        digests, layouts = [], set()
        for row, _ in rows_of(run.examples("evaluation")):
            digests.append(digest(row))
            layouts.add(f"{str(row.dtype).removeprefix('torch.')} {list(row.shape)}")
        return _Examples(tuple(digests), " or ".join(sorted(layouts)))
    return None
