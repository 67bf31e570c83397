"""The graphs that a point is evaluated on, and those that no model made for the same motifs."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from trainables.graph.config import DecodeConfig, EvaluationConfig, GraphConfig
from trainables.graph.data import Data, reordered, shuffled
from trainables.graph.graphs import Graphs, Program
from trainables.graph.judge import controls
from trainables.graph.judge.scoring import with_edges
from trainables.graph.network.buckets import batch_of
from trainables.graph.network.sampling import Sample, noise_sample
from trainables.graph.picture.pictures import Drawn, before_after

SHOWN = 4  # graphs of a picture


def held_out_rows(data: Data, asked: EvaluationConfig, done: bool) -> Graphs:
    """The first held-out graphs: as many as are asked for at the end of a run, or before."""
    count = asked.graphs if done else asked.graphs_between
    return data.held_out.take(range(min(count, len(data.held_out))))


def held_out(
    data: Data, asked: EvaluationConfig, seed: int, done: bool
) -> tuple[Graphs, list[Program]]:
    """These graphs, and their programs without edges, with nodes in an order that is drawn."""
    truth = held_out_rows(data, asked, done)
    order = np.arange(len(truth.motifs))
    if asked.permute:
        order = shuffled(truth, seed, "evaluation")
    own = np.split(order - np.repeat(truth.starts, truth.sizes), truth.starts[1:])
    programs = [reordered(*pair) for pair in zip(data.programs, own, strict=False)]
    return truth.permuted(order), programs


def control_graphs(cfg: GraphConfig, data: Data, truth: Graphs) -> Graphs:
    """The graphs of the config's control with the motifs of `truth`."""
    if cfg.control == "data":
        return truth
    if cfg.control == "random":
        return controls.random_like(truth, cfg.seed)
    if cfg.control == "table":
        return controls.by_table(truth, data.train, cfg.seed)
    if cfg.control == "noise":
        drawn = noise_sample(truth, cfg.seed, "evaluation")
        return drawn.read(cfg.decode.solver, cfg.decode.cut).graphs()
    made = {
        "empty": controls.empty,
        "chain": controls.chain,
        "constructive": controls.constructive,
    }
    return made[cfg.control](truth)


def examples_of(data: Data, graphs: Graphs) -> Iterator[Int64[Tensor, "B rows N"]]:
    """Some of the graphs of the data, all as large: a row of motifs above the cells of each."""
    side = int(max(data.train.sizes.max(), data.held_out.sizes.max()))
    for rows in np.array_split(np.arange(len(graphs)), max(1, len(graphs) // 64)):
        (group,) = batch_of(graphs.take(rows.tolist()), torch.device("cpu"), 1, side).groups
        yield torch.cat((group.motifs[:, None], group.states), 1)


def shown(
    truth: Graphs,
    programs: Sequence[Program],
    draw: Callable[[Graphs], Sample],
    control: Callable[[Graphs], Graphs] | None,
    decode: DecodeConfig,
) -> dict[str, bytes]:
    """PNG images by name: the first graphs as they were drawn, as they were then read, and true.

    Args:
        truth: Whose motifs are given.
        programs: These without edges.
        draw: Draws edges for motifs.
        control: Makes them without a network instead, where it is not None.
        decode: How drawings are read.
    """
    truth, programs = truth.take(range(min(SHOWN, len(truth)))), programs[:SHOWN]
    if control:
        made = control(truth)
        values = made.squares().presence.astype(np.float32)
    else:
        drawn = draw(truth)
        made = drawn.read(decode.solver, decode.cut).graphs()
        values = drawn.channels.presence
    motifs = truth.squares().motifs
    rows = [
        Drawn(values[row, :size, :size], motifs[row, :size], after, true)
        for row, (size, after, true) in enumerate(
            zip(truth.sizes, with_edges(programs, made), with_edges(programs, truth), strict=True)
        )
    ]
    return {"samples": before_after(rows)}
