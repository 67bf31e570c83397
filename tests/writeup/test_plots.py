"""The pictures of a sweep. That they can be read is for the eye; that they are the same is not."""

from pathlib import Path

from made_up import METRIC, falling, made_up

from infra.ledger.records import Point
from infra.writeup.plots import _scale, _wrapped, write_plots


def png(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def test_same_ledger_gives_the_same_pictures(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1, 2, 3.5], "B": [1.1, 1.9, "failed"], "C": [3, 1, 2]})
    for name in ("one", "two"):
        written = write_plots(plan, ledger.records(), tmp_path / name)
        assert [p.name for p in written] == ["curves.png", "differences.png"]
    for name in ("curves.png", "differences.png"):
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
    curves, differences = write_plots(plan, ledger.records(), tmp_path / "out")
    assert png(curves)[0] > 1500
    assert png(differences)[1] > 600


def test_sweep_without_points_or_pairs_has_no_pictures(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": ["pending"], "B": ["pending"]})
    assert write_plots(plan, ledger.records(), tmp_path / "out") == []
    plan, ledger = made_up(tmp_path / "2", {"A": [1.0, 2.0]})
    assert [p.name for p in write_plots(plan, ledger.records(), tmp_path / "out")] == ["curves.png"]


def test_axis_is_logarithmic_over_decades_and_names_what_it_cuts_off() -> None:
    from matplotlib.figure import Figure

    axis = Figure().subplots()
    usual = {f"arm {i}": [100.0, 1.0 + i] for i in range(3)}
    assert _scale(axis, {**usual, "wild": [100.0, 1e6]}) == ["cut off: wild, 100 to 1e+06"]
    assert axis.get_yscale() == "log"
    assert axis.get_ylim()[1] < 200


def test_long_names_are_folded_and_not_cut() -> None:
    name = "route_fraction=0.5,optimizer=adamw,depth=12"
    assert _wrapped(name, 20).split("\n") == ["route_fraction=0.5,", "optimizer=adamw,", "depth=12"]
    assert _wrapped("x" * 30, 20).replace("\n", "") == "x" * 30
