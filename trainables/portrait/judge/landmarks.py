"""Joints of images of 128 pixels and more: the five landmarks of a detector of faces.

A detector that was trained on photographs, and knows nothing of the data; it sees drawn faces too.
Shape letters: B portraits, H and W pixels, J joints.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.judge.perceptual import say_once
from trainables.portrait.portraits import JOINTS
from trainables.portrait.pretrained.mtcnn import LANDMARKS, Faces, Mtcnn, mtcnn
from trainables.portrait.weights import missing, weights_of

_AT = [JOINTS.index(name) for name in LANDMARKS]


class LandmarkReader:
    """Eyes, nose and corners of the mouth of the largest face; all other joints are not seen."""

    def __init__(self, detector: Mtcnn):
        self._detector = detector

    def read(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B J 3"]:
        """Joints with the detector's score as confidence, which is 0 where there is no face."""
        height, width = images.shape[2:]
        shown = (images.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
        joints = [_joints(faces, width, height) for faces in self._detector.find(shown)]
        return torch.stack(joints).to(images.device)


def landmark_reader() -> LandmarkReader | None:
    """The reader, or None after a line that says what brings its weights."""
    if weights_of("mtcnn") is None:
        say_once(f"val/pose_mpjpe is left out: {missing('mtcnn')}")
        return None
    return LandmarkReader(mtcnn())


def _joints(faces: Faces, width: int, height: int) -> Float[Tensor, "J 3"]:
    joints = torch.zeros(len(JOINTS), 3)
    if len(faces.scores):
        joints[_AT, :2] = faces.landmarks[0] / torch.tensor([width, height])
        joints[_AT, 2] = faces.scores[0]
    return joints
