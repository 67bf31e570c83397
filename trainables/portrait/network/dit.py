"""The network: a picture with noise, its time and its conditions to a picture.

NanoDiT of timlawrenz/prx-tg production/model.py@bc10412: patches of pixels as tokens, blocks that
look at the picture and at the conditions, patches of pixels again, and a 3 x 3 convolution that
begins at zero and smooths their borders.
Shape letters: B portraits, H and W pixels, N tokens, V visible ones, D width, F width of features.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from trainables.draws import initialise
from trainables.portrait.config import PortraitConfig
from trainables.portrait.network.blocks import NORM_EPS, Block, Modulation
from trainables.portrait.network.conditions import ConditionTokens, Seen, Widths
from trainables.portrait.network.given import Given
from trainables.portrait.network.tread import put_back, taken
from trainables.portrait.portraits import Portraits


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What the network gives.

    Attributes:
        image: A number a pixel channel; the target says what it means.
        features: What it says of the teacher's features, of the visible tokens where they are
            taken within the routed blocks; None without REPA.
    """

    image: Float[Tensor, "B 3 H W"]
    features: Float[Tensor, "B V F"] | None


class NanoDit(nn.Module):
    """Its parameters have no values before `new_network` fills them."""

    def __init__(self, cfg: PortraitConfig, widths: Widths):
        super().__init__()
        model = cfg.model
        self.cfg = cfg
        self.first, self.last = cfg.tread.start, cfg.tread.last(model.depth)
        self.patch = nn.Conv2d(3, model.hidden, model.patch, model.patch)
        self.conditions = ConditionTokens(cfg.conditions, widths, model.hidden)
        self.adaln = Modulation(model.hidden) if model.adaln == "shared" else None
        self.blocks = nn.ModuleList(Block(model) for _ in range(model.depth))
        self.norm = nn.LayerNorm(model.hidden, elementwise_affine=False, eps=NORM_EPS)
        self.final = nn.Linear(model.hidden, cfg.patch_dim)
        self.smooth = nn.Conv2d(3, 3, 3, padding=1)
        self.repa = nn.Linear(model.hidden, widths.patches, bias=False) if cfg.repa.weight else None

    def forward(
        self,
        z: Float[Tensor, "B 3 H W"],
        t: Float[Tensor, " B"],
        given: Given,
        visible: Int64[Tensor, "... V"] | None = None,
    ) -> Drawn:
        """The raw prediction.

        Args:
            z: Pictures with noise.
            t: 1 is noise alone, 0 the picture.
            given: What the pictures are of.
            visible: Tokens that the routed blocks see, of all pictures alike or of each; None for
                all tokens.
        """
        sides = z.shape[-2], z.shape[-1]
        grid = sides[0] // self.cfg.model.patch, sides[1] // self.cfg.model.patch
        x = self.patch(z).flatten(2).mT.contiguous()  # or all that follows would be transposed
        x = x + positions(grid, x.shape[-1], x.device)
        x, features = self._through(x, self.conditions(t, given, sides), visible)
        image = unpatched(self.final(self.norm(x)), grid)
        return Drawn(image=image + self.smooth(image), features=features)

    def _through(
        self, x: Tensor, seen: Seen, visible: Tensor | None
    ) -> tuple[Float[Tensor, "B N D"], Tensor | None]:
        """The tokens behind all blocks, and the features that one of them is asked for."""
        vector = F.silu(seen.vector)
        shared = self.adaln(vector) if self.adaln is not None else None
        held, features = x, None
        for number, block in enumerate(self.blocks):
            if visible is not None and number == self.first:
                held, x = x, taken(x, visible)
            x = self._block(block, x, vector, shared, seen.tokens, seen.mask)
            if self.repa is not None and number == self.cfg.repa_block:
                features = self.repa(x)
            if visible is not None and number == self.last:
                x = put_back(held, visible, x)
        return x, features

    def _block(self, block: nn.Module, *given: Tensor | None) -> Tensor:
        if self.cfg.model.checkpoint and torch.is_grad_enabled():
            return checkpoint(block, *given, use_reentrant=False, preserve_rng_state=False)
        return block(*given)


def positions(grid: tuple[int, int], width: int, device: torch.device) -> Float[Tensor, "1 N D"]:
    """A code of each token's place: sines and cosines of its row, then those of its column.

    In whole numbers of patches; wavelengths go from 2 pi to 2 pi x 10,000.
    """
    quarter = width // 4
    rates = 10_000.0 ** (-torch.arange(quarter, device=device) / quarter)
    rows, columns = (torch.arange(side, device=device)[:, None] * rates for side in grid)
    row, column = (torch.cat((angles.sin(), angles.cos()), -1) for angles in (rows, columns))
    there = row[:, None].expand(-1, grid[1], -1), column.expand(grid[0], -1, -1)
    return torch.cat(there, -1).flatten(0, 1)[None]


def unpatched(patches: Float[Tensor, "B N P"], grid: tuple[int, int]) -> Float[Tensor, "B 3 H W"]:
    """The picture that patches in raster order make, each as row, column, channel."""
    rows, columns = grid
    side = round((patches.shape[-1] // 3) ** 0.5)
    split = patches.view(len(patches), rows, columns, side, side, 3)
    return split.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), 3, rows * side, columns * side)


def new_network(cfg: PortraitConfig, portraits: Portraits) -> NanoDit:
    """A network on the host, drawn from the seed by name, for conditions as wide as these."""
    with torch.device("meta"):  # so that building draws nothing
        network = NanoDit(cfg, Widths.of(portraits.conditions))
    network.to_empty(device="cpu")

    def law(name: str, parameter: Tensor, draws: Generator) -> None:
        _start(cfg.model.adaln_init, name, parameter, draws)

    initialise(network, cfg.seed, law)
    return network


def _start(adaln: str, name: str, parameter: Tensor, draws: Generator) -> None:
    """Documented: Xavier for all maps, zero for biases, learned tokens and the convolution.

    What a low rank adds is zero at first.
    """
    if name.endswith("joint.weight"):
        parameter.normal_(generator=draws)
    elif name.endswith("bias") or "null" in name or name.startswith("smooth"):
        parameter.zero_()
    elif name.endswith("adaln.up.weight") or (
        adaln == "zero" and name.endswith("adaln.out.weight")
    ):
        parameter.zero_()
    else:
        nn.init.xavier_uniform_(parameter.view(len(parameter), -1), generator=draws)
