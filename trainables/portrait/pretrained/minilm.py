"""Captions to states of their tokens, by the six-layer text encoder that `make weights` brings.

A BERT encoder (Devlin et al., arXiv 1810.04805) as sentence-transformers/all-MiniLM-L6-v2 has it;
names are those of its file. Shape letters: B captions, T tokens, D width.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from trainables.portrait.pretrained.wordpiece import WordPiece
from trainables.portrait.weights import missing, weights_of

PIECES, WIDTH, LAYERS, HEADS, HIDDEN = 30522, 384, 6, 12, 1536
MOST_TOKENS = 256  # that its training had; the document's encoder takes 512
TOGETHER = 64  # captions of one pass, of like length


class MiniLm:
    """Captions to states; nothing of it is trained.

    Attributes:
        width: Of a state.
    """

    width = WIDTH

    def __init__(self, folder: Path):
        self._pieces = WordPiece(folder / "vocab.txt")
        self._encoder = _Encoder()
        kept = self._encoder.state_dict()
        state = load_file(folder / "model.safetensors")
        self._encoder.load_state_dict({name: state[name] for name in kept})
        self._encoder.eval().requires_grad_(False)

    def encode(
        self, captions: Sequence[str]
    ) -> tuple[Float[Tensor, "B T 384"], Bool[Tensor, "B T"]]:
        """States of the tokens of each caption, zero behind its end, and where there is a token.

        An empty caption has none; the longest makes T, which is 1 at least.
        """
        found = [self._pieces(caption, MOST_TOKENS) if caption else [] for caption in captions]
        ids = [torch.tensor(one, dtype=torch.int64) for one in found]
        states = [torch.zeros(len(one), WIDTH) for one in ids]
        order = sorted((i for i in range(len(ids)) if len(ids[i])), key=lambda i: len(ids[i]))
        for start in range(0, len(order), TOGETHER):
            rows = order[start : start + TOGETHER]
            for row, state in zip(rows, self._states([ids[i] for i in rows]), strict=True):
                states[row] = state[: len(ids[row])]
        lengths = torch.tensor([len(one) for one in ids])
        longest = max(1, int(lengths.max())) if len(ids) else 1
        mask = torch.arange(longest) < lengths[:, None]
        whole = torch.zeros(len(ids), longest, WIDTH)
        whole[mask] = torch.cat(states) if states else torch.zeros(0, WIDTH)
        return whole, mask

    def tokens(self, caption: str) -> int:
        """Of a whole caption, begin and end with it; what is beyond `MOST_TOKENS` is not read."""
        return self._pieces.count(caption) if caption else 0

    def _states(self, ids: Sequence[Tensor]) -> Float[Tensor, "B T 384"]:
        mask = pad_sequence([torch.ones_like(one) for one in ids], batch_first=True).bool()
        with torch.no_grad():
            return self._encoder(pad_sequence(list(ids), batch_first=True), mask)


@lru_cache(maxsize=1)
def minilm() -> MiniLm:
    """The encoder.

    Raises:
        ValueError: When its weights are not there.
    """
    folder = weights_of("minilm")
    if folder is None:
        raise ValueError(missing("minilm"))
    return MiniLm(folder)


class _Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = _Embeddings()
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer() for _ in range(LAYERS))})

    def forward(
        self, ids: Int64[Tensor, "B T"], mask: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T 384"]:
        x = self.embeddings(ids)
        for layer in self.encoder["layer"].children():
            x = layer(x, mask)
        return x


class _Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.word_embeddings = nn.Embedding(PIECES, WIDTH)
        self.position_embeddings = nn.Embedding(512, WIDTH)
        self.token_type_embeddings = nn.Embedding(2, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, ids: Int64[Tensor, "B T"]) -> Float[Tensor, "B T 384"]:
        place = self.position_embeddings.weight[: ids.shape[1]]
        first = self.token_type_embeddings.weight[0]  # a caption is the first of two texts
        return self.LayerNorm(self.word_embeddings(ids) + place + first)


class _Layer(nn.Module):
    """Attention and an MLP, each normalised after it was added."""

    def __init__(self):
        super().__init__()
        names = ("query", "key", "value")
        maps = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in names})
        self.attention = nn.ModuleDict({"self": maps, "output": _Added(WIDTH)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(WIDTH, HIDDEN)})
        self.output = _Added(HIDDEN)

    def forward(
        self, x: Float[Tensor, "B T 384"], mask: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T 384"]:
        maps = self.attention["self"].children()
        q, k, v = (m(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in maps)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        x = self.attention["output"](mixed.transpose(1, 2).flatten(2), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class _Added(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.dense = nn.Linear(width, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x: Tensor, before: Float[Tensor, "B T 384"]) -> Float[Tensor, "B T 384"]:
        return self.LayerNorm(self.dense(x) + before)
