"""What the network is asked for, and what follows from its answer.

A picture at time t is z = (1 - t) x0 + t noise, and v = noise - x0 is its velocity. The network
answers, patch by patch, u = P noise - x0, where P projects on a basis of r of the d dimensions of a
patch (AsymFlow, arXiv 2605.12964). Within the basis that is the velocity; across it u is less x0,
and the velocity is (z + u) / t. So r = 0 asks for the picture, with the sign turned, r = d for the
velocity, and v = P u + (1 - P) (z + u) / t for every r. Departure: the time that divides is cut at
`target.t_min`, .05 as in timlawrenz/prx-tg@bc10412, in the answer and in the truth alike; AsymFlow
cuts it at 1e-6 in training and at 1e-4 in sampling, the least that is taken here.
Shape letters: B portraits, H and W pixels, N patches, d numbers of a patch, r of a basis.
"""

from math import pi

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from trainables.draws import generator
from trainables.portrait.config import PortraitConfig, TargetConfig

RANGES = {"signed": (2.0, -1.0), "unit as run": (1.0, 0.0), "half": (1.0, -0.5)}
CHANNELS = 3
LEAST_TIME = 1e-4  # that ever divides
MOST_PATCHES = 2**18  # that a basis is fitted to
AT_ONCE = 2**14  # patches whose products are summed at a time


def to_model(
    images: UInt8[Tensor, "B 3 H W"] | Float[Tensor, "B 3 H W"], kind: str
) -> Float[Tensor, "B 3 H W"]:
    """Pixels as the network has them; `kind` is `portraits.range`.

    Raises:
        ValueError: When pixels that are not bytes leave [0, 1], which only the host can see; in
            training they are bytes.
    """
    scale, offset = RANGES[kind]
    if images.dtype == torch.uint8:
        return images.float().mul_(scale / 255).add_(offset)
    if not bool(((images >= 0) & (images <= 1)).all()):
        low, high = images.min().item(), images.max().item()
        raise ValueError(
            f"portraits: pixels must be in [0, 1], got {low:g} to {high:g}; divide bytes by 255"
        )
    return images * scale + offset


def from_model(images: Float[Tensor, "B 3 H W"], kind: str) -> Float[Tensor, "B 3 H W"]:
    """Pixels in [0, 1]; what a network draws beyond black and white is cut."""
    scale, offset = RANGES[kind]
    return ((images - offset) / scale).clamp(0, 1)


def patchify(images: Float[Tensor, "B 3 H W"], patch: int) -> Float[Tensor, "B N d"]:
    """Patches in raster order, each its red, then green, then blue pixels, in raster order."""
    batch, channels, height, width = images.shape
    parts = images.reshape(batch, channels, height // patch, patch, width // patch, patch)
    return parts.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * patch * patch)


def unpatchify(
    patches: Float[Tensor, "B N d"], patch: int, height: int
) -> Float[Tensor, "B 3 H W"]:
    """The pictures, so many pixels high, whose patches these are."""
    batch, rows = len(patches), height // patch
    parts = patches.reshape(batch, rows, -1, CHANNELS, patch, patch)
    return parts.permute(0, 3, 1, 4, 2, 5).reshape(batch, CHANNELS, height, -1)


def projected(
    images: Float[Tensor, "B 3 H W"], basis: Float[Tensor, "d r"], patch: int
) -> Float[Tensor, "B 3 H W"]:
    """Of each patch what lies in the basis, in full precision also where there is autocasting."""
    with torch.autocast(images.device.type, enabled=False):
        patches = patchify(images.float(), patch) @ basis @ basis.mT
    return unpatchify(patches, patch, images.shape[2])


class Target:
    """What the network is to answer, and the velocity that an answer means."""

    def __init__(self, cfg: TargetConfig, patch: int, basis: Float[Tensor, "d r"]):
        """The basis is on the network's device; its columns are orthonormal.

        Raises:
            ValueError: When it is of patches of another size.
        """
        if len(basis) != CHANNELS * patch**2:
            raise ValueError(
                f"target: a basis must have the {CHANNELS * patch**2} numbers of a patch, got "
                f"{len(basis)}"
            )
        self.cfg, self.patch, self.basis = cfg, patch, basis

    def velocity(
        self,
        prediction: Float[Tensor, "B 3 H W"],
        z: Float[Tensor, "B 3 H W"],
        t: Float[Tensor, " B"],
        t_min: float,
    ) -> Float[Tensor, "B 3 H W"]:
        """That of what the network answered; as run the answer is taken for it."""
        if self.cfg.as_run:
            return prediction.float()
        across = (z + prediction) / _divisor(t, t_min)
        return across + self._within(prediction - across)

    def truth(
        self, x0: Float[Tensor, "B 3 H W"], noise: Float[Tensor, "B 3 H W"]
    ) -> Float[Tensor, "B 3 H W"]:
        """The answer that is right."""
        return self._within(noise) - x0

    def loss(
        self,
        prediction: Float[Tensor, "B 3 H W"],
        x0: Float[Tensor, "B 3 H W"],
        noise: Float[Tensor, "B 3 H W"],
        t: Float[Tensor, " B"],
        weights: Float[Tensor, "B H W"] | None = None,
    ) -> Float[Tensor, " B"]:
        """Mean square of the velocity's error in each portrait, as run of the answer's.

        Both velocities are of the same z, which falls out of their difference.

        Args:
            prediction: What the network answered.
            x0: The pictures.
            noise: What they were mixed with.
            t: How much of it.
            weights: What the error of a pixel counts by.
        """
        squares = self._error(prediction.float(), x0, noise, t).square().mean(1)
        return (squares if weights is None else squares * weights).mean((1, 2))

    def _error(self, prediction: Tensor, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        if self.cfg.as_run:
            return prediction - self.truth(x0, noise)
        cleared = prediction + x0  # P noise where the answer is right
        across = cleared / _divisor(t, self.cfg.t_min)
        return across + self._within(cleared - noise - across)

    def _within(self, images: Tensor) -> Tensor:
        """Of each patch what lies in the basis."""
        dimensions, rank = self.basis.shape
        if rank == 0:
            return torch.zeros_like(images)
        return images if rank == dimensions else projected(images, self.basis, self.patch)


def _divisor(t: Tensor, t_min: float) -> Tensor:
    return t.clamp(min=max(t_min, LEAST_TIME))[:, None, None, None]


def basis(cfg: PortraitConfig, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "d r"]:
    """The dimensions of a patch in which noise is asked for, as orthonormal columns.

    Args:
        cfg: Says which: the principal ones of patches, the first pixels of the packing (red, of the
            top row), directions drawn from the seed, or the lowest frequencies of a cosine
            transform of each channel.
        images: Training pictures, of which "pca" reads at most 2^18 patches, of pictures that lie
            evenly among them.

    Raises:
        ValueError: When "pca" has fewer patches than `target.rank`.
    """
    dimensions = cfg.patch_dim
    rank = dimensions if cfg.target.rank < 0 else cfg.target.rank
    if rank == 0 or cfg.target.basis == "first":
        return torch.eye(dimensions)[:, :rank]
    if cfg.target.basis == "random":
        draws = generator(cfg.seed, "basis")
        return torch.linalg.qr(torch.randn(dimensions, rank, generator=draws))[0]
    if cfg.target.basis == "dct":
        return _cosines(cfg.model.patch)[:, :rank].contiguous()
    return _principal(images, cfg.model.patch, rank)


def _principal(images: Tensor, patch: int, rank: int) -> Tensor:
    """The directions of largest variance, with their largest number positive."""
    patches_each = images.shape[2] * images.shape[3] // patch**2
    if len(images) * patches_each < rank:
        raise ValueError(
            f"target.basis 'pca' needs at least target.rank {rank} patches, got "
            f"{len(images) * patches_each}; take another basis or more pictures"
        )
    stride = max(1, -(-len(images) * patches_each // MOST_PATCHES))
    dimensions = CHANNELS * patch**2
    total, squares, count = torch.zeros(dimensions), torch.zeros(dimensions, dimensions), 0
    for part in images[::stride].split(max(1, AT_ONCE // patches_each)):
        patches = patchify(to_model(part, "half"), patch).flatten(0, 1)
        total, squares = total + patches.sum(0), squares + patches.mT @ patches
        count += len(patches)
    mean = total / count
    columns = torch.linalg.eigh((squares / count - mean.outer(mean)).double())[1].flip(1).float()
    largest = columns.abs().argmax(0, keepdim=True)
    return (columns * columns.gather(0, largest).sign())[:, :rank].contiguous()


def _cosines(patch: int) -> Tensor:
    """The cosine transform of each channel of a patch, from low to high frequency."""
    places = torch.arange(patch, dtype=torch.float64)
    waves = (pi / patch * places[:, None] * (places + 0.5)).cos() * (2 / patch) ** 0.5
    waves[0] *= 0.5**0.5
    order = sorted(
        (down**2 + across**2, down, across, channel)
        for down in range(patch)
        for across in range(patch)
        for channel in range(CHANNELS)
    )
    columns = torch.zeros(CHANNELS, patch, patch, len(order), dtype=torch.float64)
    for column, (_, down, across, channel) in enumerate(order):
        columns[channel, :, :, column] = waves[down].outer(waves[across])
    return columns.flatten(0, 2).float()
