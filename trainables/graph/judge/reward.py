"""The reward of the reinforcement stage, and what graphs that nothing has learned would earn by it.

Each of the first five laws adds to it when kept and takes from it when broken; all five together
are worth two and a half times their sum. A share of rewards above 0 is no share of lawful graphs:
nodes without any edge earn up to 1.1, and a constructed graph of given motifs earns all there is.
After timlawrenz/jubilant-palm-tree, reward.py@b64acae.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64

from trainables.graph.graphs import Graphs, Kind
from trainables.graph.judge.controls import chain, constructive, empty
from trainables.graph.judge.laws import Rules, check

AcyclicSign = Literal["fixed", "as_run"]
# By law, when it is kept and when it is broken.
REWARDS = {
    "out_degree": (0.4, -0.2),
    "in_degree": (0.2, -0.1),
    "orphan": (0.2, -0.1),
    "acyclic": (0.2, -0.1),
    "terminal": (0.4, -0.4),
}
JACKPOT = 2.5  # times the sum, when all five are kept
NO_NODES = -1.0


def reward(
    graphs: Graphs,
    acyclic_sign: AcyclicSign = "fixed",
    rules: Rules = "corrected",
    jackpot: float = JACKPOT,
) -> Float64[np.ndarray, " graphs"]:
    """The reward of each graph, from -1 to 3.5.

    Args:
        graphs: Of any sizes.
        acyclic_sign: `as_run` pays for data cycles: it turned around what a faulty check said, and
            stayed when that was mended.
        rules: As `trainables.graph.judge.laws.check` has them.
        jackpot: What the sum is multiplied by where all five laws are kept.

    Raises:
        ValueError: When there is no such sign or rule set.
    """
    if acyclic_sign not in get_args(AcyclicSign):
        raise ValueError(
            f"reward: acyclic_sign must be one of {get_args(AcyclicSign)}, got {acyclic_sign!r}"
        )
    laws = check(graphs, rules)
    if acyclic_sign == "as_run":
        laws = laws | {"acyclic": ~laws["acyclic"]}
    return np.where(graphs.sizes > 0, reward_of(laws, jackpot), NO_NODES)


def reward_of(
    laws: Mapping[str, Bool[np.ndarray, " graphs"]], jackpot: float = JACKPOT
) -> Float64[np.ndarray, " graphs"]:
    """The reward of graphs with nodes, by the laws they keep; the spine's does not count."""
    kept = np.stack([laws[name] for name in REWARDS])
    worth = np.array(list(REWARDS.values()))
    total = np.where(kept, worth[:, :1], worth[:, 1:]).sum(0)
    return total * np.where(kept.all(0), jackpot, 1.0)


def exploits(
    graphs: Graphs,
    acyclic_sign: AcyclicSign = "fixed",
    rules: Rules = "corrected",
    jackpot: float = JACKPOT,
) -> dict[str, Float64[np.ndarray, " graphs"]]:
    """The reward of each graph's nodes with edges that nothing has learned, beside its own.

    What a policy that follows the reward can earn without learning what a program is.
    """
    rows = {
        "own": graphs,
        "empty": empty(graphs),
        "single_edge": _single_edge(graphs),
        "chain": chain(graphs),
        "constructive": constructive(graphs),
    }
    return {name: reward(row, acyclic_sign, rules, jackpot) for name, row in rows.items()}


def _single_edge(graphs: Graphs) -> Graphs:
    """One execution edge from each graph's first node to its second, where it has one."""
    source = graphs.starts[graphs.sizes > 1]
    none = np.zeros_like(source)
    return Graphs(graphs.motifs, graphs.sizes, source, source + 1, none + Kind.EXECUTION, none)
