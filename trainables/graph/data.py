"""The graphs that a run learns from, and those that it is measured on.

Generated programs, the same for every seed, or methods of a folder. A graph counts once, in
whatever order its nodes stand: repetitions are left out, and of the training graphs those that are
held out. Which rows a step sees and in which order their nodes stand is drawn.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int64, UInt64

from trainables.draws import batch_rows, generator
from trainables.graph.config import GraphConfig, ProgramsConfig
from trainables.graph.folder import methods
from trainables.graph.graphs import INDICES, Graphs, Program
from trainables.graph.program.programs import programs

DATA_SEED = 13  # generated graphs are the data, which seeds of a run share
REDRAWN = 4  # so many times the held-out graphs are generated, since small ones repeat
ROUNDS = 8  # of telling nodes apart by their neighbours


@dataclass(frozen=True, eq=False)
class Data:
    """Two sets of unlike graphs.

    Attributes:
        train: To learn from.
        held_out: To be measured on.
        programs: The held-out ones with their literals.
        left_out: Reason to number of graphs.
        clamped: Edges whose index was beyond the last that a network tells apart.
    """

    train: Graphs
    held_out: Graphs
    programs: Sequence[Program]
    left_out: Counter[str]
    clamped: int


@lru_cache(maxsize=2)
def load_data(folder: str, cfg: ProgramsConfig) -> Data:
    """The graphs of a folder, of which a line tells, or generated ones where none is named.

    Raises:
        ValueError: When the folder cannot be read, or too few graphs are left to learn from or to
            be measured on.
    """
    if folder:
        train, held_out, left_out, clamped = methods(folder, cfg)
    else:
        shape = {"most_nodes": cfg.most_nodes, "fewest_nodes": cfg.fewest_nodes, "valid": cfg.valid}
        train = programs(cfg.train, DATA_SEED, "train", **shape)
        held_out = programs(REDRAWN * cfg.held_out, DATA_SEED, "held out", **shape)
        left_out, clamped = Counter[str](), 0
    repeated = len(held_out)
    held_out = _unlike(held_out, set())
    if folder:  # of generated ones more are drawn than are asked for
        left_out["validation: repeats a graph"] += repeated - len(held_out)
    held_out = held_out[: cfg.held_out]
    seen = set(digests(Graphs.of(held_out)).tolist())
    repeated = len(train)
    train = _unlike(train, seen)
    left_out["train: repeats a graph"] += repeated - len(train)
    where = f"data {folder!r}" if folder else "generated programs"
    for name, some in (("train", train), ("held out", held_out)):
        if not some:
            raise ValueError(
                f"{where}: there must be a graph of {cfg.fewest_nodes} to {cfg.most_nodes} nodes "
                f"in each split, got none that is {name}{_reasons(left_out)}; give more, or take "
                "a scale of larger graphs (programs.most_nodes)"
            )
    if folder:
        print(
            f"{where}: {len(train)} graphs to learn from, {len(held_out)} held out, "
            f"{clamped} edges of an index above {INDICES - 1}{_reasons(left_out)}",
            flush=True,
        )
    return Data(Graphs.of(train), Graphs.of(held_out), held_out, left_out, clamped)


def digests(graphs: Graphs) -> UInt64[np.ndarray, " graphs"]:
    """A number for each graph, the same in whatever order its nodes stand.

    Nodes are told apart by their motif and what they see along edges of each kind, index and
    direction, round by round (Weisfeiler and Leman). Unlike graphs have unlike numbers but for
    chance and for some whose nodes all look alike, which real programs' do not.
    """
    state = _mixed((1 + INDICES * graphs.kind + graphs.index).astype(np.uint64))
    colour = _mixed(graphs.motifs.astype(np.uint64))
    for _ in range(ROUNDS):
        leaving, entering = np.zeros_like(colour), np.zeros_like(colour)
        np.add.at(leaving, graphs.source, _mixed(colour[graphs.target] ^ state))
        np.add.at(entering, graphs.target, _mixed(colour[graphs.source] + state))
        colour = _mixed(colour ^ _mixed(leaving) ^ _mixed(entering + np.uint64(1)))
    whole = graphs.sizes.astype(np.uint64)
    np.add.at(whole, graphs.graph_of_nodes, _mixed(colour))
    return whole


def step_rows(graphs: Graphs, cfg: GraphConfig, step: int) -> Int64[np.ndarray, " rows"]:
    """The training graphs of one optimizer step, none larger than its stage allows.

    Raises:
        ValueError: When a step would see more graphs than the stage has.
    """
    most = cfg.curriculum.most_nodes(cfg.curriculum.stage(step, cfg.steps))
    allowed = np.flatnonzero(graphs.sizes <= most)
    batch = cfg.optim.examples_per_step
    if len(allowed) < batch:
        raise ValueError(
            f"data: a step needs {batch} graphs (optim.batch x accumulation), and there are "
            f"{len(allowed)} of at most {min(most, cfg.programs.most_nodes)} nodes; give more "
            "graphs, or take a study that asks for fewer or larger ones"
        )
    return allowed[batch_rows(len(allowed), batch, cfg.seed, step).numpy()]


def shuffled(graphs: Graphs, *key: int | str) -> Int64[np.ndarray, " nodes"]:
    """An order of the nodes, each within its graph, that is a function of the key."""
    draws = torch.rand(len(graphs.motifs), dtype=torch.float64, generator=generator(*key, "nodes"))
    return np.lexsort((draws.numpy(), graphs.graph_of_nodes))


def reordered(program: Program, order: Int64[np.ndarray, " nodes"]) -> Program:
    """The same program with its nodes in another order: for each place the node that comes there.

    Its edges are left out, as they are to be drawn.
    """
    literals = program.literals
    return Program(
        tuple(program.motifs[node] for node in order),
        (),
        tuple(literals[node] for node in order) if literals else (),
        program.pool,
    )


def _reasons(left_out: Counter[str]) -> str:
    told = ", ".join(f"{count} {why}" for why, count in left_out.most_common() if count)
    return f" (left out: {told})" if told else ""


def _unlike(found: Sequence[Program], seen: set[int]) -> list[Program]:
    """The first of each graph that was not seen, which then was."""
    first = []
    for program, digest in zip(found, digests(Graphs.of(found)).tolist(), strict=True):
        if digest not in seen:
            seen.add(digest)
            first.append(program)
    return first


def _mixed(values: UInt64[np.ndarray, " some"]) -> UInt64[np.ndarray, " some"]:
    """Numbers that share no pattern with what they are a function of (splitmix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
