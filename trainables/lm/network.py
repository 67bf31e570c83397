"""What a run trains: tied embeddings around a stack, and what an auxiliary loss adds.

Shape letters: B windows, T tokens, D width, V vocabulary.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from trainables.draws import generator, initialise
from trainables.lm.adapters import AdaptedLinear, start_frozen
from trainables.lm.backbone import Losses, Stack, rms_norm
from trainables.lm.config import LmConfig
from trainables.lm.hnet import ChunkedStack
from trainables.lm.hnet_as_run import Smear
from trainables.lm.ssm import StateSpace, start_state_space
from trainables.lm.universal import Universal
from trainables.lm.universal_as_run import DEPTH_STD, UniversalAsRun

MASK_STD = 0.02
ONES = ("scale", "mixer_scale", "mlp_scale", "branch_scale", "skip_weights", "past",
        "iteration_mixer_scale", "iteration_mlp_scale")  # fmt: skip
ZEROS = ("shift", "skip_gate", "factor_out")
ZERO_MAPS = ("out.weight", "down.weight", "change.weight", "pair_out.weight", "around.weight")
IDENTITIES = ("query.weight", "key.weight")
Q_GAIN = 1.5
SMEAR = -3.0  # the gate of #1193 before its sigmoid; where it began is not documented


class LanguageModel(nn.Module):
    """Tokens to hidden states, and hidden states to capped logits.

    Its parameters hold no values until `new_network` has filled them.
    """

    def __init__(self, cfg: LmConfig, vocab: int):
        super().__init__()
        width = cfg.backbone.dim
        self.cap = cfg.backbone.logit_cap
        self.embedding = nn.Parameter(torch.empty(vocab, width))
        self.smears = nn.ModuleList(Smear(cfg) for _ in range(cfg.hnet.layers * cfg.hnet.as_run))
        self.stack = _stack(cfg)
        if cfg.diffusion.enabled:
            self.mask = nn.Parameter(torch.empty(width))
        if cfg.jepa.weight:
            parts = (nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            self.predictor = nn.Sequential(*parts)

    def forward(
        self,
        tokens: Int64[Tensor, "B T"],
        masked: Bool[Tensor, "B T"] | None = None,
        causal: bool = True,
    ) -> tuple[Float[Tensor, "B T D"], Losses]:
        """Hidden states before the last norm, and losses of the stack's own.

        Args:
            tokens: What is read.
            masked: Positions whose token is hidden behind the learned mask.
            causal: Whether a position sees those up to it alone.
        """
        return self.stack(self.embedded(tokens, masked), causal)

    def embedded(
        self, tokens: Int64[Tensor, "B T"], masked: Bool[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """What the stack begins with."""
        x = self.normed(tokens, masked)
        for smear in self.smears:
            x = smear(x)
        return x

    def normed(
        self, tokens: Int64[Tensor, "B T"], masked: Bool[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """Embeddings at length 1 per channel, before anything mixes positions in a chunker."""
        x = F.embedding(tokens, self.embedding)
        if masked is not None:
            x = torch.where(masked.unsqueeze(-1), self.mask, x)
        if isinstance(self.stack, UniversalAsRun):
            x = self.stack.embed(x, tokens)
        return rms_norm(x)

    def logits(self, hidden: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """Scores of the next token, between minus and plus the cap."""
        return self.cap * torch.tanh(rms_norm(hidden) @ self.embedding.T / self.cap)

    def tell(self, step: int, steps: int, lr_factor: float) -> None:
        """What depends on how far a run is, before it trains or is evaluated."""
        for module in self.modules():
            if isinstance(module, AdaptedLinear):
                module.progress = step / steps
        if isinstance(self.stack, UniversalAsRun):
            self.stack.tell(lr_factor)

    def refresh(self, step: int, steps: int) -> None:
        """What training does to weights besides the optimizer."""
        if isinstance(self.stack, UniversalAsRun):
            self.stack.refresh(step, steps)


def new_network(cfg: LmConfig, vocab: int, device: torch.device) -> LanguageModel:
    """The network at step 0, a function of the config, its seed and the size of the vocabulary."""
    with torch.device("meta"):  # so that building draws nothing
        network = LanguageModel(cfg, vocab)
    network.to_empty(device="cpu")
    parameters = dict(network.named_parameters())

    def law(name: str, parameter: Tensor, draws: Generator) -> None:
        is_bias = name.endswith(".bias")
        weight = parameters[name.removesuffix("bias") + "weight"] if is_bias else parameter
        parameter.copy_(_started(cfg, name, parameter, draws, weight[0].numel()))

    initialise(network, cfg.seed, law)
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if buffer.dtype == torch.bool:
                buffer.fill_(True)
            else:
                start_frozen(name, buffer, generator(cfg.seed, "init", name))
    return network.to(device)


def trained(network: LanguageModel, cfg: LmConfig) -> list[tuple[str, Tensor]]:
    """The parameters that the optimizers get: all, but for what #1197 left out."""
    left_out: set[int] = set()
    if cfg.ssm.as_run:
        layers = [module for module in network.modules() if isinstance(module, StateSpace)]
        left_out = {id(layer.conv.weight) for layer in layers}
    return [(name, p) for name, p in network.named_parameters() if id(p) not in left_out]


def _stack(cfg: LmConfig) -> Stack | Universal | UniversalAsRun | ChunkedStack:
    if cfg.universal.iterations:
        return UniversalAsRun(cfg) if cfg.universal.as_run else Universal(cfg)
    if cfg.hnet.layers and not cfg.hnet.as_run:
        return ChunkedStack(cfg)
    return Stack(cfg, range(cfg.backbone.depth))


def _started(cfg: LmConfig, name: str, parameter: Tensor, draws: Generator, fan_in: int) -> Tensor:
    """The values that a parameter begins with, by the last parts of its name.

    They are the documented ones; where none are, torch's own for the weight and bias of a map.
    """
    leaf, shape = name.rpartition(".")[2], parameter.shape
    of_layer = name.partition(".mixer.")[2]
    if (own := start_state_space(of_layer, parameter, draws, cfg.ssm.as_run)) is not None:
        return own
    if leaf in ONES:
        return torch.ones(shape)
    if leaf in ZEROS or name.endswith(ZERO_MAPS):
        return torch.zeros(shape)
    if name.endswith(IDENTITIES):
        return torch.eye(shape[0])
    if leaf in ("mix", "iteration_mix"):
        return torch.tensor([1.0, 0.0])[:, None].expand(shape)
    if leaf in ("q_gain", "smear"):
        return torch.full(shape, Q_GAIN if leaf == "q_gain" else SMEAR)
    normal = {"embedding": cfg.backbone.embedding_std, "pairs": cfg.backbone.embedding_std,
              "mask": MASK_STD, "depth_embedding": DEPTH_STD}  # fmt: skip
    if leaf in normal:
        return torch.randn(shape, generator=draws) * normal[leaf]
    return (2 * torch.rand(shape, generator=draws) - 1) * fan_in**-0.5
