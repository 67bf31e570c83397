"""What code a script is: told by git's ids, and by what looks like code where there is no git."""

import subprocess
from pathlib import Path

import pytest
from own_scripts import git, repository

from trainables.script.code import blob, files_of, head_of, resolved, uncommitted


@pytest.fixture
def source(tmp_path) -> Path:
    """The folder of a script within a repository that has a branch, and data that git ignores."""
    return repository(tmp_path / "repository")


def test_what_is_no_commit_is_named(source, tmp_path):
    with pytest.raises(ValueError, match="ref 'none': must be a commit of .*, got no such commit"):
        resolved(source, "none")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="ref 'main': must be .*not a git repository.*its .git is"):
        resolved(tmp_path / "bare", "main")


def test_files_have_the_ids_that_git_gives_whether_committed_or_not(source):
    first = files_of(source)
    assert first == {"train.py": blob((source / "train.py").read_bytes())}
    (source / "vocabulary.bin").write_bytes(b"3")  # ignored
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "train.pyc").write_bytes(b"3")
    assert files_of(source) == first
    (source / "train.py").write_text("print('edited')\n")
    (source / "an odd\nname.py").write_text("1")
    (source / "vocabulary.txt").write_text("new, and not ignored")
    edited = files_of(source)
    assert edited["train.py"] == blob((source / "train.py").read_bytes()) != first["train.py"]
    assert edited.keys() == {"train.py", "an odd\nname.py", "vocabulary.txt"}
    git(source, "add", ".")
    git(source, "commit", "-qm", "as it is")
    assert files_of(source) == edited
    assert files_of(source, apart=[source / "train.py"]).keys() == edited.keys() - {"train.py"}
    (source / "train.py").unlink()
    assert files_of(source).keys() == edited.keys() - {"train.py"}


def test_a_file_that_was_only_touched_is_no_other_and_the_index_stays_as_it_is(source):
    first, index = files_of(source), source.parent / ".git" / "index"
    (source / "train.py").touch()
    before = index.stat().st_mtime_ns, index.read_bytes()
    assert files_of(source) == first and not head_of(source)[1]
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before


def test_a_repository_in_the_repository_counts_by_its_files(source):
    inner = repository(source / "lib")
    found = files_of(source)
    assert "lib/src/train.py" in found
    (inner / "train.py").write_text("other")
    assert files_of(source)["lib/src/train.py"] != found["lib/src/train.py"]


def test_without_git_it_is_what_looks_like_code(tmp_path):
    for name in ("train.py", "config.yaml", "model.pt", ".venv/a.py", "env/b.py", "deep/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    assert list(files_of(tmp_path)) == ["config.yaml", "deep/c.json", "train.py"]
    assert files_of(tmp_path)["train.py"] == blob(b"1")  # as git would have it
    assert files_of(tmp_path / "nowhere") == {} and head_of(tmp_path) == ("", False)


def test_a_script_that_git_ignores_counts_as_its_command_names_it(source):
    (source.parent / "data" / "mine.py").write_text("1")
    folder = source.parent / "data"
    assert files_of(folder) == {"mine.py": blob(b"1")}  # in a folder of which git knows nothing
    also = ["python", "../data/mine.py", "--lr=1", "none.py"]
    assert files_of(source, also=also).keys() == {"train.py", "../data/mine.py"}


def test_changes_that_are_not_committed_are_told_of_the_commit_that_is_checked_out(source):
    head, wider = resolved(source, "main"), resolved(source, "wider")
    assert head_of(source) == (head, False)
    (source / "train.py").write_text("edited")
    assert uncommitted(source, head) == ["train.py"] and uncommitted(source, wider) == []
    assert head_of(source) == (head, True)


def test_an_index_of_another_repository_is_not_asked(source, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(source / "nowhere"))  # as in a hook
    assert files_of(source) and subprocess.run(["git", "-C", source, "log"]).returncode
