"""A study as a TOML file: read whole, or refused by the name of what is wrong."""

import pytest
from own_scripts import PYTHON, TRAIN, git

from ablate.script_file import study_of
from infra.study.study import Study
from trainables.script.config import flags_of

WHOLE = f"""
question = "Does a larger rate pay?"
metric = "val_loss"
mode = "min"
baseline = "small"
seeds = [0, 1]
margin = 0.01

[script]
command = "{PYTHON} train.py --seed={{seed}} --out={{dir}} {{flags}}"
points = {{kind = "pattern", pattern = 'step (?P<step>\\d+): .* val loss (?P<val_loss>\\S+)'}}

[flags]
lr = 0.01
betas = [0.9, 0.95]
model.depth = 2

[arms.small]

[arms.large]
lr = 0.03
model.depth = 3

[scales.lab]

[scales.smoke]
betas = [0.0, 0.0]
"""


def written(tmp_path, text):
    (tmp_path / "train.py").write_text(TRAIN)
    path = tmp_path / "rates.toml"
    path.write_text(text)
    return path


def test_a_file_is_a_study_of_its_script(tmp_path):
    study = study_of(written(tmp_path, WHOLE))
    assert isinstance(study, Study) and (study.name, study.seeds) == ("rates", (0, 1))
    config = study.config("large", 1, "smoke")
    assert flags_of(config) == {"lr": 0.03, "betas": (0.0, 0.0), "model.depth": 3}
    assert (config.seed, config.steps_per_report) == (1, 1)
    assert study.run.cwd == tmp_path


def test_a_grid_of_lists_is_the_product_of_its_axes(tmp_path):
    grid = "[grid]\nlr = [0.01, 0.03]\nmodel.depth = [2, 3]\n"
    head, tail = WHOLE.split("[arms.small]")
    text = head.replace('"small"', '"lr=0.01 depth=2"') + grid
    assert tail and len(study_of(written(tmp_path, text)).arms) == 4


def test_flags_are_written_as_the_script_has_them_hyphens_too(tmp_path):
    text = WHOLE.replace("lr =", "learning-rate =").replace("betas =", "model.adam-betas =")
    study = study_of(written(tmp_path, text))
    config = study.config("large", 1, "smoke")
    assert flags_of(config) == {
        "learning-rate": 0.03, "model.adam-betas": (0.0, 0.0), "model.depth": 3,
    }  # fmt: skip
    assert config.learning_rate == 0.03


@pytest.mark.parametrize(
    ("old", "new", "law"),
    [
        ("question =", "question", "must be TOML, but"),
        ("margin =", "margins =", r"keys must be .*margin.*, got 'margins'"),
        ('metric = "val_loss"\n', "", "must have 'metric'"),
        ("points = {kind", "point = {kind", r"\[script\]: keys must be .*points.*, got 'point'"),
        ('"pattern", pattern =', '"pattern", patern =', r"\[script.points\]: keys must be"),
        ("--seed={seed} ", "", r"must have \{seed\}"),
        ("[arms.large]\nlr", "[arms.large]\nrate", "has no field 'rate'"),
        ("[arms.small]\n", "[arms.small]\n[grid]\nlr = [1]\n", r"\[arms.NAME\] tables or"),
        ('baseline = "small"', 'baseline = "smal"', "baseline must be one of its arms"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(old, new, law, tmp_path):
    assert old in WHOLE
    with pytest.raises(ValueError, match=law):
        study_of(written(tmp_path, WHOLE.replace(old, new, 1)))


def test_an_arm_may_be_a_commit_or_a_patch(tmp_path):
    path = written(tmp_path, WHOLE + '\n[arms.wider]\nref = "wider"\nlr = 0.02\n')
    with pytest.raises(ValueError, match="ref 'wider': must be a commit of the repository"):
        study_of(path)
    for words in (["init", "-q", "-b", "wider"], ["add", "train.py"], ["commit", "-qm", "x"]):
        git(tmp_path, *words)
    config = study_of(path).config("wider", 0)
    assert (config.code.commit, config.lr) == (git(tmp_path, "rev-parse", "wider"), 0.02)
