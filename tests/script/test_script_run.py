"""A script as the run of a cell: waited for, kept with its folder, gone on with, and compared."""

import math
from pathlib import Path

import pytest
from own_scripts import LOSSES, PYTHON, TRAIN, train

from infra.cell.reported import dump_state, load_state
from infra.study.black_box import TrainsAlone
from infra.study.study import replace_fields
from trainables.script.points import Points
from trainables.script.script import Script

METRIC = "val_loss"
FALLING = """for n in (2, 1): print('{"step": %d, "val_loss": 1}' % n)"""
RESUMED = {"resume": "--resume"}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """As cells run."""
    (tmp_path / "cell").mkdir()
    monkeypatch.chdir(tmp_path / "cell")


def to_its_end(run) -> list[tuple[int, float]]:
    points = []
    while not run.done():
        if run.awaits(METRIC, 5.0):
            run.advance(1)
            points.append((run.step, run.evaluate()[METRIC]))
    run.close()
    return points


def one(run):
    """The run at its next point."""
    assert run.awaits(METRIC, 60.0)
    run.advance(1)
    return run


def expected(seed=0, lr=0.01) -> list[tuple[int, float]]:
    return [(n, pytest.approx((10 + seed) * (1 - lr) ** n, abs=1e-4)) for n in (10, 20, 30, 40)]


def test_its_points_are_what_the_script_prints(tmp_path):
    script = train(tmp_path)
    run = script(replace_fields(script.base, {"seed": 3, "lr": 0.02}))
    assert isinstance(run, TrainsAlone)
    assert (run.step, run.evaluate(), run.done()) == (0, {}, False)
    assert to_its_end(run) == expected(3, 0.02)
    assert run.done() and run.step == 40 and not run.folder.exists()


def test_a_point_takes_what_was_told_before_its_metric(tmp_path):
    source = 'import json\nfor n in (1, 2):\n    print(json.dumps({"step": n, "lr": n / 10}))\n'
    source += '    print(json.dumps({"step": n, "val_loss": 1 / n}))\n'
    run = train(tmp_path, source, points=Points())(train(tmp_path, source, points=Points()).base)
    assert one(run).evaluate() == {"lr": 0.1, METRIC: 1.0}
    assert one(run).evaluate() == {"lr": 0.2, METRIC: 0.5} and run.step == 2
    run.close()


def test_points_of_a_file_are_read_as_it_grows(tmp_path):
    begins = "log = open(a.out + '/log.csv', 'w')\nprint('step,val_loss', file=log)\n"
    source = TRAIN.replace("begin, x = 0", begins + "begin, x = 0", 1)
    source = source.replace("print(f", "print(f'{i + 1},{x}', file=log, flush=True)  #")
    script = train(tmp_path, source, points=Points(kind="csv", file="{dir}/log.csv"))
    assert to_its_end(script(script.base)) == expected()


def test_it_goes_on_from_its_folder_in_another_process(tmp_path):
    script = train(tmp_path, **RESUMED)
    first = one(one(script(replace_fields(script.base, {"pause": 0.01}))))
    state = load_state(dump_state(first.state_dict()))
    first.close()
    second = script(script.base)
    second.load_state_dict(state)
    assert (second.step, second.resumes) == (20, "checkpoint")
    rest = [point for point in to_its_end(second) if point[0] > 20]
    assert rest == expected()[2:]


def test_one_that_cannot_go_on_begins_again_and_its_points_are_compared(tmp_path, capsys):
    script = train(tmp_path)
    first = one(one(script(script.base)))
    state = load_state(dump_state(first.state_dict()))
    first.close()
    assert first.resumes == "again" and not state["folder"].numel()
    second = script(script.base)
    second.load_state_dict(state)
    assert to_its_end(second) == expected()[2:]
    assert "was" not in capsys.readouterr().out
    state["points"][10][METRIC] = 5.0
    third = script(script.base)
    third.load_state_dict(state)
    to_its_end(third)
    assert "step 10: val_loss was 5 and is 9.04382 now" in capsys.readouterr().out


def test_points_without_a_step_are_counted_anew_where_a_script_begins_again(tmp_path):
    source = "for n in (1, 2, 3): print('{\"val_loss\": %d}' % n)"
    script = train(tmp_path, source, points=Points())
    first = one(one(script(script.base)))
    state = load_state(dump_state(first.state_dict()))
    first.close()
    second = script(script.base)
    second.load_state_dict(state)
    assert to_its_end(second) == [(3, 3.0)]


def test_what_keeps_changing_is_not_kept_and_that_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("trainables.script.run.QUIET_S", 0.3)
    source = 'import sys, time\nprint(\'{"step": 1, "val_loss": 1}\', flush=True)\nn = 0\n'
    source += "while True:\n    n += 1\n    open(sys.argv[2][6:] + '/x', 'w').write(str(n))\n"
    script = train(tmp_path, source, points=Points(), **RESUMED)
    run = one(script(script.base))
    assert not run.state_dict()["folder"].numel()
    run.close()
    assert "files went on changing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "law"),
    [
        ("raise SystemExit('out of luck')", "must end with exit status 0, got exit status 1: out"),
        ("import os; os.kill(os.getpid(), 9)", "got SIGKILL: it printed nothing"),
        ("print('nothing to tell')", "must tell a point with the study's metric, got none"),
        (FALLING, "steps must rise from point to point, got 1 after 2"),
    ],
)
def test_what_a_script_does_wrong_is_told_in_a_line(source, law, tmp_path):
    script = train(tmp_path, source, points=Points())
    run = script(script.base)
    with pytest.raises(RuntimeError, match=law):
        to_its_end(run)
    run.close()


def test_one_that_hangs_is_ended(tmp_path):
    script = train(tmp_path, "import time; time.sleep(300)", silent_s=0.5)
    run = script(script.base)
    with pytest.raises(RuntimeError, match=r"must print a line every 0.5 s \(silent_s\)"):
        to_its_end(run)
    run.close()


def test_a_metric_that_is_no_number_reaches_whoever_checks_it(tmp_path):
    script = train(tmp_path, 'print(\'{"step": 1, "val_loss": NaN}\')', points=Points())
    run = script(script.base)
    assert math.isnan(one(run).evaluate()[METRIC])
    run.close()


def test_attempts_do_not_share_a_folder_and_a_copy_is_one_of_its_own(tmp_path):
    source = "import os\nopen('here.txt', 'a').write('x')\nlog = open('here.txt').read()\n"
    source += 'print(\'{"step": 1, "val_loss": %d}\' % len(log))'
    shared = train(tmp_path, source, points=Points())
    assert [to_its_end(shared(shared.base))[0][1] for _ in range(2)] == [1.0, 2.0]
    (tmp_path / "here.txt").unlink()
    own = train(tmp_path, source, points=Points(), folder="copy")
    assert [to_its_end(own(own.base))[0][1] for _ in range(2)] == [1.0, 1.0]
    assert not (tmp_path / "here.txt").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    script = train(tmp_path, cwd="nowhere")
    with pytest.raises(RuntimeError, match="cwd must be a folder on this machine, got .*nowhere"):
        script(script.base).awaits(METRIC, 1.0)


def test_the_folder_is_seen_from_the_studys_own_file_or_from_where_one_is():
    told = {"command": f"{PYTHON} x.py {{seed}}", "points": Points(kind="pattern", pattern=LOSSES)}
    assert Script(root=__file__, cwd="..", **told).cwd == Path(__file__).parent.parent
    assert Script(**told).cwd == Path.cwd()
