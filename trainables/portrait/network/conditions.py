"""Conditions as the network sees them: tokens to look at, and a vector that sets the pace.

Tokens stand in the order of the original: caption, whole picture with time, patches, joints. What a
portrait has lost is replaced by learned tokens, as many as there would have been. A joint that was
not seen is one of them too.
After timlawrenz/prx-tg production/model.py@bc10412.
Shape letters: B portraits, T text tokens, P patches, J joints, M tokens in all, D width.
"""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.portrait.config import ConditionsConfig
from trainables.portrait.network.given import Given
from trainables.portrait.patch_grid import grid_of
from trainables.portrait.portraits import LEAST_CONFIDENCE, Conditions

TIME_WIDTH, TIME_SPAN = 256, 1000.0  # of the code of time, and what a time of 1 counts there


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Widths of the conditions, as the data have them."""

    text: int
    whole: int
    patches: int
    joints: int

    @classmethod
    def of(cls, conditions: Conditions) -> "Widths":
        """Those of some portraits."""
        return cls(
            text=conditions.text.shape[-1],
            whole=conditions.whole.shape[-1],
            patches=conditions.patches.shape[-1],
            joints=conditions.pose.shape[1],
        )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the blocks are given.

    Attributes:
        vector: Time and the whole picture, which modulate every block.
        tokens: What the tokens of the picture look at.
        mask: Which of them may be looked at.
    """

    vector: Float[Tensor, "B D"]
    tokens: Float[Tensor, "B M D"]
    mask: Bool[Tensor, "B M"]


class TimeEmbedding(nn.Module):
    """A time in [0, 1] as a vector."""

    def __init__(self, width: int):
        super().__init__()
        self.hidden = nn.Linear(TIME_WIDTH, width)
        self.out = nn.Linear(width, width)

    def forward(self, t: Float[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """The MLP of cosines and sines with wavelengths from 2 pi to 2 pi x 10,000."""
        half = TIME_WIDTH // 2
        rates = torch.exp(torch.arange(half, device=t.device) * (-log(10_000) / half))
        angles = TIME_SPAN * t.float()[:, None] * rates
        return self.out(F.silu(self.hidden(torch.cat((angles.cos(), angles.sin()), -1))))


class Pose(nn.Module):
    """Joints as tokens: where one is, and which it is."""

    def __init__(self, joints: int, width: int):
        super().__init__()
        self.hidden, self.out = nn.Linear(3, width), nn.Linear(width, width)
        self.joint = nn.Embedding(joints, width)
        self.null = nn.Parameter(torch.empty(1, joints, width))

    def forward(
        self, pose: Float[Tensor, "B J 3"], seen: Bool[Tensor, " B"]
    ) -> Float[Tensor, "B J D"]:
        """A token a joint; the learned one where the joint or the whole pose is not seen."""
        tokens = self.out(F.gelu(self.hidden(pose))) + self.joint.weight
        there = (pose[..., 2] >= LEAST_CONFIDENCE) & seen[:, None]
        return torch.where(there[..., None], tokens, self.null.to(tokens.dtype))


class ConditionTokens(nn.Module):
    """All conditions of a portrait, and its time."""

    def __init__(self, cfg: ConditionsConfig, widths: Widths, width: int):
        super().__init__()
        self.cfg = cfg
        self.time = TimeEmbedding(width)
        self.text = nn.Linear(widths.text, width)
        self.whole = nn.Linear(widths.whole, width)
        self.null_text = nn.Parameter(torch.empty(1, 1, widths.text))
        self.null_whole = nn.Parameter(torch.empty(1, widths.whole))
        self.patches = nn.Linear(widths.patches, width) if cfg.patches != "none" else None
        if self.patches is not None:
            self.null_patch = nn.Parameter(torch.empty(1, 1, widths.patches))
        self.pose = Pose(widths.joints, width) if cfg.pose else None

    def forward(self, t: Float[Tensor, " B"], given: Given, sides: tuple[int, int]) -> Seen:
        """What the blocks are given at a time; `sides` are the picture's height and width."""
        held = given.conditions
        whole = torch.where(given.whole[:, None], held.whole, self.null_whole)
        vector = self.whole(whole) + self.time(t)
        text = torch.where(given.text[:, None, None], held.text, self.null_text)
        tokens = [self.text(text), vector[:, None]]
        if self.patches is not None:
            tokens.append(self.patches(self._patches(given, self.null_patch, sides)))
        if self.pose is not None and not given.pose_absent:
            tokens.append(self.pose(held.pose, given.pose))
        beyond = sum(part.shape[1] for part in tokens[1:])
        mask = F.pad(self._text_mask(given), (0, beyond), value=True)
        return Seen(vector=vector, tokens=torch.cat(tokens, 1), mask=mask)

    def _text_mask(self, given: Given) -> Bool[Tensor, "B T"]:
        """As run the length of a dropped caption shows; healed it has all its places."""
        mask = given.conditions.text_mask
        return mask if self.cfg.null_mask == "as run" else mask | ~given.text[:, None]

    def _patches(self, given: Given, null: Tensor, sides: tuple[int, int]) -> Tensor:
        patches = given.conditions.patches
        if self.cfg.patches == "pooled":
            grid = patches.mT.unflatten(-1, grid_of(patches.shape[1], sides))
            patches = F.avg_pool2d(grid, 2, ceil_mode=True).flatten(2).mT
        return torch.where(given.patches[:, None, None], patches, null)
