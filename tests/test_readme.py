"""READMEs hold: commands are commands, links and files lead somewhere, each room tells its way in.

What is looked at is cut out of a README by the functions above the tests, so that a test can hand
them a README that is wrong.
"""

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, ablate
from test_layering import ROOMS

from infra.cli.parser import add_run_options, build_parser
from infra.root import PACKAGES
from sweeps.__main__ import INGESTERS, STUDIES

FOLDERS = (*PACKAGES, "tests/benchmarks")
READMES = [Path("README.md")] + sorted(
    path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("README.md")
)
README = (ROOT / "README.md").read_text()
PAGE = 80  # lines
FOREIGN = {"--runtime-env-json", "--smallest"}  # Ray's, and the benchmarks' own
SCRIPT = re.compile(r"(?:python |\./)?((?:sweeps|tests/benchmarks)/\w+\.py|my_study\.py)\b(.*)")
PROGRAM = re.compile(r"(time )?(ablate|make|ray job|python|\./sweeps) ")


def parts(text: str) -> tuple[str, str]:
    """What stands outside of fences, and inside of those that hold no Python."""
    outside, inside, fence = [], [], ""
    for line in text.splitlines():
        if line.startswith("```"):
            fence = "" if fence else line
        elif fence != "```python":
            (inside if fence else outside).append(line)
    return "\n".join(outside), "\n".join(inside)


def prose(text: str) -> str:
    return parts(text)[0]


def tokens(text: str) -> set[str]:
    """What stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", prose(text)))


def commands(text: str) -> set[str]:
    """Every command that is shown, in a line or in a block, without what is said of it."""
    block = {line.split("  #")[0].strip() for line in parts(text)[1].splitlines()}
    return {one.removeprefix("time ") for one in block | tokens(text) if PROGRAM.match(one)}


def parsed(command: str) -> argparse.Namespace | None:
    """What the parser makes of a command of ours; None of anything else, SystemExit of nonsense."""
    if command.startswith("ablate "):
        words = shlex.split(command)[1:]
        words = ["run", "dino_cm", "--help"] if words[0] == "COMMAND" else words
        if len(words) == 1 and words[0] in subcommands():
            return argparse.Namespace(command=words[0])  # named and not shown
        return build_parser(INGESTERS).parse_args(words)
    if command.startswith("make "):
        assert re.search(rf"^{command.split()[1]}:", (ROOT / "Makefile").read_text(), re.M), command
    script = SCRIPT.fullmatch(command.removeprefix("ray job submit ").split("-- ")[-1])
    if script and script[1].startswith("tests/"):
        assert (ROOT / script[1]).exists(), command
    elif script:
        parser = argparse.ArgumentParser()
        add_run_options(parser)
        return parser.parse_args(shlex.split(script[2]))
    return None


def subcommands() -> dict[str, argparse.ArgumentParser]:
    actions = build_parser(INGESTERS)._actions
    [choices] = [a.choices for a in actions if isinstance(a, argparse._SubParsersAction)]
    return dict(choices)


def options() -> set[str]:
    """Every option of every command."""

    def of(parser: argparse.ArgumentParser) -> Iterator[str]:
        for action in parser._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):
                for one in action.choices.values():
                    yield from of(one)

    return set(of(build_parser(INGESTERS)))


def unknown_options(text: str) -> set[str]:
    """Options that are named and that no command has."""
    named = {t.split()[0].split("=")[0] for t in tokens(text) if t.startswith("--")}
    return named - options() - FOREIGN


def anchors(text: str) -> set[str]:
    """What a link may say behind its #."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(text: str, folder: Path) -> list[str]:
    broken = []
    for target in re.findall(r"\]\((?!http)([^)]+)\)", prose(text)):
        name, _, anchor = target.partition("#")
        path = folder / name if name else None
        there = path is None or path.exists()
        where = path.read_text() if path and path.is_file() else text
        if not there or (anchor and anchor not in anchors(where)):
            broken.append(target)
    return broken


def missing_files(text: str, folder: Path) -> list[str]:
    """Python files, Markdown and folders that are named and are neither here nor at the root."""
    named = {t for t in tokens(text) if re.fullmatch(r"[\w/]*(\w\.py|\w/|/\w+\.md)", t)}
    made = {"runs/", "logs/"}  # by a sweep, and by an export
    return sorted(n for n in named - made if not ((folder / n).exists() or (ROOT / n).exists()))


def ways_in(text: str) -> list[tuple[str, str]]:
    """(name, file) of what other rooms enter by."""
    section = re.search(r"^## Way in\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return re.findall(r"\[`(\w+)`\]\(([\w/]+\.py)\)", section[1]) if section else []


def defined(path: Path) -> set[str]:
    return {n.name for n in ast.parse(path.read_text()).body if hasattr(n, "name")}


def strangers(text: str, folder: Path) -> list[str]:
    """Names in the row of a file that stand in no file of the row."""
    found = []
    for row in re.findall(r"^\| `\w+\.py`.*$", text, re.M):
        files = [f for f in tokens(row) if f.endswith(".py")]
        paths = [p for f in files for p in (folder / f, ROOT / f) if p.exists()]
        code = "\n".join(path.read_text() for path in paths)
        names = {name for name in tokens(row) if re.fullmatch(r"\w+", name)}
        found += sorted(name for name in names if not re.search(rf"\b{name}\b", code))
    return found


def unlisted(folder: Path, text: str) -> set[str]:
    """Files of a room that its README does not name, and folders."""
    files = {path.name for path in folder.glob("[!_]*.py")}
    folders = {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
    return (files | folders) - tokens(text)


@pytest.fixture(params=READMES, ids=str)
def readme(request) -> Path:
    return ROOT / request.param


def test_the_first_lines_say_what_it_is_and_how_to_begin():
    lines = README.splitlines()
    assert lines[0].startswith("# ablate")
    assert "make sweep" in "\n".join(lines[:20]) and "make test" in "\n".join(lines[:20])


def test_the_readme_takes_ten_minutes():
    """Beside its tables, of which a reader wants a row or two."""
    assert len([line for line in README.splitlines() if not line.startswith("| [")]) <= 190


SHOWN = sorted({(str(path), c) for path in READMES for c in commands((ROOT / path).read_text())})


@pytest.mark.parametrize(("path", "command"), SHOWN)
def test_every_command_is_understood(path, command, capsys):
    try:
        parsed(command)
    except SystemExit as end:
        assert end.code == 0, f"{path}: {capsys.readouterr().err}"


def test_enough_commands_are_found():
    ours = [command for _, command in SHOWN if command.startswith("ablate ")]
    assert len(ours) > 30
    assert ("README.md", "ray job submit -- sweeps/dino_cm.py") in SHOWN


@pytest.mark.parametrize(
    "command",
    [
        "ablate rnu dino_cm",
        "ablate rnu",
        "ablate run dino_cm --untildecided",
        "ablate data ct SOURCE",
        "python sweeps/dino_cm.py --sacle smoke",
        "ray job submit -- sweeps/dino_cm.py --scael smoke",
        "python tests/benchmarks/gone.py",
        "make swep",
    ],
)
def test_a_command_that_is_none_is_found(command):
    assert command in commands(f"see `{command}`") & commands(f"```\n{command}  # so\n```\n")
    with pytest.raises((SystemExit, AssertionError)):
        parsed(command)


def test_every_option_that_is_named_is_an_option(readme):
    assert not unknown_options(readme.read_text())


def test_links_and_files_exist(readme):
    text = readme.read_text()
    assert not broken_links(text, readme.parent)
    assert not missing_files(text, readme.parent)


def test_what_leads_nowhere_is_found(tmp_path):
    (tmp_path / "there.md").write_text("# One way\n")
    (tmp_path / "there.py").touch()
    links = "[a](there.md) [b](gone.md) [c](there.md#one-way) [d](there.md#two-ways) [e](#here)"
    assert broken_links(links, tmp_path) == ["gone.md", "there.md#two-ways", "#here"]
    files = "`there.py` `infra/study/study.py` `gone.py` `tests/gone/` `infra/gone/README.md`"
    assert missing_files(files, tmp_path) == ["gone.py", "infra/gone/README.md", "tests/gone/"]
    assert unknown_options("`--until-decided` `--untildecided` `--at steps=400`") == {
        "--untildecided"
    }


def test_every_study_is_in_the_table():
    assert set(re.findall(r"^\| \[(\w+)\]\(sweeps/\w+\.py\)", README, re.M)) == set(STUDIES)


@pytest.mark.parametrize(
    "room", [f"infra/{room}" for room in ROOMS] + ["trainables", "search_spaces"]
)
def test_each_room_tells_its_way_in_on_a_page(room):
    folder = ROOT / room
    text = (folder / "README.md").read_text()
    assert text.startswith(f"# {room}: ")
    assert len(text.splitlines()) <= PAGE
    assert ways_in(text)
    for name, file in ways_in(text):
        assert name in defined(folder / file), f"{name} in {file}"


def test_a_way_in_that_is_none_is_found():
    text = "# infra/x: y\n\n[`a`](a.py)\n\n## Way in\n\n[`b`](b.py), [c](c.py)\n\n## Files\n"
    assert ways_in(text) == [("b", "b.py")]
    assert ways_in(text.replace("## Way in", "## Ways")) == []
    assert "nobody" not in defined(ROOT / "infra/study/study.py")


@pytest.mark.parametrize(
    ("room", "task", "file"),
    [
        ("study", "a field of a study", "study.py"),
        ("ledger", "a storage", "s3.py"),
        ("answer", "a label", "diagnosis.py"),
        ("answer", "a budget axis", "budget.py"),
        ("answer", "a confound", "confounds.py"),
        ("cell", "what ran", "realised.py"),
        ("tracking", "a tag", "rows.py"),
        ("writeup", "a column of the export", "columns.py"),
        ("preflight", "a check over several arms", "preflight.py"),
        ("execution", "a setting of Ray", "ray_session.py"),
        ("cli", "a command's words", "parser.py"),
    ],
)
def test_who_wants_to_add_something_is_sent_to_a_file(room, task, file):
    text = (ROOT / "infra" / room / "README.md").read_text()
    [row] = [line for line in text.splitlines() if re.search(rf"\| [^|]*\b{task}\b[^|]*\|$", line)]
    assert f"`{file}`" in row.split(" | ")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_names_beside_a_file_are_in_it(room):
    assert not strangers((ROOT / "infra" / room / "README.md").read_text(), ROOT / "infra" / room)


def test_a_name_that_is_in_no_file_is_found():
    rows = "| `study.py` | `Study` | a field: `_nothing` |\n| `plan.py` | `Study`, `nobody` | |\n"
    assert strangers(rows, ROOT / "infra/study") == ["_nothing", "nobody"]


@pytest.mark.parametrize("folder", [f"infra/{room}" for room in ROOMS] + ["trainables"])
def test_each_file_and_folder_is_told_where_it_stands(folder):
    assert not unlisted(ROOT / folder, (ROOT / folder / "README.md").read_text())


def test_a_file_that_is_not_told_is_found():
    text = (ROOT / "infra/answer/README.md").read_text()
    assert unlisted(ROOT / "infra/answer", text.replace("budget.py`", "")) >= {"budget.py"}
    assert {"flops.py", "ct/"} <= unlisted(ROOT / "trainables", "`draws.py` `lm/`")


def test_the_rooms_stand_in_their_order_wherever_they_are_listed():
    for text in (README, (ROOT / "infra/README.md").read_text()):
        told = re.findall(r"^\| \[(?:infra/)?(\w+)\]\([\w/]+README\.md\)", text, re.M)
        assert [name for name in told if name in ROOMS] == ROOMS


def test_the_study_of_ones_own_runs(tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    [run] = re.findall(r"^class Run\(.*?(?=\n\n\n)", code, re.M | re.S)
    assert len(run.splitlines()) <= 20
    study = Path(tmp_path, "my_study.py")
    study.write_text(code)
    done = ablate("run", study, "--here", "big", "--seeds", "0", "--storage", tmp_path / "runs")
    assert done.returncode == 0, done.stderr


def test_the_study_of_the_readme_is_the_one_that_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ablate("new", "my_study").returncode == 0
    assert f"```python\n{Path('my_study.py').read_text()}```" in README
