"""A sweep is read by another metric that its runs report."""

from pathlib import Path

from conftest import ablate, refused
from made_up import METRIC, made_up

from infra.ledger.records import Point

VALUES = {"A": [1.0, 1.3, 1.1], "B": [0.5, 0.7, 0.6], "C": [2.0, 2.1, 2.3]}


def upside_down(arm: str, seed: int, value: float) -> list[Point]:
    """A run that has by another metric what it lacks by the study's; C does not report it."""
    losses = (value + (40 - step) / 10 for step in (0, 10, 20, 30, 40))
    other = arm != "C"
    return [
        Point(10 * i, {METRIC: loss, **({"val/gain": -loss} if other else {}), "perf/train_s": i})
        for i, loss in enumerate(losses)
    ]


def sweep(folder: Path) -> list[str]:
    made_up(folder, VALUES, points=upside_down, margin=0.1)
    return ["leaderboard", "sweep", "--storage", str(folder / "runs")]


def test_arms_stand_in_the_order_of_the_other_metric_which_decides_nothing_declared(tmp_path):
    told = ablate(*sweep(tmp_path), "--metric", "val/gain", "--mode", "max").stdout
    assert "val/gain, more is better" in told
    assert told.index("\n B ") < told.index("\n A ") and "\n C " not in told
    assert "exploratory: the study declared val/loss_nats, not val/gain" in told
    assert "no margin is declared" in told
    assert "turns it round" not in told


def test_whose_direction_is_taken_where_none_is_told_is_said(tmp_path):
    told = ablate(*sweep(tmp_path), "--metric", "val/gain").stdout
    assert "less passes for better as there, --mode max turns it round" in told


def test_a_metric_that_no_run_reports_is_refused_with_those_that_are(tmp_path):
    told = refused(*sweep(tmp_path), "--metric", "val/gian")
    assert told.endswith("take val/gain, val/loss_nats")


def test_a_mode_without_a_metric_is_refused(tmp_path):
    assert "--mode max: needs --metric" in refused(*sweep(tmp_path), "--mode", "max")
