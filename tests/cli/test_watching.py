"""What `status --watch` and `list` show: shares of steps, curves so far, lines that fit."""

import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from conftest import ROOT, ablate, process, wait_for
from made_up import METRIC, made_up

from infra.cli.watching import progress_table, screen
from infra.ledger.provenance import without_passwords
from infra.writeup.sparkline import sparkline
from infra.writeup.tables import Table


def test_a_curve_goes_from_its_lowest_to_its_highest_bar() -> None:
    assert sparkline([3.0, 2.0, 1.0]) == "█▅▁"
    assert sparkline([]) == "" and sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([0.0, float("nan"), 1.0]) == "▁█"
    long = sparkline(range(1000), width=8)
    assert long == "▁▂▃▄▅▆▇█"


def rows(plan, ledger, most: int) -> list[tuple[str, ...]]:
    states = {key: (r.status, r) for key, r in ledger.records(plan).items()}
    return list(progress_table(plan, states, most).rows)


def test_each_cell_has_its_share_of_steps_and_its_curve(tmp_path: Path) -> None:
    values = {"A": [1.0, "pending"], "B": [2.0, "interrupted"]}
    budget = {arm: {"steps": 40, "rate": rate} for arm, rate in (("A", 0.1), ("B", 0.2))}
    plan, ledger = made_up(tmp_path, values, configs=budget)
    told = {row[0]: row[1:5] for row in rows(plan, ledger, most=9)}
    assert told["0-s0"] == ("finished", "100%", "1", "█▆▅▃▁")
    assert told["0-s1"] == ("pending", "0%", "", "")
    assert told["1-s1"] == ("interrupted", "50%", "3", "█▅▁")


def test_many_cells_are_told_by_arm_with_the_mean_of_their_curves(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1.0, 2.0], "B": [2.0, "pending"]})
    a, b = rows(plan, ledger, most=3)
    assert a[:4] == ("A", "2/2", "100%", "1.5") and a[4] == "█▆▅▃▁"
    assert b[:4] == ("B", "1/2", "40", "2")  # of a budget that no config tells


def test_what_is_no_terminal_gets_a_screen_only_when_it_differs() -> None:
    table = Table("title", ("arm", " n"), (("a", "1"),))
    with redirect_stdout(StringIO()) as out, screen() as show:
        for parts in ([table, "one"], [table, "one"], [table, "two"]):
            show(parts)
    assert out.getvalue().count("title") == 2


def test_a_terminal_is_redrawn_in_place() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    with redirect_stdout(Terminal()) as out, screen() as show:
        show(["first look", "of two lines"])
        show(["second look", "of two lines"])
    assert "second look" in out.getvalue().rpartition("\x1b[1A")[2]  # the cursor goes up before


def test_watch_waits_for_a_sweep_that_begins_and_ends_with_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["status", "sweep", "--watch", "--storage", str(tmp_path / "runs")]
    with (
        out.open("w") as file,
        process([sys.executable, "-m", "sweeps", *words], cwd=ROOT, stdout=file) as watcher,
    ):
        wait_for(lambda: "waits for sweep 'sweep'" in out.read_text(), "the wait")
        plan, ledger = made_up(tmp_path, {"A": [1.0, 1.1], "B": [2.0, 2.1]})
        assert ledger.storage.uri == str(tmp_path / "runs")
        assert watcher.wait(60) == 0
    text = out.read_text()
    assert text.count("waits for") == 1 and f"{METRIC}" in text and "4 finished" in text


def test_a_watched_sweep_without_driver_ends_with_how_to_go_on(tmp_path: Path) -> None:
    _, ledger = made_up(tmp_path, {"A": [1.0, "failed"], "B": [2.0, "pending"]})
    done = ablate("status", "sweep", "--watch", "--storage", ledger.storage.uri)
    assert done.returncode == 1
    assert "go on with `ablate resume sweep --storage" in done.stdout and " failed: " in done.stdout


def test_a_list_fits_eighty_columns_with_two_lines_a_study() -> None:
    lines = ablate("list", "--storage", "/nowhere/runs").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    at = [i for i, line in enumerate(lines) if line.startswith(("dino_cm ", "dino_koleo "))]
    assert at[1] - at[0] == 2 and "slow center?" in lines[at[0] + 1]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["/site/sweeps/__main__.py", "run", "x"], "python -m sweeps run x"),
        (["sweeps/dino_cm.py", "--dry-run"], "python sweeps/dino_cm.py --dry-run"),
        (["/venv/bin/ablate", "run", "x"], "ablate run x"),
        (["ablate", "--tracking", "http://me:secret@host"], "ablate --tracking http://***@host"),
    ],
)
def test_a_command_that_is_told_can_be_pasted(argv: list[str], told: str) -> None:
    assert " ".join(without_passwords(argv)) == told
