"""Losses that say by how much channels break the laws, with gradients to the cells that do.

They read the raw presence and kind of each cell as probabilities. As run that is a sigmoid, which
makes .50 and .73 of the two targets 0 and 1, so that graphs near them look all alike, and dense.
After timlawrenz/jubilant-palm-tree, structural_loss.py@6e416e2. Departures: a node's own cell is no
edge; among equally few outputs the gradient of the terminal term goes to all of them.
Shape letters: B graphs, N nodes; the row is an edge's source.
"""

from dataclasses import dataclass
from math import factorial
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainables.graph.graphs import Motif

Prob = Literal["sigmoid", "sharpened", "clamp01"]
Limit = Literal["log", "clamp"]
STEEPNESS = 10.0  # of a sharpened sigmoid, and of that which tells whether a State is written
MOST_ACYCLIC = 50.0  # above it the acyclic term is clamped as run, else its logarithm
# Execution outputs that a node should have, by motif; a Boundary is an entry or an exit.
OUTPUTS = (0.0, 0.5, 1.0, 2.0, 2.0, 1.0, 1.0)
TERMS = (
    "out_degree",
    "sharpness",
    "kind_sharpness",
    "terminal",
    "orphan",
    "data_in",
    "acyclic",
    "density",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StructuralConfig:
    """How channels become probabilities, and what each term weighs; the weights are as documented.

    Attributes:
        prob: `sigmoid` as run; `sharpened`, steeper and with its middle at .5, where the cut fits;
            `clamp01`, which has no gradient outside 0 to 1.
        acyclic_powers: Cycles of up to so many edges are seen, at least 2; documented 4, and 8.
        acyclic_limit: `clamp` as run, where a term above 50 has no gradient: flat channels of 128
            nodes are beyond it. `log` goes on at the logarithm's pace.
    """

    prob: Prob = "sharpened"
    acyclic_powers: int = 4
    acyclic_limit: Limit = "log"
    out_degree: float = 1.0
    sharpness: float = 0.1
    kind_sharpness: float = 0.1
    terminal: float = 0.5
    orphan: float = 1.0
    data_in: float = 1.0
    acyclic: float = 2.0
    density: float = 2.0

    def __post_init__(self) -> None:
        if self.acyclic_powers < 2:
            raise ValueError(
                f"structural.acyclic_powers: a cycle has at least 2 edges, got "
                f"{self.acyclic_powers}"
            )
        if negative := [term for term in TERMS if not getattr(self, term) >= 0]:
            raise ValueError(f"structural: weights must be at least 0, got less for {negative}")


def structural_loss(
    presence: Float[Tensor, "B N N"],
    kind: Float[Tensor, "B N N"],
    motifs: Int[Tensor, "B N"],
    cfg: StructuralConfig,
) -> Float[Tensor, " B"]:
    """The weighted sum of the terms for each graph."""
    terms = structural_terms(presence, kind, motifs, cfg)
    return torch.stack([getattr(cfg, name) * terms[name] for name in TERMS]).sum(0)


def structural_terms(
    presence: Float[Tensor, "B N N"],
    kind: Float[Tensor, "B N N"],
    motifs: Int[Tensor, "B N"],
    cfg: StructuralConfig,
) -> dict[str, Float[Tensor, " B"]]:
    """By how much each graph breaks what each of `TERMS` asks for, without weights.

    Args:
        presence: Raw values near 1 where there is an edge, near 0 where there is none.
        kind: Raw values near 1 where an edge carries data, near 0 where it executes.
        motifs: Of each node, 0 (padding) where there is none.
        cfg: What makes probabilities of the raw values.
    """
    nodes = motifs > 0
    if not presence.shape[1]:  # there is no least of no outputs
        return {name: presence.sum((1, 2)) for name in TERMS}
    cells = nodes[:, :, None] & nodes[:, None, :]
    cells = cells & ~torch.eye(motifs.shape[1], dtype=torch.bool, device=motifs.device)
    edge = _probability(presence, cfg.prob).masked_fill(~cells, 0)
    carries = _probability(kind, cfg.prob).masked_fill(~cells, 0)
    data, execution = edge * carries, edge * (1 - carries)
    outputs = execution.sum(2)
    count = nodes.sum(1).clamp(min=1)
    few = (1 - edge.sum(1) - edge.sum(2)).relu()
    sharpness, kind_sharpness = _sharpness(edge, carries)
    return {
        "out_degree": _mean_of((outputs - outputs.new_tensor(OUTPUTS)[motifs]) ** 2, nodes),
        "sharpness": sharpness,
        "kind_sharpness": kind_sharpness,
        "terminal": _fewest(outputs, nodes) ** 2,
        "orphan": _mean_of(few, nodes),
        "data_in": _missing_inputs(data.sum(1), outputs, motifs),
        "acyclic": _limited(_closed_walks(data, cfg.acyclic_powers) / count, cfg.acyclic_limit),
        "density": ((count * nodes.any(1) - edge.sum((1, 2))).relu() / count) ** 2,
    }


def _probability(values: Float[Tensor, "B N N"], prob: Prob) -> Float[Tensor, "B N N"]:
    if prob == "clamp01":
        return values.clamp(0, 1)
    return torch.sigmoid(values if prob == "sigmoid" else STEEPNESS * (values - 0.5))


def _mean_of(values: Float[Tensor, "B N"], nodes: Bool[Tensor, "B N"]) -> Float[Tensor, " B"]:
    return values.masked_fill(~nodes, 0).sum(1) / nodes.sum(1).clamp(min=1)


def _sharpness(
    edge: Float[Tensor, "B N N"], carries: Float[Tensor, "B N N"]
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """How undecided edges are that are likelier than not: whether they are, and of which kind.

    Others have no say, or the surest way to be decided were to have no edges.
    """
    likely = edge > 0.5
    count = likely.sum((1, 2)).clamp(min=1)
    presence = edge * (1 - edge)
    kind = edge * carries * (1 - carries)
    first, second = (part.masked_fill(~likely, 0).sum((1, 2)) / count for part in (presence, kind))
    return first, second


def _fewest(outputs: Float[Tensor, "B N"], nodes: Bool[Tensor, "B N"]) -> Float[Tensor, " B"]:
    """The fewest outputs of any node, which the exit's are; 0 where there is no node."""
    fewest = outputs.masked_fill(~nodes, torch.inf).amin(1)
    return torch.where(nodes.any(1), fewest, 0)


def _missing_inputs(
    inputs: Float[Tensor, "B N"], outputs: Float[Tensor, "B N"], motifs: Int[Tensor, "B N"]
) -> Float[Tensor, " B"]:
    """What Conditions, Loops and, as far as they are written, States lack of one data input."""
    always = (motifs == Motif.CONDITION) | (motifs == Motif.LOOP)
    written = torch.sigmoid(STEEPNESS * (outputs - 0.5))
    needs = torch.where(motifs == Motif.STATE, written, always.to(inputs.dtype))
    lacking = (1 - inputs).relu() ** 2
    return (lacking * needs).sum(1) / needs.sum(1).clamp(min=1)


def _closed_walks(data: Float[Tensor, "B N N"], powers: int) -> Float[Tensor, " B"]:
    """Closed walks along data edges, those of k edges counting 1 / k!."""
    power, walks = data, data.new_zeros(len(data))
    for length in range(2, powers + 1):
        power = power @ data
        walks = walks + power.diagonal(dim1=1, dim2=2).sum(1) / factorial(length)
    return walks


def _limited(values: Float[Tensor, " B"], limit: Limit) -> Float[Tensor, " B"]:
    if limit == "clamp":
        return values.clamp(max=MOST_ACYCLIC)
    beyond = MOST_ACYCLIC * (1 + (values.clamp(min=MOST_ACYCLIC) / MOST_ACYCLIC).log())
    return torch.where(values > MOST_ACYCLIC, beyond, values)
