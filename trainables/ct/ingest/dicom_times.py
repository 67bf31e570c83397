"""One volume out of a series that holds several: time points, phases or reconstructions.

Slices of two time points lie at the same places. Which of them belong together is told by the
first tag that parts them: a time point's own number, the acquisition, its time, a run of instance
numbers, what the image was made with. The fullest group stays, of equals the first. Slices of one
place that no tag tells apart are copies where their pixels agree; else none of them is taken, since
any choice would mix what was scanned at two times.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

SAME_PLACE_MM = 0.01
NEAR_FRACTION = 0.2  # of a step: slices of one acquisition are never so close
# Numbers of a time point or phase: all its slices share one, and no slice of another is in between.
PHASES = """TemporalPositionIdentifier TemporalPositionIndex NominalPercentageOfCardiacPhase
    NominalPercentageOfRespiratoryPhase""".split()
# These may change from slice to slice; they part volumes where they have no more values than there
# are slices at one place.
TRAITS = "TriggerTime ConvolutionKernel KVP ImageType SliceThickness".split()
CLOCKS = ("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime")
TAGS = ["AcquisitionNumber", "InstanceNumber", "SOPInstanceUID", *PHASES, *TRAITS, *CLOCKS]
RUN = "InstanceNumber"
SAME_PLACE = "a slice of its series is at the same position"
ANOTHER = "of another time point or reconstruction of its series"
UNTOLD = (
    "slices of its series at the same position differ, and no tag tells which belong together; "
    "write each time point as a series of its own"
)

Rank = tuple[float, str]
Groups = Mapping[Rank, Sequence[int]]  # slices by what a tag says of them


@dataclass(frozen=True, slots=True)
class Moment:
    """A slice among those of its series: where it is, and what tells it from others there."""

    place: float
    stated: Mapping[str, Rank]
    pixels: Callable[[], str | None]  # a digest, None where they cannot be read

    @property
    def order(self) -> tuple[Rank, ...]:
        """Who stays of two at one place."""
        tags = ("AcquisitionNumber", "InstanceNumber", "AcquisitionTime", "ContentTime")
        return tuple(self.stated[tag] for tag in tags)

    @property
    def last(self) -> tuple[Rank, ...]:
        """The order of slices that nothing else tells apart."""
        return (*self.order, self.stated["SOPInstanceUID"])


def stated_times(header: Dataset) -> dict[str, Rank]:
    """What the header says of time points, in a form that can be compared."""
    stated = {tag: _rank(header, tag) for tag in TAGS}
    for name in ("Acquisition", "Content"):
        stated[f"{name}Time"] = (0.0, stated[f"{name}Date"][1] + stated[f"{name}Time"][1])
    if stated["AcquisitionDateTime"][1]:
        stated["AcquisitionTime"] = stated["AcquisitionDateTime"]
    return stated


def left_out(moments: Sequence[Moment]) -> list[str | None]:
    """For every slice why it is none of the one volume, None for those that make it up."""
    reasons: dict[int, str] = {}

    def part(tag: str, choose: Callable[[Sequence[Moment], Groups], list[int]]) -> None:
        """Leaves out the slices that the rule does not choose by the values of a tag."""
        rest = [index for index in range(len(moments)) if index not in reasons]
        values = _runs(moments, rest) if tag == RUN else {i: moments[i].stated[tag] for i in rest}
        groups: dict[Rank, list[int]] = defaultdict(list)
        for index in rest:
            groups[values[index]].append(index)
        if len(groups) > 1:
            chosen = choose(moments, groups)
            others = sorted(set(rest) - set(chosen))
            taken, own = (np.array([moments[i].place for i in some]) for some in (chosen, others))
            here = (_distance(np.sort(taken), own) < SAME_PLACE_MM) & (tag not in PHASES)
            for index, same in zip(others, here, strict=True):
                reasons[index] = SAME_PLACE if same else f"{ANOTHER} ({tag})"

    for tag in PHASES:
        part(tag, _one_phase)
    part("AcquisitionNumber", _acquisitions)
    for tag in ("AcquisitionTime", RUN, "ContentTime", *TRAITS):
        part(tag, _volumes)
    rest = [index for index in range(len(moments)) if index not in reasons]
    for here in _places(moments, rest):
        reasons.update(_of_one_place(moments, here))
    return [reasons.get(index) for index in range(len(moments))]


def _rank(header: Dataset, tag: str) -> Rank:
    """A value by number and then by text; what is absent comes first."""
    try:
        value = header.get(tag)
    except (ValueError, TypeError, NotImplementedError):  # not of the tag's kind: told by its bytes
        raw = header.get_item(tag)
        value = repr(raw.value) if raw is not None else None
    if value is None or value == "":
        return 0.0, ""
    if isinstance(value, int | float):
        return float(value), "."
    return 0.0, str(value)


def _one_phase(moments: Sequence[Moment], groups: Groups) -> list[int]:
    """The fullest group, and those that lie wholly above or below what is taken."""
    taken: list[int] = []
    spans: list[tuple[float, float]] = []
    for value in sorted(groups, key=lambda value: (-len(groups[value]), value)):
        places = [moments[index].place for index in groups[value]]
        low, high = min(places) - SAME_PLACE_MM, max(places) + SAME_PLACE_MM
        if all(high <= bottom or top <= low for bottom, top in spans):
            spans.append((low, high))
            taken += groups[value]
    return taken


def _acquisitions(moments: Sequence[Moment], groups: Groups) -> list[int]:
    """All acquisitions that are not, for the most part, where another is."""
    rest = [index for group in groups.values() for index in group]
    steps = np.diff([moments[here[0]].place for here in _places(moments, rest)])
    usual = float(np.quantile(steps, 0.75)) if len(steps) else 0.0
    few = len(groups) <= _most_at_one_place(moments, rest)  # else numbers of single rotations
    order = sorted(groups, key=lambda value: (-len(groups[value]) if few else 0, value))
    taken: list[int] = []
    places = np.empty(0)
    for value in order:
        own = np.array([moments[index].place for index in groups[value]])
        step = min(usual, float(np.median(np.diff(np.sort(own))))) if len(own) > 2 else 0.0
        near = _distance(places, own) < max(SAME_PLACE_MM, NEAR_FRACTION * step)
        if 2 * int(near.sum()) < len(own):
            taken += groups[value]
            places = np.sort(np.concatenate([places, own]))
    return taken


def _volumes(moments: Sequence[Moment], groups: Groups) -> list[int]:
    """As for acquisitions, where there are no more values than slices at one place."""
    rest = [index for group in groups.values() for index in group]
    few = len(groups) <= _most_at_one_place(moments, rest)
    return _acquisitions(moments, groups) if few else rest


def _distance(places: np.ndarray, own: np.ndarray) -> np.ndarray:
    """From each of its own places to the closest of the sorted others."""
    if not len(places):
        return np.full(len(own), np.inf)
    above = np.searchsorted(places, own)
    sides = places[np.clip([above - 1, above], 0, len(places) - 1)]
    return np.abs(sides - own).min(axis=0)


def _most_at_one_place(moments: Sequence[Moment], indices: Sequence[int]) -> int:
    return max(len(here) for here in _places(moments, indices))


def _places(moments: Sequence[Moment], indices: Sequence[int]) -> Iterator[list[int]]:
    """The slices of each place, in ascending place."""
    here: list[int] = []
    for index in sorted(indices, key=lambda index: moments[index].place):
        if here and moments[index].place - moments[here[0]].place >= SAME_PLACE_MM:
            yield here
            here = []
        here.append(index)
    if here:
        yield here


def _runs(moments: Sequence[Moment], indices: Sequence[int]) -> dict[int, Rank]:
    """Which walk through the patient each slice belongs to when they are read by instance number.

    A walk ends where a place comes again. Walks of unlike length are no time points but single
    slices that were taken again, and are not told apart.
    """
    place_of = {i: number for number, here in enumerate(_places(moments, indices)) for i in here}
    runs: dict[int, Rank] = {}
    run, seen = 0, dict[int, Rank]()
    for index in sorted(indices, key=lambda index: moments[index].stated[RUN]):
        place, instance = place_of[index], moments[index].stated[RUN]
        if seen.get(place, instance) != instance:
            run, seen = run + 1, {}
        seen[place] = instance
        runs[index] = (float(run), ".")
    lengths = Counter(runs.values()).values()
    return runs if 2 * min(lengths) >= max(lengths) else dict.fromkeys(runs, (0.0, "."))


def _of_one_place(moments: Sequence[Moment], here: Sequence[int]) -> dict[int, str]:
    """The slices of one place that are left out: all but the first, or all if that is a guess."""
    first, *others = sorted(here, key=lambda index: moments[index].last)
    alike = [index for index in here if moments[index].order == moments[first].order]
    if len(alike) > 1:
        pixels = {index: moments[index].pixels() for index in alike}
        if len({digest for digest in pixels.values() if digest}) > 1:
            return dict.fromkeys(here, UNTOLD)
        first = next((i for i in sorted(alike, key=lambda i: moments[i].last) if pixels[i]), first)
        others = [index for index in here if index != first]
    return dict.fromkeys(others, SAME_PLACE)
