"""Portraits of random numbers, all sizes of which differ, and what counts of a network."""

import torch
from torch import nn

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


def parameters_that_count(network: nn.Module) -> dict[str, int]:
    """Non-embedding parameters, by the first part of their names.

    The document does not say what it counts. These are the weights of all maps, and neither biases,
    nor tables of joints and learned tokens, nor what embeds time, nor REPA's head, which sampling
    has no use for; at the documented size they are 237.70 million.
    """
    counted: dict[str, int] = {}
    for name, parameter in network.named_parameters():
        left_out = ("bias", "joint.weight")
        if name.endswith(left_out) or "null" in name or ".time." in name or name.startswith("repa"):
            continue
        first = name.split(".")[0]
        counted[first] = counted.get(first, 0) + parameter.numel()
    return counted
