"""The graphs of a run: unlike ones, held out in any order of their nodes, and whose turn it is."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hands import program
from random_graphs import any_order, cells_of, random_graphs

from infra.study.study import replace_fields
from trainables.graph.config import CurriculumConfig, GraphConfig, OptimConfig, ProgramsConfig
from trainables.graph.data import digests, load_data, reordered, shuffled, step_rows
from trainables.graph.graphs import Graphs

FEW = ProgramsConfig(train=150, held_out=30, fewest_nodes=3, most_nodes=9)


def test_a_graph_has_one_digest_in_whatever_order_its_nodes_stand():
    graphs = random_graphs(300, 1)
    moved = graphs.permuted(any_order(graphs, 2))
    assert np.array_equal(digests(graphs), digests(moved))
    assert np.array_equal(digests(graphs.take(range(7, 90))), digests(graphs)[7:90])


def test_unlike_graphs_have_unlike_digests():
    graphs = random_graphs(600, 3, most_nodes=9)
    cells = [(tuple(sorted(cells.items())), tuple(graphs.take([n]).motifs.tolist()))
             for n, cells in enumerate(cells_of(graphs))]  # fmt: skip
    assert len(set(digests(graphs).tolist())) <= len(set(cells))  # a few are one in two orders
    assert len(set(digests(graphs).tolist())) > 0.8 * len(set(cells))
    base = program("BSMMC", "2>1:0 3>2:1", "0-1 1-4")
    edits = [
        base,
        program("BSMMC", "2>1:0 3>2:2", "0-1 1-4"),  # another index
        program("BSMMC", "2>1:0 3>1:1", "0-1 1-4"),  # another end
        program("BSMMC", "2>1:0", "0-1 1-4 3-2:1"),  # another kind
        program("BSMMC", "2>1:0 2>3:1", "0-1 1-4"),  # another direction
        program("BSMML", "2>1:0 3>2:1", "0-1 1-4"),  # another motif
        program("BSMMC", "2>1:0 3>2:1", "0-1"),  # an edge less
    ]
    assert len(set(digests(Graphs.of(edits)).tolist())) == len(edits)


def test_every_graph_is_there_once_and_none_that_is_held_out_is_trained_on():
    data = load_data("", FEW)
    train, held_out = digests(data.train).tolist(), digests(data.held_out).tolist()
    assert len(set(train)) == len(train) and len(set(held_out)) == len(held_out) == 30
    assert not set(train) & set(held_out)
    assert len(train) + data.left_out["train: repeats a graph"] == 150
    assert Graphs.of(data.programs).sizes.tolist() == data.held_out.sizes.tolist()
    for graphs in (data.train, data.held_out):
        assert graphs.sizes.min() >= 3 and graphs.sizes.max() <= 9


def leaf(kind, *words):
    return {"type": kind, "children": list(words)}


def method(*statements):
    body = {"type": "begin", "children": list(statements)}
    return {"type": "def", "children": ["name", {"type": "args", "children": []}, body]}


def write(path, rows):
    lines = [
        {
            "repo_name": "gem", "file_path": "a.rb", "raw_source": "", "start_line": 1,
            "id": str(n), "complexity_score": 3.0, "split": split, "ast_json": json.dumps(tree),
        }
        for n, (split, tree) in enumerate(rows)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "no json\n")


def test_methods_of_a_folder_are_read_by_split_and_what_is_left_out_is_counted(tmp_path):
    wide = {"type": "send", "children": [leaf("int", n) for n in range(6)]}
    rows = [
        ("train", method(leaf("lvar", "a"))),
        ("train", method(leaf("lvar", "b"))),  # the same but for its name
        ("train", method(leaf("lvar", "a"), leaf("int", 1))),
        ("train", method(wide)),
        ("train", method(*[leaf("lvar", "x")] * 12)),  # too large
        ("train", leaf("def", "short")),  # too small
        ("validation", method(leaf("int", 1), leaf("lvar", "y"))),
        ("validation", method(leaf("lvar", "a"), leaf("int", 7))),  # of train, which gives it up
        ("validation", method(leaf("lvar", "z"), leaf("int", 8))),  # the same but for its words
    ]
    write(tmp_path / "rows.jsonl", rows)
    data = load_data(str(tmp_path), replace(FEW, fewest_nodes=3, most_nodes=12))
    assert data.train.sizes.tolist() == [4, 10]
    assert data.held_out.sizes.tolist() == [5, 5]
    assert data.train.index.max() == 3
    told = Counter(data.left_out)
    assert told["train: repeats a graph"] == 2
    assert told["train: more than 12 nodes"] == 1
    assert told["train: fewer than 3 nodes"] == 1
    assert data.clamped == 2
    assert told["validation: repeats a graph"] == 1
    assert told.total() == 7  # and the line that is no JSON, for each split


def test_a_line_tells_what_a_folder_gave_and_why_the_rest_was_left_out(tmp_path, capsys):
    large = method(*[leaf("lvar", "x")] * 12)
    wide = method({"type": "send", "children": [leaf("int", n) for n in range(5)]})
    write(
        tmp_path / "rows.jsonl", [("train", wide), ("train", large), ("validation", method(wide))]
    )
    load_data(str(tmp_path), replace(FEW, fewest_nodes=3, most_nodes=12))
    assert capsys.readouterr().out == (
        f"data {str(tmp_path)!r}: 1 graphs to learn from, 1 held out, 2 edges of an index above 3 "
        "(left out: 1 train: more than 12 nodes, 1 train: the line is no JSON, "
        "1 validation: the line is no JSON)\n"
    )
    load_data("", FEW)
    assert not capsys.readouterr().out


def test_a_split_without_graphs_is_an_error_that_names_it(tmp_path):
    write(tmp_path / "rows.jsonl", [("train", method(leaf("lvar", "a")))])
    with pytest.raises(ValueError, match="there must be a graph of 3 to 9 nodes .* held out"):
        load_data(str(tmp_path), FEW)


def test_methods_of_no_split_are_told_where_none_is_left(tmp_path):
    write(tmp_path / "rows.jsonl", [("", method(leaf("lvar", "a"))), ("", method(leaf("int", 1)))])
    with pytest.raises(
        ValueError, match=r"none that is train \(left out: 2 train: split is missing"
    ):
        load_data(str(tmp_path), FEW)


def config(**overrides):
    return replace_fields(GraphConfig(steps=80, programs=FEW), overrides)


def test_an_epoch_sees_every_graph_once_and_seeds_have_orders_of_their_own():
    graphs = load_data("", FEW).train
    cfg = config(optim=OptimConfig(batch=5))
    steps = len(graphs) // 5
    epoch = np.concatenate([step_rows(graphs, cfg, step) for step in range(steps)])
    assert len(set(epoch.tolist())) == steps * 5
    assert not np.array_equal(step_rows(graphs, replace(cfg, seed=1), 0), step_rows(graphs, cfg, 0))


def test_a_step_sees_the_same_graphs_however_they_are_parted():
    graphs = load_data("", FEW).train
    whole, parted = (
        config(optim=OptimConfig(batch=b, accumulation=a)) for b, a in ((12, 1), (4, 3))
    )
    assert np.array_equal(step_rows(graphs, whole, 9), step_rows(graphs, parted, 9))


@pytest.mark.parametrize(("preset", "ends"), [("post", (10, 30)), ("run", (20, 60))])
def test_a_curriculum_shows_small_graphs_first(preset, ends):
    graphs = load_data("", FEW).train
    cfg = config(curriculum=CurriculumConfig(preset=preset, first_nodes=5, second_nodes=7),
                 optim=OptimConfig(batch=4))  # fmt: skip
    largest = [graphs.sizes[step_rows(graphs, cfg, step)].max() for step in range(80)]
    first, second = ends
    assert max(largest[:first]) == 5
    assert max(largest[first:second]) == 7
    assert max(largest[second:]) == 9


def test_the_long_run_puts_fewer_graphs_at_once_the_larger_they_are():
    optim = OptimConfig(batch=8, accumulation=2)
    presets = {name: CurriculumConfig(preset=name) for name in ("", "post", "run")}
    at_once = {n: [p.at_once(s, optim) for s in range(3)] for n, p in presets.items()}
    assert at_once == {"": [8, 8, 8], "post": [16, 16, 16], "run": [16, 4, 1]}


def test_a_stage_with_too_few_graphs_is_an_error_that_counts_them():
    graphs = load_data("", FEW).train
    cfg = config(curriculum=CurriculumConfig(preset="run", first_nodes=3))
    with pytest.raises(ValueError, match="a step needs 16 graphs .* at most 3 nodes"):
        step_rows(graphs, cfg, 0)


def test_nodes_are_shuffled_within_their_graphs_by_the_key_alone():
    graphs = random_graphs(60, 5)
    order = shuffled(graphs, 0, "train", 3)
    assert sorted(order.tolist()) == list(range(len(order)))
    assert np.array_equal(graphs.graph_of_nodes[order], graphs.graph_of_nodes)
    assert np.array_equal(order, shuffled(graphs, 0, "train", 3))
    assert not np.array_equal(order, shuffled(graphs, 0, "train", 4))


def test_reordered_parts_keep_their_literals():
    one = program("BSM", "2>1", "0-1", ("", "a", 5))
    moved = reordered(one, np.array([2, 0, 1]))
    assert [moved.motifs, moved.edges] == [(one.motifs[2], one.motifs[0], one.motifs[1]), ()]
    words = [None if place is None else moved.pool[place] for place in moved.literals]
    assert words == [5, None, "a"]
