"""`ablate watch`: the report as a live page on this machine alone."""

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from argparse import Namespace
from pathlib import Path

import pytest
from conftest import LINE, ROOT
from made_up import CODE, made_up

from infra.cli import watch
from infra.errors import DONE, Refused
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.writeup.report import report

STUDIES = {"line": LINE}
VALUES = {"A": [1.0, 1.1, 1.2], "B": [1.2, 1.3, "interrupted"]}


def fetch(address: str) -> tuple[str, dict[str, str]]:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode(), dict(answer.headers)


def test_page_is_the_reports_own_and_follows_the_ledger(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, VALUES)
    live = watch.LivePage(ledger, STUDIES)
    before = live.html()
    assert "Still unfinished: 1 of 6 cells" in before
    assert before == report(plan, ledger, watch.findings_of(plan, STUDIES))
    assert not live.has_ended()
    ledger.finish("1-s2", {"status": "failed", "attempt": "0001-aa", "step": 20, "error": "broken"})
    assert "1-s2 failed: broken" in live.html() and live.has_ended()


def test_a_sweep_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    ledger = Ledger(open_storage(str(tmp_path / "runs")), "sweep")
    live = watch.LivePage(ledger, STUDIES)
    assert "waiting: sweep 'sweep': must exist in" in live.html().replace("&#x27;", "'")
    assert not live.has_ended()
    made_up(tmp_path, VALUES)
    assert "Does it?" in live.html()


def test_what_cannot_be_shown_is_told_on_the_page(tmp_path: Path) -> None:
    _, ledger = made_up(tmp_path, VALUES, metric="val/absent")
    assert "its last point must have the study" in watch.LivePage(ledger, STUDIES).html()


def test_it_is_served_on_the_loopback_under_its_token_until_interrupted(tmp_path: Path) -> None:
    code = {"code": {**CODE, "study_sha256": "0" * 64}}
    made_up(tmp_path, VALUES, study_file=str(LINE), starts=lambda arm, seed: code)
    command = [sys.executable, "-m", "sweeps", "watch", "sweep", "--storage", tmp_path / "runs"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        address = server.stdout.readline().split(" at ")[1].split()[0]
        assert address.startswith("http://127.0.0.1:") and len(address.split("/")[3]) > 16
        text, headers = fetch(address)
        assert "<title>line: Does it?</title>" in text
        assert headers["Refresh"] == str(watch.ASK_AGAIN_S)
        for path in ("", "guessed/", f"{address.split('/')[3]}/../"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                fetch("/".join(address.split("/")[:3]) + f"/{path}")
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=60)
        assert server.returncode == DONE and err == "" and "look again: ablate watch sweep" in out


def test_it_ends_by_itself_when_told_to_end_with_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up(tmp_path, {"A": [1.0], "B": ["failed"]})
    monkeypatch.setattr(watch, "ASK_AGAIN_S", 0)
    storage = str(tmp_path / "runs")
    options = Namespace(name="sweep", storage=storage, port=0, until_ended=True, json=False)
    assert watch.watch(STUDIES, options) == DONE
    assert "sweep at http://127.0.0.1:" in capsys.readouterr().out


def test_a_port_that_is_taken_is_refused_in_one_line() -> None:
    with watch._server(0, "/", str) as taken, pytest.raises(Refused, match="must be free") as error:
        watch._server(taken.server_port, "/", str)
    assert "\n" not in str(error.value)
