"""Faces and their five landmarks, by the three small networks that `make weights` brings.

After Zhang et al., arXiv 1604.02878: one network looks at the picture in many sizes, two look again
at what it found, and each moves the boxes. What of a box lies beyond the picture is grey. Shape
letters: B pictures, H and W pixels, N boxes, S side of a crop. Boxes are left, upper,
right, lower, in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import batched_nms, roi_align

from trainables.portrait.weights import missing, weights_of

LANDMARKS = ("right eye", "left eye", "nose", "right mouth", "left mouth")  # the sitter's own sides
LEAST_PX = 128  # sides of pictures below which landmarks are of no use
SMALLEST_FACE, STEP = 20, 0.709  # pixels of the smallest face; from one size to the next
CELL, STRIDE = 12, 2  # pixels of what the first network sees, and from one to the next
SURE = (0.6, 0.7, 0.7)  # that a box must be for each network, as published
OVERLAP = 0.7
Looked = tuple[Tensor, ...]


@dataclass(frozen=True)
class Faces:
    """The faces of one picture, the largest first.

    Attributes:
        boxes: In pixels.
        scores: How sure the last network is, in [0, 1].
        landmarks: x and y in pixels, in the order of `LANDMARKS`.
    """

    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    landmarks: Float[Tensor, "N 5 2"]


class Mtcnn:
    """Finds faces; nothing of it is trained."""

    def __init__(self, folder: Path):
        self._nets = []
        for name, network in (("pnet", _Proposals()), ("rnet", _Refined()), ("onet", _Told())):
            state = torch.load(folder / f"{name}.pt", weights_only=True, map_location="cpu")
            network.load_state_dict(state)
            self._nets.append(network.eval().requires_grad_(False))

    def find(self, images: UInt8[Tensor, "B 3 H W"]) -> list[Faces]:
        """The faces of each picture."""
        with torch.no_grad():
            pixels = (images.float() - 127.5) / 128
            of, boxes = self._proposed(pixels)
            of, boxes, *_ = self._again(pixels, of, boxes, 1)
            of, boxes, score, points = self._again(pixels, of, _square(boxes), 2)
        return [_faces(boxes[of == i], score[of == i], points[of == i]) for i in range(len(images))]

    def _proposed(
        self, pixels: Float[Tensor, "B 3 H W"]
    ) -> tuple[Int64[Tensor, " N"], Float[Tensor, "N 4"]]:
        """Square boxes that the first network sees a face in, at any size, and of which picture."""
        found = [self._at(pixels, scale) for scale in _scales(min(pixels.shape[2:]))]
        if not found:
            return torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4)
        of, boxes, score, move = (torch.cat(some) for some in zip(*found, strict=True))
        kept = batched_nms(boxes, score, of, OVERLAP)
        size = (boxes[kept, 2:] - boxes[kept, :2]).repeat(1, 2)
        return of[kept], _square(boxes[kept] + move[kept] * size)

    def _at(self, pixels: Float[Tensor, "B 3 H W"], scale: float) -> Looked:
        """What is proposed at one size."""
        height, width = (int(side * scale + 1) for side in pixels.shape[2:])
        move, sure = self._nets[0](F.interpolate(pixels, (height, width), mode="area"))
        of, row, column = (sure >= SURE[0]).nonzero().unbind(1)
        corner = STRIDE * torch.stack((column, row), 1) + 1
        boxes = torch.cat((corner, corner + CELL - 1), 1).div(scale).floor()
        score, move = sure[of, row, column], move[of, :, row, column]
        kept = batched_nms(boxes, score, of, 0.5)
        return of[kept], boxes[kept], score[kept], move[kept]

    def _again(
        self,
        pixels: Float[Tensor, "B 3 H W"],
        of: Int64[Tensor, " N"],
        boxes: Float[Tensor, "N 4"],
        stage: int,
    ) -> Looked:
        """Which boxes the next network confirms, as it moves them: picture, box, score, points."""
        network = self._nets[stage]
        whole = boxes.trunc()  # as in training
        rois = torch.cat((of[:, None].float(), whole[:, :2] - 1, whole[:, 2:]), 1)
        move, sure, points = network(roi_align(pixels, rois, network.side, aligned=True))
        kept = (sure > SURE[stage]).nonzero().flatten()
        kept = kept[batched_nms(boxes[kept], sure[kept], of[kept], OVERLAP)]
        boxes, size = boxes[kept], (boxes[kept, 2:] - boxes[kept, :2] + 1)
        points = boxes[:, None, :2] - 1 + points[kept] * size[:, None]
        return of[kept], boxes + move[kept] * size.repeat(1, 2), sure[kept], points


@lru_cache(maxsize=1)
def mtcnn() -> Mtcnn:
    """The three networks.

    Raises:
        ValueError: When their weights are not there.
    """
    folder = weights_of("mtcnn")
    if folder is None:
        raise ValueError(missing("mtcnn"))
    return Mtcnn(folder)


def _faces(boxes: Tensor, scores: Tensor, points: Tensor) -> Faces:
    """Those that no surer one holds for the most part, the largest first."""
    size = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2) / torch.minimum(size[:, None], size)
    kept: list[int] = []
    for row in scores.argsort(descending=True, stable=True).tolist():
        if not (shared[row, kept] > OVERLAP).any():
            kept.append(row)
    order = sorted(kept, key=lambda row: -float(size[row]))
    return Faces(boxes[order], scores[order], points[order])


def _scales(side: int) -> Sequence[float]:
    """From the smallest face to one that fills the picture, each STEP of the one before."""
    scale, scales = CELL / SMALLEST_FACE, []
    while side * scale >= CELL:
        scales.append(scale)
        scale *= STEP
    return scales


def _square(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """Boxes about the same middle, as wide and high as the longer of both."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(1, keepdim=True) / 2
    return torch.cat((middle - half, middle + half), 1)


class _Layers(nn.Module):
    """Convolutions with a PReLU each and a pooling behind some, named as their file has them."""

    def __init__(self, channels: Sequence[int], kernels: Sequence[int], pools: Sequence[int]):
        super().__init__()
        self.pools = pools  # pixels of the pooling behind a convolution, 0 for none
        for number, (pair, kernel) in enumerate(zip(pairwise(channels), kernels, strict=True), 1):
            self.add_module(f"conv{number}", nn.Conv2d(*pair, kernel))
            self.add_module(f"prelu{number}", nn.PReLU(pair[1]))

    def seen(self, x: Float[Tensor, "N 3 H W"]) -> Tensor:
        """What the convolutions see."""
        for number, pool in enumerate(self.pools, 1):
            x = self.get_submodule(f"prelu{number}")(self.get_submodule(f"conv{number}")(x))
            x = F.max_pool2d(x, pool, 2, ceil_mode=True) if pool else x
        return x


class _Proposals(_Layers):
    """Faces anywhere in a picture: how a box is to be moved, and how sure it is one."""

    def __init__(self):
        super().__init__((3, 10, 16, 32), (3, 3, 3), (2, 0, 0))
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(
        self, x: Float[Tensor, "B 3 H W"]
    ) -> tuple[Float[Tensor, "B 4 h w"], Float[Tensor, "B h w"]]:
        x = self.seen(x)
        return self.conv4_2(x), self.conv4_1(x).softmax(1)[:, 1]


class _Refined(_Layers):
    """Looks at crops of 24 pixels."""

    side = 24

    def __init__(self):
        super().__init__((3, 28, 48, 64), (3, 3, 2), (3, 3, 0))
        self.dense4 = nn.Linear(576, 128)
        self.prelu4 = nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(
        self, x: Float[Tensor, "N 3 S S"]
    ) -> tuple[Float[Tensor, "N 4"], Float[Tensor, " N"], Float[Tensor, "N 5 2"]]:
        x = self.prelu4(self.dense4(_flat(self.seen(x))))
        return self.dense5_2(x), self.dense5_1(x).softmax(1)[:, 1], x.new_zeros(len(x), 5, 2)


class _Told(_Layers):
    """Looks at crops of 48 pixels, and tells the landmarks too."""

    side = 48

    def __init__(self):
        super().__init__((3, 32, 64, 64, 128), (3, 3, 3, 2), (3, 3, 2, 0))
        self.dense5 = nn.Linear(1152, 256)
        self.prelu5 = nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(
        self, x: Float[Tensor, "N 3 S S"]
    ) -> tuple[Float[Tensor, "N 4"], Float[Tensor, " N"], Float[Tensor, "N 5 2"]]:
        x = self.prelu5(self.dense5(_flat(self.seen(x))))
        points = self.dense6_3(x).unflatten(1, (2, 5)).transpose(1, 2)
        return self.dense6_2(x), self.dense6_1(x).softmax(1)[:, 1], points


def _flat(x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F"]:
    """Columns first, as the weights were trained."""
    return x.permute(0, 3, 2, 1).flatten(1)
