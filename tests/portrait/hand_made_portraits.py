"""Portraits of random numbers, all sizes of which differ."""

import torch

from trainables.portrait.portraits import Conditions, Portraits

HEIGHT, WIDTH = 8, 12
TEXT, WHOLE, FEATURES, TOKENS, JOINTS = 5, 6, 7, 9, 3


def portraits_of(count=4, height=HEIGHT, width=WIDTH, patch=4, seed=0):
    draws = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, TOKENS + 1, (count, 1), generator=draws)
    pose = torch.rand((count, JOINTS, 3), generator=draws)
    pose[..., 2] = 0.5 + pose[..., 2] / 2
    return Portraits(
        images=torch.randint(0, 256, (count, 3, height, width), generator=draws).byte(),
        parts=torch.randint(0, 4, (count, height, width), generator=draws).byte(),
        captions=[f"portrait {i}" for i in range(count)],
        identities=torch.arange(count),
        names=[f"{i}.png" for i in range(count)],
        conditions=Conditions(
            text=torch.randn((count, TOKENS, TEXT), generator=draws),
            text_mask=torch.arange(TOKENS) < lengths,
            whole=torch.randn((count, WHOLE), generator=draws),
            patches=torch.randn(
                (count, height // patch * (width // patch), FEATURES), generator=draws
            ),
            pose=pose,
        ),
    )
