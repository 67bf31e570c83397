"""Portraits and what is known of each: what every other part of this folder is given.

Shape letters: B portraits, H and W pixels, T text tokens, P patches, J joints, C classes, D widths.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

LEAST_CONFIDENCE = 0.05  # below which a joint counts as not seen
PARTS = (
    "background", "clothes", "neck", "skin", "ears", "hair", "brows", "eyes", "nose", "mouth",
    "glasses",
)  # fmt: skip
# Documented is face and neck, hair, lips, teeth and tongue: 2, 3 and 23 to 27 of its 28 classes.
FACE = tuple(range(PARTS.index("neck"), len(PARTS)))
# Sides are the sitter's own: who faces us has the left eye in the right half of the picture.
JOINTS = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left mouth", "right mouth", "chin",
    "neck", "left shoulder", "right shoulder",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a portrait is drawn from.

    Attributes:
        text: States of the caption's tokens, zero where there is none.
        text_mask: Whether a token is there.
        whole: One vector for the whole picture, from the teacher of features.
        patches: A vector for each patch of the teacher's grid, in raster order.
        pose: Joints as x and y, both in [0, 1] of the picture from its upper left, and confidence.
    """

    text: Float[Tensor, "B T Dt"]
    text_mask: Bool[Tensor, "B T"]
    whole: Float[Tensor, "B Dw"]
    patches: Float[Tensor, "B P Dp"]
    pose: Float[Tensor, "B J 3"]

    def __len__(self) -> int:
        return len(self.text)

    def take(self, rows: Int64[Tensor, " B"]) -> "Conditions":
        """Those of some portraits."""
        return Conditions(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def to(self, device: torch.device) -> "Conditions":
        """The same on a device."""
        return Conditions(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def with_text(self, text: Tensor, text_mask: Tensor) -> "Conditions":
        """The same under other captions."""
        return replace(self, text=text, text_mask=text_mask)


@dataclass(frozen=True, kw_only=True)
class Portraits:
    """Portraits of one size, with all that is known of them.

    Attributes:
        images: Red, green, blue in [0, 1], stored as bytes.
        parts: The class of each pixel, see `PARTS`.
        captions: In plain words.
        identities: Who is shown; a person is on one side of the split.
        names: What a message calls each.
        conditions: What they are drawn from.
    """

    images: UInt8[Tensor, "B 3 H W"]
    parts: UInt8[Tensor, "B H W"]
    captions: Sequence[str]
    identities: Int64[Tensor, " B"]
    names: Sequence[str]
    conditions: Conditions

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Int64[Tensor, " B"]) -> "Portraits":
        """Some of them."""
        at: list[int] = rows.tolist()
        return Portraits(
            images=self.images[rows],
            parts=self.parts[rows],
            captions=[self.captions[i] for i in at],
            identities=self.identities[rows],
            names=[self.names[i] for i in at],
            conditions=self.conditions.take(rows),
        )
