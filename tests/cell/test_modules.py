"""Changed code is found in every module of the user's, wherever it lies, also imported late."""

import importlib
import json
import py_compile
import sys
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest
from conftest import LINE, ablate_process

from infra.ledger import modules
from infra.ledger.ledger import Ledger
from infra.ledger.modules import digest_now, own_modules, recorded_modules
from infra.ledger.storage import open_storage

HERE = ["--here", "half", "--scale", "smoke", "--no-preflight"]


def write(folder: Path, text: str, late: str = "") -> Path:
    """A study that imports at its top, or in its first step, from elsewhere than beside it."""
    (folder / "study").mkdir(exist_ok=True)
    code = LINE.read_text().replace("import torch\n", f"import torch\n{text}\n", 1)
    code = code.replace(
        "        loss = torch.zeros(())\n",
        f"        {late or 'pass'}\n        loss = torch.zeros(())\n",
    )
    file = folder / "study" / "line.py"
    file.write_text(code)
    return file


def helper(folder: Path, rate: float = 0.1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "helpers_of_mine.py"
    file.write_text(f"RATE = {rate}\n")
    return file


def recorded(storage: Path) -> set[str]:
    ledger = Ledger(open_storage(str(storage)), "line-smoke")
    known = [r.commit.realised.get("modules", ()) for r in ledger.records().values() if r.commit]
    return {text.rpartition("=")[0] for own in known for text in own}


@pytest.mark.parametrize("way", ["package on PYTHONPATH", "late from sys.path"])
def test_an_edit_of_code_from_outside_the_folder_is_refused_and_named(way: str, tmp_path) -> None:
    lib, storage = tmp_path / "lib", tmp_path / "runs"
    if way == "late from sys.path":
        name, file, path = "helpers_of_mine", helper(lib), {}
        study = write(tmp_path, f"import sys; sys.path.insert(0, {str(lib)!r})", f"import {name}")
    else:
        name, file, path = "mine.helpers_of_mine", helper(lib / "mine"), {"PYTHONPATH": str(lib)}
        (lib / "mine" / "__init__.py").write_text("")
        study = write(tmp_path, f"import {name}")
    place = [study, *HERE, "--storage", storage]
    first = ablate_process("run", *place, "--seeds", "0", **path)
    assert first.returncode == 0, first.stderr
    assert name in recorded(storage)
    file.write_text("RATE = 0.2\n")
    changed = ablate_process("run", *place, "--seeds", "1", **path)
    assert changed.returncode == 2, changed.stdout
    assert f"the digest of its module '{name}' was" in changed.stderr


def test_an_edit_of_what_only_a_step_can_find_fails_the_cell_that_runs_it(tmp_path) -> None:
    lib, storage = tmp_path / "lib", tmp_path / "runs"
    file = helper(lib)
    late = f"import sys; sys.path.insert(0, {str(lib)!r}); import helpers_of_mine"
    place = [write(tmp_path, "", late), *HERE, "--storage", storage]
    assert ablate_process("run", *place, "--seeds", "0").returncode == 0
    file.write_text("RATE = 0.2\n")
    changed = ablate_process("run", *place, "--seeds", "1")
    assert changed.returncode == 1, changed.stdout + changed.stderr
    assert "its module 'helpers_of_mine': must be as earlier cells ran it" in changed.stdout
    accepted = ablate_process("run", *place, "--seeds", "1", "--accept-code-change")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr


def test_a_module_that_is_gone_is_a_note(tmp_path) -> None:
    lib, storage = tmp_path / "lib", tmp_path / "runs"
    helper(lib)
    late = "try:\n            import helpers_of_mine\n        except ImportError:\n            pass"
    place = [write(tmp_path, "", late), *HERE, "--storage", storage]
    assert ablate_process("run", *place, "--seeds", "0", PYTHONPATH=str(lib)).returncode == 0
    again = ablate_process("run", *place, "--seeds", "1")
    assert again.returncode == 0, again.stderr
    assert "note: earlier cells had loaded helpers_of_mine, which is not found now" in again.stdout


def test_a_ledger_of_before_modules_goes_on_by_its_one_digest(tmp_path) -> None:
    study, storage = write(tmp_path, ""), tmp_path / "runs"
    place = [study, *HERE, "--storage", storage]
    assert ablate_process("run", *place, "--seeds", "0").returncode == 0
    for name in ("start.json", "head.json"):
        [file] = storage.rglob(name)
        held = json.loads(file.read_text())
        held.get("code", {}).pop("study_file_sha256", None)
        held.get("realised", {}).pop("modules", None)
        file.write_text(json.dumps(held))
    assert ablate_process("run", *place, "--seeds", "1").returncode == 0
    study.write_text(study.read_text() + "# edited\n")
    refused = ablate_process("run", *place, "--seeds", "2")
    assert refused.returncode == 2 and "the digest of the study's file was" in refused.stderr


def test_only_code_of_the_users_counts(tmp_path, monkeypatch) -> None:
    file = helper(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import helpers_of_mine  # noqa: F401  # pyright: ignore[reportMissingImports]

    own = own_modules()
    assert own["helpers_of_mine"] == digest_now("helpers_of_mine") == modules._digest(file)
    file.write_text("RATE = 3\n")  # what runs is what was imported
    assert own_modules()["helpers_of_mine"] == own["helpers_of_mine"]
    tops = {name.partition(".")[0] for name in own}
    assert not tops & {"torch", "json", "infra", "trainables", "pytest", "conftest", "test_modules"}
    del sys.modules["helpers_of_mine"], modules._seen["helpers_of_mine"]


def in_zip(folder: Path, value: int) -> Path:
    with ZipFile(folder / "lib.zip", "w") as archive:
        archive.writestr("mine/helper.py", f"RATE = {value}\n")
        archive.writestr("mine/__init__.py", "")
    return folder / "lib.zip"


def sourceless(folder: Path, value: int) -> Path:
    source, package = folder / "helper.py", folder / "lib" / "mine"
    source.write_text(f"RATE = {value}\n")
    package.mkdir(parents=True, exist_ok=True)
    py_compile.compile(str(source), cfile=str(package / "helper.pyc"))
    (package / "__init__.py").write_text("")  # or a mine.py anywhere goes before it
    return folder / "lib"


@pytest.mark.parametrize("make", [in_zip, sourceless])
@pytest.mark.parametrize("loaded", [True, False])
def test_a_module_that_is_no_source_file_counts(make, loaded: bool, tmp_path, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        monkeypatch.delitem(sys.modules, name)  # of another test
    monkeypatch.syspath_prepend(str(make(tmp_path, 1)))
    before = digest_now("mine.helper")
    if loaded:
        importlib.import_module("mine.helper")
        assert own_modules()["mine.helper"] == before
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]
        modules._seen.pop(name, None)
    make(tmp_path, 22)
    importlib.invalidate_caches()  # as in another process
    assert before and digest_now("mine.helper") not in ("", before)


def test_what_torch_and_triton_write_as_they_go_does_not_count(tmp_path, monkeypatch) -> None:
    """Kernels of torch.compile are modules below one of its modules, launchers shared objects."""
    kernel, launcher = tmp_path / "cy4a7q.py", tmp_path / "__triton_launcher.so"
    for name, file in [("json.decoder.cy4a7q", kernel), ("__triton_launcher", launcher)]:
        file.write_text("")
        made = ModuleType(name)
        made.__file__ = str(file)
        monkeypatch.setitem(sys.modules, name, made)
    assert not own_modules().keys() & {"json.decoder.cy4a7q", "__triton_launcher"}
    monkeypatch.syspath_prepend(str(tmp_path))  # as an extension of the user's is found
    assert "__triton_launcher" in own_modules()
    del modules._seen["__triton_launcher"]


def test_a_helper_called_as_tests_are_counts_where_no_test_runs_it(tmp_path) -> None:
    study, storage = write(tmp_path, "import test_functions"), tmp_path / "runs"
    (study.parent / "test_functions.py").write_text("RATE = 1\n")
    place = [study, *HERE, "--storage", storage]
    assert ablate_process("run", *place, "--seeds", "0").returncode == 0
    assert recorded(storage) == {"test_functions"}


def test_digests_come_back_from_what_a_commit_holds() -> None:
    texts = modules.as_texts({"a.b": "12", "c": "34"})
    assert recorded_modules([*texts, "c=56"]) == {"a.b": {"12"}, "c": {"34", "56"}}
    assert digest_now("no_such_module.inner") == ""
