"""From noise to images: Euler steps along a velocity, with guidance and without.

Time is 1 at noise and 0 at the image, in even steps; a velocity is noise less image, so a step back
in time goes against it. Guidance mixes velocities with weights whose sum is 1. In each pass that is
(z - x0) / t of the same z and t, so to mix velocities is to mix images, as the original did; it
also holds where the time that divides is cut at a floor.
The floor is that of whoever gives the velocity: at .05, as run, the last of 20 steps of an exact
network just reaches the image and that of 35 goes 57 % of the way; without one it always arrives.
Shape letters: B portraits, H and W pixels.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.draws import generator
from trainables.portrait.config import SampleConfig
from trainables.portrait.network.given import Given


@runtime_checkable
class Velocity(Protocol):
    """A network as a field of velocities."""

    def __call__(
        self, z: Float[Tensor, "B 3 H W"], t: Float[Tensor, " B"], given: Given, routed: bool
    ) -> Float[Tensor, "B 3 H W"]:
        """Noise less image at z; with `routed` by the weak pass, whose tokens TREAD routes."""
        ...


@torch.no_grad()
def sample(
    velocity: Velocity, noise: Float[Tensor, "B 3 H W"], given: Given, cfg: SampleConfig
) -> Float[Tensor, "B 3 H W"]:
    """Images, in the model's range, from noise."""
    z, times = noise, torch.linspace(1.0, 0.0, cfg.steps + 1).tolist()
    for t, then in zip(times, times[1:], strict=False):
        z = z + (then - t) * guided(velocity, z, z.new_full((len(z),), t), given, cfg)
    return z


def guided(
    velocity: Velocity,
    z: Float[Tensor, "B 3 H W"],
    t: Float[Tensor, " B"],
    given: Given,
    cfg: SampleConfig,
) -> Float[Tensor, "B 3 H W"]:
    """The velocity by the config's sampler, of one, two or three passes.

    Dual guidance, as in timlawrenz/prx-tg production/sample.py@bc10412, lines 97-123: none of its
    three passes sees the joints, so that what is said of them has no part in its images.
    """
    scale, text_scale, features_scale = cfg.scale, cfg.text, cfg.features
    if cfg.sampler == "self":
        weak = velocity(z, t, given, routed=True)
        return weak + scale * (velocity(z, t, given, routed=False) - weak)
    if cfg.sampler == "dual":
        text = given.but(whole=False, patches=False, pose=False)
        features = given.but(text=False, pose=False)
        nothing = velocity(z, t, text.but(text=False), routed=False)
        by_text = velocity(z, t, text, routed=False) - nothing
        by_features = velocity(z, t, features, routed=False) - nothing
        return nothing + text_scale * by_text + features_scale * by_features
    return velocity(z, t, given, routed=False)


def noise_for(
    indices: Iterable[int], shape: Sequence[int], purpose: str
) -> Float[Tensor, "B 3 H W"]:
    """The noise that a portrait is drawn from: its own, whatever the seed, the arm and the others.

    Args:
        indices: Of the portraits among the held-out ones.
        shape: Channels, height and width.
        purpose: What the images are for; another purpose has other noise.
    """
    drawn = [torch.randn(*shape, generator=generator("noise", purpose, i)) for i in indices]
    return torch.stack(drawn)
