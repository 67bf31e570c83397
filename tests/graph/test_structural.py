"""What each structural loss finds fault with, and where its gradient goes."""

import pytest
import torch

from trainables.graph.network.structural import (
    TERMS,
    StructuralConfig,
    structural_loss,
    structural_terms,
)

SIDE = 7
# 0 Boundary, 1 State, 2 Condition, 3 Message, 4 Message, 5 Boundary, 6 padding
MOTIFS = torch.tensor([[1, 5, 3, 6, 6, 1, 0]])
EXECUTION = [(0, 1), (1, 2), (2, 3), (2, 5), (3, 5)]
DATA = [(4, 1), (4, 2)]
PROBS = ("sigmoid", "sharpened", "clamp01")


def cells(execution=EXECUTION, data=DATA, off=0.0, on=1.0):
    """Raw presence and kind of one graph."""
    presence, kind = torch.full((1, SIDE, SIDE), off), torch.full((1, SIDE, SIDE), off)
    for source, target in (*execution, *data):
        presence[0, source, target] = on
    for source, target in data:
        kind[0, source, target] = on
    return presence, kind


def terms(execution=EXECUTION, data=DATA, **how):
    found = structural_terms(*cells(execution, data), MOTIFS, StructuralConfig(**how))
    return {name: float(value) for name, value in found.items()}


BROKEN = {
    "out_degree": {"execution": [*EXECUTION, (0, 4), (1, 3)]},
    "terminal": {"execution": [*EXECUTION, (4, 0), (5, 0)]},
    "orphan": {"data": [(3, 1), (3, 2)]},
    "data_in": {"data": [(4, 1)]},
    "acyclic": {"data": [*DATA, (1, 4)]},
    "density": {"execution": EXECUTION[:2], "data": DATA[:1]},
}


@pytest.mark.parametrize("prob", ["sharpened", "clamp01"])
@pytest.mark.parametrize("term", BROKEN)
def test_a_graph_that_breaks_what_a_term_asks_for_has_more_of_it_than_a_lawful_one(term, prob):
    assert terms(**BROKEN[term], prob=prob)[term] > terms(prob=prob)[term] + 1e-2


@pytest.mark.parametrize("prob", ["sharpened", "clamp01"])
def test_a_lawful_graph_has_nearly_none_of_what_the_laws_forbid(prob):
    lawful = terms(prob=prob)
    assert all(lawful[term] < 0.01 for term in BROKEN if term != "out_degree")


def test_as_run_exact_channels_look_dense_and_three_terms_see_nothing_of_what_is_missing():
    lawful = terms(prob="sigmoid")
    assert lawful["acyclic"] > 0.3 and lawful["terminal"] > 1
    for term in ("orphan", "data_in", "density"):
        assert terms(**BROKEN[term], prob="sigmoid")[term] == lawful[term] == 0


@pytest.mark.parametrize("part", ["sharpness", "kind_sharpness"])
def test_sharpness_asks_edges_to_be_decided_and_lets_other_cells_be(part):
    cfg = StructuralConfig()
    presence, kind = cells()
    dull = {"sharpness": (presence * 0.6, kind), "kind_sharpness": (presence, kind * 0.5)}[part]
    faint = presence.clone()
    faint[0, 3, 4] = 0.45
    clear = structural_terms(presence, kind, MOTIFS, cfg)[part]
    assert structural_terms(*dull, MOTIFS, cfg)[part] > clear + 0.05
    assert structural_terms(faint, kind, MOTIFS, cfg)[part] == clear


def test_terms_are_those_of_a_plain_count_where_channels_are_exact():
    found = terms(prob="clamp01")
    # Execution outputs are 1, 1, 2, 1, 0, 0 where .5, 1, 2, 1, 1, .5 are asked for.
    assert found["out_degree"] == pytest.approx((0.25 + 1 + 0.25) / 6)
    assert found["sharpness"] == found["kind_sharpness"] == 0
    assert found["density"] == found["orphan"] == found["data_in"] == found["terminal"] == 0
    ring = terms(data=[(3, 4), (4, 2), (2, 3)], execution=[], prob="clamp01")
    assert ring["acyclic"] == pytest.approx(3 / 6 / 6)  # three walks of three edges, six nodes
    assert ring["density"] == pytest.approx(((6 - 3) / 6) ** 2)
    assert ring["orphan"] == pytest.approx(3 / 6)


def test_cycles_longer_than_the_powers_are_not_seen():
    ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]
    assert terms(data=ring, execution=[], prob="clamp01")["acyclic"] == 0
    assert terms(data=ring, execution=[], prob="clamp01", acyclic_powers=5)["acyclic"] > 0
    with pytest.raises(ValueError, match="at least 2 edges"):
        StructuralConfig(acyclic_powers=1)


def test_the_loss_is_the_weighted_sum_of_the_documented_weights():
    given = torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)), cells()[1]
    given = given[0], given[1].expand(3, -1, -1)
    motifs = MOTIFS.expand(3, -1)
    found = structural_terms(*given, motifs, StructuralConfig())
    weights = dict(zip(TERMS, (1, 0.1, 0.1, 0.5, 1, 1, 2, 2), strict=True))
    expected = sum(weight * found[name] for name, weight in weights.items())
    assert torch.allclose(structural_loss(*given, motifs, StructuralConfig()), expected)
    for name in TERMS:
        alone = StructuralConfig(**(dict.fromkeys(TERMS, 0.0) | {name: 3.0}))
        assert torch.allclose(structural_loss(*given, motifs, alone), 3 * found[name])
    with pytest.raises(ValueError, match="at least 0.*density"):
        StructuralConfig(density=-1.0)


@pytest.mark.parametrize("prob", PROBS)
def test_the_gradient_reaches_every_cell_that_may_be_an_edge_and_no_other(prob):
    draws = torch.Generator().manual_seed(0)
    shape = (2, SIDE, SIDE)
    presence, kind = (torch.rand(shape, generator=draws).requires_grad_() for _ in range(2))
    motifs = torch.tensor([[1, 5, 3, 6, 4, 2, 0], [6, 4, 1, 0, 0, 0, 0]])
    structural_loss(presence, kind, motifs, StructuralConfig(prob=prob)).sum().backward()
    nodes = motifs > 0
    may = nodes[:, :, None] & nodes[:, None, :] & ~torch.eye(SIDE, dtype=torch.bool)
    for values in (presence, kind):
        assert values.grad is not None
        assert ((values.grad != 0) == may).all()


@pytest.mark.parametrize("prob", PROBS)
@pytest.mark.parametrize("value", [0.0, 1.0, 1e4, -1e4, 1e30, -1e30])
def test_neither_loss_nor_gradient_is_anything_but_a_number_at_extremes(prob, value):
    for sides in (1, 2, 40):
        presence = torch.full((2, sides, sides), value, requires_grad=True)
        kind = torch.full((2, sides, sides), -value, requires_grad=True)
        motifs = torch.full((2, sides), 5)
        motifs[1] = 0  # a graph without nodes
        loss = structural_loss(presence, kind, motifs, StructuralConfig(prob=prob))
        loss.sum().backward()
        assert loss.isfinite().all() and loss[1] == 0
        assert presence.grad is not None and kind.grad is not None
        assert presence.grad.isfinite().all() and kind.grad.isfinite().all()


def test_as_run_the_acyclic_term_of_flat_channels_of_128_nodes_has_no_gradient():
    motifs = torch.full((1, 128), 6)
    pulls = []
    for limit in ("clamp", "log"):
        kind = torch.zeros(1, 128, 128, requires_grad=True)
        cfg = StructuralConfig(prob="sigmoid", acyclic_limit=limit)
        term = structural_terms(torch.zeros(1, 128, 128), kind, motifs, cfg)["acyclic"]
        term.sum().backward()
        assert kind.grad is not None
        pulls.append(float(kind.grad.abs().max()))
    assert pulls[0] == 0 < pulls[1]


@pytest.mark.parametrize("nodes", [9, 13, 30])
def test_the_acyclic_term_counts_closed_walks_and_beyond_fifty_grows_as_their_logarithm(nodes):
    full, motifs = torch.ones(1, nodes, nodes), torch.full((1, nodes), 6)
    data = full[0].double() - torch.eye(nodes)
    walks = sum(
        data.matrix_power(k).trace() / torch.arange(1, k + 1).prod() for k in (2, 3, 4)
    ) / nodes  # fmt: skip
    expected = walks if walks < 50 else 50 * (1 + (walks / 50).log())
    for limit, value in (("log", expected), ("clamp", min(walks, 50))):
        cfg = StructuralConfig(prob="clamp01", acyclic_limit=limit)
        found = structural_terms(full, full, motifs, cfg)["acyclic"]
        assert float(found) == pytest.approx(float(value), rel=1e-5)


def test_other_graphs_of_the_batch_and_more_padding_change_nothing():
    presence, kind = cells()
    wide = [torch.nn.functional.pad(part, (0, 3, 0, 3), value=9.0) for part in (presence, kind)]
    motifs = torch.nn.functional.pad(MOTIFS, (0, 3))
    cfg = StructuralConfig()
    others = [torch.cat((torch.ones_like(part), part)) for part in wide]
    found = structural_loss(*others, torch.cat((motifs.clamp(min=2), motifs)), cfg)
    assert torch.allclose(found[1], structural_loss(presence, kind, MOTIFS, cfg)[0])


@pytest.mark.parametrize(("graphs", "side"), [(0, 4), (2, 0), (0, 0)])
def test_batches_without_graphs_and_graphs_without_nodes_cost_nothing(graphs, side):
    flat = torch.ones(graphs, side, side)
    loss = structural_loss(flat, flat, torch.ones(graphs, side).long(), StructuralConfig())
    assert loss.shape == (graphs,) and not loss.any()
