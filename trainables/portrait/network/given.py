"""What one pass of the network is given: conditions, and which of them each portrait has lost.

Shape letters: B portraits.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from trainables.portrait.config import DropConfig
from trainables.portrait.portraits import Conditions

# What stays of (text, whole, patches, pose) when a kind of drop falls, in the order of its config.
_STAYS = {
    "all": (0, 0, 0, 0),
    "only_text": (1, 0, 0, 0),
    "only_whole": (0, 1, 0, 0),
    "only_patches": (0, 0, 1, 0),
    "pose": (1, 1, 1, 0),
    "only_pose": (0, 0, 0, 1),
}


@dataclass(frozen=True, kw_only=True)
class Given:
    """Conditions, and which of them are seen; one that is not is replaced by learned tokens.

    Attributes:
        conditions: Of every portrait, seen or not.
        text: Whether a portrait's caption is seen.
        whole: Whether the vector for its whole picture is.
        patches: Whether the vectors of its patches are.
        pose: Whether its joints are.
        pose_absent: Whether there are no tokens for joints at all, as in the original's validation.
    """

    conditions: Conditions
    text: Bool[Tensor, " B"]
    whole: Bool[Tensor, " B"]
    patches: Bool[Tensor, " B"]
    pose: Bool[Tensor, " B"]
    pose_absent: bool = False

    def __len__(self) -> int:
        return len(self.conditions)

    def but(self, **seen: bool) -> "Given":
        """The same with some conditions seen by all or by none, such as text=False."""
        return replace(
            self, **{name: torch.full_like(self.text, value) for name, value in seen.items()}
        )


def everything(conditions: Conditions) -> Given:
    """All of it seen by all."""
    seen = torch.ones(len(conditions), dtype=torch.bool, device=conditions.text.device)
    return Given(conditions=conditions, text=seen, whole=seen, patches=seen, pose=seen)


def dropped(conditions: Conditions, drop: DropConfig, stream: Generator) -> Given:
    """What training portraits keep, drawn on the host: one kind of drop or none falls on each.

    After timlawrenz/prx-tg production/train.py@bc10412, lines 268-297.
    """
    shares = torch.tensor([getattr(drop, name) for name in _STAYS]).cumsum(0)
    drawn = torch.rand(len(conditions), generator=stream)
    kind = torch.searchsorted(shares, drawn, right=True)  # beyond the last one nothing is dropped
    stays = torch.tensor([*_STAYS.values(), (1, 1, 1, 1)], dtype=torch.bool)[kind]
    text, whole, patches, pose = stays.to(conditions.text.device).unbind(1)
    return Given(conditions=conditions, text=text, whole=whole, patches=patches, pose=pose)
