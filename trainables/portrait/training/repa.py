"""REPA: tokens of a block are turned to a teacher's features of the same place.

arXiv 2410.06940, as a plain cosine. Departure from timlawrenz/prx-tg production/train.py@bc10412,
lines 164-180: a teacher's grid of another size is resized in two dimensions, where that cut both
rasters to the shorter one, so that rows came to lie beside other rows.
Shape letters: B portraits, H and W pixels, N tokens, V visible ones, P patches of the teacher,
F width of its features.
"""

from math import sqrt

import torch
from jaxtyping import Bool, Float, Int64
from torch import Generator, Tensor
from torch.nn import functional as F

from trainables.draws import generator
from trainables.portrait.config import RepaConfig
from trainables.portrait.patch_grid import grid_of
from trainables.portrait.training.target import patchify


def weight_at(cfg: RepaConfig, step: int, steps: int) -> float:
    """The weight at a step of a run of so many: whole, then down in a line, then 0."""
    first, last = cfg.decay
    share = step / steps
    if share < first:
        return cfg.weight
    return cfg.weight * (last - share) / (last - first) if share < last else 0.0


def resized(features: Float[Tensor, "B P F"], grid: tuple[int, int]) -> Float[Tensor, "B N F"]:
    """Features of another grid over the same picture: means where it is coarser, else bilinear.

    Raises:
        ValueError: When no grid of as many patches has the shape of the picture.
    """
    rows, columns = grid_of(features.shape[1], grid)
    if (rows, columns) == grid:
        return features
    squares = features.mT.unflatten(2, (rows, columns))
    if rows > grid[0]:
        return F.adaptive_avg_pool2d(squares, grid).flatten(2).mT
    return F.interpolate(squares, grid, mode="bilinear", align_corners=False).flatten(2).mT


def others(count: int, stream: Generator) -> Int64[Tensor, " B"]:
    """For each portrait of a batch another one of it.

    Raises:
        ValueError: When there is no other.
    """
    if count < 2:
        raise ValueError(
            f"repa.teacher 'shuffled' needs another portrait in the batch, got {count}; set "
            "optim.batch to 2 or more"
        )
    order = torch.randperm(count, generator=stream)
    return order.roll(1)[order.argsort()]


def pixel_features(
    x0: Float[Tensor, "B 3 H W"], patch: int, width: int, seed: int
) -> Float[Tensor, "B N F"]:
    """Each patch's own pixels in a random projection that is one for the whole run."""
    patches = patchify(x0, patch)
    map_ = torch.randn(patches.shape[2], width, generator=generator(seed, "repa pixels"))
    return patches @ map_.to(x0.device) / sqrt(patches.shape[2])


def taught(
    cfg: RepaConfig,
    features: Float[Tensor, "B P F"],
    x0: Float[Tensor, "B 3 H W"],
    patch: int,
    seed: int,
    step: int,
) -> Float[Tensor, "B N F"]:
    """What the tokens of each picture are to be turned to, one row a token.

    Args:
        cfg: Says whose features.
        features: The teacher's, of patches of its own grid.
        x0: The pictures that they are of.
        patch: Pixels of a side of a token's patch.
        seed: Of the run, which "pixels" are projected by.
        step: By which portraits are given each other's features in "shuffled", anew each time.
    """
    if cfg.teacher == "pixels":
        return pixel_features(x0, patch, features.shape[2], seed)
    if cfg.teacher == "shuffled":
        order = others(len(features), generator(seed, "repa shuffled", step))
        features = features[order.to(features.device)]
    return resized(features, (x0.shape[2] // patch, x0.shape[3] // patch))


def repa_loss(
    said: Float[Tensor, "B V F"],
    teacher: Float[Tensor, "B N F"],
    visible: Int64[Tensor, "... V"] | None = None,
    counted: Bool[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]:
    """1 - cosine, over visible tokens of the portraits that count; 0 where none does.

    Args:
        said: What the network makes of the teacher's features.
        teacher: The teacher's own, of all tokens.
        visible: Which tokens were seen, of all pictures alike or of each; None for all.
        counted: Which portraits count, as `given.patches` where `repa.on_dropped` is off.
    """
    if visible is not None:
        rows = visible.expand(len(teacher), -1)[..., None].expand(-1, -1, teacher.shape[2])
        teacher = teacher.gather(1, rows)
    apart = 1 - F.cosine_similarity(said.float(), teacher.float(), dim=-1).mean(1)
    if counted is None:
        return apart.mean()
    return (apart * counted).sum() / counted.sum().clamp(min=1)
