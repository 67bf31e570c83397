"""The pictures of a sweep. That they can be read is for the eye; that they are the same is not."""

from pathlib import Path

import pytest
from made_up import METRIC, falling, made_up
from matplotlib.figure import Figure

from infra.answer.along import differences_along
from infra.answer.compare import leaderboard
from infra.ledger.records import Point
from infra.writeup.drawing import few_numbers, wrapped
from infra.writeup.frame import frame
from infra.writeup.plots import pictures, training_pictures, write_plots

PICTURES = ["curves.png", "differences.png", "over_steps.png"]


def png(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def test_same_ledger_gives_the_same_pictures(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1, 2, 3.5], "B": [1.1, 1.9, "failed"], "C": [3, 1, 2]})
    for name in ("one", "two"):
        written = write_plots(plan, ledger.records(), tmp_path / name)
        assert [p.name for p in written] == PICTURES
    for name in PICTURES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert min(png(tmp_path / "one" / name)) > 250


def test_pictures_carry_no_date_and_no_version(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1, 2], "B": [2, 1]})
    for path in write_plots(plan, ledger.records(), tmp_path / "out"):
        assert b"tEXt" not in path.read_bytes()


def test_many_arms_get_a_panel_each_and_a_diverging_one_is_cut_off(tmp_path: Path) -> None:
    arms = {
        f"arm {i},with=a-long-name,and={'more' * 9}": [1 + i, 2.0 + i, 1.5 + i] for i in range(12)
    }

    def diverging(arm: str, seed: int, value: float) -> list[Point]:
        told = falling(arm, seed, value)
        return [Point(p.step, {METRIC: 10.0**p.step}) for p in told] if value > 12 else told

    plan, ledger = made_up(tmp_path, arms, points=diverging)
    curves, differences, _ = write_plots(plan, ledger.records(), tmp_path / "out")
    assert png(curves)[0] > 1500
    assert png(differences)[1] > 600


def test_sweep_without_points_or_pairs_has_no_pictures(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": ["pending"], "B": ["pending"]})
    assert write_plots(plan, ledger.records(), tmp_path / "out") == []
    plan, ledger = made_up(tmp_path / "2", {"A": [1.0, 2.0]})
    assert [p.name for p in write_plots(plan, ledger.records(), tmp_path / "out")] == ["curves.png"]


def test_axis_is_logarithmic_over_decades_and_names_what_it_cuts_off() -> None:
    axis = Figure().subplots()
    usual = {f"arm {i}": [100.0, 1.0 + i] for i in range(3)}
    assert frame(axis, {**usual, "wild": [100.0, 1e6]}) == ["cut off: wild, 100 to 1e+06"]
    assert axis.get_yscale() == "log"
    assert axis.get_ylim()[1] < 200


def test_long_names_are_folded_and_not_cut() -> None:
    name = "route_fraction=0.5,optimizer=adamw,depth=12"
    assert wrapped(name, 20).split("\n") == ["route_fraction=0.5,", "optimizer=adamw,", "depth=12"]
    assert wrapped("x" * 30, 20).replace("\n", "") == "x" * 30


def test_at_most_five_numbers_stand_along_an_axis_and_all_of_them_in_the_frame(
    tmp_path: Path,
) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [1.013, 1.112, 1.211], "C": [80.0, 90.0, 70.0]}
    plan, ledger = made_up(tmp_path, values)
    for picture in pictures(plan, ledger.records()).values():
        for axis in picture.figure.axes:
            for numbers in (axis.xaxis, axis.yaxis):
                low, high = sorted(numbers.get_view_interval())
                places = numbers.get_majorticklocs()
                assert 2 <= len(places) <= 5
                assert all(low <= place <= high for place in places)


def test_logarithmic_axis_has_few_numbers_too() -> None:
    axis = Figure().subplots()
    frame(axis, {"A": [1e-9, 1e4], "B": [2e-9, 2e4]})
    few_numbers(axis.yaxis)
    assert axis.get_yscale() == "log"
    assert 2 <= len(axis.get_yticks()) <= 5


def test_frame_lets_a_decided_difference_be_seen_and_counts_what_it_cuts_away() -> None:
    axis = Figure().subplots()
    falls = [9.0, 5.0, 3.0]
    values = {"A": [*falls, 2.80, 2.80], "B": [*falls, 2.77, 2.78]}
    ends = {"A": [2.80], "B": [2.78]}
    assert frame(axis, values, ends) == []
    told = frame(axis, values, ends, difference=0.02)
    low, high = axis.get_ylim()
    assert low < 2.78 and 2.80 < high and 0.02 / (high - low) > 1 / 15
    assert told == [f"cut away of 10 points, so that differences can be seen: 4 above {high:.3g}"]


def test_last_difference_over_the_steps_is_the_one_of_the_verdict(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [0.9, 1.02, 1.09], "C": [1.5, 1.4, "failed"]}
    plan, ledger = made_up(tmp_path, values, max_seeds=5)
    board = leaderboard(plan, ledger.records())
    along = differences_along(plan, ledger.records(), board)
    assert {one.row.arm for one in along} == {"B", "C"}
    for one in along:
        assert list(one.differences) == [0, 10, 20, 30, 40]
        assert one.differences[40].interval == pytest.approx(one.row.difference.interval)
        assert one.differences[40].seeds == one.row.difference.seeds


def test_difference_over_the_steps_follows_the_seeds_and_not_their_level(tmp_path: Path) -> None:
    def parting(arm: str, seed: int, value: float) -> list[Point]:
        gap = {"A": 0.0, "B": 0.01}[arm]
        return [
            Point(p.step, {METRIC: p.metrics[METRIC] + gap * p.step})
            for p in falling(arm, seed, float(seed))
        ]

    plan, ledger = made_up(tmp_path, {"A": [0.0] * 3, "B": [0.0] * 3}, points=parting)
    records = ledger.records()
    [one] = differences_along(plan, records, leaderboard(plan, records))
    means = [gap.mean for gap in one.differences.values()]
    assert means == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_seeds_outside_of_the_frame_are_counted(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [1.01, 1.12, 1.2], "C": [900.0, 901.1, 899.0]}
    plan, ledger = made_up(tmp_path, values)
    forest = pictures(plan, ledger.records())["differences"]
    assert forest.lines[-1] == "outside of the frame: 3 of 6 seeds"
    [axis] = [axis for axis in forest.figure.axes if axis.get_lines()]
    low, high = axis.get_xlim()
    ticks = [line for line in axis.get_lines() if line.get_marker() == "|"]
    assert ticks and all(low <= x <= high for line in ticks for x in line.get_xdata())


def test_training_metrics_are_curves_and_amounts_are_not(tmp_path: Path) -> None:
    def training(arm: str, seed: int, value: float) -> list[Point]:
        return [
            Point(p.step, {**p.metrics, "train/loss_nats": 2 * p.metrics[METRIC], "train/one": 1.0})
            for p in falling(arm, seed, value)
        ]

    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.1], "B": [1.2, 1.3]}, points=training)
    records = ledger.records()
    drawn = training_pictures(plan, records, leaderboard(plan, records), 5.0)
    assert list(drawn) == ["train/loss_nats"]
    assert [key.text for key in drawn["train/loss_nats"].keys] == ["A (n = 2)", "B (n = 2)"]


def test_draws_of_a_sampled_space_are_lines_through_their_values(tmp_path: Path) -> None:
    drawn = {"base": {}, **{f"{i} lr": {"lr": 10.0**-i, "kind": "ab"[i % 2]} for i in range(1, 9)}}
    configs = {arm: {"lr": 0.5, "kind": "a", **own} for arm, own in drawn.items()}
    values = {arm: [float(i), i + 0.1] for i, arm in enumerate(drawn)}
    plan, ledger = made_up(tmp_path, values, configs=configs, drawn=drawn)
    picture = pictures(plan, ledger.records())["sampled"]
    [axis] = picture.figure.axes
    lines = [line for line in axis.get_lines() if len(line.get_xdata()) == 3]
    assert len(lines) == 9
    assert [text.get_text() for text in axis.get_xticklabels()] == ["lr", "kind", "val/loss [nats]"]
    texts = {text.get_text() for text in axis.texts}
    assert {"0.5", "1e-08", "a", "b"} <= texts
    listed, ledger = made_up(tmp_path / "2", values, configs=configs)
    assert "sampled" not in pictures(listed, ledger.records())
