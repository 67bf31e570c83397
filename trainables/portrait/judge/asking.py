"""What a network is asked for in an evaluation: its conditions, and the noise that it begins from.

Shape letters: B portraits, H and W pixels.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float, Int64
from torch import Tensor

from trainables.portrait.network.given import Given, everything
from trainables.portrait.portraits import Conditions, Portraits
from trainables.portrait.sampling import noise_for
from trainables.portrait.words import Words

Pose = Literal["present", "null", "absent as run"]
NOISE, OTHER_NOISE = "evaluation", "evaluation anew"  # purposes of noise


@runtime_checkable
class Draw(Protocol):
    """A network as something that draws."""

    def __call__(self, given: Given, noise: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Images in [0, 1] from conditions and noise."""
        ...


def asked_for(conditions: Conditions, pose: Pose) -> Given:
    """All conditions, and of the joints what is asked."""
    given = everything(conditions)
    if pose == "present":
        return given
    return replace(given.but(pose=False), pose_absent=pose == "absent as run")


def only_text(given: Given) -> Given:
    """The captions alone."""
    return given.but(whole=False, patches=False, pose=False)


def with_captions(given: Given, captions: Sequence[str], words: Words) -> Given:
    """The same under these captions, encoded anew."""
    text, mask = words.encode(captions)
    device = given.text.device
    conditions = given.conditions.with_text(text.to(device), mask.to(device))
    return replace(given, conditions=conditions)


def some(given: Given, rows: Int64[Tensor, " R"]) -> Given:
    """That of some portraits."""
    kept = {name: getattr(given, name)[rows] for name in ("text", "whole", "patches", "pose")}
    return replace(given, conditions=given.conditions.take(rows), **kept)


def noise_of(truth: Portraits, purpose: str) -> Float[Tensor, "B 3 H W"]:
    """The noise of held-out portraits, each by its place among them, where their conditions are."""
    noise = noise_for(range(len(truth)), truth.images.shape[1:], purpose)
    return noise.to(truth.conditions.text.device)
