"""Whether the joints that were asked for are in the images, and what nulls would score.

A portrait whose error is missing is left out of its mean, and a mean of none is left out too.
Shape letters: B portraits, H and W pixels, J joints.
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.judge.errors import mean, pixels, there
from trainables.portrait.judge.joints import mpjpe, pa_mpjpe
from trainables.portrait.portraits import JOINTS, LEAST_CONFIDENCE, Portraits

EYES = (JOINTS.index("left eye"), JOINTS.index("right eye"))


@runtime_checkable
class Reader(Protocol):
    """What reads joints off images in [0, 1]."""

    def read(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B J 3"]:
        """Joints with confidences."""
        ...


def pose_scores(
    made: Float[Tensor, "B 3 H W"], truth: Portraits, reader: Reader
) -> dict[str, float]:
    """How far the joints of images are from those asked for, in distances between the eyes.

    `val/pose_detected` is the share of true joints that are seen in the images at all. At
    `@shuffled` is the error against the joints of another portrait: of a model that ignores what it
    is asked for it is as large as the error itself.
    """
    joints, pose = reader.read(made), truth.conditions.pose.to(made.device)
    asked = pose[..., 2] >= LEAST_CONFIDENCE
    found = asked & (joints[..., 2] >= LEAST_CONFIDENCE)
    values = {
        "val/pose_mpjpe": mean(mpjpe(joints, pose, EYES)),
        "val/pose_pa_mpjpe": mean(pa_mpjpe(joints, pose, EYES)),
        "val/pose_detected": float(found.sum() / asked.sum()) if asked.any() else None,
        "val/pose_mpjpe@shuffled": mean(mpjpe(joints, pose.roll(len(pose) // 2, 0), EYES)),
    }
    return there(values)


def pose_references(
    truth: Portraits, mean_pose: Float[Tensor, "J 3"], reader: Reader, device: torch.device
) -> dict[str, float]:
    """What the reader misses by on true images, and what one pose for all would."""
    pose = truth.conditions.pose.to(device)
    one = mean_pose.to(device).expand_as(pose)
    values = {
        "val/pose_mpjpe@reader": mean(mpjpe(reader.read(pixels(truth, device)), pose, EYES)),
        "val/pose_mpjpe@mean_pose": mean(mpjpe(one, pose, EYES)),
    }
    return there(values)


def mean_pose(train: Portraits) -> Float[Tensor, "J 3"]:
    """Where each joint is on average where it is seen; the confidence is 0 where it never is."""
    pose = train.conditions.pose
    seen = (pose[..., 2:] >= LEAST_CONFIDENCE).to(pose.dtype)
    where = (pose[..., :2] * seen).sum(0) / seen.sum(0).clamp(min=1)
    return torch.cat((where, seen.amax(0)), 1)
