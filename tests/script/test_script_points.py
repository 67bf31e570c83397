"""What scripts print and write, read as points."""

import pytest
from tensorboardX import SummaryWriter

from trainables.script.growing import GrowingEvents, GrowingLines
from trainables.script.lines import LONGEST, Lines
from trainables.script.points import Points, number, reader_of


def told(points, *lines):
    read = reader_of(points)
    return [found for found in map(read, lines) if found]


def test_objects_on_lines_are_read_and_all_else_is_passed_over():
    lines = ('{"step": 3, "loss": {"val": 0.5}, "ok": true, "name": "x"}', "{broken", "[1]", "hi")
    assert told(Points(), *lines) == [{"step": 3.0, "loss.val": 0.5}]


def test_a_pattern_names_what_it_finds():
    points = Points(
        kind="pattern", pattern=r"iter (?P<step>\d+): loss (?P<loss>\S+)(?: acc (?P<acc>\S+))?"
    )
    lines = ("iter 1,000: none", "iter 10: loss 2.5", "iter 20: loss 1e-2, acc 81.5%")
    found = told(points, *lines)
    assert found == [{"step": 10.0, "loss": 2.5}, {"step": 20.0, "loss": 0.01, "acc": 81.5}]


def test_a_group_that_is_no_number_says_so():
    assert number(" 81.5%") == 81.5 and number("1,000") == 1000.0
    with pytest.raises(ValueError, match="a group must match numbers, got 'much'"):
        number("much")


def test_a_block_is_told_with_its_last_line():
    lines = ("---", "val_bpb: 0.98", "time = 12 s", "device: cuda", "---", "val_bpb: 5")
    assert told(Points(kind="block"), *lines) == [{"val_bpb": 0.98, "time": 12.0}]


def test_a_csv_is_read_by_its_first_row():
    lines = ("step,loss,note", "10,0.5,", "20,,slow", "", "30,0.25,x")
    found = told(Points(kind="csv", file="log.csv"), *lines)
    assert found == [{"step": 10.0, "loss": 0.5}, {"step": 20.0}, {"step": 30.0, "loss": 0.25}]


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        ({"kind": "xml"}, "points.kind must be one of json, pattern, block, csv, tensorboard"),
        ({"kind": "csv"}, "points.file must name what kind 'csv' reads"),
        ({"kind": "pattern", "pattern": "(?P<a"}, "must compile"),
        ({"kind": "pattern", "pattern": r"step (?P<step>\d+)"}, "a named group for each metric"),
    ],
)
def test_what_could_read_nothing_is_refused(wrong, law):
    with pytest.raises(ValueError, match=law):
        Points(**wrong)


def test_lines_come_without_colours_and_as_a_redrawn_line_ends():
    lines = Lines()
    found = list(lines.of(b"a\n\x1b[32mgreen\x1b[0m\n10%\r20%\r100%\r\n\xff"))
    assert found == ["a", "green", "100%"]
    assert list(lines.last()) == ["\ufffd"] and not list(lines.last())


def test_a_line_without_an_end_is_kept_to_its_last_bytes():
    lines = Lines()
    for _ in range(8):
        assert not list(lines.of(b"x" * LONGEST))
    [line] = lines.of(b"end\n")
    assert line.endswith("xend") and len(line) <= LONGEST


def test_a_file_that_grows_is_read_on_and_one_written_anew_from_its_beginning(tmp_path):
    path = tmp_path / "log.csv"
    source = GrowingLines(path, Points(kind="csv", file="x"))
    assert not list(source.more())
    path.write_text("step,loss\n1,0.5\n2,0.")
    assert list(source.more()) == [{"step": 1.0, "loss": 0.5}]
    with path.open("a") as file:
        file.write("25\n")
    assert list(source.more()) == [{"step": 2.0, "loss": 0.25}]
    path.write_text("step,loss\n9,0.1\n")
    assert list(source.more()) == [{"step": 9.0, "loss": 0.1}]


def event_file(folder, value, step):
    """Its path."""
    writer = SummaryWriter(str(folder))
    writer.add_scalar("val/loss", value, step)
    writer.close()
    [path] = folder.iterdir()
    return path


def test_event_files_tell_their_scalars_once_each(tmp_path):
    source = GrowingEvents(tmp_path, "step")
    event_file(tmp_path / "one", 0.5, 10)
    assert list(source.more()) == [{"val/loss": 0.5, "step": 10.0}]
    event_file(tmp_path / "two", 0.25, 20)
    assert list(source.more()) == [{"val/loss": 0.25, "step": 20.0}]
    assert not list(source.more())


def test_an_event_that_is_half_written_is_read_when_it_is_whole(tmp_path):
    whole = event_file(tmp_path / "whole", 1.0, 1)
    half = tmp_path / "half" / whole.name
    half.parent.mkdir()
    data = whole.read_bytes()
    source = GrowingEvents(half.parent, "step")
    half.write_bytes(data[:-5])
    assert not list(source.more())
    half.write_bytes(data)
    assert [found["val/loss"] for found in source.more()] == [1.0]
