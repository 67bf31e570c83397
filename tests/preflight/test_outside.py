"""Arms of scripts, tried from outside: what a short start can say, and what it cannot."""

import pytest
from own_scripts import PYTHON, TRAIN

from ablate import Arms, Study
from infra.preflight.outside import SILENT, outside
from infra.study.plan import make_plan
from trainables.script.points import Points
from trainables.script.script import Script

USUAL = {
    "command": f"{PYTHON} train.py --seed={{seed}} --out={{dir}} {{flags}}",
    "points": Points(kind="pattern", pattern=r"step (?P<step>\d+): .* val loss (?P<val_loss>\S+)"),
}


def complaints(tmp_path, source=TRAIN, arms=None, flags=None, **told) -> dict[str, bool]:
    """What is said, and whether it is fatal."""
    (tmp_path / "train.py").write_text(source)
    flags = {"lr": 0.01, "steps": 40} if flags is None else flags
    script = Script(root=tmp_path, flags=flags, **{**USUAL, **told})
    study = Study(
        name="rates",
        question="Does a larger rate pay?",
        run=script,
        base=script.base,
        space=Arms(source="own", overrides=arms or {"small": {}, "large": {"lr": 0.03}}),
        scales={"lab": {}, "smoke": {"steps": 20}} if "steps" in flags else {},
        seeds=(0, 1),
        metric="val_loss",
        mode="min",
        baseline="small",
    )
    return {one.text: one.fatal for one in outside(study, make_plan(study, "lab")).complaints}


def test_a_script_that_is_well_has_one_line_of_what_was_not_asked(tmp_path):
    assert complaints(tmp_path) == {SILENT: False}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.py"]


@pytest.mark.parametrize(
    ("old", "new", "law", "fatal"),
    [
        ("10.0 + a.seed", "10.0", "must depend on its seed, but 0 and 1 give the same", True),
        ("a.lr * x", "0.01 * x", "arms 'small' and 'large': tell the same points", False),
        ("10.0 + a.seed", "time.time() % 10", "started twice it tells other points", False),
        ("p.parse_args()", "p.parse_known_args()[0]", "takes a flag that it cannot know", False),
        (
            "begin, x =",
            "open('ckpt.pt', 'w')\nbegin, x =",
            "must write to {dir} alone, but changed",
            True,
        ),
        ("val loss", "valid loss", "must tell a point with the study's metric", True),
        ("for i in", "1 / (a.lr < 0.02)\nfor i in", "arm 'large': must run, but", True),
    ],
)
def test_what_is_wrong_is_named(old, new, law, fatal, tmp_path):
    found = [
        is_fatal
        for text, is_fatal in complaints(tmp_path, TRAIN.replace(old, new)).items()
        if law in text
    ]
    assert found == [fatal]


def test_without_a_smaller_scale_a_start_ends_at_its_first_point(tmp_path):
    source = TRAIN.replace("default=0.0", "default=0.05").replace("default=40", "default=10**6")
    assert complaints(tmp_path, source, flags={"lr": 0.01}) == {SILENT: False}


def test_times_make_no_difference_between_two_starts(tmp_path):
    told = 'print(json.dumps({"step": i + 1, "val_loss": x, "perf/s": time.time()}), flush=True)'
    source = TRAIN.replace('print(f"step', f'{told}\n        print(f"step')
    assert told in source and complaints(tmp_path, source, points=Points()) == {SILENT: False}
