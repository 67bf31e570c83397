"""What makes states of captions for the portraits of a folder, also of captions edited later.

Shape letters: B captions, T tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from trainables.portrait.pretrained.minilm import MOST_TOKENS, minilm
from trainables.portrait.weights import missing, weights_of

SPARE = 8  # tokens beyond the longest caption of a folder, for one that is edited


@dataclass(frozen=True)
class EncodedWords:
    """States by MiniLM, rounded as the folder's are, so that a caption encoded again is the same.

    Attributes:
        tokens: States of a caption.
    """

    tokens: int

    def encode(
        self, captions: Sequence[str]
    ) -> tuple[Float[Tensor, "B T 384"], Bool[Tensor, "B T"]]:
        """The states of their tokens, zero where there is none, and whether there is one."""
        states, mask = minilm().encode(captions)
        more = self.tokens - states.shape[1]  # where negative, the last are left out
        return F.pad(states, (0, 0, 0, more)).half().float(), F.pad(mask, (0, more))

    def truncated(self, captions: Sequence[str]) -> int:
        """How many captions are longer than what is read of them."""
        return sum(minilm().tokens(caption) > self.tokens for caption in captions)


@dataclass(frozen=True, eq=False)
class StoredWords:
    """States that a folder has, by an encoder that is not here; of other captions there are none.

    Attributes:
        rows: Caption to row.
        states: Of each row.
        mask: Whether a token is there.
        remedy: What a message says can be done.
    """

    rows: dict[str, int]
    states: Float[Tensor, "B T D"]
    mask: Bool[Tensor, "B T"]
    remedy: str

    def encode(self, captions: Sequence[str]) -> tuple[Float[Tensor, "C T D"], Bool[Tensor, "C T"]]:
        """The states of captions that the folder has.

        Raises:
            ValueError: When it has one of them not.
        """
        if strange := [caption for caption in captions if caption and caption not in self.rows]:
            raise ValueError(
                f"caption {strange[0][:60]!r}: must be one of the folder's, since what encoded "
                f"them is not here; {self.remedy}"
            )
        rows = torch.tensor([self.rows.get(caption, -1) for caption in captions])
        there = rows >= 0
        return self.states[rows] * there[:, None, None], self.mask[rows] & there[:, None]

    def truncated(self, captions: Sequence[str]) -> int:
        """None, as far as a folder knows."""
        return 0


def words_of(
    kind: str, captions: Sequence[str], states: Tensor, mask: Tensor
) -> EncodedWords | StoredWords:
    """What encodes captions as a folder's states are, or has them only."""
    if kind == "minilm" and weights_of("minilm") is not None:
        return EncodedWords(states.shape[1])
    remedy = missing("minilm") if kind == "minilm" else "prepare the folder with --text minilm"
    rows = {caption: row for row, caption in enumerate(captions)}
    return StoredWords(rows, states, mask, remedy)


def token_count(kind: str, longest: int) -> int:
    """States of a caption, for a folder whose longest has so many."""
    return min(longest + SPARE, MOST_TOKENS) if kind == "minilm" else max(longest, 1)
