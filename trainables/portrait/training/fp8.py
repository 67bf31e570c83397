"""Matrix products of training in 8 bits, by torchao's float8 linear layers.

Scales are computed anew in each product from what is multiplied ("dynamic"), so that a layer keeps
nothing between steps. Weights, their names and the optimizer's state stay what they were.
Documented (arm I of timlawrenz/prx-tg) are the projections of attention and MLP, and REPA's.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from trainables.portrait.config import Fp8Config

MULTIPLE = 16  # that both sides of a layer's weight must be, for the units of a GPU
UNITS_SINCE = (8, 9)  # compute capability of the first GPUs with products of 8-bit floats
BLOCKS, REPA = "blocks.", "repa"
PACES = "adaln"  # the part of a block that stays as it is


def convert(network: nn.Module, cfg: Fp8Config) -> list[str]:
    """Give some linear layers of a network products in 8 bits, where they are.

    Args:
        network: On the device that it will be trained on; changed in place.
        cfg: Which layers and how.

    Returns:
        Names of the layers that were converted.

    Raises:
        ValueError: When the device has no 8-bit units and these are not emulated, or a projection
            has a side that is not a multiple of 16.
    """
    if cfg.layers == "none":
        return []
    if not cfg.emulate:
        _refuse_device(next(network.parameters()).device, cfg.recipe)
    names = chosen(network, cfg)
    from torchao.float8 import convert_to_float8_training

    convert_to_float8_training(
        network, module_filter_fn=lambda _, name: name in names, config=_recipe(cfg)
    )
    return names


def has_units(device: torch.device) -> bool:
    """Whether the device multiplies 8-bit floats itself."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= UNITS_SINCE


def chosen(network: nn.Module, cfg: Fp8Config) -> list[str]:
    """Names of the linear layers that are to be converted."""
    linear = {n: m for n, m in network.named_modules() if isinstance(m, nn.Linear)}
    fitting = [n for n, m in linear.items() if _fits(m)]
    if cfg.layers == "all":
        return fitting
    wanted = [n for n in linear if n == REPA or (n.startswith(BLOCKS) and PACES not in n)]
    for name in wanted:
        if name not in fitting:
            sides = tuple(linear[name].weight.shape)
            raise ValueError(
                f"fp8.layers 'attention_mlp' needs sides that are multiples of {MULTIPLE}, got "
                f"{sides} in {name}; change the width, or take 'all', which leaves such layers out"
            )
    return wanted


def _recipe(cfg: Fp8Config) -> Any:
    """The products' sums run over tokens too, whose number is then filled up to a multiple."""
    from torchao.float8 import Float8LinearConfig

    recipe = Float8LinearConfig.from_recipe_name(cfg.recipe)
    return replace(recipe, emulate=cfg.emulate, pad_inner_dim=not cfg.emulate)


def _fits(layer: nn.Linear) -> bool:
    return layer.in_features % MULTIPLE == 0 and layer.out_features % MULTIPLE == 0


def _refuse_device(device: torch.device, recipe: str) -> None:
    """ValueError unless the device multiplies 8-bit floats itself."""
    if has_units(device):
        return
    told = "a CPU"
    if device.type == "cuda":
        units = torch.cuda.get_device_capability(device)
        told = f"{torch.cuda.get_device_name(device)} of {units[0]}.{units[1]}"
    raise ValueError(
        f"fp8.layers needs a GPU of compute capability {UNITS_SINCE[0]}.{UNITS_SINCE[1]} or above, "
        f"got {told}; set fp8.emulate to compute what one would, by recipe {recipe!r}"
    )
