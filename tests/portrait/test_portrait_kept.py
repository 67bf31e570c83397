"""A kept cell's network, read from the folder that the ledger wrote, and pictures drawn by it."""

import importlib.util
import json
from dataclasses import asdict

import pytest
from PIL import Image
from tiny_portraits import TINY, same, stems  # noqa: F401

from infra.cell.reported import dump_state
from infra.ledger.ledger import Ledger
from infra.ledger.records import Commit
from infra.ledger.storage import open_storage
from infra.study.study import flatten, replace_fields
from trainables.portrait import kept
from trainables.portrait.__main__ import changed, main
from trainables.portrait.kept import configured, kept_run
from trainables.portrait.portrait import PortraitRun
from trainables.portrait.reading import ReadConfig

CONFIG = replace_fields(TINY, {"seed": 3, "ema.kept": ("short",), "repa.decay": (0.5, 0.75)})

needs_torchao = pytest.mark.skipif(
    importlib.util.find_spec("torchao") is None, reason="torchao is not installed"
)
pytestmark = pytest.mark.usefixtures("one_thread", "stems")


def written(folder, config, state, attempt="0001-a", finished=False):
    """The cell's folder, as a worker leaves it."""
    ledger = Ledger(open_storage(str(folder)), "sweep")
    told = {name: value for name, value in flatten(asdict(config)).items() if name != "data"}
    ledger.start_attempt("cell", attempt, {"config": told})
    commit = Commit(attempt, int(state["step"]), 1.0, "", "", "", "", finished=finished)
    ledger.write_commit("cell", commit, dump_state(state), [])
    return folder / "sweep" / "cells" / "cell"


@pytest.fixture
def trained(stems):  # noqa: F811
    run = PortraitRun(CONFIG)
    run.advance(3)
    return run


def test_a_cell_comes_back_with_its_config_its_newest_weights_and_its_averages(tmp_path, trained):
    written(tmp_path, CONFIG, PortraitRun(CONFIG).state_dict())
    cell = written(tmp_path, CONFIG, trained.state_dict(), "0002-b")
    run = kept_run(cell)
    assert run.cfg == CONFIG and run.step == 3 and not run.done()
    assert same(run.network.state_dict(), trained.network.state_dict())
    assert same(run.averages.state_dict(), trained.averages.state_dict())


def test_every_field_of_a_config_comes_back_from_its_dotted_form():
    assert configured(flatten(asdict(CONFIG))) == CONFIG
    reading = replace_fields(ReadConfig(), {"stem.tread.rate": 0.5, "sample.sampler": "self"})
    assert configured(flatten(asdict(reading))) == reading.read
    with pytest.raises(ValueError, match="PortraitConfig, got speed"):
        configured({**flatten(asdict(CONFIG)), "speed": 1})


def test_a_cell_without_weights_or_with_others_is_refused(tmp_path, trained):
    with pytest.raises(ValueError, match="must be the folder of a cell that kept its weights"):
        kept_run(tmp_path)
    cell = written(tmp_path, CONFIG, trained.state_dict())
    state = next(cell.glob("*/state-*.pt"))
    state.write_bytes(state.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match="and is damaged"):
        kept_run(cell)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("head.json", "{}", "head.json: must have 'state' as str, got 'none'"),
        ("head.json", "[]", "head.json: must be a JSON object, got list"),
        ("head.json", '{"state": "s", "state_sha256": 5}', "'state_sha256' as str, got 5"),
        ("start.json", "{}", "start.json: must have 'config' as dict, got 'none'"),
        ("start.json", '"text"', "start.json: must be a JSON object, got str"),
        ("start.json", "{", "start.json: must be JSON, got"),
        ("start.json", None, "start.json: must be there, got No such file"),
    ],
)
def test_files_of_another_form_are_told_in_a_line(tmp_path, capsys, file, content, told):
    attempt = tmp_path / "cell" / "0001-a"
    attempt.mkdir(parents=True)
    head = {"state": "state-3.pt", "state_sha256": "0", "finished": False}
    (attempt / "head.json").write_text(json.dumps(head))
    (attempt / "start.json").write_text('{"config": {}}')
    if content is None:
        (attempt / file).unlink()
    else:
        (attempt / file).write_text(content)
    assert main([str(tmp_path / "cell")]) == 1
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1


@needs_torchao
def test_a_cell_of_8_bits_can_be_drawn_where_there_are_no_units_for_them(
    tmp_path, trained, monkeypatch
):
    within = replace_fields(CONFIG, {"fp8.layers": "attention_mlp"})
    cell = written(tmp_path, within, trained.state_dict())
    monkeypatch.setattr(kept, "has_units", lambda device: False)
    arguments = ["--caption", "a young man", "--count", "1"]
    assert kept_run(cell).cfg.fp8.emulate
    assert main([str(cell), *arguments, "--picture", str(tmp_path / "shown.png")]) == 0


def test_a_picture_shows_before_and_after_of_an_edit(tmp_path, trained, capsys):
    cell, target = written(tmp_path, CONFIG, trained.state_dict()), tmp_path / "shown.png"
    caption = ("--caption", "a young woman with red hair", "--edit", "red=black", "--count", "2")
    for arguments in ((), caption, ("--sampler", "dual", "--count", "1")):
        target.unlink(missing_ok=True)
        assert main([str(cell), *arguments, "--picture", str(target)]) == 0
        assert Image.open(target).format == "PNG"
    assert "by the weights of step 3" in capsys.readouterr().out


def test_what_cannot_be_shown_is_told_in_a_line(tmp_path, trained, capsys):
    cell = written(tmp_path, CONFIG, trained.state_dict())
    assert main([str(cell), "--caption", "a portrait"]) == 1
    assert "a caption must have one of its words" in capsys.readouterr().err
    assert main([str(tmp_path / "none")]) == 1
    assert "must be the folder of a cell" in capsys.readouterr().err


def test_words_are_exchanged_whole_and_as_told():
    assert changed("a red shirt, reddish", ("red", "blue")).after == "a blue shirt, reddish"
    assert changed("a man", ("red", "blue")) is None
    assert changed("a young man", None).words == ("young", "mature")
