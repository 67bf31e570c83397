"""What a tuned network's graphs are worth beside the scores that every run of graphs tells.

A reward is no validity: so the reward that nodes earn without edges, with one, in a chain or by
construction stands beside, and so does the share of rewards above 0, which the record took for SVR
(86.8 to 100 % where graphs had no edge). Edges have vanished where there are less than half as many
as the stem gave, read without a solver, which would put some back.
"""

from collections.abc import Mapping

from trainables.graph.config import DecodeConfig
from trainables.graph.graphs import Graphs
from trainables.graph.judge.laws import check, svr
from trainables.graph.judge.reward import exploits, reward
from trainables.graph.judge.scoring import scores
from trainables.graph.network.sampling import Sample
from trainables.graph.program.fibonacci import FIBONACCI
from trainables.graph.program.interpreter import run
from trainables.graph.tuning_config import RewardConfig

FEWEST_EDGES = 0.5  # of the stem's, below which they are called vanished
BESIDE = ("svr", "svr_corrected", "edges_ratio", "typed_f1", "typed_f1_gain")


def rule_scores(graphs: Graphs) -> dict[str, float]:
    """SVR by each rule set, with and without the law of the spine, and by the first validator."""
    published, corrected = check(graphs, "published"), check(graphs, "corrected")
    inverted = check(graphs, "published", "inverted")
    return {
        "val/svr@published": svr(published, spine=False),
        "val/svr@published6": svr(published),
        "val/svr@corrected5": svr(corrected, spine=False),
        "val/svr@corrected6": svr(corrected),
        "val/svr@inverted": svr(inverted, spine=False),
    }


def reward_scores(graphs: Graphs, truth: Graphs, cfg: RewardConfig) -> dict[str, float]:
    """What graphs earn, and what others with the motifs of `truth` would that learned nothing."""
    how = cfg.acyclic_sign, cfg.rules, cfg.jackpot
    earned = reward(graphs, *how)
    rows = exploits(truth, *how)
    rows["data"] = rows.pop("own")
    values = {"val/reward_mean": earned.mean(), "val/reward_positive": (earned > 0).mean()}
    values |= {f"val/reward_{name}": row.mean() for name, row in rows.items()}
    return {name: float(value) for name, value in values.items()}


def machine_scores() -> dict[str, float]:
    """What the documented program of 25 nodes is worth to the interpreter, and in how many steps.

    No data and no network are in it: it tells that the machine which ran the rest is sound.
    """
    outcome = run(FIBONACCI)
    return {
        "val/fibonacci": float(outcome.printed[-1]),
        "val/fibonacci_steps": float(outcome.steps),
    }


def beside(sample: Sample, truth: Graphs, decode: DecodeConfig, whose: str) -> dict[str, float]:
    """The main scores of other weights, such as `val/svr@ema`, as the config and as none reads."""
    read = scores(sample.read(decode.solver, decode.cut).graphs(), truth)
    raw = scores(sample.read("raw", decode.cut).graphs(), truth)
    values = {f"val/{name}@{whose}": read[f"val/{name}"] for name in BESIDE}
    return values | {f"val/edges_ratio@{whose}_raw": raw["val/edges_ratio"]}


def collapsed(values: Mapping[str, float]) -> dict[str, float]:
    """How many edges are left of the stem's, and whether that is too few, from other scores."""
    stem = values["val/edges_ratio@stem_raw"]
    if not stem:
        return {"val/edges_collapsed": 1.0}
    left = values["val/edges_ratio@raw"] / stem
    return {"val/edges_kept": left, "val/edges_collapsed": float(left < FEWEST_EDGES)}
