"""The generator: what it writes is lawful and ends, or is broken as told."""

from collections import Counter

import numpy as np
import pytest
from hands import program
from plain_laws import broken_laws
from random_graphs import random_graphs

from trainables.graph.graphs import Graphs, Kind, Motif, Program
from trainables.graph.judge.laws import check
from trainables.graph.program.faults import FAULTS, broken
from trainables.graph.program.fibonacci import FIBONACCI
from trainables.graph.program.interpreter import run, walk
from trainables.graph.program.programs import apart, programs
from trainables.graph.program.writer import Draws

RULES = ("published", "corrected")


def both(one: Program) -> set[str]:
    return broken_laws(one, "published") | broken_laws(one, "corrected")


def test_the_plain_laws_of_these_tests_know_the_documented_program():
    assert not both(FIBONACCI)


@pytest.mark.parametrize(
    ("one", "law"),
    [
        (program("BQQ", "", "0-1 0-2"), "out_degree"),
        (program("BCM", "2>1", "0-1 1-2"), "out_degree"),  # one way: published alone
        (program("BC", "", "0-1"), "in_degree"),
        (program("BMMM", "2>1:1 3>1:1", "0-1"), "in_degree"),
        (program("BQM", "", "0-1"), "orphan"),
        (program("BMMM", "2>1 3>2 2>3", "0-1"), "acyclic"),
        (program("BQQ", "", "0-1 1-2 2-1"), "terminal"),
        (program("BBQ", "", "0-2 1-2"), "spine"),
    ],
)
def test_the_plain_laws_of_these_tests_can_be_broken(one, law):
    assert broken_laws(one, "published") == {law}


@pytest.mark.parametrize("rules", RULES)
def test_the_plain_laws_of_these_tests_are_those_of_the_judge(rules):
    graphs = random_graphs(200, seed=9, most_nodes=6)
    laws = check(graphs, rules)
    for number, one in enumerate(apart(graphs)):
        if one.motifs:
            told = {name for name, kept in laws.items() if not kept[number]}
            assert broken_laws(one, rules) == told


def test_small_programs_keep_every_law_and_halt():
    for one in programs(400, 1, "test", 10, fewest_nodes=1):
        assert not both(one)
        assert run(one).ending.halts
        assert walk(one)[0].halts


def test_large_programs_keep_every_law_and_halt():
    made = programs(25, 2, "test", 128, fewest_nodes=70)
    assert not any(map(both, made))
    assert max(len(one.motifs) for one in made) > 110


def test_programs_of_any_size_halt_whatever_they_share():
    for sharing in (0.2, 1.0):
        for one in programs(150, 3, "halt", 128, fewest_nodes=20, sharing=sharing):
            assert run(one).ending.halts
            assert walk(one)[0].halts


def test_loops_of_large_programs_go_round():
    made = programs(80, 3, "rounds", 60, fewest_nodes=30)
    assert sum(run(one).steps > len(one.motifs) for one in made) > 3


def test_every_size_asked_for_is_written_and_no_other():
    sizes = {len(one.motifs) for one in programs(300, 4, "sizes", 9, fewest_nodes=2)}
    assert sizes == {2, 3, 4, 5, 6, 7, 8, 9}
    assert {len(one.motifs) for one in programs(5, 4, "sizes", 7, fewest_nodes=7)} == {7}


def test_a_program_is_a_function_of_seed_purpose_and_number():
    made = programs(20, 5, "keyed")
    assert programs(30, 5, "keyed")[:20] == made
    assert programs(20, 6, "keyed") != made
    assert programs(20, 5, "other") != made


def test_all_motifs_and_both_ends_are_among_small_programs():
    made = programs(300, 7, "motifs")
    motifs = Counter(motif for one in made for motif in one.motifs)
    assert set(motifs) == {*Motif} - {Motif.PADDING}
    assert motifs.most_common(1)[0][0] == Motif.MESSAGE
    ends = Counter(run(one).ending for one in made)
    assert min(ends.values()) > 50


def test_without_sharing_data_are_trees_and_with_it_some_are_not():
    def shared(sharing: float) -> int:
        made = programs(150, 8, "shared", 20, sharing=sharing)
        uses = [Counter(e.source for e in p.edges if e.kind == Kind.DATA) for p in made]
        return sum(max(use.values(), default=0) > 1 for use in uses)

    assert shared(0.0) == 0
    assert 10 < shared(0.2) < shared(0.9)


def test_motifs_tell_some_edges_and_not_all():
    """From a pair's motifs alone, in-sample, some cells can be known and most cannot."""
    graphs = Graphs.of(programs(600, 9, "guess"))
    squares = graphs.squares()
    pairs = squares.motifs[:, :, None] * 7 + squares.motifs[:, None, :]
    cells, there = pairs[squares.cells], squares.presence[squares.cells]
    rates = np.bincount(cells, there, 49) / np.maximum(np.bincount(cells, minlength=49), 1)
    known = rates[rates > 0]
    assert known.max() > 3 * there.mean()
    assert known.max() < 0.9


def test_valid_programs_stay_what_they_are_where_others_are_broken():
    whole, mixed = programs(200, 10, "share"), programs(200, 10, "share", valid=0.6)
    same = [a == b for a, b in zip(whole, mixed, strict=True)]
    assert 0.5 < np.mean(same) < 0.7
    for one, kept in zip(mixed, same, strict=True):
        assert bool(both(one)) != kept


@pytest.mark.parametrize("name", FAULTS)
def test_every_edit_of_a_fault_breaks_its_law_in_both_rule_sets(name):
    law, edits = FAULTS[name]
    tried = 0
    for one in programs(60, 12, "faults", 14):
        for edit in edits(one)[:6]:
            tried += 1
            after = edit.of(one)
            assert after.motifs == one.motifs
            for rules in RULES:
                assert law in broken_laws(after, rules), (name, one, edit)
    assert tried > 30


def test_all_faults_are_among_broken_programs():
    made = programs(150, 13, "all", 14)
    names = {broken(one, Draws(13, number))[1] for number, one in enumerate(made)}
    assert names == set(FAULTS)


def test_a_program_without_edges_is_broken_too():
    (one,) = programs(1, 0, "lone", 1, fewest_nodes=1)
    assert one.motifs == (Motif.BOUNDARY,)
    assert not both(one)
    after, name = broken(one, Draws(0))
    assert name == "no_entry"
    assert both(after) == {"spine"}


@pytest.mark.parametrize(
    "options",
    [
        {"most_nodes": 129},
        {"most_nodes": 3},
        {"fewest_nodes": 0},
        {"valid": 1.2},
        {"sharing": -0.1},
    ],
)
def test_sizes_and_shares_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="must"):
        programs(1, 0, "x", **options)


def test_no_programs_are_no_programs():
    assert programs(0, 0, "x") == []
