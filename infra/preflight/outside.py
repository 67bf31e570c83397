"""Arms that can only be tried from outside: short starts, of which the points are compared.

Every arm is started once at the smallest scale, the baseline once more, once with another seed and
once with a flag that nothing knows. Where there is no smaller scale, a start is ended at its first
point. What cannot be asked of a black box is said in one line.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from infra.cell.arm_code import own_codes
from infra.cell.worker import Capture, clean_slate
from infra.errors import first_line
from infra.ledger.data import local_data
from infra.preflight.complaint import Complaint, listed
from infra.preflight.walk import measures
from infra.study.black_box import BringsCode, BuildsBlackBoxes, TrainsAlone
from infra.study.plan import Plan, with_data
from infra.study.study import Study, flatten
from infra.words import joined

_MOMENT_S = 0.5
SILENT = (
    "from outside it is not seen what an arm reads, computes with or leaves out of its state: "
    "fields that nothing reads, confounds and exact resume are not looked for"
)
_AGAIN, _OTHER_SEED, _NONSENSE = "again", "another seed", "nonsense"


@dataclass(frozen=True)
class Start:
    """What came of one.

    Attributes:
        points: Metrics by step, without those of time.
        trouble: Why it failed, "" where it did not.
        came_s: Seconds from its beginning to each point.
        seconds: To its end.
    """

    points: Mapping[int, Mapping[str, float]]
    trouble: str = ""
    came_s: Sequence[float] = ()
    seconds: float = 0.0


class Outside(NamedTuple):
    """What came of the starts.

    Attributes:
        complaints: What is wrong with the arms, worst first.
        seconds: Of a whole cell by arm, where its start tells.
    """

    complaints: list[Complaint]
    seconds: Mapping[str, float]


def outside(study: Study, plan: Plan) -> Outside:
    """Tries the arms of a study whose runs train alone."""
    build: Any = study.run
    before = _files(build.shared)
    starts = _started(study, plan)
    complaints = [*_failed(starts), *_written(build, before)]
    if not complaints:
        complaints += [*_unsteady(plan, starts), *_seedless(plan, starts), *_equal(plan, starts)]
        complaints += [*_swallowed(starts), *_uncommitted(study, plan)]
        complaints.append(Complaint(SILENT, fatal=False, unproven=True))
    seconds = {arm: _whole_s(study, plan, arm, starts[arm]) for arm in plan.arms}
    told = {arm: own for arm, own in seconds.items() if own is not None}
    return Outside(sorted(complaints, key=lambda complaint: not complaint.fatal), told)


def _started(study: Study, plan: Plan) -> dict[str, Start]:
    """Starts by the name of their arm, or of what they are for, side by side."""
    scale, build = _small(study, plan), study.run
    first = _first(plan)
    configs = {arm: study.config(arm, plan.seeds[0], scale) for arm in plan.arms}
    configs[_AGAIN] = configs[first]
    if len(plan.seeds) > 1:
        configs[_OTHER_SEED] = study.config(first, plan.seeds[1], scale)
    if isinstance(build, BuildsBlackBoxes) and (odd := build.with_nonsense(configs[first])):
        configs[_NONSENSE] = odd
    at_once = max(1, int((os.cpu_count() or 1) // max(1.0, plan.cpus)))
    whole, data = scale != plan.scale, local_data(plan.data)
    with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
        with ThreadPoolExecutor(at_once) as pool:
            found = pool.map(lambda config: _start(study, config, data, whole), configs.values())
            return dict(zip(configs, found, strict=True))


def _start(study: Study, config: Any, data: str, whole: bool) -> Start:
    """One start, to its end or to its first point."""
    began, points, came_s = perf_counter(), dict[int, Mapping[str, float]](), list[float]()
    run: Any = study.run(with_data(config, data))
    try:
        _give_code(study.run, run, flatten(asdict(config)))
        while not run.done() and (whole or not points):
            if run.awaits(study.metric, _MOMENT_S):
                run.advance(config.steps_per_report)
                points[run.step] = measures(run.evaluate())
                came_s.append(perf_counter() - began)
    except Exception as error:
        return Start(points, first_line(error))
    finally:
        if isinstance(run, TrainsAlone):
            run.close()
    return Start(points, "", came_s, perf_counter() - began)


def _give_code(build: Any, run: Any, config: Mapping[str, Any]) -> None:
    """Of an arm that has its own, which nothing keeps yet."""
    if isinstance(build, BringsCode) and build.own_code(config):
        run.take_code(build.packed(config))


def _whole_s(study: Study, plan: Plan, arm: str, start: Start) -> float | None:
    """Seconds of a cell, by the pace from the first point of its start to the last.

    None where the start does not tell it, having fewer than two points, or nothing tells how many
    steps a cell has. That is the field which the small scale sets to the step that was the last.
    """
    if start.trouble or len(start.points) < 2:
        return None
    first, last = min(start.points), max(start.points)
    small, own = (
        flatten(asdict(study.config(arm, plan.seeds[0], scale)))
        for scale in (_small(study, plan), plan.scale)
    )
    ends = [own[name] for name, value in small.items() if _is_end(value, last, own[name])]
    if len(ends) != 1:
        return None
    step_s = (start.came_s[-1] - start.came_s[0]) / (last - first)
    return start.seconds + step_s * (ends[0] - last)


def _is_end(value: Any, last: int, at_scale: Any) -> bool:
    """Whether a field tells how many steps a run has, which count from 0 or 1."""
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in (value, at_scale))
    return whole and value in (last, last + 1) and at_scale != value


def _uncommitted(study: Study, plan: Plan) -> Iterator[Complaint]:
    """Arms whose commit is checked out with changes that they do not have."""
    build = study.run
    for arm, cell in own_codes(study, plan).items():
        if isinstance(build, BringsCode) and (files := build.left_out(cell.config)):
            yield Complaint(
                f"arm {arm!r}: runs what is committed, and {joined(files[:3])} "
                f"{'has' if len(files) == 1 else 'have'} changes that are not; commit them, or "
                "leave out ref, where the arm is to have them",
                fatal=False,
            )


def _first(plan: Plan) -> str:
    """The baseline, or the first arm where that is not planned."""
    return plan.baseline if plan.baseline in plan.arms else plan.arms[0]


def _small(study: Study, plan: Plan) -> str:
    return "smoke" if "smoke" in study.scales else plan.scale


def _failed(starts: Mapping[str, Start]) -> Iterator[Complaint]:
    by_trouble: dict[str, list[str]] = {}
    for name, start in starts.items():
        if start.trouble and name != _NONSENSE:
            by_trouble.setdefault(start.trouble, []).append(name)
    for trouble, names in by_trouble.items():
        yield Complaint(f"{listed(names)}: must run, but {trouble}")


def _written(build: Any, before: Mapping[Path, int]) -> Iterator[Complaint]:
    """What starts left in the folder that all cells share."""
    after = _files(build.shared)
    changed = sorted(path for path, told in after.items() if before.get(path) != told)
    if changed:
        yield Complaint(
            f"script: must write to {{dir}} alone, but changed {changed[0]} in the folder that all "
            f"cells run in ({len(changed)} files); tell it {{dir}}, or set folder = 'copy'"
        )


def _unsteady(plan: Plan, starts: Mapping[str, Start]) -> Iterator[Complaint]:
    if not _repeats(plan, starts):
        yield Complaint(
            f"arm {_first(plan)!r}: started twice it tells other points, so arms that do the same "
            "are not found; seed all its draws by {seed}, and take deterministic kernels",
            fatal=False,
            unproven=True,
        )


def _seedless(plan: Plan, starts: Mapping[str, Start]) -> Iterator[Complaint]:
    other = starts.get(_OTHER_SEED)
    if other and _repeats(plan, starts) and other.points == starts[_AGAIN].points:
        one, two = plan.seeds[:2]
        yield Complaint(
            f"arm {_first(plan)!r}: must depend on its seed, but {one} and {two} give the same "
            "points; does the script read what {seed} tells it?"
        )


def _equal(plan: Plan, starts: Mapping[str, Start]) -> Iterator[Complaint]:
    """Arms that could not be told apart; a note, as a short start may never come to a late knob."""
    if not _repeats(plan, starts):
        return
    alike: list[list[str]] = []
    for arm in plan.arms:
        for names in alike:
            if starts[names[0]].points == starts[arm].points:
                names.append(arm)
                break
        else:
            alike.append([arm])
    for names in (names for names in alike if len(names) > 1):
        yield Complaint(
            f"{listed(names)}: tell the same points in a short start; does the script read what "
            "they set?",
            fatal=False,
        )


def _swallowed(starts: Mapping[str, Start]) -> Iterator[Complaint]:
    if (odd := starts.get(_NONSENSE)) and not odd.trouble:
        yield Complaint(
            "script: takes a flag that it cannot know without a word, so a misspelt one of an arm "
            "would change nothing; look at the points of the arms",
            fatal=False,
        )


def _repeats(plan: Plan, starts: Mapping[str, Start]) -> bool:
    first = _first(plan)
    return starts[_AGAIN].points == starts[first].points


def _files(folder: Path | None) -> dict[Path, int]:
    """When each file was changed last, but for bytecode and what version control keeps."""
    if folder is None or not folder.is_dir():
        return {}
    return dict(_walked(folder))


def _walked(folder: Path) -> Iterator[tuple[Path, int]]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
        for name in names:
            path = Path(place, name)
            try:
                yield path, path.lstat().st_mtime_ns
            except FileNotFoundError:
                continue
