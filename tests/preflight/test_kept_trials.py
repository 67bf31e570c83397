"""What a trial found is kept while what it rests on is the same, and is told each time."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import LINE, ablate, ablate_process, refused

from infra.preflight.kept import asked, kept
from infra.preflight.opened import are_still, opened, versions
from infra.study.locate import load_study
from infra.study.plan import make_plan

READS = '        assert open(__file__.replace("mine.py", "data.txt")).read()\n'
SMOKE = ("--scale", "smoke", "--dry-run")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A study of one's own that reads a file and, only when it runs, a module beside it."""
    file, begin = tmp_path / "mine.py", "        self.velocity = torch.zeros(8)\n"
    code = LINE.read_text().replace(begin, f"{begin}{READS}        import helper_of_mine\n")
    file.write_text(code)
    (tmp_path / "data.txt").write_text("1")
    (tmp_path / "helper_of_mine.py").write_text("ONE = 1\n")
    return file


def tried(study: Path, *words: object) -> str:
    """The line of the trial, in a process of its own."""
    place = ("--storage", study.parent / "runs")
    done = ablate_process("run", study, *SMOKE, *place, *words)
    assert done.returncode == 0, done.stderr
    [line] = [one for one in done.stdout.splitlines() if one.startswith("preflight:")]
    return line


def test_the_same_is_not_tried_again_until_code_data_or_question_change(mine: Path) -> None:
    def edit(name: str) -> None:
        file = mine.parent / name
        file.write_text(file.read_text() + "# edited\n")

    assert "tried" not in tried(mine)
    assert "what it rests on is unchanged" in tried(mine)
    for change in ("helper_of_mine.py", "data.txt", "mine.py"):
        edit(change)
        assert "tried" not in tried(mine), change


def test_declared_twins_are_part_of_the_question(tmp_path: Path) -> None:
    study = tmp_path / "mine.py"
    dead = LINE.read_text().replace(
        "    fails_at: int = -1", "    fails_at: int = -1\n    idle: int = 0"
    )
    read = dead.replace("        self.cfg", "        self.idle = cfg.idle\n        self.cfg", 1)
    study.write_text(read.replace('"half": {"mom', '"idle": {"idle": 1}, "half": {"mom'))
    words = ("run", study, *SMOKE, "--storage", tmp_path / "runs")
    for _ in range(2):  # what is refused is not kept
        assert "must differ in what they do" in refused(*words)
    allowed = (*words, "--allow-identical", "plain,idle")
    first, again = ablate(*allowed).stdout, ablate(*allowed).stdout
    note = "must differ in what they do, but idle 0 and 1 move no weight"
    assert note in first and note in again and "tried" in again
    assert "must differ in what they do" in refused(*words)


def test_a_run_after_a_dry_run_tells_the_notes_and_puts_them_on_record(tmp_path: Path) -> None:
    study = tmp_path / "still.py"
    still = '"model": {"weight": self.weight, "mask": torch.ones(2)}'
    study.write_text(LINE.read_text().replace('"model": {"weight": self.weight}', still))
    words = (study, "--scale", "smoke", "--seeds", "0", "--storage", tmp_path / "runs")
    told = json.loads(ablate("run", *words, "--dry-run", "--json").stdout)["notes"]
    assert "1 tensors of the model stay as they were (mask)" in told[0]
    assert json.loads(ablate("run", *words, "--dry-run", "--json").stdout)["notes"] == told


def test_a_run_that_lies_in_no_known_file_is_tried_each_time() -> None:
    study, file = load_study(str(LINE), {})
    assert asked(study, make_plan(study, "smoke")) == ""
    first = asked(study, make_plan(study, "smoke", study_file=file))
    assert first == asked(study, make_plan(study, "smoke", study_file=file)) != ""
    more = {"threads": 2}, {"data_digest": "abc"}, {"seeds": (0, 1)}, {"arms": ("plain", "half")}
    others = [asked(study, make_plan(study, "smoke", study_file=file, **one)) for one in more]
    assert len({first, *others}) == 5


def counting() -> tuple[list[int], Callable[[], int]]:
    calls: list[int] = []

    def find() -> int:
        calls.append(1)
        return len(calls)

    return calls, find


def test_an_answer_is_kept_for_its_time_and_a_torn_one_is_found_again() -> None:
    calls, find = counting()
    assert [kept("key", find).value, kept("key", find).value] == [1, 1]
    time.sleep(0.01)
    assert kept("key", find, most_s=0.001).value == 2
    [entry] = Path(os.environ["XDG_CACHE_HOME"], "ablate", "preflight").glob("*.json")
    entry.write_text(entry.read_text()[:9])
    assert kept("key", find).value == 3
    assert kept("", find).value == 4 and kept("", find).value == 5
    assert len(calls) == 5


def test_nothing_that_raises_is_kept_and_no_cache_is_no_harm(tmp_path, monkeypatch) -> None:
    with pytest.raises(ZeroDivisionError):
        kept("raises", lambda: 1 / 0)
    _, find = counting()
    assert kept("raises", find).value == 1
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert [kept("raises", find).value for _ in range(2)] == [2, 3]


def test_files_that_a_body_opens_are_known_by_size_and_time(tmp_path: Path) -> None:
    data, gone, left_out = (tmp_path / name for name in ("data", "gone", "out/of"))
    left_out.parent.mkdir()
    for file in (data, gone, left_out):
        file.write_text("1")
    with opened() as paths:
        for file in (data, gone, left_out):
            file.read_text()
        gone.unlink()
    known = versions(paths, str(left_out.parent))
    assert set(known) == {str(data)} and are_still(known)
    data.write_text("12")
    assert not are_still(known)
