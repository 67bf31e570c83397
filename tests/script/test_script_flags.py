"""What an arm sets reaches the script as it would have been typed."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from infra.study.study import replace_fields
from trainables.script.command import filled, free_port, words_of
from trainables.script.config import ScriptConfig, flags_of, new_config
from trainables.script.flags import arguments, variables

VALUES = {"lr": 1e-3, "compile": True, "bias": False, "seed_file": None, "betas": (0.9, 0.95)}
COMMAND = "python train.py --seed={seed} {flags}"


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (
            "--name=value",
            "--lr=0.001 --compile=True --bias=False --seed_file=None --betas=[0.9, 0.95]",
        ),
        ("--name value", "--lr 0.001 --compile --betas 0.9 0.95"),
        ("name=value", "lr=0.001 compile=true bias=false seed_file=null betas=[0.9,0.95]"),
        ("env", ""),
    ],
)
def test_each_way_has_its_own_words_for_true_false_none_and_lists(way, words, tmp_path):
    assert " ".join(arguments(way, VALUES, tmp_path)) == words


def test_variables_of_the_environment_are_set_or_not_there():
    told = {"lr": "0.001", "compile": "1", "bias": "0", "betas": "0.9,0.95"}
    assert variables("env", VALUES) == told
    assert variables("--name=value", VALUES) == {}


@pytest.mark.parametrize(("way", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_file_of_flags_is_nested_where_names_are_dotted(way, read, tmp_path):
    [path] = arguments(way, {**VALUES, "model.depth": 3, "model.act": "no"}, tmp_path)
    told = read(Path(path).read_text())
    assert told["model"] == {"depth": 3, "act": "no"} and told["betas"] == [0.9, 0.95]
    assert told["seed_file"] is None and told["compile"] is True


def test_no_value_is_split_or_expanded():
    words = words_of("python 'my train.py' --out={dir} {flags} --note='{seed} of {dir}'")
    told = filled(words, {"dir": "/a b", "seed": "3"}, ["--x=$HOME", "a 'b' \"c\""])
    assert told == [
        "python", "my train.py", "--out=/a b", "--x=$HOME", "a 'b' \"c\"", "--note=3 of /a b"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "law"),
    [
        ({"command": "python train.py {flags}"}, r"must have \{seed\}, or a variable"),
        ({"command": "python 'train.py {seed}"}, "must have whole quotations"),
        ({"command": "  "}, "must name a program"),
        ({"command": COMMAND + " {out}"}, r"gaps must be \{seed\}, .*, got \{out\}"),
        ({"command": COMMAND, "way": "--name:value"}, "way must be one of"),
        ({"command": COMMAND, "stop": "TERM"}, "stop must be a signal"),
        ({"command": COMMAND, "grace_s": -1.0}, "must be at least 0"),
        ({"command": COMMAND, "folder": "anew"}, "folder must be 'there' or 'copy'"),
        ({"command": COMMAND, "environment": {"WANDB_API_KEY": "x"}}, "must be no secret"),
    ],
)
def test_a_script_that_cannot_take_part_is_refused_in_a_line(told, law):
    with pytest.raises(ValueError, match=law):
        ScriptConfig(**told)


def test_a_seed_in_the_environment_is_a_seed():
    ScriptConfig(command="./train {flags}", environment={"SEED": "{seed}"})


@pytest.mark.parametrize(
    ("command", "flags", "law"),
    [
        ("python train.py {seed}", {"lr": 1}, r"must have \{flags\}, or the 1 flags"),
        (COMMAND, {"max iters": 1}, "must be words of letters, digits, '-' and '_'"),
        (COMMAND, {"data.path": "x"}, "must not begin with 'data', which is ours"),
    ],
)
def test_flags_that_could_not_be_told_are_refused(command, flags, law):
    with pytest.raises(ValueError, match=law):
        new_config(ScriptConfig(command=command), flags)


def test_a_config_has_the_scripts_own_flags_and_all_that_it_is_told():
    config = new_config(ScriptConfig(command=COMMAND), {"lr": 0.1, "model.depth": 2, "b": [1]})
    config = replace_fields(config, {"model.depth": 5, "seed": 3})
    assert flags_of(config) == {"lr": 0.1, "model.depth": 5, "b": (1,)}
    assert asdict(config)["script"]["command"] == COMMAND
    with pytest.raises(ValueError, match="has no field 'lrr'"):
        replace_fields(config, {"lrr": 1})


def test_a_free_port_is_one():
    assert 1024 < free_port() < 65536
