"""A teacher from a file of weights: a vision transformer of ours, or one named as DINO's is.

Sizes are read off the weights. How many heads there are is told by none of them: heads are 64 wide,
and there are two at least, as in every size of ours and of DINO's.
Shape letters: B portraits, S pixels of a side, P patches, D width.
"""

import re
from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from pickle import UnpicklingError
from zipfile import BadZipFile

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trainables.loop import best_device
from trainables.vit import VisionTransformer, ViTConfig

HEAD = 64
EPS = 1e-6  # of the norms of DINO's networks and timm's
# facebookresearch/dino@7c446df vision_transformer.py, and timm, to ours.
_NAMES = (
    (r"^patch_embed\.proj\.", "patches."),
    (r"^cls_token$", "cls"),
    (r"^pos_embed$", "position"),
    (r"^(reg_token|register_tokens)$", "registers"),
    (r"\.attn\.qkv\.", ".attention.qkv."),
    (r"\.attn\.proj\.", ".attention.out."),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.fc2\.", ".mlp.2."),
)
_OURS = re.compile(r"^(patches|cls|position|registers|blocks|norm)(\.|$)")


class ViTBackbone(nn.Module):
    """The transformer's first token for the whole, and its patches."""

    def __init__(self, vit: VisionTransformer):
        super().__init__()
        self.vit, self.side = vit, vit.cfg.image_px

    def forward(
        self, images: Float[Tensor, "B 3 S S"]
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B P D"]]:
        """Both, normalised by the last layer."""
        tokens = self.vit(images)
        return tokens[:, 0], tokens[:, 1 : 1 + self.vit.cfg.patches]


def vit_from(path: str) -> ViTBackbone:
    """The network of a file; a kept cell of DINO is one.

    Raises:
        ValueError: When it is no file of weights, or of another network.
    """
    state, theirs = _state(path)
    cfg = _config(path, state)
    with torch.device("meta"):
        vit = VisionTransformer(cfg)
    expected = {name: tuple(value.shape) for name, value in vit.state_dict().items()}
    for name in sorted(expected.keys() | state.keys()):
        found = tuple(state[name].shape) if name in state else "nothing"
        if found != expected.get(name, "nothing"):
            raise _refused(
                path,
                f"as a transformer {cfg.dim} wide with {cfg.depth} blocks it must have "
                f"{expected.get(name, 'nothing')} at {name}, got {found}",
            )
    vit.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    for module in vit.modules():
        if theirs and isinstance(module, nn.LayerNorm):
            module.eps = EPS
    return ViTBackbone(vit).eval().requires_grad_(False).to(best_device())


def _state(path: str) -> tuple[dict[str, Tensor], bool]:
    """Its tensors by our names, and whether they had others."""
    if not Path(path).is_file():
        raise _refused(path, "there must be such a file, got none")
    try:
        found = torch.load(path, weights_only=True, map_location="cpu")
    except (RuntimeError, UnpicklingError, BadZipFile, EOFError, ValueError) as error:
        raise _refused(path, f"torch must read it, got {str(error).splitlines()[0]}") from error
    for inner in ("model", "state_dict"):  # of a kept cell, and of many checkpoints
        if isinstance(found, Mapping) and isinstance(found.get(inner), Mapping):
            found = found[inner]
    if not isinstance(found, Mapping):
        raise _refused(path, f"it must hold tensors by name, got a {type(found).__name__}")
    named = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    for first in ("patches.weight", "patch_embed.proj.weight"):
        prefixes = sorted(name.removesuffix(first) for name in named if name.endswith(first))
        if prefixes:
            break
    else:
        raise _refused(path, "it must have an embedding of patches, got no patches.weight")
    prefix = prefixes[0]  # of a student and a teacher, the student
    own = {n.removeprefix(prefix): v for n, v in named.items() if n.startswith(prefix)}
    ours = {_renamed(name): value for name, value in own.items()}
    ours.setdefault("registers", torch.empty(1, 0, ours["patches.weight"].shape[0]))
    kept = {name: value for name, value in ours.items() if _OURS.match(name)}
    return kept, first != "patches.weight"


def _renamed(name: str) -> str:
    for theirs, ours in _NAMES:
        name = re.sub(theirs, ours, name)
    return name


def _config(path: str, state: Mapping[str, Tensor]) -> ViTConfig:
    """The size of the network that has such weights."""
    needed = ("patches.weight", "position", "blocks.0.mlp.0.weight")
    for name in needed:
        if name not in state:
            raise _refused(path, f"it must be a plain vision transformer, got no {name}")
    dim, _, patch, _ = state["patches.weight"].shape
    side = isqrt(state["position"].shape[1] - 1)
    depth = 1 + max(int(n.split(".")[1]) for n in state if n.startswith("blocks."))
    return ViTConfig(
        image_px=side * patch,
        patch_px=patch,
        dim=dim,
        depth=depth,
        heads=max(2, dim // HEAD),
        mlp_ratio=state["blocks.0.mlp.0.weight"].shape[0] // dim,
        registers=state["registers"].shape[1],
    )


def _refused(path: str, why: str) -> ValueError:
    return ValueError(
        f"portraits.teacher {path!r}: {why}; give a state dict of a vision transformer, or '' for "
        "a small one that is trained here"
    )
