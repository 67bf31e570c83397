"""Code as an arm: commits and patches beside what lies there, which stays as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.study.study import replace_fields
from trainables.script.code import CodeConfig, digest_of, inside, put, resolved
from trainables.script.points import Points
from trainables.script.script import Script

PATCH = """--- a/src/train.py
+++ b/src/train.py
@@ -1 +1 @@
-print("one")
+print("patched")
"""


def git(folder: Path, *words: str) -> str:
    told = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", "-C", str(folder), *told, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def source(tmp_path) -> Path:
    """The folder of a script within a repository, with a branch and data that git ignores."""
    top = tmp_path / "repository"
    (top / "src").mkdir(parents=True)
    git(top, "init", "-q")
    (top / ".gitignore").write_text("data/\n*.bin\n")
    (top / "src" / "train.py").write_text('print("one")\n')
    git(top, "add", "-A")
    git(top, "commit", "-qm", "one")
    git(top, "checkout", "-qb", "wider")
    (top / "src" / "train.py").write_text('print("wider")\n')
    git(top, "commit", "-qam", "wider")
    git(top, "checkout", "-q", "main")
    (top / "data").mkdir()
    (top / "data" / "tokens.bin").write_bytes(b"1")
    (top / "src" / "vocabulary.bin").write_bytes(b"2")
    return top / "src"


def lies(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_commit_lies_in_a_folder_of_its_own_with_what_git_ignores(source, tmp_path):
    before = lies(source.parent)
    code = CodeConfig(ref="wider", commit=resolved(source, "wider"))
    put(source, code, "", tmp_path / "arm")
    there = inside(source, tmp_path / "arm")
    assert (there / "train.py").read_text() == 'print("wider")\n'
    assert (there / "vocabulary.bin").read_bytes() == b"2"
    assert (tmp_path / "arm" / "data" / "tokens.bin").read_bytes() == b"1"
    assert lies(source.parent) == before


def test_a_patch_changes_the_commit_that_is_checked_out(source, tmp_path):
    (source / "train.py").write_text('print("not committed")\n')
    put(source, CodeConfig(), PATCH, tmp_path / "arm")
    assert (inside(source, tmp_path / "arm") / "train.py").read_text() == 'print("patched")\n'
    wider = CodeConfig(commit=resolved(source, "wider"))
    with pytest.raises(RuntimeError, match="patch: must apply to the arm's commit, but error"):
        put(source, wider, PATCH, tmp_path / "other")


def test_what_is_no_commit_is_named(source, tmp_path):
    with pytest.raises(ValueError, match="ref 'none': must be a commit of .*, got no such commit"):
        resolved(source, "none")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="ref 'main': must be a commit .*not a git repository"):
        resolved(tmp_path / "bare", "main")


def test_a_digest_moves_with_the_code_and_with_nothing_else(source, tmp_path):
    first = digest_of(source)
    (source / "vocabulary.bin").write_bytes(b"3")  # ignored
    assert digest_of(source) == first
    (source / "train.py").write_text('print("one") \n')
    changed = digest_of(source)
    (source / "new.py").write_text("")
    assert len({first, changed, digest_of(source)}) == 3
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "train.py").write_text("1")
    without = digest_of(bare)
    (bare / "model.pt").write_bytes(b"x")
    assert digest_of(bare) == without
    (bare / "config.yaml").write_text("a: 1")
    assert digest_of(bare) != without


def test_arms_are_commits_and_patches_of_one_script(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "patch.diff").write_text(PATCH)
    command = f"{sys.executable} train.py {{seed}}"
    points = Points(kind="pattern", pattern="(?P<said>x)|.*")
    script = Script(command=command, cwd=str(source), root=tmp_path, points=points)
    arms = {"wider": script.at("wider"), "patched": script.patched("patch.diff", "main")}
    said = {}
    for name, overrides in {"as it is": {}, **arms}.items():
        run = script(replace_fields(script.base, overrides))
        with pytest.raises(RuntimeError, match="must tell a point"):
            while not run.done():
                run.awaits("none", 5.0)
        said[name] = list(run._process.tail)
        run.close()
    assert said == {"as it is": ["one"], "wider": ["wider"], "patched": ["patched"]}
    with pytest.raises(ValueError, match=r"patch '.*none.diff': must be a file, No such file"):
        script.patched("none.diff")
