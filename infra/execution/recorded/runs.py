"""Runs as trackers know them: by a name and its fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from infra.ledger.records import Point

State = Literal["finished", "failed", "running"]


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """One run as a tracker has it.

    Attributes:
        name: What messages call it.
        fields: All that it was given, as text by name.
        points: By step.
        state: How it stands; `told` is the tracker's own word.
        kin: Where it holds other runs, or lies in one: then it need not be a cell itself.
    """

    name: str
    fields: Mapping[str, str]
    points: Sequence[Point]
    state: State = "finished"
    told: str = ""
    kin: bool = False


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a source holds.

    Attributes:
        source: What messages call it.
        name: What a sweep of it is called.
        runs: In its order.
        notes: What of it was not read.
        command: Source and options that read the same.
    """

    source: str
    name: str
    runs: Sequence[RecordedRun]
    notes: Sequence[str] = ()
    command: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which runs are which cells.

    Attributes:
        metric: The one that answers; "" takes the only one there is.
        arm_fields: What tells arms apart.
        seed_field: What tells seeds apart.
        run_name: Template of runs' names that tells further fields, such as `{arm}-s{seed}`.
        where: Conditions `FIELD=VALUE,VALUE` or `FIELD!=VALUE` that a run must meet.
    """

    metric: str
    arm_fields: tuple[str, ...] = ("arm",)
    seed_field: str = "seed"
    run_name: str = ""
    where: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """The options that say the same."""
        told = ["--arm-field", ",".join(self.arm_fields), "--seed-field", self.seed_field]
        told += ["--run-name", self.run_name] if self.run_name else []
        return told + [word for one in self.where for word in ("--where", one)]
