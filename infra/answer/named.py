"""What the names of config fields say of them, where nothing better is known."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from infra.study.quantities import AMOUNT, LEARNING_RATE, STEPS

# Named like what sets a rate, a budget or an amount, and nothing of the kind.
_FALSE_FRIENDS = r"batch_?norm|data_norm|stop_grad|register_tokens"


def _field(*words: str) -> re.Pattern[str]:
    """Config fields with one of these words in their dotted, underscored names."""
    some = "|".join(words)
    return re.compile(rf"^(?!.*(?:{_FALSE_FRIENDS}))(?:.*[._])?(?:{some})(?:[._]|$)")


_SETS_LR = re.compile(
    _field("lr", "learning", "schedule", "warmup", "cooldown", "batch", "accumulation", "steps?")
    .pattern + r"|(?:^|\.)rate$|(?:^|\.)optim(?:izer)?(?:\.(?:kind|name))?$"
)  # fmt: skip
_SETS_STEPS = _field(
    "steps?",
    "epochs?",
    "seconds",
    "budget",
    "examples",
    "tokens",
    "batch",
    "stop",
    "stopping",
)
_SETS_DTYPE = _field("dtype", "precision", "amp", "autocast", "bf16", "fp16", "fp8", "tf32")
_SETS_COUNTS = _field(
    "eval", "evaluation", "validation", "data", "text", "vocab", "tokenizer", "sequence"
)
_MEASURES = _field("eval", "evaluation", "sampler", "sampling", "validation")
_SETS = {  # realised quantity to fields that are named like what sets it
    LEARNING_RATE: _SETS_LR,
    STEPS: _SETS_STEPS,
    AMOUNT: _SETS_COUNTS,
    "dtype": _SETS_DTYPE,
    "autocast": _SETS_DTYPE,
    "precision of matrix products": _SETS_DTYPE,
    "compile state": _field("compiled?"),
    "determinism": _field("deterministic", "determinism"),
}


def named_like(quantity: str, fields: Iterable[str]) -> bool:
    """Whether one of these fields is named like what sets a realised quantity."""
    kind = _SETS.get(quantity)
    return kind is not None and any(_found(kind, name) for name in fields)


def measuring_fields(fields: Sequence[str]) -> list[str]:
    """Those named like the evaluation's, where others differ too."""
    measured = [name for name in fields if _found(_MEASURES, name)]
    return measured if len(measured) < len(fields) else []


@cache
def _found(kind: re.Pattern[str], name: str) -> bool:
    return kind.search(name) is not None
