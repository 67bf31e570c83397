"""Syntax trees to motif graphs: every node and every literal is accounted for."""

import json
import random
from pathlib import Path

import pytest

from trainables.graph.graphs import Edge, Kind, Motif
from trainables.graph.program.compress import compress
from trainables.ruby.asts import Asts

METHODS = Path(__file__).parents[2] / ".." / "shared" / "data" / "ruby"
EXECUTION, DATA = Kind.EXECUTION, Kind.DATA


def node(kind: str, *children: object) -> dict[str, object]:
    return {"type": kind, "children": list(children)}


GREET = node(
    "def", "greet",
    node("args", node("arg", "name"), node("optarg", "times", node("int", 1))),
    node(
        "begin",
        node("lvasgn", "text",
             node("dstr", node("str", "hi "), node("begin", node("lvar", "name")))),
        node("if", node("send", node("lvar", "times"), ">", node("int", 1)),
             node("send", None, "puts", node("lvar", "text")), None),
    ),
)  # fmt: skip


def test_a_method_becomes_its_motifs_with_names_and_constants():
    program = compress(GREET).program
    words = [None if at is None else program.pool[at] for at in program.literals]
    assert list(zip(program.motifs, words, strict=True)) == [
        (Motif.BOUNDARY, "greet"),
        (Motif.MESSAGE, None),
        (Motif.STATE, "name"),
        (Motif.STATE, "times"),
        (Motif.MESSAGE, 1),
        (Motif.SEQUENCE, None),
        (Motif.STATE, "text"),
        (Motif.MESSAGE, None),
        (Motif.MESSAGE, "hi "),
        (Motif.SEQUENCE, None),
        (Motif.STATE, "name"),
        (Motif.CONDITION, None),
        (Motif.MESSAGE, ">"),
        (Motif.STATE, "times"),
        (Motif.MESSAGE, 1),
        (Motif.MESSAGE, "puts"),
        (Motif.STATE, "text"),
    ]


def test_boundaries_and_sequences_chain_and_others_take_data():
    assert set(compress(GREET).program.edges) == {
        Edge(0, 1, EXECUTION), Edge(1, 5, EXECUTION),
        Edge(2, 1, DATA, 0), Edge(3, 1, DATA, 1), Edge(4, 3, DATA, 0),
        Edge(5, 6, EXECUTION), Edge(6, 11, EXECUTION),
        Edge(7, 6, DATA, 0), Edge(8, 7, DATA, 0), Edge(9, 7, DATA, 1), Edge(9, 10, EXECUTION),
        Edge(12, 11, DATA, 0), Edge(15, 11, DATA, 1),
        Edge(13, 12, DATA, 0), Edge(14, 12, DATA, 1), Edge(16, 15, DATA, 0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kinds", "motif"),
    [
        ("def defs class module", Motif.BOUNDARY),
        ("begin kwbegin block resbody rescue ensure", Motif.SEQUENCE),
        ("if case when and or", Motif.CONDITION),
        ("while until for while_post until_post", Motif.LOOP),
        ("lvar ivasgn const casgn arg kwarg return yield masgn op_asgn", Motif.STATE),
        ("send csend str int hash args nil true self never_heard_of", Motif.MESSAGE),
    ],
)
def test_each_type_has_its_motif_and_unknown_ones_are_messages(kinds, motif):
    for kind in kinds.split():
        assert compress(node(kind)).program.motifs == (motif,)


def test_literals_that_look_alike_keep_apart_and_equal_ones_share_a_place():
    words = [1, 1.0, True, "1", False, 0, "1", 1]
    program = compress(node("array", *(node("x", word) for word in words))).program
    told = [program.pool[at] for at in program.literals if at is not None]
    assert [(type(w), w) for w in told] == [(type(w), w) for w in words]
    assert len(program.pool) == 6


def test_literals_after_the_first_and_none_are_dropped_and_counted():
    told = compress(node("send", None, "a", 2, node("int", 3), True, None))
    assert (told.literals, told.dropped, told.missing) == (4, 2, 2)
    assert told.program.pool == ("a", 3)


def test_an_index_above_three_is_clamped_and_counted_or_kept():
    tree = node("array", *(node("int", n) for n in range(6)))
    clamped, kept = compress(tree), compress(tree, clamp=False)
    assert [edge.index for edge in clamped.program.edges] == [0, 1, 2, 3, 3, 3]
    assert [edge.index for edge in kept.program.edges] == [0, 1, 2, 3, 4, 5]
    assert clamped.clamped == kept.clamped == 2


def test_a_tree_of_ten_thousand_levels_is_compressed():
    tree = node("int", 7)
    for level in range(10_000):
        tree = node("send", tree, f"m{level % 3}") if level % 2 else node("begin", tree)
    told = compress(tree)
    assert len(told.program.motifs) == 10_001
    assert len(told.program.edges) == 10_000
    assert told.literals == 5_001


def test_huge_numbers_and_any_text_are_literals():
    words = [10**5000, "\ud800", "日本", "", "\0"]
    pool = compress(node("array", *(node("x", word) for word in words))).program.pool
    assert list(pool) == words


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (None, "got NoneType"),
        ([node("def")], "got list"),
        ({"type": "def"}, "got an object with type"),
        ({"children": []}, "got an object with children"),
        ({"type": 3, "children": []}, "a type and a list of children"),
        (node("def", ["x"]), "a child must be a node, a literal or none, got list"),
        (node("def", {"kind": "x"}), "got an object with kind"),
        (node("begin", node("begin", {"type": "a", "children": "b"})), "a list of children"),
    ],
)
def test_what_is_no_tree_is_refused_in_a_line(tree, told):
    with pytest.raises(ValueError, match=told) as caught:
        compress(tree)
    assert "\n" not in str(caught.value)


def count(tree: object) -> tuple[int, int]:
    """Nodes and literals, by recursion over what was read from JSON."""
    if not isinstance(tree, dict):
        return 0, tree is not None
    below = [count(child) for child in tree["children"]]
    return 1 + sum(n for n, _ in below), sum(n for _, n in below)


def all_are_kept(tree: object) -> None:
    """Each node is one of the program's, each but the root has one edge, no literal is lost."""
    told = compress(tree)
    program = told.program
    nodes, literals = count(json.loads(json.dumps(tree)))
    kept = sum(at is not None for at in program.literals)
    assert len(program.motifs) == nodes
    assert len(program.edges) == nodes - 1
    assert told.literals == literals == kept + told.dropped
    assert set(range(len(program.pool))) == {at for at in program.literals if at is not None}


def grown(nodes: int) -> dict[str, object]:
    """A tree of so many nodes of all kinds, each below an earlier one, with literals between."""
    drawn = random.Random(nodes)
    kinds = "def begin if while lvar lvasgn send str int hash block and return case".split()
    all_of_them = [node(drawn.choice(kinds))]
    for number in range(1, nodes):
        new = node(drawn.choice(kinds), *drawn.choices(["a", 1, 2.5, True, None], k=number % 3))
        drawn.choice(all_of_them)["children"].append(new)
        all_of_them.append(new)
    return all_of_them[0]


@pytest.mark.parametrize("nodes", [1, 2, 30, 144, 1000])
def test_a_tree_of_any_shape_keeps_its_nodes_and_literals(nodes):
    all_are_kept(grown(nodes))


@pytest.mark.skipif(not METHODS.exists(), reason="shared/data/ruby: 40 real methods are not here")
def test_forty_real_methods_keep_their_nodes_and_literals():
    rows = list(Asts(METHODS))
    assert len(rows) == 40
    for row in rows:
        all_are_kept(row.tree)
        assert len(compress(row.tree).program.motifs) == row.nodes
