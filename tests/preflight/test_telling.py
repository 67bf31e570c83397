"""While arms are tried a person sees which one: a line on a terminal, seldom one elsewhere."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from conftest import LINE, ablate

from infra.preflight import telling as module
from infra.preflight.telling import tell, telling


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: StringIO) -> str:
    with redirect_stdout(out), telling("preflight"):
        for number in (1, 2, 3):
            with redirect_stdout(StringIO()):  # as what a run prints is caught
                tell(f"tries arm 'a{number}', {number} of 3")
    return out.getvalue()


def test_a_terminal_shows_one_line_that_is_gone_at_the_end() -> None:
    text = shown(Terminal())
    assert "preflight: tries arm 'a3', 3 of 3 (0 s)" in text
    assert text.count("\n") <= 1 and text.endswith("\x1b[2K")  # which clears the line


def test_elsewhere_a_line_comes_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(StringIO()) == ""
    monkeypatch.setattr(module, "_SELDOM_S", -1.0)
    assert shown(StringIO()).splitlines()[1] == "preflight: tries arm 'a2', 2 of 3 (0 s)"
    tell("nobody looks")


def test_a_dry_resume_refuses_first_what_the_resume_would_refuse(tmp_path: Path) -> None:
    study = tmp_path / "mine.py"
    study.write_text(LINE.read_text())
    place = ("--storage", tmp_path / "runs")
    words = ("--scale", "smoke", "--seeds", "0", "--here", "plain", *place)
    assert ablate("run", study, *words).returncode == 0
    study.write_text(LINE.read_text() + "# edited\n")
    further = ("resume", "line-smoke", "--seeds", "1", "--dry-run", *place)
    done = ablate(*further)
    assert done.returncode == 2 and "the digest of the study's file was" in done.stderr
    assert "preflight:" not in done.stdout
    accepted = ablate(*further, "--accept-code-change")
    assert accepted.returncode == 0 and "preflight: 1 arms run" in accepted.stdout


def test_a_dry_run_of_a_sweep_with_nothing_left_tries_no_arms(tmp_path: Path) -> None:
    words = ("--scale", "smoke", "--seeds", "0", "--storage", tmp_path)
    for arm in ("plain", "half", "heavy"):
        assert (
            ablate("run", LINE, *words, "--here", arm, "--arms", "plain,half,heavy").returncode == 0
        )
    done = ablate("resume", "line-smoke", "--dry-run", "--storage", tmp_path)
    assert done.returncode == 0 and "finished" in done.stdout and "preflight" not in done.stdout
