"""Two AlexNets with the heads of LPIPS, as one: an image becomes a vector, and LPIPS a distance.

LPIPS (arXiv 1801.03924) sums over five layers the mean over places of the squared difference of
features, normalised over channels, each channel with a weight of its own. The weights are at least
0, so that it is the squared Euclidean distance of features times their roots.
The plain net is torchvision's; the shift-tolerant one (arXiv 2207.13686) has stride 1 in its first
layer, pools with stride 1, and blurs before it leaves out every other row and column.
Shape letters: B images, H and W pixels.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

CHANNELS = (64, 192, 384, 256, 256)
SIDES = (11, 5, 3, 3, 3)  # of the kernels
SHIFT = (-0.030, -0.088, -0.188)  # of images in [-1, 1], to where ImageNet's statistics put them
SCALE = (0.458, 0.448, 0.450)
_SMALL = 1e-10  # added to a norm, as published
# Where each layer lies in the two files of weights.
PLAIN = tuple(f"features.{number}" for number in (0, 3, 6, 8, 10))
TOLERANT = tuple(
    f"net.slice{n}.{number}" for n, number in zip(range(1, 6), (0, 5, 9, 11, 13), strict=True)
)
HEADS = tuple(f"lin{n}.model.1.weight" for n in range(5))


class PerceptualNet(nn.Module):
    """Features of five layers, so weighted that the squared distance of two images is their LPIPS.

    Args:
        kind: "alex" is the published metric, "stalex" the shift-tolerant one.
    """

    shift: Tensor
    scale: Tensor
    blur: Tensor

    def __init__(self, kind: Literal["alex", "stalex"]):
        super().__init__()
        self.tolerant = kind == "stalex"
        stride, padding = (1, 2) if self.tolerant else (4, 2)
        self.layers = nn.ModuleList(
            nn.Conv2d(
                before, after, side, stride if n == 0 else 1, padding if n == 0 else side // 2
            )
            for n, (before, after, side) in enumerate(
                zip((3, *CHANNELS), CHANNELS, SIDES, strict=False)
            )
        )
        self.heads = nn.ParameterList(torch.ones(channels) for channels in CHANNELS)
        self.register_buffer("shift", torch.tensor(SHIFT)[:, None, None])
        self.register_buffer("scale", torch.tensor(SCALE)[:, None, None])
        row = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("blur", row[:, None] * row)
        self.requires_grad_(False)

    def load(self, layers: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> None:
        """Takes weights from the files, which hold more than these.

        Raises:
            KeyError: When a file lacks one of them.
            ValueError: When a head is below 0, with which LPIPS is no squared distance.
        """
        names = TOLERANT if self.tolerant else PLAIN
        state = {
            f"layers.{n}.{what}": layers[f"{name}.{what}"]
            for n, name in enumerate(names)
            for what in ("weight", "bias")
        }
        state |= {f"heads.{n}": heads[name].flatten() for n, name in enumerate(HEADS)}
        own = {"shift": self.shift, "scale": self.scale, "blur": self.blur}
        self.load_state_dict({**state, **own})
        if min(float(head.min()) for head in self.heads) < 0:
            raise ValueError("LPIPS: the weights of its heads must be at least 0, got one below")

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B features"]:
        """One vector for each image in [0, 1]."""
        parts = []
        for head, features in zip(self.heads, self._features(images), strict=True):
            norm = features.square().sum(1, keepdim=True).sqrt()
            places = features.shape[2] * features.shape[3]
            weight = (head / places).sqrt()[:, None, None]
            parts.append((features / (norm + _SMALL) * weight).flatten(1))
        return torch.cat(parts, 1)

    def _features(self, images: Tensor) -> Iterator[Float[Tensor, "B C h w"]]:
        x = (2 * images - 1 - self.shift) / self.scale
        for number, layer in enumerate(self.layers):
            if number in (1, 2):
                x = self._pooled(x)
            x = layer(x)
            if number == 0 and self.tolerant:
                x = self._halved(x)
            x = x.relu()
            yield x

    def _pooled(self, x: Tensor) -> Tensor:
        if self.tolerant:
            return self._halved(F.max_pool2d(x, 3, stride=1))
        return F.max_pool2d(x, 3, stride=2)

    def _halved(self, x: Tensor) -> Tensor:
        """Blurred, and every other row and column of it, with two more around it as mirrored."""
        kernel = self.blur.expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])
