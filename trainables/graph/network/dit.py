"""A diffusion transformer over the cells of a graph: attention along rows and along columns.

Row i of the cells is what may leave node i, column j what may enter node j. Each cell sees what it
holds, the motifs of its two ends and the time. Without a positional code the network does not know
in which order nodes stand: in another they give the same cells in that order.
After timlawrenz/jubilant-palm-tree, dit.py@9e16666 and model.py@c872cfe, with these departures:
each branch has its own norm by time (there the attention along rows alone), cells of padding are
not attended, time is as wide as the network (there 256 always, which is its width as documented).
Shape letters: B graphs, N nodes, R rows, C cells of a row, D width, I and O channels in and out.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from trainables.draws import initialise
from trainables.graph.config import AxialConfig, ModelConfig
from trainables.graph.graphs import Motif

MLP_FACTOR = 4  # hidden width of the MLP over the width


class TimedNorm(nn.Module):
    """A layer norm whose scale and shift follow the time."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.change = nn.Linear(width, 2 * width)

    def forward(
        self, cells: Float[Tensor, "B N N D"], time: Float[Tensor, "B D"]
    ) -> Float[Tensor, "B N N D"]:
        """Cells with zero mean and unit spread over channels, then scaled and shifted."""
        scale, shift = self.change(F.silu(time))[:, None, None].chunk(2, -1)
        return self.norm(cells) * (1 + scale) + shift


class Attention(nn.Module):
    """Each cell attends to those of its row."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, cells: Float[Tensor, "B R C D"], real: Bool[Tensor, "B C"] | None
    ) -> Float[Tensor, "B R C D"]:
        """What each cell found; cells of a row that are not real are not looked at."""
        batch, rows, length, width = cells.shape
        heads = self.qkv(cells).view(batch * rows, length, 3, self.heads, width // self.heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mask = None
        if real is not None:
            mask = real[:, None].expand(batch, rows, length).reshape(-1, 1, 1, length)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(found.transpose(1, 2).reshape(batch, rows, length, width))


class Block(nn.Module):
    """Two attentions and an MLP, each added to what it saw."""

    def __init__(self, model: ModelConfig, axial: AxialConfig):
        super().__init__()
        width = model.hidden
        self.axes = {
            "both": ("row", "column"),
            "row": ("row", "row"),
            "column": ("column", "column"),
            "full": ("full", "full"),
        }[axial.axes]
        self.first = Attention(width, model.heads)
        self.second = Attention(width, model.heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, MLP_FACTOR * width), nn.GELU(), nn.Linear(MLP_FACTOR * width, width)
        )
        timed = 1 if axial.norm == "first_only as run" else 3
        self.norms = nn.ModuleList(TimedNorm(width) for _ in range(timed))

    def forward(
        self,
        cells: Float[Tensor, "B N N D"],
        time: Float[Tensor, "B D"],
        real: Bool[Tensor, "B N"] | None,
    ) -> Float[Tensor, "B N N D"]:
        """The cells after they saw others of their row and column."""
        cells = cells + _along(self.axes[0], self.first, self._normed(0, cells, time), real)
        cells = cells + _along(self.axes[1], self.second, self._normed(1, cells, time), real)
        return cells + self.mlp(self._normed(2, cells, time))

    def _normed(self, branch: int, cells: Tensor, time: Tensor) -> Tensor:
        return self.norms[branch](cells, time) if branch < len(self.norms) else cells


def _along(axis: str, attention: Attention, cells: Tensor, real: Tensor | None) -> Tensor:
    """The attention along an axis, where each cell's keys lie."""
    if axis == "row":
        return attention(cells, real)
    if axis == "column":
        return attention(cells.transpose(1, 2), real).transpose(1, 2)
    if real is not None:
        real = (real[:, :, None] & real[:, None]).flatten(1)
    return attention(cells.flatten(1, 2).unsqueeze(1), real).view_as(cells)


class GraphDiT(nn.Module):
    """Cells, motifs and time to cells.

    Documented as one checkpoint of 171 MB: so much take its 14.3 million parameters with the two
    moments that AdamW keeps of each. Its parameters have no values before `new_network` fills them.
    """

    def __init__(self, model: ModelConfig, axial: AxialConfig, channels_in: int, channels_out: int):
        super().__init__()
        width = model.hidden
        self.pos, self.masks = model.pos, axial.mask == "mask"
        self.embedding = nn.Embedding(len(Motif), model.embed)
        self.stem = nn.Linear(channels_in + 2 * model.embed, width)
        self.time = nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(model, axial) for _ in range(model.depth))
        self.head = nn.Linear(width, channels_out)

    def forward(
        self,
        cells: Float[Tensor, "B N N I"],
        time: Float[Tensor, " B"],
        motifs: Int64[Tensor, "B N"],
        padded: bool = True,
    ) -> Float[Tensor, "B N N O"]:
        """What the head says of each cell; of padding it says nothing of use.

        Args:
            cells: What each cell holds at that time.
            time: 0 is noise, 1 is data.
            motifs: 0 is padding; every graph has a node.
            padded: Whether any graph has padding; the same without, and faster, where none has.
        """
        nodes = motifs.shape[1]
        ends = self.embedding(motifs)
        if self.pos == "sin":
            ends = ends + sinusoids(nodes, ends.shape[-1], ends.device).to(ends.dtype)
        rows = ends[:, :, None].expand(-1, -1, nodes, -1)
        columns = ends[:, None].expand(-1, nodes, -1, -1)
        hidden = self.stem(torch.cat((cells, rows, columns), -1))
        clock = self.time(time[:, None])
        real = motifs > 0 if padded and self.masks else None
        for block in self.blocks:
            hidden = block(hidden, clock, real)
        return self.head(hidden)


def sinusoids(
    places: int, width: int, device: torch.device | None = None
) -> Float[Tensor, "places width"]:
    """A code of each place: sines, then cosines, of wavelengths from 2 pi to 2 pi x 10,000."""
    rates = torch.logspace(0, -4, width // 2, device=device)
    angles = torch.arange(places, device=device)[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), -1)


def forward_flops(
    model: ModelConfig, axial: AxialConfig, channels: tuple[int, int], side: int
) -> int:
    """Operations of matrix products of one pass of one graph with so many nodes or pads.

    As torch's FlopCounterMode counts them; a training step takes three times as many.
    """
    width, cells = model.hidden, side * side
    reach = cells if axial.axes == "full" else side
    norms = 1 if axial.norm == "first_only as run" else 3
    per_cell = 2 * (4 * width + 2 * reach) * width + 2 * MLP_FACTOR * width * width
    ends = (channels[0] + 2 * model.embed + channels[1]) * width
    clock = (1 + width) * width + model.depth * norms * 2 * width * width
    return 2 * (cells * (ends + model.depth * per_cell) + clock)


def new_network(
    model: ModelConfig, axial: AxialConfig, channels: tuple[int, int], seed: int
) -> GraphDiT:
    """A network on the host that begins as torch's modules do, drawn from the seed by name."""
    with torch.device("meta"):  # so that building draws nothing
        network = GraphDiT(model, axial, *channels)
    network.to_empty(device="cpu")
    parameters = dict(network.named_parameters())

    def law(name: str, parameter: Tensor, draws: Generator) -> None:
        _start(name, parameter, parameters[name.rpartition(".")[0] + ".weight"], draws)

    initialise(network, seed, law)
    return network


def _start(name: str, parameter: Tensor, weight: Tensor, draws: Generator) -> None:
    """A normal embedding, maps uniform by what comes in, those of queries by what goes out too."""
    spread = weight.shape[-1] ** -0.5
    if name == "embedding.weight":
        parameter.normal_(generator=draws)
    elif ".norm." in name:
        parameter.fill_(float(name.endswith("weight")))
    elif name.endswith("qkv.weight"):
        nn.init.xavier_uniform_(parameter, generator=draws)
    elif name.endswith(("qkv.bias", "first.out.bias", "second.out.bias")):
        parameter.zero_()
    else:
        parameter.uniform_(-spread, spread, generator=draws)
