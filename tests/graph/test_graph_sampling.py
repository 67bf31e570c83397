"""Samples: from motifs to graphs, the same alone and beside others, and how they are read."""

from dataclasses import replace
from inspect import unwrap
from typing import get_args

import numpy as np
import pytest
import torch
from hands import program
from random_graphs import random_graphs
from torch import nn

from infra.study.study import replace_fields
from trainables.graph.config import (
    EvaluationConfig,
    GraphConfig,
    ModelConfig,
    SampleConfig,
    Solver,
)
from trainables.graph.data import reordered
from trainables.graph.graphs import INDICES, Graphs
from trainables.graph.judge.controls import empty
from trainables.graph.judge.laws import check, svr
from trainables.graph.judge.scoring import SOLVERS, main_scores, sample_scores, scores, with_edges
from trainables.graph.network.dit import new_network
from trainables.graph.network.sampling import Sample, new_flow, sample
from trainables.graph.program.fibonacci import FIBONACCI
from trainables.graph.program.programs import apart
from trainables.graph.routing import route

TINY, FEW = ModelConfig(hidden=12, depth=1, heads=3, embed=4), SampleConfig(steps=4)
ALL = EvaluationConfig()

pytestmark = pytest.mark.usefixtures("one_thread")


class Oracle(nn.Module):
    """Knows the graph of each row of motifs that it has seen, and nothing else."""

    def __init__(self, graphs, flow):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.flow = flow
        self.known = {}
        for row in range(len(graphs)):
            squares = graphs.take([row]).squares()
            self.known[tuple(squares.motifs[0].tolist())] = squares

    def forward(self, cells, time, motifs, padded):
        side = motifs.shape[1]
        clean, index = torch.zeros(len(motifs), side, side, 2), torch.zeros(len(motifs), side, side)
        for row, own in enumerate(motifs.tolist()):
            squares = self.known[tuple(motif for motif in own if motif)]
            size = squares.motifs.shape[1]
            parts = squares.presence[0], squares.presence[0] * squares.kind[0]
            clean[row, :size, :size] = torch.from_numpy(np.stack(parts, -1)).float()
            index[row, :size, :size] = torch.from_numpy(squares.index[0]).float()
        logits = nn.functional.one_hot(index.clamp(max=INDICES - 1).long(), INDICES)
        velocity = (clean - cells[..., :2]) / (1 - time[:, None, None, None])
        return torch.cat((velocity, 9.0 * logits), -1) * self.scale


def unlike(graphs):
    """Graphs of which no two have the same motifs in the same order."""
    first = {tuple(graphs.take([row]).motifs.tolist()): row for row in range(len(graphs))}
    return graphs.take(sorted(first.values()))


def same(one, other):
    parts = "motifs", "sizes", "source", "target", "kind", "index"
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts)


@pytest.mark.parametrize("pad", [0, 14])
def test_a_network_that_knows_the_graphs_gives_them_back_in_their_order(pad):
    cfg = replace_fields(
        GraphConfig(), {"programs.pad": pad, "model.hidden": 400, "model.heads": 4}
    )
    graphs = unlike(random_graphs(40, 1, most_nodes=11))
    assert (graphs.sizes == 0).any()
    graphs = replace(graphs, index=np.minimum(graphs.index, INDICES - 1))
    flow = new_flow(cfg)
    drawn = sample(Oracle(graphs, flow), flow, empty(graphs), 3, "test")
    assert drawn.finite.all()
    found = drawn.read("raw", 0.5).graphs()
    ordered = graphs.squares().graphs()  # edges in the order of cells
    assert same(found, ordered)


@pytest.mark.parametrize("state", ["continuous", "categorical"])
def test_samples_are_a_function_of_motifs_and_key_and_not_of_edges_or_time_of_day(state):
    cfg = GraphConfig(state=state, model=TINY, sample=FEW)
    flow, graphs = new_flow(cfg), random_graphs(20, 2, most_nodes=7)
    network = new_network(cfg.model, cfg.axial, flow.channels, 0)
    before = torch.random.get_rng_state()
    one, other = (sample(network, flow, own, 0, "a") for own in (graphs, empty(graphs)))
    assert torch.equal(before, torch.random.get_rng_state())
    for part in ("presence", "kind", "index"):
        assert np.array_equal(getattr(one.channels, part), getattr(other.channels, part))
    third = sample(network, flow, graphs, 1, "a").channels.presence
    assert not np.array_equal(third, one.channels.presence)


@pytest.mark.parametrize("state", ["continuous", "categorical"])
def test_a_batch_without_nodes_and_one_of_single_nodes_are_sampled(state):
    cfg = GraphConfig(state=state, model=TINY, sample=FEW)
    flow = new_flow(cfg)
    network = new_network(cfg.model, cfg.axial, flow.channels, 0)
    for sizes in ([0, 0], [1, 1, 1], [0, 2, 1], []):
        graphs = Graphs.of([program("B" * size) for size in sizes])
        drawn = sample(network, flow, graphs, 0)
        read = drawn.read("complete", 0.5).graphs()
        assert read.sizes.tolist() == sizes and drawn.finite.all()


class Broken(nn.Module):
    """Gives no numbers for graphs that have a Loop."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6))

    def forward(self, cells, time, motifs, padded):
        return torch.where(
            (motifs == 4).any(1)[:, None, None, None], torch.nan, self.weight * cells
        )


def test_graphs_that_came_out_as_no_numbers_are_counted_and_empty():
    cfg = GraphConfig(model=TINY, sample=FEW)
    truth = Graphs.of([program("BSM", "2>1", "0-1"), program("BLM", "2>1", "0-1")])
    drawn = sample(Broken(), new_flow(cfg), truth, 0)
    assert drawn.finite.tolist() == [True, False]
    found = sample_scores(drawn, truth, [program("BSM"), program("BLM")], cfg.decode, ALL, 0)
    assert found["val/not_finite"] == 1
    assert all(np.isfinite(value) for value in found.values())
    for solver in get_args(Solver):  # also those that put edges where there are none
        read = drawn.read(solver, 0.5)
        assert not any(part[1].any() for part in (read.presence, read.kind, read.index))
    with pytest.raises(ValueError, match="solver must be one of .*, got 'best'"):
        unwrap(Sample.read)(drawn, "best", 0.5)  # as outside of tests, where no type is checked


def drawn_graphs(seed=0, **overrides):
    cfg = replace_fields(GraphConfig(model=TINY, sample=FEW), overrides)
    flow = new_flow(cfg)
    network = new_network(cfg.model, cfg.axial, flow.channels, seed)
    truth = unlike(random_graphs(60, 4, most_nodes=8))
    truth = truth.take(np.flatnonzero(truth.sizes).tolist())
    return cfg, truth, sample(network, flow, truth, 0)


def test_a_cut_at_the_value_of_no_edge_draws_more_edges_than_one_between_the_targets():
    _, _, drawn = drawn_graphs()
    assert drawn.read("raw", 0.0).presence.sum() > drawn.read("raw", 0.5).presence.sum() > 0


def test_the_same_samples_are_told_as_each_solver_reads_them():
    cfg, truth, drawn = drawn_graphs()
    programs = [replace(one, edges=()) for one in apart(truth)]
    found = sample_scores(drawn, truth, programs, cfg.decode, ALL, 0)
    for solver in SOLVERS:
        graphs = drawn.read(solver, 0.5).graphs()
        own = scores(graphs, truth)
        for name in ("svr", "svr_corrected", "edges_ratio", "typed_f1_gain", "law_acyclic"):
            assert found[f"val/{name}@{solver}"] == own[f"val/{name}"]
        assert own["val/svr"] == svr(check(graphs, "published"), spine=False)
        assert own["val/svr_corrected"] == svr(check(graphs, "corrected"))
    assert found["val/typed_f1_gain"] == found["val/typed_f1_gain@repair"]
    judicial = check(drawn.read("judicial as run", 0.5).graphs(), "published", "inverted")
    assert found["val/svr@as_run"] == svr(judicial, spine=False)
    assert found["val/svr_corrected@complete"] > found["val/svr_corrected@raw"]


def test_the_truth_scores_as_the_truth_and_its_programs_end():
    truth = Graphs.of([FIBONACCI, program("BSMB", "2>1", "0-1 1-3", ("", "a", 4))])
    bare = [replace(one, edges=()) for one in (FIBONACCI, program("BSMB", "", "", ("", "a", 4)))]
    found = main_scores(truth, truth, bare, ALL, 0)
    assert found["val/typed_f1"] == 1 and found["val/edges_ratio"] == 1
    assert found["val/halting"] == 1 and found["val/svr"] == 1
    assert found["val/halting@walk"] == 1 and found["val/halting@walk_as_run"] == 0
    assert found["val/typed_f1_matched"] == 1 and found["val/matched_fraction"] == 0.5
    assert (
        main_scores(empty(truth), truth, bare, ALL, 0)["val/halting"] == 1
    )  # at once, for want of edges
    assert with_edges(bare, truth)[0] == FIBONACCI


def test_programs_are_run_from_their_entry_in_whatever_order_nodes_stand():
    back = program("BBQS", "", "1-2 2-3 3-0", ("", "", "", "a"))  # a write without input, then end
    graphs = Graphs.of([back])
    for order in ([0, 1, 2, 3], [1, 0, 2, 3]):
        turned = graphs.permuted(np.array(order))
        bare = [reordered(back, np.array(order))]
        assert main_scores(turned, turned, bare, ALL, 0)["val/halting"] == 0


def test_fibonacci_is_routed_by_one_who_knows_it_and_gives_55():
    cfg = GraphConfig()
    flow = new_flow(cfg)
    network = Oracle(Graphs.of([FIBONACCI]), flow)
    parts = FIBONACCI.motifs, FIBONACCI.literals, FIBONACCI.pool
    routed = route(*parts, network, flow, solver="raw")
    assert routed.outcome.printed == [55] and routed.outcome.steps == 57
    assert set(routed.program.edges) == set(FIBONACCI.edges)


def test_a_network_that_gives_no_numbers_routes_nothing():
    flow = new_flow(GraphConfig(model=TINY, sample=FEW))
    with pytest.raises(FloatingPointError, match="must give finite numbers"):
        route(program("BLM").motifs, (), (), Broken(), flow)


def test_whatever_an_untrained_network_routes_is_lawful_and_ends():
    cfg = GraphConfig(model=TINY, sample=FEW)
    flow = new_flow(cfg)
    network = new_network(cfg.model, cfg.axial, flow.channels, 0)
    parts = FIBONACCI.motifs, FIBONACCI.literals, FIBONACCI.pool
    one, again, other = (route(*parts, network, flow, seed) for seed in (0, 0, 1))
    assert one.program == again.program != other.program
    assert svr(check(Graphs.of([one.program, other.program]))) == 1
    with pytest.raises(ValueError, match="a literal or None for each of 25 nodes, got 2"):
        route(FIBONACCI.motifs, (0, 1), FIBONACCI.pool, network, flow)
