"""The repair solver: what stands above the cut, mended stage by stage towards the laws.

The cut comes first, then the stages that are asked for: `arity` keeps a node's strongest execution
edges, `rescue` gives its likeliest data input to a node that needs one and has none, `clash` gives
siblings of one index different ones, `cycles` opens data cycles at their weakest edges. One round
is what ran; a later stage may then undo what an earlier one did (a cycle opened at an input just
rescued, a branch that a rescue turned into data). More rounds go on until nothing changes; what
went for a cycle is then never an edge again, so that the rounds end.

Our own stages reach for the rest: `spare` opens data cycles before `cycles` does, and where it can
at an edge that no node needs; `spine` and `connect` (spine.py) are for the laws on terminal
and spine, and on orphans. `COMPLETE` with rounds keeps all six laws wherever there is a Boundary.
After timlawrenz/jubilant-palm-tree, constraint_solver.py@7c65c86. Departures: ties are settled (the
lower node number, the lower index), and a cycle does not depend on where a walk began (cycles.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from trainables.graph.graphs import INDICES, Kind, Motif, Squares
from trainables.graph.solver.arity import MOST_OUTPUTS, strongest, strongest_two
from trainables.graph.solver.cycles import without_cycles
from trainables.graph.solver.decode import RIGHT_CUT, Channels, Odds, log_probability, squares
from trainables.graph.solver.spine import connect, spine

Stage = Literal["arity", "rescue", "clash", "cycles", "spare", "spine", "connect"]
Order = Literal["as_run", "cycles_first"]
ORDERS: dict[Order, tuple[Stage, ...]] = {
    "as_run": ("arity", "rescue", "clash", "spare", "cycles", "spine", "connect"),
    "cycles_first": ("spare", "cycles", "arity", "rescue", "spine", "connect", "clash"),
}
STAGES: tuple[Stage, ...] = ("arity", "rescue", "clash", "cycles")
COMPLETE: tuple[Stage, ...] = ORDERS["as_run"]
# The rows of the erratum, in which each adds to the one before; where the rescue came in between
# "arity" and "clash" is not on record.
DOCUMENTED: dict[str, tuple[Stage, ...]] = {
    "naive": (),
    "+cycles": ("cycles",),
    "+arity": ("arity", "cycles"),
    "+clash": ("arity", "clash", "cycles"),
    "full": STAGES,
}
NEEDS_INPUT = (Motif.CONDITION, Motif.LOOP)  # and a State that something is executed after


def repair(
    channels: Channels,
    motifs: Int[np.ndarray, "graphs side"],
    stages: Collection[str] = STAGES,
    order: Order = "as_run",
    rounds: int = 1,
    cut: float = RIGHT_CUT,
) -> Squares:
    """What stands above the cut, mended by the stages.

    Args:
        channels: Raw values.
        motifs: Of the nodes that the channels are about.
        stages: Which run; in which order is the order's matter.
        order: As run, or with cycles opened first.
        rounds: How often the stages run at most; they end when a round changes nothing.
        cut: Of presence and kind, .5, or 0 as run.

    Raises:
        ValueError: As `Odds.of` does, and for a stage, order or number of rounds that is none.
    """
    _refuse(stages, order, rounds)
    odds = Odds.of(channels, motifs, cut)
    graphs = odds.squares()
    presence, kind, index = graphs.presence, graphs.kind.copy(), graphs.index.copy()
    left = np.arange(len(motifs) if motifs.size else 0)
    for turn in range(1, rounds + 1 if len(left) else 1):
        before = Squares(motifs[left], presence[left], kind[left], index[left])
        opened, after = _round(odds, before, [one for one in ORDERS[order] if one in stages])
        presence[left], kind[left], index[left] = after.presence, after.kind, after.index
        changed = opened.any((1, 2)) | _differ(before, after)
        if turn == rounds or not changed.any():
            break
        left, odds = left[changed], odds.without(opened).take(np.flatnonzero(changed))
    return Squares(motifs, presence, kind, index)


def arity(odds: Odds, graphs: Squares) -> Squares:
    """Keeps the strongest execution edges of each node, as many as its motif may have."""
    execution = graphs.presence & (graphs.kind == Kind.EXECUTION)
    first, second = strongest_two(execution, odds.edge, MOST_OUTPUTS[graphs.motifs])
    presence = graphs.presence & ~execution | first | second
    return squares(graphs.motifs, presence, graphs.kind, graphs.index)


def rescue(odds: Odds, graphs: Squares) -> Squares:
    """Gives a data input to each node that needs one and has none.

    It is the likeliest to be there and to carry data, be it that the cell holds an execution edge
    until then. Where no cell may be an edge any more, the node stays without.
    """
    data = graphs.presence & (graphs.kind == Kind.DATA)
    graph, target = np.nonzero(_needy(graphs) & ~data.any(1))
    presence, kind, index = graphs.presence.copy(), graphs.kind.copy(), graphs.index.copy()
    if len(graph):
        likely = log_probability(odds.edge[graph, :, target])
        likely += log_probability(odds.data[graph, :, target])
        source = likely.argmax(1)
        found = np.isfinite(likely.max(1))
        cell = graph[found], source[found], target[found]
        presence[cell], kind[cell] = True, Kind.DATA
        index[cell] = odds.index[cell].argmax(-1)
    return squares(graphs.motifs, presence, kind, index)


def clash(odds: Odds, graphs: Squares) -> Squares:
    """Gives execution edges of one source, and data edges to one target, different indices.

    Of those that share an index the strongest keeps it; each other one, the strongest first, takes
    of the indices that none of its siblings has the likeliest, or the one above the highest where
    all four are taken.
    """
    index = graphs.index.copy()
    for kind in Kind:
        edges = graphs.presence & (graphs.kind == kind)
        graph, source, target = np.nonzero(edges)
        group, member = (source, target) if kind == Kind.EXECUTION else (target, source)
        siblings = _Siblings(
            np.unique(graph * edges.shape[1] + group, return_inverse=True)[1],
            member,
            index[graph, source, target],
            odds.edge[graph, source, target],
            odds.index[graph, source, target],
        )
        index[graph, source, target] = siblings.distinct()
    return squares(graphs.motifs, graphs.presence, graphs.kind, index)


def cycles(odds: Odds, graphs: Squares) -> Squares:
    """Takes data edges out that close a cycle with stronger ones (cycles.py)."""
    data = graphs.presence & (graphs.kind == Kind.DATA)
    presence = graphs.presence & ~data | without_cycles(data, odds.edge)
    return squares(graphs.motifs, presence, graphs.kind, graphs.index)


def spare(odds: Odds, graphs: Squares) -> Squares:
    """Takes data edges out as `cycles` does, the needed ones counting as the strongest of all."""
    data = graphs.presence & (graphs.kind == Kind.DATA)
    stay = without_cycles(data, odds.edge, first=_needed(odds, graphs))
    presence = graphs.presence & ~data | stay
    return squares(graphs.motifs, presence, graphs.kind, graphs.index)


_RUN = {
    "arity": arity,
    "rescue": rescue,
    "clash": clash,
    "cycles": cycles,
    "spare": spare,
    "spine": spine,
    "connect": connect,
}


def _needy(graphs: Squares) -> Bool[np.ndarray, "graphs side"]:
    """The nodes that need a data input."""
    executes = (graphs.presence & (graphs.kind == Kind.EXECUTION)).any(2)
    writes = (graphs.motifs == Motif.STATE) & executes
    return np.isin(graphs.motifs, NEEDS_INPUT) | writes


def _needed(odds: Odds, graphs: Squares) -> Bool[np.ndarray, "graphs side side"]:
    """The strongest data input of each node that needs one."""
    data = graphs.presence & (graphs.kind == Kind.DATA)
    return strongest((data & _needy(graphs)[:, None, :]).mT, odds.edge.mT).mT


@dataclass(frozen=True)
class _Siblings:
    """Edges in groups within which indices should differ."""

    group: Int[np.ndarray, " edges"]  # numbered from 0 on, without gaps
    member: Int[np.ndarray, " edges"]  # the node at the other end
    index: Int[np.ndarray, " edges"]
    strength: Float[np.ndarray, " edges"]
    logits: Float[np.ndarray, "edges 4"]

    def distinct(self) -> Int[np.ndarray, " edges"]:
        """The indices when the losers of each clash have taken others, one after the other."""
        index = self.index.copy()
        loser, turn = self._losers()
        group = self.group[loser]
        groups = int(self.group.max(initial=-1)) + 1
        taken, top = np.zeros((groups, INDICES), bool), np.zeros(groups, np.int64)
        low = index < INDICES
        taken[self.group[low], index[low]] = True
        np.maximum.at(top, self.group, index)
        for now in range(min(INDICES, int(turn.max(initial=-1)) + 1)):
            edge, own = loser[turn == now], group[turn == now]
            free = ~taken[own]
            likeliest = np.where(free, self.logits[edge], -np.inf).argmax(1)
            index[edge] = np.where(free.any(1), likeliest, top[own] + 1)
            top[own] = np.maximum(top[own], index[edge])
            taken[own, likeliest] = True
        late = turn >= INDICES  # by then all four are taken
        index[loser[late]] = top[group[late]] + 1 + turn[late] - INDICES
        return index

    def _losers(self) -> tuple[Int[np.ndarray, " losers"], Int[np.ndarray, " losers"]]:
        """The edges that must take another index, and the turn of each within its group.

        Indices take turns as they first occur in a group, counting its nodes upwards.
        """
        several = int(self.index.max(initial=0)) + 1
        claim = np.unique(self.group * several + self.index, return_inverse=True)[1]
        first = np.full(int(claim.max(initial=-1)) + 1, self.member.max(initial=0))
        np.minimum.at(first, claim, self.member)
        order = np.lexsort((self.member, -self.strength, first[claim], self.group))
        keeps = np.ones(len(order), bool)
        keeps[1:] = claim[order][1:] != claim[order][:-1]
        loser = order[~keeps]
        counts = np.bincount(self.group[loser])
        starts = np.cumsum(counts) - counts
        return loser, np.arange(len(loser)) - starts[self.group[loser]]


def _round(
    odds: Odds, graphs: Squares, stages: list[Stage]
) -> tuple[Bool[np.ndarray, "graphs side side"], Squares]:
    """The cells at which cycles were opened, and the graphs after each stage has run once."""
    opened = np.zeros_like(graphs.presence)
    for stage in stages:
        after = _RUN[stage](odds, graphs)
        if stage in ("cycles", "spare"):
            gone = graphs.presence & ~after.presence
            # A spare edge that went may come back as one that is needed, which closes no cycle.
            gone &= _needed(odds, graphs) if stage == "spare" else True
            opened, odds = opened | gone, odds.without(gone)
        graphs = after
    return opened, graphs


def _differ(before: Squares, after: Squares) -> Bool[np.ndarray, " graphs"]:
    """Which graphs are not the same."""
    parts = ("presence", "kind", "index")
    differ = [getattr(before, part) != getattr(after, part) for part in parts]
    return np.any(differ, axis=(0, 2, 3))


def _refuse(stages: Collection[str], order: Order, rounds: int) -> None:
    if unknown := sorted(set(stages) - set(COMPLETE)):
        raise ValueError(f"solver: stages must be among {COMPLETE}, got {unknown}")
    if order not in ORDERS:
        raise ValueError(f"solver: the order must be one of {tuple(ORDERS)}, got {order!r}")
    if rounds < 1:
        raise ValueError(f"solver: there must be at least one round, got {rounds}")
