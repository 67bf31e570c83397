"""Curves of arms and seeds, wherever they were recorded."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from infra.errors import Refused
from infra.ledger.records import Point
from infra.study.plan import positions
from infra.words import choices, counted

Curves = Mapping[tuple[str, int], Sequence[Point]]


@dataclass(frozen=True, kw_only=True)
class RecordedTable:
    """What a source holds.

    Attributes:
        source: What a reader is told that it is of: the name of a file without folders, or of an
            experiment.
        name: What a sweep of it is called.
        sha256: Of the file's bytes, or of all that was read.
        curves: The points of each (arm, seed) by step, arms and seeds as they first occur. Values
            may be infinite or no number, where the source says so.
        failures: Why a cell failed, by (arm, seed), where the source says that it did.
        runs: What the source calls the run of a cell, by (arm, seed).
        notes: What was left out, and how much of it.
        command: Source and options that read the same, as words of a command.
    """

    source: str
    name: str
    sha256: str
    curves: Curves
    failures: Mapping[tuple[str, int], str] = field(default_factory=dict)
    runs: Mapping[tuple[str, int], str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @property
    def arms(self) -> list[str]:
        """In the order of the source."""
        return list(dict.fromkeys(arm for arm, _ in self.curves))

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Every (arm, seed), seed-major as in a plan."""
        arms, seeds = positions(self.arms), positions(seed for _, seed in self.curves)
        return sorted(self.curves, key=lambda c: (seeds[c[1]], arms[c[0]]))

    @property
    def metrics(self) -> list[str]:
        """Every metric that any point has, by name."""
        return metrics_of(self.curves.values())

    def until(self, step: int) -> "RecordedTable":
        """The table without points beyond a step, told.

        Raises:
            Refused: Where a cell has none until there.
        """
        kept = {c: tuple(p for p in curve if p.step <= step) for c, curve in self.curves.items()}
        for (arm, seed), curve in kept.items():
            if not curve and not self.failures.get((arm, seed)):
                raise Refused(
                    f"--last-step {step}: must leave points to every cell, and those of arm "
                    f"{arm!r}, seed {seed} begin at {self.curves[arm, seed][0].step}; give a later "
                    "step"
                )
        left = sum(map(len, self.curves.values())) - sum(map(len, kept.values()))
        notes = (f"{counted(left, 'point')} beyond step {step} left out",) if left else ()
        return replace(
            self,
            curves=kept,
            sha256=digest_of(kept, self.failures) if left else self.sha256,
            notes=(*self.notes, *notes),
            command=(*self.command, "--last-step", str(step)),
        )


def metrics_of(curves: Iterable[Sequence[Point]]) -> list[str]:
    """Every metric that any point of some curves has, by name."""
    return sorted({name for curve in curves for point in curve for name in point.metrics})


def answers(metrics: Sequence[str]) -> list[str]:
    """Metrics that can answer a question."""
    return [name for name in metrics if not name.startswith("perf/")]


def chosen(option: str, wanted: str, known: Sequence[str], source: str) -> str:
    """What was asked for, or the only one there is.

    Raises:
        Refused: Where it is not there, or there are several.
    """
    if not wanted and len(known) == 1:
        return known[0]
    if wanted not in known:
        raise Refused(
            f"{source}: {option} must be one of {choices(known, wanted) or 'its columns'}, got "
            f"{wanted or 'none'}; choose with --{option}"
        )
    return wanted


def digest_of(curves: Curves, failures: Mapping[tuple[str, int], str]) -> str:
    """SHA-256 of curves as they were read, for what is no file that has one."""
    told = [
        [arm, seed, failures.get((arm, seed), ""), [[p.step, dict(p.metrics)] for p in curve]]
        for (arm, seed), curve in sorted(curves.items())
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
