"""States of a caption's words without a trained model: the same word is the same direction.

A word's state is a unit vector keyed by the word, so that no two words look alike, and its place in
the caption is added as sines and cosines of half that length; all is scaled so that a number in it
is about 1. Nothing is learned, so that arms differ in nothing but what they do with it.
Shape letters: B captions, T tokens, D width, V words that are told apart.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from trainables.draws import generator

PLACE = 0.5  # length of a place beside that of a word
_LONGEST = 10_000  # the longest wave of places, in tokens


@runtime_checkable
class Words(Protocol):
    """What makes states of captions, for the data and for captions that are edited later."""

    def encode(self, captions: Sequence[str]) -> tuple[Float[Tensor, "B T D"], Bool[Tensor, "B T"]]:
        """The states of their tokens, zero where there is none, and whether there is one."""
        ...

    def truncated(self, captions: Sequence[str]) -> int:
        """How many captions are longer than the states are."""
        ...


@dataclass(frozen=True, kw_only=True)
class PlainWords:
    """Words as they stand, without punctuation or case.

    Attributes:
        width: Numbers of a state.
        tokens: States of a caption, beyond which words are left out.
    """

    width: int = 64
    tokens: int = 48

    def encode(self, captions: Sequence[str]) -> tuple[Float[Tensor, "B T D"], Bool[Tensor, "B T"]]:
        """The states of the first words, zero behind them; a caption of none has no token."""
        words = [split(caption)[: self.tokens] for caption in captions]
        known = {word: n + 1 for n, word in enumerate(sorted({w for some in words for w in some}))}
        rows = [[known[word] for word in some] + [0] * (self.tokens - len(some)) for some in words]
        which = torch.tensor(rows, dtype=torch.int64).view(len(captions), self.tokens)
        vectors = [torch.zeros(self.width), *(_vector(word, self.width) for word in known)]
        there = which > 0
        states = torch.stack(vectors)[which] + places(self.tokens, self.width) * there[..., None]
        return states, there

    def truncated(self, captions: Sequence[str]) -> int:
        """How many captions have more words than there are tokens."""
        return sum(len(split(caption)) > self.tokens for caption in captions)


def split(caption: str) -> list[str]:
    """The words of a caption; a hyphen joins."""
    return re.findall(r"\w+(?:[-'’]\w+)*", caption.lower())


@lru_cache(maxsize=1)
def places(tokens: int, width: int) -> Float[Tensor, "T D"]:
    """What is added for each place: half sines, half cosines of ever longer waves."""
    half = width // 2
    waves = _LONGEST ** (torch.arange(half) / half)
    angle = torch.arange(tokens)[:, None] / waves
    both = torch.cat((angle.sin(), angle.cos()), 1)
    return F.pad(F.normalize(both, dim=1), (0, width - 2 * half)) * (PLACE * width**0.5)


@lru_cache(maxsize=4096)
def _vector(word: str, width: int) -> Float[Tensor, " D"]:
    drawn = torch.randn(width, generator=generator("word", word))
    return F.normalize(drawn, dim=0) * width**0.5
