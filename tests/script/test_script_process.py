"""A script's process: heard, stopped, and gone with all that came of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import wait_for

from trainables.script.process import ScriptProcess, environment_of, signal_name

SLEEPER = "import time; time.sleep(300)"


def began(code: str, tmp_path: Path, **told) -> ScriptProcess:
    return ScriptProcess([sys.executable, "-c", code], tmp_path, environment_of(1, {}), **told)


def heard(process: ScriptProcess) -> list[str]:
    lines = []
    while not process.over:
        line = process.line(1.0)
        if line is not None:
            lines.append(line)
    return lines


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_script_is_heard_to_its_end_and_its_status_is_told(tmp_path):
    process = began("import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)", tmp_path)
    assert sorted(heard(process)) == ["a", "b"] and process.wait() == 3
    assert signal_name(3) == "exit status 3" and signal_name(137) == "SIGKILL"
    process.close()


def test_a_program_that_is_not_there_is_told_in_a_line(tmp_path):
    process = ScriptProcess([str(tmp_path / "none")], tmp_path, environment_of(1, {}))
    assert "must be a program, No such file" in heard(process)[0] and process.wait() == 127
    process.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "daemon",
    [
        "q = subprocess.Popen([sys.executable, '-c', S], start_new_session=True); print(q.pid)",
        "p = os.fork()\nif p == 0:\n    os.setsid()\n    r = os.fork()\n    if r == 0:\n"
        "        time.sleep(300)\n    print(r, flush=True)\n    os._exit(0)\nos.waitpid(p, 0)",
    ],
)
@pytest.mark.parametrize("ends", ["itself", "closed"])
def test_what_a_script_leaves_running_ends_with_it_in_any_session(daemon, ends, tmp_path):
    stay = "" if ends == "itself" else "\nsys.stdout.flush()\ntime.sleep(300)"
    process = began(f"import os, subprocess, sys, time\nS = {SLEEPER!r}\n{daemon}{stay}", tmp_path)
    pid = int(process.line(30.0) or 0)
    if ends == "itself":
        heard(process)
        process.wait()
    process.close()
    assert not lives(pid)


def test_a_script_is_asked_first_and_killed_when_its_grace_is_over(tmp_path):
    asks = "import signal, sys, time\nsignal.signal(signal.SIGTERM, {})\nprint('ready', flush=True)"
    polite = began(asks.format("lambda *_: (print('saved', flush=True), sys.exit(0))")
                   + "\ntime.sleep(300)", tmp_path)  # fmt: skip
    assert polite.line(30.0) == "ready"
    polite.ask_to_stop()
    assert heard(polite) == ["saved"] and polite.wait() == 0
    stubborn = began(asks.format("signal.SIG_IGN") + "\ntime.sleep(300)", tmp_path, grace_s=0.2)
    assert stubborn.line(30.0) == "ready"
    stubborn.close()
    assert stubborn.status() == 128 + signal.SIGKILL
    for process in (polite, stubborn):
        process.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_script_ends_when_the_worker_is_killed(tmp_path):
    source = f"""
import sys, time
from pathlib import Path
from trainables.script.process import ScriptProcess, environment_of
code = "import os; print(os.getpid(), flush=True); {SLEEPER}"
process = ScriptProcess([sys.executable, "-c", code], Path("."), environment_of(1, {{}}))
print(process.line(60), flush=True)
time.sleep(300)
"""
    worker = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    pid = int(worker.stdout.readline())
    assert lives(pid)
    worker.kill()
    worker.wait()
    wait_for(lambda: not lives(pid), f"the end of process {pid}")


def test_signals_that_a_worker_blocks_reach_its_scripts(tmp_path):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        process = began(f"print('ready', flush=True); {SLEEPER}", tmp_path, grace_s=60.0)
        assert process.line(30.0) == "ready"
        process.ask_to_stop()
        assert process.wait() == 128 + signal.SIGTERM
        process.close()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def test_a_flood_is_read_and_what_is_no_utf8_is_marked(tmp_path):
    flood = "import sys\nfor _ in range(20): sys.stdout.write('x' * 10**6)\nprint()"
    process = began(flood + "\nsys.stdout.buffer.write(b'\\xff\\xfe end\\n')", tmp_path)
    long, last = heard(process)
    assert set(long) == {"x"} and last == "\ufffd\ufffd end"
    process.close()


def test_a_script_sees_nothing_of_ours_or_rays(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "x")
    monkeypatch.setenv("ABLATE_STORAGE", "x")
    monkeypatch.setenv("HF_TOKEN", "inherited")
    told = environment_of(3, {"SEED": "1"})
    assert not [name for name in told if name.startswith(("RAY_", "ABLATE_"))]
    assert told["OMP_NUM_THREADS"] == "3" and told["SEED"] == "1" and told["PYTHONUNBUFFERED"]
    assert told["HF_TOKEN"] == "inherited" and told["PATH"] == os.environ["PATH"]
