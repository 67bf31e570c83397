"""Which cells a sweep consists of: arms x seeds of a study at one scale, written down first."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from infra.study.black_box import BuildsBlackBoxes
from infra.study.sampling import SampledSpace
from infra.study.study import DEFAULT_SCALE, Study, flatten, replace_fields
from infra.words import choices

T = TypeVar("T")
SCHEMA = 1
PLAN_FILE = "plan.json"
RECORD = "record"  # the scale of curves that somebody else recorded
_LAWS = (
    "study", "scale", "metric", "mode", "baseline", "margin", "resolution", "controls",
    "data_digest", "threads",
)  # fmt: skip

_KEPT = (
    "data", "data_digest", "threads", "cpus", "gpus", "keep_checkpoints", "study_file",
    "usd_per_gpu_hour", "max_seeds", "steps",
)  # fmt: skip
_WHERE_USED = (
    "families",
    "controls",
    "evaluation_only",
    "explains",
    "resumes",
)  # what stands in the file only where there are any


@dataclass(frozen=True)
class Cell:
    """An arm at a seed: one Ray trial, one MLflow run, one folder.

    Attributes:
        key: The cell's folder: arm, seed and the first digits of its digest.
        arm: Name of the arm.
        seed: The seed.
        config: Every resolved field, dotted, but for the path of the data.
    """

    key: str
    arm: str
    seed: int
    config: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one sweep executes; everything that readers need without the study's code.

    Attributes:
        data: Folder or address of prepared data, "" for the trainable's own default; of recorded
            curves the file that they were imported from.
        data_digest: Digest in the data's manifest, "" for the default; SHA-256 of that file.
        threads: CPU threads per cell; part of a cell's identity, since results depend on it.
        cpus: CPUs that Ray reserves per cell.
        gpus: GPUs that Ray reserves per cell; None takes one where there is one.
        keep_checkpoints: Which state files finished cells keep: all, last or none.
        study_file: Path of the study's file when it was given by path.
        max_seeds: Where a sequential sweep ends at the latest; 0 where seeds are fixed before.
        looked: Numbers of seeds at which verdicts could be read before more seeds were asked for,
            without a share of the error for it.
        families: Arms and seeds between which verdicts could be read before further arms joined
            them, oldest first.
        chance: Band in which the metric of a run that knows nothing lies; None where unknown.
        drawn: Every arm of a sampled space with its values, also those that are not run; empty
            where arms are listed.
        steps: Training steps by arm, where arms are given equal seconds and not equal steps.
        resolution: Step in which the metric moves, 0 where it takes any value; None where the
            points are to tell.
        controls: The study's arms that are not trained, also those that are not planned.
        evaluation_only: Fields and components that are declared to act in evaluation only.
        explains: Field or component to the realised quantities that it is declared to move.
        resumes: What a next attempt at a cell can do by arm, see `black_box.Resumes`, where runs
            train alone; a run of any other goes on exactly, as far as its kernels are.
        created: When the sweep was first planned, UTC.
    """

    study: str
    question: str
    scale: str
    metric: str
    mode: str
    baseline: str
    margin: float | None
    usd_per_gpu_hour: float | None
    data: str = ""
    data_digest: str = ""
    threads: int = 1
    cpus: float = 1.0
    gpus: float | None = None
    keep_checkpoints: str = "last"
    study_file: str = ""
    max_seeds: int = 0
    looked: tuple[int, ...] = ()
    families: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = ()
    chance: tuple[float, float] | None = None
    drawn: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    resolution: float | None = None
    controls: tuple[str, ...] = ()
    evaluation_only: tuple[str, ...] = ()
    explains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    resumes: Mapping[str, str] = field(default_factory=dict)
    created: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds")
    )
    cells: tuple[Cell, ...] = ()

    @property
    def is_recorded(self) -> bool:
        """Whether its curves were imported, so that there is nothing to run."""
        return self.scale == RECORD

    @cached_property
    def arms(self) -> list[str]:
        """Names of the planned arms, in the study's order."""
        return list(dict.fromkeys(cell.arm for cell in self.cells))

    @cached_property
    def trained(self) -> list[str]:
        """The planned arms that are no controls, the baseline among them."""
        return [arm for arm in self.arms if arm not in self.controls]

    @property
    def comparisons(self) -> int:
        """How many arms are judged beside the baseline, and so share the error."""
        return len(self.trained) - 1

    def only_measures(self, names: Iterable[str]) -> bool:
        """Whether all of these fields, and there are some, are declared to act in evaluation only.

        A component's declaration is one of its fields.
        """
        known = [any(_is_of(name, one) for one in self.evaluation_only) for name in names]
        return bool(known) and all(known)

    def is_explained(self, quantity: str, names: Iterable[str]) -> bool:
        """Whether one of these fields is declared to move a realised quantity."""
        declared = [field for field, moved in self.explains.items() if quantity in moved]
        return any(_is_of(name, one) for name in names for one in declared)

    @cached_property
    def seeds(self) -> list[int]:
        """The planned seeds, in declared order."""
        return list(dict.fromkeys(cell.seed for cell in self.cells))

    @cached_property
    def configs(self) -> Mapping[str, Mapping[str, Any]]:
        """The config of each cell, by key."""
        return {cell.key: cell.config for cell in self.cells}

    @cached_property
    def arm_of(self) -> Mapping[str, str]:
        """The arm of each cell, by key."""
        return {cell.key: cell.arm for cell in self.cells}

    @cached_property
    def cells_of(self) -> Mapping[str, Sequence[Cell]]:
        """The cells of each arm, as planned."""
        own: dict[str, list[Cell]] = {}
        for cell in self.cells:
            own.setdefault(cell.arm, []).append(cell)
        return own

    def cell(self, key: str) -> Cell:
        """The cell with this key or the only one it begins; ValueError names those there are."""
        begun = [c for c in self.cells if c.key.startswith(key)]
        if len(begun) == 1 or any(c.key == key for c in begun):
            return next((c for c in begun if c.key == key), begun[0])
        raise ValueError(
            f"cell {key!r} is not in the plan; it has {', '.join(c.key for c in self.cells)}"
        )

    def to_json(self) -> bytes:
        """The plan as its file."""
        told = {"schema": SCHEMA, **asdict(self)}
        told = {name: v for name, v in told.items() if v or name not in _WHERE_USED}
        return json.dumps(told, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Plan":
        """The plan in a file; ValueError when it is damaged or of another schema."""
        try:
            raw = json.loads(data)
            schema = raw.pop("schema")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{PLAN_FILE}: must be whole JSON, got {error}; restore it from a copy"
            ) from error
        if schema != SCHEMA:
            raise ValueError(
                f"{PLAN_FILE}: schema must be {SCHEMA}, got {schema}; use the ablate that wrote it"
            )
        try:
            cells = tuple(Cell(**cell) for cell in raw.pop("cells"))
            if raw.get("chance"):
                raw["chance"] = tuple(raw["chance"])
            for name in ("looked", "controls", "evaluation_only"):
                raw[name] = tuple(raw.get(name, ()))
            told = raw.get("families", ())
            raw["families"] = tuple((tuple(arms), tuple(seeds)) for arms, seeds in told)
            raw["explains"] = {field: tuple(q) for field, q in raw.get("explains", {}).items()}
            return cls(cells=cells, **{f.name: raw[f.name] for f in fields(cls) if f.name in raw})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{PLAN_FILE}: must have every field of a plan, but {error}; restore it from a copy"
            ) from error


def make_plan(
    study: Study, scale: str, arms: Iterable[str] = (), seeds: Iterable[int] = (), **settings: Any
) -> Plan:
    """The plan of a new sweep; no arms or seeds means those of the study.

    Raises:
        ValueError: For an unknown scale or arm, naming those there are.
    """
    scales = study.scales or {DEFAULT_SCALE: {}}
    if scale not in scales:
        raise ValueError(
            f"study {study.name!r}: scale must be one of {', '.join(scales)}, got {scale!r}"
        )
    known = study.arms
    wanted = list(arms) or list(known)
    for arm in wanted:
        if arm not in known:
            raise ValueError(
                f"study {study.name!r}: arm must be one of {choices(known, arm)}, got {arm!r}"
            )
    plan = Plan(
        study=study.name,
        question=study.question,
        scale=scale,
        metric=study.metric,
        mode=study.mode,
        baseline=study.baseline,
        margin=study.margin,
        chance=study.chance,
        resolution=study.resolution,
        controls=tuple(arm for arm in known if arm in study.controls),
        evaluation_only=study.evaluation_only,
        explains=study.explains,
        **{"usd_per_gpu_hour": study.usd_per_gpu_hour, **settings},
    )
    chosen = [arm for arm in known if arm in wanted]
    cells = tuple(_cells(study, plan, chosen, list(seeds) or list(study.seeds)))
    drawn = json.loads(json.dumps(known)) if isinstance(study.space, SampledSpace) else {}
    return replace(plan, cells=cells, drawn=drawn, resumes=_resumes(study, cells))


def _resumes(study: Study, cells: Iterable[Cell]) -> dict[str, str]:
    run: Any = study.run
    alone = isinstance(run, BuildsBlackBoxes)
    return {cell.arm: run.resumes(cell.config) for cell in cells} if alone else {}


def plan_like(
    old: Plan, study: Study, arms: Iterable[str], seeds: Iterable[int], **settings: Any
) -> Plan:
    """A plan of these arms and seeds with the settings of an old one, but for those given."""
    kept = {name: getattr(old, name) for name in _KEPT}
    return make_plan(study, old.scale, arms, seeds, **kept | settings)


def with_steps(study: Study, plan: Plan, steps: Mapping[str, int]) -> Plan:
    """The plan with so many training steps for these arms."""
    plan = replace(plan, steps=dict(steps))
    return replace(plan, cells=tuple(_cells(study, plan, plan.arms, plan.seeds)))


def extend_plan(old: Plan, new: Plan) -> Plan:
    """The old plan with the new one's further cells; settings of execution are the new ones.

    Raises:
        ValueError: When study, arms, data or threads changed, with every difference.
    """
    if differences := list(_differences(old, new)):
        raise ValueError("the sweep was planned otherwise: " + "; ".join(differences))
    added = {cell.key: cell for cell in (*old.cells, *new.cells)}
    seeds = positions([*old.seeds, *new.seeds])
    arms = positions([*old.arms, *new.arms])
    cells = sorted(added.values(), key=lambda c: (seeds[c.seed], arms[c.arm]))
    return replace(
        new,
        cells=tuple(cells),
        created=old.created,
        study_file=new.study_file or old.study_file,
        steps={**old.steps, **new.steps},
        resumes={**old.resumes, **new.resumes},
        max_seeds=new.max_seeds or old.max_seeds,
        looked=old.looked,
        families=old.families,
    )


def _is_of(name: str, field: str) -> bool:
    """Whether a dotted name is that field, or lies in that component."""
    return name == field or name.startswith(f"{field}.")


def positions(names: Iterable[T]) -> dict[T, int]:
    """Where each name stands first among the distinct ones."""
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def make_cell(plan: Plan, arm: str, seed: int, config: Mapping[str, Any]) -> Cell:
    """The cell with its key, which tells apart what must not be taken for one another."""
    identity = [plan.study, seed, config, plan.data_digest, plan.threads]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return Cell(f"{_slug(arm)}-s{seed}-{digest[:8]}", arm, seed, config)


def cell_config(study: Study, plan: Plan, cell: Cell, data: str) -> Any:
    """The config object that the cell's run is built from, with `data` as the local data folder."""
    return with_data(_config(study, plan, cell.arm, cell.seed), data)


def _config(study: Study, plan: Plan, arm: str, seed: int) -> Any:
    config = study.config(arm, seed, plan.scale)
    return replace_fields(config, {"steps": plan.steps[arm]}) if arm in plan.steps else config


def _told(value: Any) -> Any:
    """A config's value as JSON has it, which knows no infinity."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _cells(study: Study, plan: Plan, arms: list[str], seeds: list[int]) -> Iterable[Cell]:
    """Seed-major, so that whole comparisons finish early."""
    for seed in seeds:
        for arm in arms:
            config = flatten(asdict(_config(study, plan, arm, seed)))
            if plan.data:
                with_data(study.base, plan.data)
            config.pop("data", None)
            try:
                config = json.loads(json.dumps({k: _told(v) for k, v in config.items()}))
            except TypeError as error:
                raise ValueError(
                    f"study {study.name!r}, arm {arm!r}: config fields must be numbers, text, "
                    f"booleans, None or tuples of them, but {error}"
                ) from error
            yield make_cell(plan, arm, seed, config)


def with_data(config: Any, data: str) -> Any:
    """The config with a local folder of prepared data, or as it is for "".

    Raises:
        ValueError: When it has no field for one.
    """
    if not data:
        return config
    if "data" not in {f.name for f in fields(config)}:
        raise ValueError(
            f"{type(config).__name__} takes no data folder; leave --data out or add a field 'data'"
        )
    return replace_fields(config, {"data": data})


def _differences(old: Plan, new: Plan) -> Iterable[str]:
    for law in _LAWS:
        if getattr(old, law) != getattr(new, law):
            yield f"{law} was {getattr(old, law)!r} and is now {getattr(new, law)!r}"
    if bool(old.steps) != bool(new.steps):
        had = "equal seconds" if old.steps else "the steps of the study"
        yield f"arms had {had}, so --equal-seconds must be {'given' if old.steps else 'left out'}"
    yield from _redrawn(list(old.drawn.items()), list(new.drawn.items()))
    before = {c.arm: c.config for c in old.cells}
    told: set[tuple[str, str]] = set()
    for cell in new.cells:
        # The cells of an arm differ in their seeds alone, so further ones are held to the first.
        was = before.get(cell.arm, cell.config)
        for name in sorted({*was, *cell.config} - {"seed"}):
            one, two = was.get(name, "absent"), cell.config.get(name, "absent")
            if one != two and (cell.arm, name) not in told:
                told.add((cell.arm, name))
                yield f"arm {cell.arm!r}: {name} was {one!r} and is now {two!r}"


def _redrawn(old: Sequence[tuple[str, Any]], new: Sequence[tuple[str, Any]]) -> Iterable[str]:
    """The first draw that is not what it was; draws may only be added."""
    for number, (arm, values) in enumerate(old):
        now = new[number][1] if number < len(new) else "none"
        if (arm, values) not in new[number : number + 1]:
            yield f"draw {number} was {values} and is now {now}"
            return


def _slug(arm: str) -> str:
    return re.sub(r"[^A-Za-z0-9.=_]+", "_", arm)[:60].lstrip(".") or "arm"
