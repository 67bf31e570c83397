"""Files beside a study that hide a module are refused in a line, and no others are."""

from pathlib import Path

import pytest
from conftest import LINE, refused

from infra.errors import Refused
from infra.study.neighbours import refuse_hiding


@pytest.mark.parametrize(
    "name", ["types.py", "ray.py", "numpy/__init__.py", "random.py", "yaml.py", "click/__init__.py"]
)
def test_a_file_that_hides_a_needed_module_is_named(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    module = name.partition("/")[0].removesuffix(".py")
    with pytest.raises(Refused, match=f"{module}.*: must not hide the module '{module}'.*rename"):
        refuse_hiding(tmp_path)


def test_what_hides_nothing_that_is_needed_may_stay(tmp_path: Path) -> None:
    for name in ("utils.py", "data.py", "model.py", "my_study.py", "ray_helpers.py", "types.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "random").mkdir()  # without an __init__.py it hides nothing
    (tmp_path / "torch.pt").write_text("")
    refuse_hiding(tmp_path)


def test_the_command_refuses_before_it_runs_anything(tmp_path: Path) -> None:
    study = tmp_path / "line.py"
    study.write_text(LINE.read_text())
    (tmp_path / "queue.py").write_text("raise SystemExit('imported')")
    line = refused("run", study, "--dry-run", "--storage", tmp_path / "runs")
    assert "queue.py: must not hide the module 'queue'" in line
