"""What besides the next token a language model can be trained on.

Masked prediction as meant is that of Sahoo et al., arXiv 2406.07524 (MDLM): each token is masked
with probability t, spread evenly over the batch, and its loss weighs 1 / t. As run in
openai/parameter-golf #1194, a fixed number of positions per window is masked, by one cosine draw
for all, and the loss is their mean. Prediction of hidden states as meant asks a slow average of the
network, as #2142 and #1330 do; as #1196 ran it, target and prediction are of the same weights.
Shape letters: B windows, T tokens, D width.
"""

from math import cos, pi

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from trainables.draws import uniform
from trainables.lm.config import DiffusionConfig, JepaConfig
from trainables.lm.network import LanguageModel

Key = tuple[int | str, ...]
CONTEXT = 0.75  # of a window, from which #1196 predicts the rest


def causal_loss(
    network: LanguageModel, hidden: Float[Tensor, "B T D"], targets: Int64[Tensor, "B T"]
) -> Float[Tensor, ""]:
    """Mean nats of the next token."""
    return _nats(network, hidden, targets).mean()


def masked_loss(
    network: LanguageModel, cfg: DiffusionConfig, tokens: Int64[Tensor, "B T"], *key: int | str
) -> Float[Tensor, ""]:
    """Nats of the masked tokens, seen from both sides; masks are a function of the key alone."""
    share = _shares(cfg, len(tokens), key)
    noise = uniform(0.0, 1.0, tuple(tokens.shape), *key, "mask")
    if cfg.as_run:  # the same number in every window, at least one
        count = max(1, int(float(share[0]) * tokens.shape[1]))
        masked = noise.argsort(-1).argsort(-1) < count
    else:
        masked = noise < share
    masked = masked.to(tokens.device)
    hidden, _ = network(tokens, masked, causal=False)
    nats = _nats(network, hidden[masked], tokens[masked])
    if cfg.as_run:
        return nats.mean()
    weight = (1 / share).expand(tokens.shape).to(tokens.device)[masked]
    return (nats * weight).sum() / tokens.numel()


def future_loss(
    network: LanguageModel,
    teacher: LanguageModel,
    cfg: JepaConfig,
    hidden: Float[Tensor, "B T D"],
    tokens: Int64[Tensor, "B T"],
) -> Float[Tensor, ""]:
    """How far the predicted state `offset` tokens on is from the teacher's, both normalised.

    Raises:
        ValueError: When the window is no longer than the offset.
    """
    if not 0 < cfg.offset < tokens.shape[1]:
        raise ValueError(
            f"jepa.offset must be from 1 to sequence - 1 = {tokens.shape[1] - 1}, got {cfg.offset}"
        )
    with torch.no_grad():
        target, _ = teacher(tokens)
    predicted = network.predictor(hidden[:, : -cfg.offset])
    ours, theirs = (F.normalize(x.float(), dim=-1) for x in (predicted, target[:, cfg.offset :]))
    return (ours - theirs).square().sum(-1).mean()


def future_loss_as_run(network: LanguageModel, tokens: Int64[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Squared error of the mean state of the window's last part, read from the first part alone."""
    first = min(max(1, int(CONTEXT * tokens.shape[1])), tokens.shape[1] - 1)
    with torch.no_grad():
        target = network(tokens[:, first:])[0].mean(1)
    context, _ = network(tokens[:, :first])
    return F.mse_loss(network.predictor(context[:, -1]), target)


def _shares(cfg: DiffusionConfig, rows: int, key: Key) -> Float[Tensor, "B 1"]:
    """The share of each row that is masked: by the script's cosine, or evenly from low to high."""
    draw = float(uniform(0.0, 1.0, (1,), *key, "mask_ratio"))
    if cfg.as_run:
        share = torch.full((rows, 1), cos(draw * pi / 2))
    else:
        share = ((torch.arange(rows) + draw) / rows)[:, None]
    return cfg.min_ratio + (cfg.max_ratio - cfg.min_ratio) * share


def _nats(network: LanguageModel, hidden: Tensor, targets: Tensor) -> Float[Tensor, " N"]:
    logits = network.logits(hidden).flatten(0, -2).float()
    return F.cross_entropy(logits, targets.flatten(), reduction="none")
