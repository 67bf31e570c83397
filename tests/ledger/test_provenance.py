"""The digest of the code covers every file of every package, wherever the packages lie."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from test_layering import ROOMS

from infra.ledger import index, provenance
from infra.root import PACKAGES

FILES = [path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
FOLDERS = sorted({path.parent.as_posix() for path in FILES})


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def digest(root: Path, monkeypatch: pytest.MonkeyPatch, *folders: str) -> str:
    monkeypatch.setattr(provenance, "ROOT", root)
    return provenance.code_digest.__wrapped__(*(folders or PACKAGES))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_change_in_any_room_changes_the_digest(folder: str, copied: Path, monkeypatch) -> None:
    before = digest(copied, monkeypatch)
    assert before == provenance.package_digest()
    file = sorted((copied / folder).glob("*.py"))[-1]
    kept = file.read_bytes()
    file.write_bytes(kept + b"# changed\n")
    assert digest(copied, monkeypatch) != before
    file.write_bytes(kept)
    assert digest(copied, monkeypatch) == before


def test_a_package_without_files_is_no_constant_but_an_error(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(FileNotFoundError, match="ablate: must hold Python files"):
        digest(tmp_path, monkeypatch)


def test_rows_of_the_index_go_with_the_code_of_every_room(copied: Path, monkeypatch) -> None:
    before = digest(copied, monkeypatch, index._DERIVED_BY)
    for room in ROOMS:
        file = copied / "infra" / room / "added.py"
        file.write_text("added = 1\n")
        assert digest(copied, monkeypatch, index._DERIVED_BY) != before
        file.unlink()
