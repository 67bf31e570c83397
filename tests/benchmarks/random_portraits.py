"""Portraits of random numbers, for what takes as long whatever they show.

Shape letters: see `trainables.portrait.portraits`.
"""

import torch

from trainables.draws import generator
from trainables.portrait.portraits import JOINTS, PARTS, Conditions, Portraits


def random_portraits(
    count: int,
    size: int,
    text: tuple[int, int],
    patches: tuple[int, int],
    joints: int = len(JOINTS),
) -> Portraits:
    """So many of a size in pixels; of text and patches how many tokens there are, and how wide."""
    draws = generator("random portraits", count, size)
    bytes_ = torch.randint(0, 256, (count, 3, size, size), generator=draws).to(torch.uint8)
    names = [str(number) for number in range(count)]
    return Portraits(
        images=bytes_,
        parts=bytes_[:, 0] % len(PARTS),
        captions=names,
        identities=torch.arange(count),
        names=names,
        conditions=Conditions(
            text=torch.randn(count, *text, generator=draws),
            text_mask=torch.ones(count, text[0], dtype=torch.bool),
            whole=torch.randn(count, patches[1], generator=draws),
            patches=torch.randn(count, *patches, generator=draws),
            pose=torch.rand(count, joints, 3, generator=draws),
        ),
    )
