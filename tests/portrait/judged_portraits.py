"""Portraits made by hand, for the tests of what judges them: a disc with eyes on a ground."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainables.portrait.judge.asking import asked_for
from trainables.portrait.network.given import Given
from trainables.portrait.portraits import JOINTS, PARTS, Conditions, Portraits

CAPTIONS = ("A young woman with long hair.", "A man.", "Pale skin and dark eyes, facing right.")
EYES = [JOINTS.index("left eye"), JOINTS.index("right eye")]


def conditions(count: int, seed: int = 0) -> Conditions:
    draw = torch.Generator().manual_seed(seed)
    pose = torch.rand(count, len(JOINTS), 3, generator=draw)
    pose[..., 2] = 0.1 + 0.9 * pose[..., 2]
    return Conditions(
        text=torch.randn(count, 5, 7, generator=draw),
        text_mask=torch.ones(count, 5, dtype=torch.bool),
        whole=torch.randn(count, 6, generator=draw),
        patches=torch.randn(count, 4, 3, generator=draw),
        pose=pose,
    )


def portraits(
    count: int, height: int = 24, width: int = 28, captions: Sequence[str] = CAPTIONS, seed: int = 0
) -> Portraits:
    """Faces at the middle of each: an oval of skin with eyes on it, and noise on all."""
    draw = torch.Generator().manual_seed(seed + 1)
    rows = (torch.arange(height) + 0.5)[:, None] / height
    columns = (torch.arange(width) + 0.5)[None] / width
    face = ((rows - 0.5) / 0.4) ** 2 + ((columns - 0.5) / 0.3) ** 2 < 1
    eyes = ((rows - 0.4).abs() < 0.05) & ((columns - 0.5).abs() - 0.12).abs().lt(0.06)
    parts = torch.zeros(height, width, dtype=torch.uint8)
    parts[face], parts[eyes] = PARTS.index("skin"), PARTS.index("eyes")
    images = torch.rand(count, 3, 1, 1, generator=draw).expand(count, 3, height, width).clone()
    images[:, :, face] = torch.rand(count, 3, 1, generator=draw)
    images[:, :, eyes] = 0.1
    images += 0.1 * torch.randn(images.shape, generator=draw)
    return Portraits(
        images=(images.clamp(0, 1) * 255).round().to(torch.uint8),
        parts=parts.expand(count, height, width).clone(),
        captions=[captions[n % len(captions)] for n in range(count)],
        identities=torch.arange(count),
        names=[f"portrait {n}" for n in range(count)],
        conditions=conditions(count, seed),
    )


def given(count: int) -> Given:
    return asked_for(conditions(count), "present")


class CountedWords:
    """States of a caption are the lengths of its words; what it has encoded is kept."""

    def __init__(self, tokens: int = 5) -> None:
        self.tokens, self.encoded = tokens, list[str]()

    def encode(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        self.encoded += captions
        states = torch.zeros(len(captions), self.tokens, 7)
        mask = torch.zeros(len(captions), self.tokens, dtype=torch.bool)
        for row, caption in enumerate(captions):
            for place, word in enumerate(caption.split()[: self.tokens]):
                states[row, place], mask[row, place] = len(word) / 10, True
        return states, mask

    def truncated(self, captions: Sequence[str]) -> int:
        return sum(len(caption.split()) > self.tokens for caption in captions)


def redrawn(given: Given, noise: Tensor) -> Tensor:
    """Images that depend on the captions and the noise alone."""
    seen = (given.conditions.text * given.conditions.text_mask[..., None]).mean((1, 2))
    return (0.5 + 0.1 * noise + 0.2 * (seen * given.text)[:, None, None, None]).clamp(0, 1)
