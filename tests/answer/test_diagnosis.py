"""Labels: what is wrong with a run, from its points; and nothing where nothing is."""

import math
import random
from pathlib import Path
from statistics import median

import pytest
from made_up import METRIC, falling, made_up
from planted_faults import FAULTS, WELL, outcomes, rates
from recorded_curves import BETWEEN_RUNS, RECORDED

from infra.answer.compare import leaderboard
from infra.answer.curve import Curve
from infra.answer.diagnosis import Label, diagnose, diagnose_cell
from infra.execution.progress import Progress
from infra.ledger.records import Point
from infra.writeup.export import export
from infra.writeup.plots import pictures
from infra.writeup.tables import leaderboard_table, plain, seeds_table


def points_of(values, every: int = 10) -> list[Point]:
    return [Point(every * i, {METRIC: v}) for i, v in enumerate(values)]


def recorded(arm: str, margin: float) -> Label | None:
    points = points_of((math.nan, *RECORDED[arm]), 500)[1:]
    return diagnose(points, METRIC, "min", margin=margin)


@pytest.mark.parametrize("margin", BETWEEN_RUNS)
def test_late_decay_lands_on_the_recorded_arm_b_alone(margin: float) -> None:
    """With the least as with the most by which two recorded runs lie apart taken for noise."""
    labels = {arm: recorded(arm, margin) for arm in RECORDED}
    assert {arm: label.kind for arm, label in labels.items() if label} == {"B": "late decay"}
    assert labels["B"] and labels["B"].step >= 3500


def test_recorded_arm_c_alone_cannot_know_that_its_drift_is_less_than_the_noise() -> None:
    """Its curve is smooth to .001, so that by itself its drift of .017 is a decay as well."""
    labels = {arm: recorded(arm, 0.0) for arm in RECORDED}
    assert {arm for arm, label in labels.items() if label} == {"B", "C"}


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 21, 22])
def test_planted_faults_are_named_and_healthy_runs_are_not(seed: int) -> None:
    assert len(WELL) * 40 >= 200
    assert sum(map(len, FAULTS.values())) >= 12
    named, found, false = rates(list(outcomes(seed, healthy=40, ill=10)))
    assert named >= 0.95
    assert found >= 0.95
    assert false <= 0.02


@pytest.mark.parametrize("hits", [[1, 1, 2, 2, 2, 1, 1, 1, 1], [0, 1, 1, 1, 0, 0, 0, 0, 0]])
def test_hit_that_comes_and_goes_among_few_images_is_no_collapse(hits: list[int]) -> None:
    label = diagnose(points_of([n / 28 for n in hits]), METRIC, "max")
    assert label and label.kind == "no learning"


@pytest.mark.parametrize(("chance", "top"), [(0.1, 0.9), (0.0, 1.0), (0.5, 1.0)])
def test_plateau_that_falls_back_to_exactly_where_it_began_is_a_collapse(
    chance: float, top: float
) -> None:
    label = diagnose(points_of([chance] * 3 + [top] * 5 + [chance] * 6), METRIC, "max")
    assert label and label.kind == "collapsed"


EARLY = [7, 5.2, 3e4, 2.8e4, 3.3e4, 2.9e4, 3e4, 3.1e4]
SPIKES = [7, 5, 4, 12, 3.3, 3.2, 11, 3.0]
QUICK = [7, 3.2, 3.1, 3.04, 3.0, 3.01, 3.03, 3.05, 3.06]
AT_LAST = [7, 5, 4, 3.5, 3.3, 3.2, 3.15, 3.1, 3.08, 4.4, 4.5]
FROZEN = [7.2213, 5.0417, 4.1093, *[3.5511078] * 6]
HUGE = [5e4, 300, 120, 60, 48, 44, 55, 70, 95]
RETURNS = [20, 95, 10, 60, 130, 45, 150, 80, 190, 120, 95, 210, 170, 130, 240, 150]


@pytest.mark.parametrize(
    ("values", "mode", "kind", "step"),
    [
        (EARLY, "min", "exploding", 20),
        (SPIKES, "min", "", 0),
        (QUICK, "min", "", 0),
        ([*QUICK[:6], 3.4, 3.7, 4.1], "min", "late decay", 60),
        (AT_LAST, "min", "late decay", 90),
        ([*AT_LAST[:-2], 7.1, 6.9], "min", "collapsed", 90),
        (AT_LAST[:-1], "min", "", 0),
        (FROZEN, "min", "frozen", 30),
        ([*FROZEN[:3], *[3.5] * 6], "min", "", 0),
        ([3.1415926] * 5, "max", "no learning", 0),
        (HUGE, "min", "late decay", 60),
        ([5e4, 7, 5, 4, 3.6, 900, 950, 870, 910], "min", "exploding", 50),
        (RETURNS, "max", "", 0),
        (sorted(RETURNS, key=lambda v: v % 7), "max", "no learning", 0),
    ],
)
def test_curve_is_told_as_what_it_is(values: list[float], mode: str, kind: str, step: int) -> None:
    """In any unit, and a loss also as its negative, of which more is better."""
    for unit in (1e-3, 1.0, 1e3):
        label = diagnose(points_of([unit * v for v in values]), METRIC, mode)
        assert (label.kind if label else "", label.step if label else 0) == (kind, step)
    if mode == "min":
        label = diagnose(points_of([-v for v in values]), METRIC, "max")
        assert (label.kind if label else "") == kind


@pytest.mark.parametrize(("mode", "turn"), [("min", 1), ("max", -1)])
def test_reversed_mode_is_told_in_a_line_of_its_own(tmp_path: Path, mode: str, turn: int) -> None:
    """An accuracy of which less was said to be better, and a loss of which more."""

    def learning(arm: str, seed: int, value: float) -> list[Point]:
        rises = [0.1 + 0.1 * value * (1 - 0.7**i) for i in range(10)]
        return points_of([5 * (turn < 0) + turn * rise for rise in rises])

    values = {"A": [6.0, 6.1, 6.2], "B": [7.0, 7.1, 7.2]}
    settings = {"points": learning, "baseline": "A"}
    plan, ledger = made_up(tmp_path / "1", values, mode=mode, **settings)
    notes = leaderboard(plan, ledger.records()).notes
    assert [note for note in notes if "reversed" in note] == [
        "every arm gets steadily worse (6 of 6 cells): likely the mode is reversed; if "
        f"{'more' if mode == 'min' else 'less'} of {METRIC} is better, write "
        f"mode='{'max' if mode == 'min' else 'min'}' in the study"
    ]
    plan, ledger = made_up(
        tmp_path / "2", values, mode="max" if mode == "min" else "min", **settings
    )
    assert not [n for n in leaderboard(plan, ledger.records()).notes if "reversed" in n]


@pytest.mark.parametrize("arm_b", ["flat", "well", "explodes"])
def test_mode_is_not_doubted_where_an_arm_is_otherwise_ill_or_well(tmp_path, arm_b: str) -> None:
    made = {
        "worse": [5 + 0.3 * i for i in range(10)],
        "flat": [5.1, 5.0, 5.2, 5.0, 5.1, 5.2, 5.0, 5.1, 5.0, 5.1],
        "well": [5 - 0.3 * i for i in range(10)],
        "explodes": [5 * 3.0**i for i in range(10)],
    }
    plan, ledger = made_up(
        tmp_path,
        {"A": [1.0, 1.1], "B": [1.0, 1.1]},
        points=lambda arm, seed, value: points_of(made["worse" if arm == "A" else arm_b]),
    )
    assert not [n for n in leaderboard(plan, ledger.records()).notes if "reversed" in n]


def test_too_few_points_say_nothing() -> None:
    assert diagnose([], METRIC, "min") is None
    assert diagnose(points_of([5, 5, 5, 5]), METRIC, "min") is None


def test_number_that_is_not_finite_is_named_with_its_step_in_whatever_metric() -> None:
    points = [*points_of([3, 2, 1]), Point(30, {METRIC: 1.0, "train/grad": math.inf})]
    assert diagnose(points, METRIC, "min") == Label("non-finite", 30, "train/grad is inf")


def test_label_tells_step_and_evidence() -> None:
    label = diagnose(points_of([7, 5, 4, 3.5, 3.3, 3.2, 7, 7.1, 7, 7.2]), METRIC, "min")
    assert label == Label("collapsed", 60, "from 3.3 to 7.2, the start was 7")


def test_chance_that_a_run_reports_of_another_metric_is_looked_at() -> None:
    """The entropy of a teacher on the wall, while the study's metric seems to move."""
    wall = math.log(64)
    points = [
        Point(i, {METRIC: 5 - i / 4, "val/entropy": entropy, "val/entropy_chance": wall})
        for i, entropy in enumerate([1, 2.5, 3.6, 4.1, 4.15, 4.157, 4.158, 4.158])
    ]
    label = diagnose(points, METRIC, "min")
    assert label and label.kind == "stuck at chance"
    assert "val/entropy 4.158 within 1 % of its chance 4.159" in label.evidence


def test_label_of_a_running_cell_stands_while_it_runs() -> None:
    """Half of a curve that stays at chance is labelled; a healthy one is at no length."""
    stuck = points_of([6.93, 6.94, 6.93, 6.92, 6.93, 6.94, 6.93, 6.93, 6.92, 6.93])
    band = (6.88, 7.5)
    lengths = range(5, len(stuck) + 1)
    assert all(diagnose(stuck[:n], METRIC, "min", band) for n in lengths)
    well = points_of([6.93 - 3 * (1 - 0.8**i) for i in range(10)])
    assert not any(diagnose(well[:n], METRIC, "min", band) for n in lengths)


DECAY = "late decay at step 30: 1.6 worse than its best 2.3, ends at 3.9"


def decayed(arm: str, seed: int, value: float) -> list[Point]:
    if arm != "B":
        return falling(arm, seed, value)
    return points_of([9, 6, 4, 3, 2.5, 2.3, 2.6, 3.2, 3.9, 4.6 + value], 5)


def test_cell_keeps_its_label_in_every_table(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [1.0, 1.1, "failed"]}
    plan, ledger = made_up(tmp_path, values, points=decayed)
    records = ledger.records()
    board = leaderboard(plan, records)
    b = next(row for row in board.rows if row.arm == "B")
    kinds = [label.kind if label else "" for label in b.labels]
    assert kinds == ["late decay", "late decay", "non-finite"]
    assert diagnose_cell(plan, records["1-s0"]) == b.labels[0]
    assert "late decay 2/3, non-finite 1/3" in " ".join(plain(leaderboard_table(board)).split())
    assert seeds_table(board).rows[1] == (
        "B",
        "5.60 late decay",
        "5.70 late decay",
        "failed non-finite",
    )
    export(plan, ledger, None, tmp_path / "out")
    cells = (tmp_path / "out/cells.csv").read_text()
    assert cells.count("late decay at step") == 2
    assert "late decay 2/3, non-finite 1/3" in (tmp_path / "out/arms.csv").read_text()


def test_label_is_marked_on_its_curve(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [1.0, 1.1, "failed"]}
    plan, ledger = made_up(tmp_path, values, points=decayed)
    records = ledger.records()
    drawn = pictures(plan, records)["curves"]
    crosses = [line for line in drawn.figure.axes[0].lines if line.get_marker() == "x"]
    label = diagnose_cell(plan, records["1-s0"])
    assert label and label.step in [line.get_xdata()[0] for line in crosses]
    assert len(crosses) == 3
    assert "crosses: labels" in drawn.lines[1]
    healthy, ledger = made_up(tmp_path / "2", {"A": [1.0, 1.1, 1.2]})
    assert "crosses" not in pictures(healthy, ledger.records())["curves"].lines[1]


def test_running_medians_are_those_of_each_window() -> None:
    draw = random.Random(3)
    for count in (5, 24, 40, 41, 333):
        cost = tuple(draw.choice([draw.random(), 0.5, -1.0]) for _ in range(count))
        curve = Curve(tuple(range(count)), cost, 1)
        windows = [cost[i : i + curve.window] for i in range(count - curve.window + 1)]
        assert curve.smooth == [median(window) for window in windows]


def test_live_progress_tells_a_label_once_and_keeps_it(tmp_path: Path, capsys) -> None:
    plan, _ = made_up(tmp_path, {"A": [1.0, 1.1], "B": [1.0, "interrupted"]})
    progress = Progress(plan, {"0-s0": 1.0})
    progress.labelled("0-s0", "no learning at step 0: from 1 to 1")
    progress.started("1-s1", "B", 1, 0.0)
    told = [progress.labelled("1-s1", text) for text in ("", DECAY, DECAY.replace("3.9", "4.1"))]
    assert told == [False, True, False]
    assert [row[-1] for row in progress._rows()] == ["no learning 1", "late decay 1"]
    progress.reported("1-s1", 40, 3.9)
    progress.ended("1-s1")
    assert "1-s1  val/loss_nats 3.9 (late decay)" in capsys.readouterr().out


def test_cell_that_failed_in_an_earlier_run_of_the_driver_counts_as_failed(tmp_path: Path) -> None:
    plan, _ = made_up(tmp_path, {"A": [1.0, "failed"]})
    progress = Progress(plan, {"0-s0": 1.0, "0-s1": None}, failed=["0-s1"])
    assert progress._rows() == [("A", "1/2", "1", "", "1", "")]
    assert "1 failed" in progress._foot()


def test_band_of_chance_is_on_the_plan(tmp_path: Path) -> None:
    def stuck(arm: str, seed: int, value: float) -> list[Point]:
        return points_of([0.1, 0.11, 0.1, 0.09, 0.1, 0.1 + value / 1000], 8)

    settings = {"mode": "max", "chance": (0.08, 0.13)}
    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.1, 1.2]}, points=stuck, **settings)
    assert type(plan).from_json(plan.to_json()) == plan
    label = diagnose_cell(plan, ledger.record("0-s0"))
    assert label and label.kind == "stuck at chance"
    assert "within chance 0.08..0.13" in label.evidence
