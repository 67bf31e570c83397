"""Code as an arm: a commit with a patch, packed once and unpacked where a cell runs it."""

import sys
from pathlib import Path

import pytest
from own_scripts import repository

from infra.study.study import flatten, replace_fields
from trainables.script.archive import diff, files_in, packed, unpacked
from trainables.script.code import resolved
from trainables.script.points import Points
from trainables.script.script import Script

PATCH = b"""--- a/src/train.py
+++ b/src/train.py
@@ -1 +1 @@
-print("one")
+print("patched")
"""


@pytest.fixture
def source(tmp_path) -> Path:
    """The folder of a script within a repository that has a branch, and data that git ignores."""
    return repository(tmp_path / "repository")


def lies(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_commit_lies_in_a_folder_of_its_own_with_what_git_ignores(source, tmp_path):
    before = lies(source.parent)
    archive = packed(source, resolved(source, "wider"), b"")
    there = unpacked(archive, source, tmp_path / "arm")
    assert there == tmp_path / "arm" / "src"
    assert (there / "train.py").read_text() == 'print("wider")\n'
    assert (there / "vocabulary.bin").read_bytes() == b"2"
    assert (tmp_path / "arm" / "data" / "tokens.bin").read_bytes() == b"1"
    assert lies(source.parent) == before


def test_a_patch_changes_its_commit_and_not_what_lies_there(source, tmp_path):
    (source / "train.py").write_text('print("not committed")\n')
    archive = packed(source, resolved(source, "main"), PATCH)
    assert files_in(archive, "src/") == {"train.py": b'print("patched")\n'}
    assert packed.__wrapped__(source, resolved(source, "main"), PATCH) == archive
    with pytest.raises(ValueError, match="patch: must apply to commit .*, but patch failed: src"):
        packed(source, resolved(source, "wider"), PATCH)
    with pytest.raises(ValueError, match="commit abcdabcdabcd: must be in the repository of"):
        packed(source, "abcd" * 10, b"")


def test_a_damaged_archive_is_told(source, tmp_path):
    archive = packed(source, resolved(source, "main"), b"")
    with pytest.raises(RuntimeError, match="code of the arm: must be a whole archive, but"):
        unpacked(archive[:-9], source, tmp_path / "arm")


def test_a_diff_is_that_of_git(source):
    one = {"a.py": b"1\n2\n", "gone.py": b"x\n", "same.py": b"s", "weights.bin": b"\0"}
    other = {"a.py": b"1\n3\n", "new.py": b"y\n", "same.py": b"s", "weights.bin": b"\0\0"}
    assert diff(one, other) == (
        "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n"
        "--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+y\n"
        "Files a/weights.bin and b/weights.bin differ\n"
    )
    assert diff(one, one) == ""


def test_arms_are_commits_and_patches_of_one_script(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rope.diff").write_bytes(PATCH)
    command = f"{sys.executable} train.py {{seed}}"
    points = Points(kind="pattern", pattern="(?P<said>x)|.*")
    script = Script(command=command, cwd=str(source), root=tmp_path, points=points)
    arms = {"as it is": {}, "wider": script.at("wider"), "patched": script.patched("rope.diff")}
    said, told = {}, {}
    for name, overrides in arms.items():
        run = script(config := replace_fields(script.base, overrides))
        flat = flatten({"script": vars(config.script), "code": vars(config.code)})
        told[name] = script.own_code(flat)
        if told[name]:
            run.take_code(script.packed(flat))
        with pytest.raises(RuntimeError, match="must tell a point"):
            while not run.done():
                run.awaits("none", 5.0)
        assert run._process
        said[name] = list(run._process.tail)
        run.close()
    assert said == {"as it is": ["one"], "wider": ["wider"], "patched": ["patched"]}
    assert told["as it is"] is None and told["wider"][1].endswith(" (wider)")
    assert told["patched"][1].endswith(" (HEAD) with rope.diff")
    with pytest.raises(ValueError, match=r"patch '.*none.diff': must be a file, No such file"):
        script.patched("none.diff")
