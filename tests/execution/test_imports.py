"""Workers find what the driver found, and a node that does not is named before any cell begins."""

import shutil
from pathlib import Path

from conftest import LINE, ablate_process
from six_cells import QUICK, ledger


def study_of_a_library(folder: Path, imported: str, more: str = "") -> Path:
    """A study whose run is a class of a module that lies elsewhere, or nowhere, with more in it."""
    code = LINE.read_text()
    config, rest = code.split("class LineRun:")
    body, study = rest.split("STUDY = Study(")
    (folder / "lib").mkdir()
    library = f"{config}\n\nclass LineRun:{body}\n{more}"
    (folder / "lib" / "line_of_mine.py").write_text(library)
    file = folder / "line.py"
    file.write_text(f"from ablate import Arms, Study, main\n{imported}\n\nSTUDY = Study({study}")
    return file


def test_workers_find_modules_where_the_driver_found_them(tmp_path, ray_address) -> None:
    """In an archive, and beside it in a folder."""
    places = [str(tmp_path / "lib.zip"), str(tmp_path / "more")]
    path = f"import sys\nsys.path[:0] = {places!r}\n"
    path += "from line_of_mine import LineConfig, LineRun"
    study = study_of_a_library(tmp_path, path, more="import more_of_mine\n")
    shutil.make_archive(str(tmp_path / "lib"), "zip", tmp_path / "lib")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "more_of_mine.py").write_text("")
    done = ablate_process(
        "run", study, *QUICK, "--arms", "plain,half", "--seeds", "0", "--no-preflight",
        "--storage", tmp_path / "runs", "--address", ray_address,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    records = ledger(tmp_path / "runs", "line-smoke").records().values()
    assert {record.status for record in records} == {"finished"}
    for record in records:
        assert record.commit
        names = {text.rpartition("=")[0] for text in record.commit.realised["modules"]}
        assert {"line_of_mine", "more_of_mine"} <= names


def test_a_node_that_cannot_import_the_study_is_refused_in_one_line(tmp_path, ray_address) -> None:
    made = (
        "import sys, types\n"
        f"only_here = types.ModuleType('only_here')\n"
        f"exec(open({str(tmp_path / 'lib' / 'line_of_mine.py')!r}).read(), only_here.__dict__)\n"
        "sys.modules['only_here'] = only_here\n"
        "from only_here import LineConfig, LineRun"
    )
    study = study_of_a_library(tmp_path, made)
    done = ablate_process(
        "run", study, *QUICK, "--seeds", "0", "--no-preflight", "--storage", tmp_path / "runs",
        "--address", ray_address,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    [line] = done.stderr.strip().splitlines()
    assert "must import the study, got ModuleNotFoundError: No module named 'only_here'" in line
    assert not list((tmp_path / "runs").rglob("start.json"))
