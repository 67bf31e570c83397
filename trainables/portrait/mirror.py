"""Portraits in a mirror: left and right change places in all that tells them apart.

A mirrored picture shows another left eye, and whom it shows faces the other way; a caption and
joints that stay as they were then tell the wrong side, which is what the document left flips out
for. Sides of joints are the sitter's own, those of captions the picture's.
Shape letters: B portraits, J joints, P patches, D width.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Generator, Tensor

from trainables.portrait.patch_grid import grid_of
from trainables.portrait.portraits import JOINTS, Conditions, Portraits
from trainables.portrait.words import Words

Teach = Callable[[UInt8[Tensor, "B 3 H W"]], tuple[Tensor, Tensor]]
_SIDES = {"left": "right", "right": "left"}
_TOLD = re.compile(r"(?<![\w-])(left|right)(?![\w-])", re.IGNORECASE)


def flipped(
    portraits: Portraits,
    how: Literal["none", "naive", "remapped"],
    words: Words,
    stream: Generator,
    teacher: Teach | None = None,
) -> Portraits:
    """Each of a batch in a mirror or not, by a coin that is drawn on the host.

    Args:
        portraits: The batch.
        how: "naive" turns pictures and parts alone, "remapped" all that is known of them too.
        words: What makes states of captions whose sides changed.
        stream: The coins' own, keyed by the step.
        teacher: What makes features of mirrored pictures.

    Raises:
        ValueError: When the joints are not those whose sides are known.
    """
    if how == "none":
        return portraits
    turned = torch.rand(len(portraits), generator=stream) < 0.5
    if how == "naive":
        images, parts = portraits.images.flip(-1), portraits.parts.flip(-1)
        mirror = replace(portraits, images=images, parts=parts)
    else:
        mirror = mirrored(portraits, words, teacher)
    return _chosen(turned, mirror, portraits)


def mirrored(portraits: Portraits, words: Words, teacher: Teach | None = None) -> Portraits:
    """All of them in a mirror, with all that is known of them.

    Without a teacher the features of the patches change places, and that of the whole stays, which
    then still tells of the picture as it was.

    Raises:
        ValueError: When the joints are not those whose sides are known.
    """
    images = portraits.images.flip(-1)
    captions = [mirrored_words(caption) for caption in portraits.captions]
    text, mask = _text(portraits, captions, words)
    own = portraits.conditions
    if teacher is None:
        whole, patches = own.whole, _mirrored_grid(own.patches, (images.shape[2], images.shape[3]))
    else:
        whole, patches = teacher(images)
    conditions = Conditions(
        text=text, text_mask=mask, whole=whole, patches=patches, pose=_mirrored_joints(own.pose)
    )
    parts = portraits.parts.flip(-1)
    return replace(portraits, images=images, parts=parts, captions=captions, conditions=conditions)


def mirrored_words(text: str) -> str:
    """The text with left and right in each other's place, written large where they were."""
    return _TOLD.sub(lambda found: _other(found[0]), text)


def _other(side: str) -> str:
    other = _SIDES[side.lower()]
    return other.upper() if side.isupper() else other.capitalize() if side[0].isupper() else other


def _text(
    portraits: Portraits, captions: Sequence[str], words: Words
) -> tuple[Float[Tensor, "B T D"], Bool[Tensor, "B T"]]:
    """States of captions, made anew where they changed."""
    text, mask = portraits.conditions.text, portraits.conditions.text_mask
    changed = [n for n, own in enumerate(portraits.captions) if captions[n] != own]
    if not changed:
        return text, mask
    states, there = words.encode([captions[n] for n in changed])
    rows = torch.tensor(changed, device=text.device)
    return (
        text.index_copy(0, rows, states.to(text)),
        mask.index_copy(0, rows, there.to(mask.device)),
    )


def _mirrored_joints(pose: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 3"]:
    """Joints at mirrored places under their new names; one that is not seen stays at 0."""
    if pose.shape[1] != len(JOINTS):
        raise ValueError(
            f"portraits.flip 'remapped': must have the {len(JOINTS)} joints whose sides are known, "
            f"got {pose.shape[1]}; take 'none'"
        )
    x, y, confidence = pose[:, _other_side(pose.device)].unbind(-1)
    return torch.stack((torch.where(confidence > 0, 1 - x, x), y, confidence), -1)


def _other_side(device: torch.device) -> Int64[Tensor, " J"]:
    names = [JOINTS.index(mirrored_words(name)) for name in JOINTS]
    return torch.tensor(names, device=device)


def _mirrored_grid(
    patches: Float[Tensor, "B P D"], sides: tuple[int, int]
) -> Float[Tensor, "B P D"]:
    """Patches at mirrored places of a picture of that height and width; none are none."""
    if not patches.shape[1]:
        return patches
    return patches.unflatten(1, grid_of(patches.shape[1], sides)).flip(2).flatten(1, 2)


def _chosen(turned: Bool[Tensor, " B"], mirror: Portraits, own: Portraits) -> Portraits:
    """The mirrored one where it is turned."""

    def where(theirs: Tensor, ours: Tensor) -> Tensor:
        on = turned.to(ours.device).view(-1, *[1] * (ours.ndim - 1))
        return torch.where(on, theirs, ours)

    captions = [
        theirs if turn else ours
        for turn, theirs, ours in zip(turned.tolist(), mirror.captions, own.captions, strict=True)
    ]
    conditions = {
        f.name: where(getattr(mirror.conditions, f.name), getattr(own.conditions, f.name))
        for f in fields(Conditions)
    }
    return replace(
        own,
        images=where(mirror.images, own.images),
        parts=where(mirror.parts, own.parts),
        captions=captions,
        conditions=Conditions(**conditions),
    )
