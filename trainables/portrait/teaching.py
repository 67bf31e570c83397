"""The small teacher: a convolutional network that learns parts and attributes of the portraits.

It is trained once for the same portraits (`stem`), on those for training: its patches on which part
each of their pixels is, its vector of the whole on what captions tell. It sees pictures at 32
pixels, whatever their size, so that its grid is 8 x 8 and its cost the same.
Shape letters: B portraits, H and W pixels, S pixels of a side, P patches, D width, C parts, L
logits of all attributes, A attributes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from trainables.draws import batch_rows, initialise
from trainables.loop import best_device
from trainables.portrait.features import Teacher, seen, standardised
from trainables.portrait.portraits import PARTS
from trainables.stem import Stem, stem

SIDE, PATCH, GRID, WIDTH, NARROW = 32, 4, 8, 64, 8
BATCH, MOST_STEPS, PASSES = 32, 400, 5
LR, LEAST_LR, WARMUP = 1e-2, 0.02, 0.1  # the last two as shares, of the rate and of the steps
SEED = 17  # of the teacher, which the seeds of runs share


@dataclass(frozen=True, eq=False)
class Course:
    """What the network is trained on.

    Attributes:
        images: Portraits.
        parts: The class of each of their pixels.
        values: Of each attribute that is told.
        sizes: How many values an attribute has.
    """

    images: UInt8[Tensor, "B 3 H W"]
    parts: UInt8[Tensor, "B H W"]
    values: Mapping[str, Int64[Tensor, " B"]]
    sizes: Mapping[str, int]


class SmallNet(nn.Module):
    """Pictures to a vector of the whole and one for each patch, which knows of the others."""

    side = SIDE

    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(3, WIDTH // 2, 4, 2, 1)
        self.coarse = nn.Conv2d(WIDTH // 2, WIDTH, 4, 2, 1)
        self.place = nn.Parameter(torch.empty(1, WIDTH, GRID, GRID))
        self.norms = nn.ModuleList(nn.GroupNorm(1, WIDTH) for _ in range(2))
        self.around = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, 1, 1) for _ in range(2))
        self.context = nn.Linear(WIDTH, WIDTH)
        self.patch_norm = nn.LayerNorm(WIDTH)
        self.narrow = nn.Conv2d(WIDTH, NARROW, 1)
        self.whole_norm = nn.LayerNorm(NARROW * GRID**2)
        self.whole = nn.Linear(NARROW * GRID**2, WIDTH)

    def forward(
        self, images: Float[Tensor, "B 3 S S"]
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B P D"]]:
        """The whole, and the patches in raster order."""
        x = images.contiguous(memory_format=torch.channels_last)
        x = self.coarse(F.gelu(self.fine(x))) + self.place
        for norm, around in zip(self.norms, self.around, strict=True):
            x = x + around(F.gelu(norm(x)))
        patches = x.flatten(2).mT
        patches = self.patch_norm(patches + self.context(patches.mean(1, keepdim=True)))
        return self.whole(self.whole_norm(self.narrow(x).flatten(1))), patches


class Lesson(nn.Module):
    """The network with what it is asked: a part for each pixel, a value of each attribute."""

    def __init__(self, sizes: Mapping[str, int]):
        super().__init__()
        self.sizes = list(sizes.values())
        self.net = SmallNet()
        self.parts = nn.Linear(WIDTH, len(PARTS) * PATCH**2)
        self.values = nn.Linear(WIDTH, sum(self.sizes))

    def forward(
        self, images: UInt8[Tensor, "B 3 H W"]
    ) -> tuple[Float[Tensor, "B C S S"], Float[Tensor, "B L"]]:
        """Logits of each pixel's part, and of all attributes' values."""
        whole, patches = self.net(seen(images, SIDE))
        parts = self.parts(patches).mT.unflatten(2, (GRID, GRID))
        return F.pixel_shuffle(parts, PATCH), self.values(F.gelu(whole))

    def loss(
        self,
        images: UInt8[Tensor, "B 3 H W"],
        parts: UInt8[Tensor, "B H W"],
        values: Int64[Tensor, "B A"],
    ) -> Float[Tensor, ""]:
        """Cross-entropy of the parts, and half the mean of that of the attributes."""
        of_parts, of_values = self(images)
        each = of_values.split(self.sizes, 1)
        told = [F.cross_entropy(some, values[:, n]) for n, some in enumerate(each)]
        return F.cross_entropy(of_parts, at_side(parts)) + 0.5 * torch.stack(told).mean()


def at_side(parts: UInt8[Tensor, "B H W"]) -> Int64[Tensor, "B S S"]:
    """The parts at the size that the network sees."""
    return F.interpolate(parts[:, None].float(), (SIDE, SIDE), mode="nearest-exact")[:, 0].long()


def new_lesson(sizes: Mapping[str, int]) -> Lesson:
    """The network before its training, a function of nothing but its sizes."""

    def law(name: str, parameter: Tensor, generator: Generator) -> None:
        if "norm" in name:
            parameter.fill_(float(name.endswith("weight")))
        elif name.endswith(("bias", "place")):
            parameter.zero_()
        else:
            fan = parameter[0].numel()
            parameter.copy_((torch.rand(parameter.shape, generator=generator) * 2 - 1) / fan**0.5)

    with torch.device("meta"):  # so that building draws nothing
        lesson = Lesson(sizes)
    lesson.to_empty(device="cpu")
    initialise(lesson, SEED, law)
    return lesson


def taught(asked: Course) -> Lesson:
    """The network trained: a few passes of AdamW, its rate up and down a cosine."""
    lesson = new_lesson({name: asked.sizes[name] for name in asked.values})
    values = torch.stack([*asked.values.values()], 1)
    batch = min(BATCH, len(values))
    steps = min(MOST_STEPS, PASSES * (len(values) // batch))
    optimizer = torch.optim.AdamW(lesson.parameters(), lr=LR, weight_decay=0.01, fused=True)
    for step in range(steps):
        falling = LEAST_LR + (1 - LEAST_LR) * (1 + cos(pi * step / steps)) / 2
        optimizer.param_groups[0]["lr"] = LR * falling * min(1, (step + 1) / (WARMUP * steps))
        rows = batch_rows(len(values), batch, SEED, step)
        lesson.loss(asked.images[rows], asked.parts[rows], values[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return lesson


def small_teacher(
    images: UInt8[Tensor, "B 3 H W"], course: Callable[[], Course], of: str
) -> tuple[Teacher, Stem]:
    """The network as a teacher, trained on the host by the first that needs it.

    Args:
        images: Of which its features are to be standardised.
        course: What it is trained on, made where it is trained alone.
        of: What tells this course from others.
    """

    def train() -> dict[str, Tensor]:
        return taught(course()).net.state_dict()

    had = stem({"run": "portrait teacher", "course": of}, train)
    with torch.device("meta"):  # so that building draws nothing
        net = SmallNet()
    net.load_state_dict(had.state, assign=True)
    return standardised(net.eval().requires_grad_(False).to(best_device()), images), had
