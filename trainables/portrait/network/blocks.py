"""What a block is made of: attention to the picture and to the conditions, an MLP, and its pace.

Each of the three is added to what it saw, a layer norm scaled and shifted by time and the vector
for the whole picture (adaLN); there is no gate. No map within a block has a bias but that of adaLN.
After timlawrenz/prx-tg production/model.py@bc10412.
Shape letters: B portraits, N tokens of the picture, M tokens of conditions, D width.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.portrait.config import ModelConfig

NORM_EPS = 1e-6
SIXFOLD = 6  # a shift and a scale for each of three parts


class SelfAttention(nn.Module):
    """Each token of the picture looks at all of them."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width, bias=False)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """What each token found."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        found = F.scaled_dot_product_attention(_first(query), _first(key), _first(value))
        return self.proj(_first(found).flatten(2))


class CrossAttention(nn.Module):
    """Each token of the picture looks at the conditions."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * width, bias=False)
        self.proj = nn.Linear(width, width, bias=False)

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        seen: Float[Tensor, "B M D"],
        mask: Bool[Tensor, "B M"] | None,
    ) -> Float[Tensor, "B N D"]:
        """What each token found among the conditions that the mask lets be seen."""
        query = self.q(x).unflatten(-1, (self.heads, -1))
        key, value = self.kv(seen).unflatten(-1, (2, self.heads, -1)).unbind(2)
        found = F.scaled_dot_product_attention(
            _first(query),
            _first(key),
            _first(value),
            attn_mask=None if mask is None else mask[:, None, None],
        )
        return self.proj(_first(found).flatten(2))


class Mlp(nn.Module):
    """Each token by itself."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """What becomes of each token's channels."""
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    """Two attentions and an MLP, each added to what it saw."""

    def __init__(self, model: ModelConfig):
        super().__init__()
        width = model.hidden
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=NORM_EPS)
        self.attn = SelfAttention(width, model.heads)
        self.cross_attn = CrossAttention(width, model.heads)
        self.mlp = Mlp(width, int(width * model.mlp_ratio))
        self.adaln = Modulation(width) if model.adaln == "per_block" else LowRank(model)

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        vector: Float[Tensor, "B D"],
        shared: Float[Tensor, "B six_D"] | None,
        seen: Float[Tensor, "B M D"],
        mask: Bool[Tensor, "B M"] | None,
    ) -> Float[Tensor, "B N D"]:
        """The tokens of the picture one block further.

        Args:
            x: Tokens of the picture.
            vector: What modulates, behind its SiLU.
            shared: The part of the modulation that all blocks have alike, if there is one.
            seen: Tokens of conditions.
            mask: Which of those may be looked at; None for all.
        """
        change = self.adaln(vector, shared)[:, None].chunk(SIXFOLD, -1)
        x = x + self.attn(self._normed(x, *change[:2]))
        x = x + self.cross_attn(self._normed(x, *change[2:4]), seen, mask)
        return x + self.mlp(self._normed(x, *change[4:]))

    def _normed(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        return shift.addcmul(self.norm(x), 1 + scale)


class Modulation(nn.Module):
    """A block's own shifts and scales, or those of all blocks."""

    def __init__(self, width: int):
        super().__init__()
        self.out = nn.Linear(width, SIXFOLD * width)

    def forward(
        self, vector: Float[Tensor, "B D"], shared: Float[Tensor, "B six_D"] | None = None
    ) -> Float[Tensor, "B six_D"]:
        """Shift and scale for attention, cross-attention and MLP, in this order."""
        return self.out(vector)


class LowRank(nn.Module):
    """What a block adds to the shared shifts and scales: a map of low rank, zero at first."""

    def __init__(self, model: ModelConfig):
        super().__init__()
        width, rank = model.hidden, model.adaln_rank
        self.down = nn.Linear(width, rank, bias=False) if rank else None
        self.up = nn.Linear(rank, SIXFOLD * width, bias=False) if rank else None

    def forward(
        self, vector: Float[Tensor, "B D"], shared: Float[Tensor, "B six_D"]
    ) -> Float[Tensor, "B six_D"]:
        """The shared ones and what this block adds."""
        if self.down is None or self.up is None:
            return shared
        return shared + self.up(self.down(vector))


def _first(heads: Tensor) -> Tensor:
    """Tokens and heads in each other's place."""
    return heads.transpose(1, 2)
