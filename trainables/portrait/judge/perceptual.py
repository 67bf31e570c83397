"""LPIPS, with the net in its name: as published where its weights are given, and what a wheel has.

`alex` is the published metric: the heads of the package `lpips`, over the AlexNet of torchvision,
whose file of weights is named by ABLATE_ALEXNET or lies in torch's cache. `stalex` is the
shift-tolerant one, of the wheel `stlpips-pytorch`, which `make weights` brings. Where weights are
missing the metric is, and one line says what brings it. Images below 64 pixels are enlarged to 64,
since the nets see nothing in smaller ones.
Shape letters: B images, H and W pixels.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.judge.alexnet import PerceptualNet
from trainables.portrait.weights import missing, weights_of

Kind = Literal["stalex", "alex"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEAST_PX = 64
ALEXNET = "ABLATE_ALEXNET"  # names a file of torchvision's weights
_CACHED = "alexnet-owt-7be5be79.pth"  # as torchvision calls them
# Pixels that are read at once, of a CPU and of a GPU; features take some 200 bytes for each. On a
# CPU 16 images of 64 px at a time take .75 of the time of 64 at a time, and .63 of one at a time.
_PIXELS = {"cpu": 2**16, "cuda": 2**20}


class Perceptual:
    """LPIPS of pairs of images in [0, 1]."""

    def __init__(self, net: PerceptualNet):
        self.net = net.eval()

    @torch.no_grad()
    def __call__(
        self, made: Float[Tensor, "B 3 H W"], truth: Float[Tensor, "B 3 H W"]
    ) -> Float[Tensor, " B"]:
        """Of each pair, read so many at once as memory bears."""
        self.net.to(made.device)
        pairs = zip(self._parts(made), self._parts(truth), strict=True)
        return torch.cat([(self.net(a) - self.net(b)).square().sum(1) for a, b in pairs])

    def _parts(self, images: Tensor) -> tuple[Tensor, ...]:
        images = enlarged(images)
        at_once = _PIXELS[images.device.type] // (images.shape[2] * images.shape[3])
        return images.split(max(1, at_once))


def enlarged(images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 h w"]:
    """Bilinearly, until the shorter side has 64 pixels; larger ones as they are."""
    least = min(images.shape[2:])
    if least >= LEAST_PX:
        return images
    size = [round(side * LEAST_PX / least) for side in images.shape[2:]]
    return F.interpolate(images, size, mode="bilinear", align_corners=False)


def perceptual(kind: Kind) -> Perceptual | None:
    """The metric, or None after a line that says what brings its weights."""
    paths = _stalex() if kind == "stalex" else _alex()
    if isinstance(paths, str):
        say_once(f"val/recon_lpips_{kind} is left out: {paths}")
        return None
    return _loaded(kind, *paths)


def distances() -> dict[str, Perceptual]:
    """Each metric whose weights are there, by its kind."""
    metrics = {kind: perceptual(kind) for kind in KINDS}
    return {kind: metric for kind, metric in metrics.items() if metric}


@lru_cache
def say_once(line: str) -> None:
    """Prints a line, the first time that a process has it to say."""
    print(line, flush=True)


@lru_cache
def _loaded(kind: Kind, layers: Path, heads: Path) -> Perceptual:
    with torch.random.fork_rng(devices=[]):  # which building draws from
        net = PerceptualNet(kind)
    net.load(_state(layers), _state(heads))
    return Perceptual(net)


def _state(path: Path) -> Mapping[str, Tensor]:
    """What a file of weights holds; executes nothing of it."""
    return torch.load(path, map_location="cpu", weights_only=True)


def _stalex() -> tuple[Path, Path] | str:
    """The files of layers and of heads, which are one, or what brings them."""
    path = weights_of("stalex")
    return (path, path) if path else missing("stalex")


def _alex() -> tuple[Path, Path] | str:
    heads = find_spec("lpips")
    if not heads or not heads.origin:
        return "the package lpips is missing; pip install lpips==0.1.4"
    named = os.environ.get(ALEXNET, "")
    layers = Path(named or Path(torch.hub.get_dir(), "checkpoints", _CACHED))
    if not layers.is_file():
        return (
            f"AlexNet's weights are missing, got {layers}; torchvision's alexnet(weights="
            f"'DEFAULT') brings them where there is a network, and {ALEXNET}=FILE names them"
        )
    return layers, Path(heads.origin).parent / "weights" / "v0.1" / "alex.pth"
