"""Training portraits with noise: which, how much of it, what of their conditions they lose.

Every draw is a function of the seed, the step and the number of the micro-batch, and is made on the
host.
Shape letters: B portraits, H and W pixels, V visible tokens.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor

from trainables.draws import generator
from trainables.portrait.config import PortraitConfig, TimeConfig
from trainables.portrait.data import Data
from trainables.portrait.mirror import flipped
from trainables.portrait.network.given import Given, dropped
from trainables.portrait.network.tread import draw_visible
from trainables.portrait.portraits import Portraits
from trainables.portrait.training.parts import pixel_weights
from trainables.portrait.training.target import to_model

TIMES = (0.001, 0.999)  # no training time is beyond


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Portraits on their way to noise.

    Attributes:
        x0: The pictures, in the model's range.
        noise: What they are mixed with.
        t: How much of it: 1 is noise alone.
        given: Their conditions, some of which they have lost.
        visible: Tokens that the routed blocks see; None for all.
        weights: What the error of a pixel counts by; None where all count alike.
    """

    x0: Float[Tensor, "B 3 H W"]
    noise: Float[Tensor, "B 3 H W"]
    t: Float[Tensor, " B"]
    given: Given
    visible: Int64[Tensor, "... V"] | None
    weights: Float[Tensor, "B H W"] | None

    @property
    def z(self) -> Float[Tensor, "B 3 H W"]:
        """The pictures with their noise."""
        return mixed(self.x0, self.noise, self.t)


class Batches:
    """Makes the batches of a run."""

    def __init__(self, cfg: PortraitConfig, data: Data):
        self.cfg, self.data = cfg, data

    def of(self, rows: Int64[Tensor, " B"], device: torch.device, *key: int | str) -> Batch:
        """These training portraits, with draws of the key."""
        cfg = self.cfg
        few = self._flipped(rows, generator(*key, "flip"))
        weights = pixel_weights(cfg.parts, few.parts)
        visible = draw_visible(self._tokens(few.images), len(rows), cfg.tread, *key)
        noise = torch.randn(few.images.shape, generator=generator(*key, "noise"))
        return Batch(
            x0=to_model(few.images.to(device), cfg.portraits.range),
            noise=noise.to(device),
            t=drawn_times(cfg.time, len(rows), *key).to(device),
            given=dropped(few.conditions.to(device), cfg.drop, generator(*key, "drop")),
            visible=None if visible is None else visible.to(device),
            weights=None if weights is None else weights.to(device),
        )

    def _flipped(self, rows: Int64[Tensor, " B"], stream: Generator) -> Portraits:
        data = self.data
        few = data.train.take(rows)
        return flipped(few, self.cfg.portraits.flip, data.words, stream, data.teacher)

    def _tokens(self, images: Tensor) -> int:
        return images.shape[-2] * images.shape[-1] // self.cfg.model.patch**2


def drawn_times(cfg: TimeConfig, count: int, *key: int | str) -> Float[Tensor, " B"]:
    """Sigmoids of normal draws."""
    normal = torch.randn(count, generator=generator(*key, "time"))
    return torch.sigmoid(cfg.loc + cfg.scale * normal).clamp(*TIMES)


def mixed(
    x0: Float[Tensor, "B 3 H W"], noise: Float[Tensor, "B 3 H W"], t: Float[Tensor, " B"]
) -> Float[Tensor, "B 3 H W"]:
    """Pictures with so much noise in the place of them."""
    return torch.lerp(x0, noise, t[:, None, None, None])
