"""What a network gives for each cell, read as edges: channels, their odds, and the cut between.

The targets of presence and kind are 0 and 1 on the raw channel, so the cut that fits lies at .5.
The original took the raw value for log odds and cut their probability at .5, which is the raw value
0: exactly that of "no edge". Both are here; beyond this file there are log odds only.

After timlawrenz/jubilant-palm-tree, naive_discretizer.py@b64acae and structural_loss.py@9586f28.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from trainables.graph.graphs import Motif, Squares

RIGHT_CUT, CUT_AS_RUN = 0.5, 0.0
# Log odds per unit of the raw channel: 10 is the sharpened sigmoid of the record's eighth run.
STEEPNESS = {RIGHT_CUT: 10.0, CUT_AS_RUN: 1.0}


@dataclass(frozen=True)
class Channels:
    """What a network gives for each cell, the row being an edge's source.

    Attributes:
        presence: Near 1 where there is an edge and near 0 where there is none; raw, no odds.
        kind: Near 0 for execution and near 1 for data; raw, no odds.
        index: Logits of an edge's place among its siblings.
    """

    presence: Float[np.ndarray, "graphs side side"]
    kind: Float[np.ndarray, "graphs side side"]
    index: Float[np.ndarray, "graphs side side 4"]

    @classmethod
    def of(cls, values: Float[np.ndarray, "graphs 6 side side"]) -> "Channels":
        """The channels in the order in which the network has them."""
        return cls(values[:, 0], values[:, 1], np.moveaxis(values[:, 2:], 1, -1))

    def finite(self, motifs: Int[np.ndarray, "graphs side"]) -> Bool[np.ndarray, " graphs"]:
        """Which graphs have numbers in every cell that may be an edge."""
        numbers = np.isfinite(self.presence) & np.isfinite(self.kind)
        numbers &= np.isfinite(self.index).all(-1)
        return np.all(numbers | ~_cells(motifs), axis=(1, 2))


@dataclass(frozen=True)
class Odds:
    """Channels as log odds; what stands in cells that can be no edge does not matter any more.

    Attributes:
        motifs: Of every node, 0 (padding) where there is none.
        edge: Log odds of an edge; minus infinity where there can be none.
        data: Log odds that an edge carries data.
        index: Logits of an edge's place among its siblings.
    """

    motifs: Int[np.ndarray, "graphs side"]
    edge: Float[np.ndarray, "graphs side side"]
    data: Float[np.ndarray, "graphs side side"]
    index: Float[np.ndarray, "graphs side side 4"]

    @classmethod
    def of(
        cls, channels: Channels, motifs: Int[np.ndarray, "graphs side"], cut: float = RIGHT_CUT
    ) -> "Odds":
        """The log odds of channels, which are 0 at the cut.

        Args:
            channels: Raw values.
            motifs: Of the nodes that the channels are about.
            cut: .5, or 0 as run.

        Raises:
            ValueError: When a motif or the cut is none, or a value is not finite.
        """
        _refuse(channels, motifs, cut)
        cells = _cells(motifs)
        scale = STEEPNESS[cut]
        return cls(
            motifs,
            np.where(cells, scale * (channels.presence.astype(np.float64) - cut), -np.inf),
            np.where(cells, scale * (channels.kind.astype(np.float64) - cut), 0.0),
            np.where(cells[..., None], channels.index, 0.0),
        )

    def without(self, cells: Bool[np.ndarray, "graphs side side"]) -> "Odds":
        """The same odds, some cells being no edge for good."""
        return replace(self, edge=np.where(cells, -np.inf, self.edge))

    def take(self, graphs: Int[np.ndarray, " some"]) -> "Odds":
        """Those of some of the graphs."""
        parts = self.motifs, self.edge, self.data, self.index
        return Odds(*(part[graphs] for part in parts))

    def first_index(self) -> Int[np.ndarray, "graphs side side"]:
        """The likeliest index in each cell, the lowest of those that are equal."""
        return self.index.argmax(-1)

    def squares(self) -> Squares:
        """What is likelier than not, each cell for itself; exactly even odds are a no."""
        return squares(self.motifs, self.edge > 0, self.data > 0, self.first_index())


def squares(
    motifs: Int[np.ndarray, "graphs side"],
    presence: Bool[np.ndarray, "graphs side side"],
    kind: Int[np.ndarray, "graphs side side"] | Bool[np.ndarray, "graphs side side"],
    index: Int[np.ndarray, "graphs side side"],
) -> Squares:
    """Squares whose kind and index are 0 where there is no edge."""
    return Squares(motifs, presence, np.where(presence, kind, 0), np.where(presence, index, 0))


def decode(
    channels: Channels, motifs: Int[np.ndarray, "graphs side"], cut: float = RIGHT_CUT
) -> Squares:
    """The edges whose channels lie above the cut, as they are: no law is enforced.

    Nothing leads to or from padding, and nothing from a node to itself.

    Raises:
        ValueError: As `Odds.of` does.
    """
    return Odds.of(channels, motifs, cut).squares()


def log_probability(
    odds: Float[np.ndarray, "*shape"],
) -> Float[np.ndarray, "*shape"]:
    """The logarithm of the probability that log odds stand for, exact however small it is."""
    return -np.logaddexp(0.0, -odds)


def _cells(motifs: Int[np.ndarray, "graphs side"]) -> Bool[np.ndarray, "graphs side side"]:
    nodes = motifs > 0
    return nodes[:, :, None] & nodes[:, None, :] & ~np.eye(motifs.shape[1], dtype=bool)


def _refuse(channels: Channels, motifs: Int[np.ndarray, "graphs side"], cut: float) -> None:
    """ValueError for what cannot be read as odds."""
    if cut not in STEEPNESS:
        raise ValueError(f"decode: the cut must be one of {sorted(STEEPNESS)}, got {cut}")
    if channels.presence.shape[:2] != motifs.shape:
        raise ValueError(
            f"decode: channels must be of {motifs.shape} graphs and nodes as the motifs are, got "
            f"{channels.presence.shape[:2]}"
        )
    if not np.isin(motifs, list(Motif)).all():
        raise ValueError(
            f"decode: motifs must be 0 (padding) to {max(Motif)}, got {motifs.min()} to "
            f"{motifs.max()}"
        )
    if not (finite := channels.finite(motifs)).all():
        first = int(np.argmin(finite))
        raise ValueError(
            f"decode: channels must be finite wherever an edge may be, and those of "
            f"{(~finite).sum()} of {len(finite)} graphs are not, the first being number {first}; "
            "leave them out by Channels.finite and count them"
        )
