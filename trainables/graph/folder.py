"""Methods of a folder that `ablate data ruby` wrote, as motif graphs."""

from collections import Counter
from pathlib import Path

from trainables.graph.config import ProgramsConfig
from trainables.graph.graphs import Program
from trainables.graph.program.compress import compress
from trainables.ruby.asts import Asts

SPLITS = ("train", "validation")


def methods(
    folder: str, cfg: ProgramsConfig
) -> tuple[list[Program], list[Program], Counter[str], int]:
    """The programs of both splits whose size the config allows, what was left out, clamped edges.

    Raises:
        ValueError: When there is no such folder.
    """
    left_out, clamped = Counter[str](), 0
    read: list[list[Program]] = []
    for split in SPLITS:
        rows = Asts(Path(folder), split=split, most_nodes=cfg.most_nodes)
        found = [compress(row.tree) for row in rows]
        large = [one.program for one in found if len(one.program.motifs) >= cfg.fewest_nodes]
        left_out.update({f"{split}: {why}": count for why, count in rows.left_out.items()})
        left_out[f"{split}: fewer than {cfg.fewest_nodes} nodes"] += len(found) - len(large)
        clamped += sum(one.clamped for one in found)
        read.append(large)
    return read[0], read[1], left_out, clamped
