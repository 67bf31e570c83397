"""The network: its size, a plain reference, what a cell can see, and what padding does."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from trainables.graph.config import AxialConfig, ModelConfig
from trainables.graph.network.dit import GraphDiT, forward_flops, new_network, sinusoids

MODEL = ModelConfig(hidden=20, depth=2, heads=4, embed=6)
CHANNELS = 5, 7
NORMS = ("each", "first_only as run")
AXES = ("both", "row", "column", "full")

pytestmark = pytest.mark.usefixtures("one_thread")


def network_of(model=MODEL, seed=0, **axial):
    network = new_network(model, AxialConfig(**axial), CHANNELS, seed).double()
    with torch.no_grad():
        for number, parameter in enumerate(network.parameters()):  # biases and norms too
            draws = torch.Generator().manual_seed(number)
            parameter += 0.1 * torch.randn(parameter.shape, generator=draws, dtype=torch.float64)
    return network


def inputs(graphs=3, nodes=8, seed=0):
    draws = torch.Generator().manual_seed(seed)
    cells = torch.randn((graphs, nodes, nodes, CHANNELS[0]), generator=draws, dtype=torch.float64)
    time = torch.rand(graphs, generator=draws, dtype=torch.float64)
    return cells, time, torch.randint(1, 7, (graphs, nodes), generator=draws)


def test_the_documented_checkpoint_is_171_megabytes_of_weights_and_their_two_moments():
    documented = ModelConfig(hidden=256, depth=12, heads=8)
    with torch.device("meta"):
        as_run = GraphDiT(documented, AxialConfig(norm="first_only as run"), 6, 6)
        healed = GraphDiT(documented, AxialConfig(), 6, 6)
        first_version = GraphDiT(documented, AxialConfig(norm="first_only as run"), 3, 3)
    count = sum(p.numel() for p in as_run.parameters())
    assert count == 14_285_942 and round(count * 4 * 3 / 1e6) == 171
    assert as_run.stem.in_features == 38 and first_version.stem.in_features == 35
    assert sum(p.numel() for p in healed.parameters()) == count + 12 * 2 * 132_096


def reference(network, cells, time, motifs):
    """The same with torch's own attention, row by row and column by column."""

    def attend(attention, row):
        peer = nn.MultiheadAttention(MODEL.hidden, MODEL.heads, batch_first=True).double()
        peer.in_proj_weight.data, peer.in_proj_bias.data = attention.qkv.weight, attention.qkv.bias
        peer.out_proj.weight.data, peer.out_proj.bias.data = (
            attention.out.weight, attention.out.bias,
        )  # fmt: skip
        return peer(row, row, row)[0]

    def normed(norm, hidden):
        change = norm.change(clock * torch.sigmoid(clock))
        scale, shift = change[: MODEL.hidden], change[MODEL.hidden :]
        spread = hidden.var(-1, unbiased=False, keepdim=True) + 1e-5
        unit = (hidden - hidden.mean(-1, keepdim=True)) / spread.sqrt()
        return (unit * norm.norm.weight + norm.norm.bias) * (1 + scale) + shift

    ends = network.embedding.weight[motifs]
    hidden = torch.stack(
        [
            torch.stack(
                [network.stem(torch.cat((cells[i, j], ends[i], ends[j]))) for j in range(len(ends))]
            )
            for i in range(len(ends))
        ]
    )
    clock = network.time(time.view(1))
    for block in network.blocks:
        only_first = len(block.norms) == 1
        seen = normed(block.norms[0], hidden)
        hidden = hidden + torch.cat([attend(block.first, row[None]) for row in seen])
        seen = hidden if only_first else normed(block.norms[1], hidden)
        found = [attend(block.second, seen[None, :, j]) for j in range(len(ends))]
        hidden = hidden + torch.cat(found).transpose(0, 1)
        seen = hidden if only_first else normed(block.norms[2], hidden)
        hidden = hidden + block.mlp[2](F.gelu(block.mlp[0](seen)))
    return network.head(hidden)


@pytest.mark.parametrize("norm", NORMS)
def test_it_computes_what_a_plain_implementation_does(norm):
    network = network_of(norm=norm)
    cells, time, motifs = inputs()
    with torch.no_grad():
        found = network(cells, time, motifs)
        for graph in range(3):
            expected = reference(network, cells[graph], time[graph], motifs[graph])
            assert torch.allclose(found[graph], expected, atol=1e-11)


@pytest.mark.parametrize("axes", AXES)
def test_nodes_in_another_order_give_the_same_cells_in_that_order(axes):
    network = network_of(axes=axes)
    cells, time, motifs = inputs()
    order = torch.tensor([3, 0, 7, 5, 1, 2, 6, 4])
    with torch.no_grad():
        moved = network(cells[:, order][:, :, order], time, motifs[:, order])
        assert torch.allclose(moved, network(cells, time, motifs)[:, order][:, :, order])


def test_a_positional_code_tells_it_the_order():
    network = network_of(replace(MODEL, pos="sin"))
    cells, time, motifs = inputs()
    order = torch.tensor([1, 0, 2, 3, 4, 5, 6, 7])
    with torch.no_grad():
        moved = network(cells[:, order][:, :, order], time, motifs[:, order])
        assert (moved - network(cells, time, motifs)[:, order][:, :, order]).abs().max() > 1e-3
    code = sinusoids(50, 6)
    assert torch.allclose(code[:, 0], torch.arange(50.0).sin(), atol=1e-5)
    assert len(torch.unique(code, dim=0)) == 50


@pytest.mark.parametrize("axes", AXES)
def test_a_cell_sees_along_the_axes_and_no_others(axes):
    network = network_of(axes=axes)
    cells, time, motifs = inputs(graphs=1)
    changed = cells.clone()
    changed[0, 2, 5] += 1
    with torch.no_grad():
        differ = (network(cells, time, motifs) != network(changed, time, motifs))[0].any(-1)
    rows, columns = torch.zeros(2, 8, 8, dtype=torch.bool)
    rows[2], columns[:, 5] = True, True
    whole = torch.ones_like(rows)
    expected = {"both": whole, "row": rows, "column": columns, "full": whole}
    assert torch.equal(differ, expected[axes])


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("norm", NORMS)
def test_padding_changes_no_cell_of_a_graph_unless_it_is_attended_as_run(axes, norm):
    cells, time, motifs = inputs()
    motifs[1, 5:] = motifs[2, 7:] = 0
    for mask in ("mask", "none as run"):
        network = network_of(axes=axes, norm=norm, mask=mask)
        with torch.no_grad():
            padded = network(cells, time, motifs)[1, :5, :5]
            alone = network(cells[1:2, :5, :5], time[1:2], motifs[1:2, :5], False)[0]
        assert torch.allclose(padded, alone) == (mask == "mask")


@pytest.mark.parametrize("norm", NORMS)
def test_time_and_both_motifs_of_a_cell_reach_it_and_every_parameter_is_trained(norm):
    network = network_of(norm=norm)
    cells, time, motifs = inputs()
    output = network(cells, time, motifs)
    output.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
    with torch.no_grad():
        assert (network(cells, time + 0.1, motifs) != output).all()
        for end in (2, 6):
            other = motifs.clone()
            other[0, end] = other[0, end] % 6 + 1
            assert (network(cells, time, other)[0, 2, 6] != output[0, 2, 6]).any()


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("norm", NORMS)
def test_operations_are_what_torch_counts(axes, norm):
    axial = AxialConfig(axes=axes, norm=norm)
    network = new_network(MODEL, axial, CHANNELS, 0)
    cells, time, motifs = inputs(graphs=1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(cells.float(), time.float(), motifs, False)
    assert forward_flops(MODEL, axial, CHANNELS, 8) == counter.get_total_flops()


def test_it_begins_as_its_seed_says_and_a_parameter_keeps_its_values_in_a_deeper_network():
    one, again, other = (new_network(MODEL, AxialConfig(), CHANNELS, seed) for seed in (4, 4, 5))
    deeper = new_network(replace(MODEL, depth=3), AxialConfig(), CHANNELS, 4).state_dict()
    for name, values in one.state_dict().items():
        assert torch.equal(values, again.state_dict()[name])
        assert torch.equal(values, deeper[name])
    assert not torch.equal(one.stem.weight, other.stem.weight)
