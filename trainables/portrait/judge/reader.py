"""Joints read off an image by a small network, which is trained once for all that share the data.

It sees images of 32 pixels a side, whatever their size, blurred, noisy and dim ones among them,
since what is made is seldom crisp; and it sees images of nothing, in which no joint is, so that it
can tell when it does not know. Its own error on true images is a row beside those that it gives.
Shape letters: B portraits, H and W pixels, J joints.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from trainables.draws import generator, initialise
from trainables.portrait.judge.errors import blurred
from trainables.portrait.portraits import LEAST_CONFIDENCE, Portraits
from trainables.stem import Stem, stem

SIDE = 32  # pixels that it sees
GRID = 16  # places of a side at which it looks for joints
_NOTHING = 8  # one image of so many has nothing in it


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderConfig:
    """How the reader is trained; part of the key under which it is kept."""

    steps: int = 400
    batch: int = 32
    lr: float = 1e-2
    channels: int = 16


class PoseReader(nn.Module):
    """Where each joint is, as the mean place of a map over a grid, and whether it is there."""

    places: Tensor

    def __init__(self, joints: int, channels: int):
        super().__init__()
        one, two, four = channels, 2 * channels, 4 * channels
        self.at_32 = nn.Conv2d(3, one, 3, padding=1)
        self.at_16 = nn.Conv2d(one, two, 3, stride=2, padding=1)
        self.at_8 = nn.Conv2d(two, four, 3, stride=2, padding=1)
        self.at_4 = nn.Conv2d(four, four, 3, stride=2, padding=1)
        self.wide = nn.Conv2d(four, four, 3, padding=1)
        self.back = nn.Conv2d(four, four, 1)
        self.up = nn.Conv2d(four, two, 3, padding=1)
        self.maps = nn.Conv2d(two, joints, 3, padding=1)
        self.there = nn.Linear(four, joints)
        middle = (torch.arange(GRID) + 0.5) / GRID
        self.register_buffer("places", torch.cartesian_prod(middle, middle).flip(1))

    def forward(
        self, images: Float[Tensor, "B 3 H W"]
    ) -> tuple[Float[Tensor, "B J places"], Float[Tensor, "B J"]]:
        """Logits of where on the grid each joint is, row by row, and of whether it is there."""
        size = (SIDE, SIDE)
        x = F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
        fine = F.gelu(self.at_16(F.gelu(self.at_32(2 * x - 1))))
        coarse = F.gelu(self.at_8(fine))
        whole = F.gelu(self.wide(F.gelu(self.at_4(coarse))))
        coarse = coarse + self.back(F.interpolate(whole, scale_factor=2.0))
        fine = fine + F.gelu(self.up(F.interpolate(coarse, scale_factor=2.0)))
        return self.maps(fine).flatten(2), self.there(whole.mean((2, 3)))

    @torch.no_grad()
    def read(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B J 3"]:
        """Joints at the mean of their places, with confidences in [0, 1]."""
        places, there = self.to(images.device)(images)
        return torch.cat((places.softmax(2) @ self.places, there.sigmoid()[..., None]), 2)


def pose_reader(
    train: Portraits, digest: str, cfg: ReaderConfig | None = None
) -> tuple[PoseReader, Stem]:
    """The reader for these data, trained here or had from another run, and how it was come by.

    Args:
        train: The training portraits, whose joints it learns.
        digest: Of their images; that of their joints is added.
        cfg: How it is trained.
    """
    cfg = cfg or ReaderConfig()
    joints = train.conditions.pose.shape[1]
    with torch.random.fork_rng(devices=[]):  # which building draws from
        reader = PoseReader(joints, cfg.channels)
    taught = hashlib.blake2b(train.conditions.pose.cpu().numpy().tobytes(), digest_size=16)
    key = {
        "stem": "pose reader",
        "data": digest,
        "pose": taught.hexdigest(),
        "joints": joints,
        "config": asdict(cfg),
    }
    kept = stem(key, lambda: _trained(reader, train, cfg))
    reader.load_state_dict(kept.state)
    return reader.eval().requires_grad_(False), kept


@torch.enable_grad()
def _trained(reader: PoseReader, train: Portraits, cfg: ReaderConfig) -> Mapping[str, Any]:
    """Trains it in place; the learning rate falls to 0 in a line."""
    initialise(reader, 0, _law)
    optimizer = torch.optim.Adam(reader.parameters(), cfg.lr)
    for step in range(cfg.steps):
        for group in optimizer.param_groups:
            group["lr"] = cfg.lr * (1 - step / cfg.steps)
        stream = generator("pose reader", step)
        rows = torch.randint(len(train), (cfg.batch,), generator=stream)
        seen, truth = _spoilt(train.images[rows].float() / 255, train.conditions.pose[rows], step)
        places, there = reader(seen)
        optimizer.zero_grad()
        reading_loss(places, there, truth).backward()
        optimizer.step()
    return {name: value.clone() for name, value in reader.state_dict().items()}


def reading_loss(
    places: Float[Tensor, "B J places"],
    there: Float[Tensor, "B J"],
    truth: Float[Tensor, "B J 3"],
) -> Float[Tensor, ""]:
    """The cross entropies of where a joint is, if it is, and of whether it is.

    The first reaches in 150 steps what squared distances of the mean place do in 300.
    """
    seen = (truth[..., 2] >= LEAST_CONFIDENCE).to(places.dtype)
    where = -(shares(truth[..., :2]) * places.log_softmax(2)).sum(2)
    known = (where * seen).sum() / seen.sum().clamp(min=1)
    return known + F.binary_cross_entropy_with_logits(there, seen)


def shares(where: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J places"]:
    """How much each place of the grid has of a joint, so that their mean place is its own.

    The four around it have some; at the rim of the picture the nearest have all of it.
    """
    at = (where * GRID - 0.5).clamp(0, GRID - 1)[..., None]
    near = (1 - (at - torch.arange(GRID, device=where.device)).abs()).clamp(min=0)
    columns, rows = near.unbind(2)
    return (rows[..., :, None] * columns[..., None, :]).flatten(2)


def _spoilt(
    images: Float[Tensor, "B 3 H W"], pose: Float[Tensor, "B J 3"], step: int
) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B J 3"]]:
    """Half of them blurred, noise and other colours on all, and nothing in some."""
    stream = generator("pose reader", "spoil", step)
    half, nothing = len(images) // 2, max(1, len(images) // _NOTHING)
    blur, noise, light, shade = torch.rand(4, generator=stream).tolist()
    sd_px = (0.3 + 1.2 * blur) * images.shape[3] / SIDE
    images = torch.cat((blurred(images[:half], sd_px), images[half:]))
    grain = torch.randn(images.shape, generator=stream)
    images = images * (0.7 + 0.6 * light) + 0.2 * (shade - 0.5) + 0.1 * noise * grain
    flat = torch.rand((nothing, 3, 1, 1), generator=stream)
    amount = torch.rand((nothing, 1, 1, 1), generator=stream)
    there = pose.clone()
    there[-nothing:, :, 2] = 0
    return torch.cat((images[:-nothing], flat + amount * grain[-nothing:])).clamp(0, 1), there


def _law(name: str, parameter: Tensor, stream: torch.Generator) -> None:
    """Kaiming's for weights, zero for biases."""
    if parameter.ndim < 2:
        parameter.zero_()
        return
    fan_in = parameter[0].numel()
    parameter.copy_(torch.randn(parameter.shape, generator=stream) * (2 / fan_in) ** 0.5)
