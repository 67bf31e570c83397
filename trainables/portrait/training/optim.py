"""AdamW, or Muon for matrices and AdamW for the rest, as one optimizer with one schedule.

As timlawrenz/prx-tg production/train.py@bc10412 has it: betas .9 and .95, eps 1e-8, weight decay on
all parameters, gradients clipped over all of them before either steps, one rate for both. Healed:
there the first step of the warm-up has rate 0 and changes nothing; here step s of w has (s + 1) / w
of the rate, and the last of them all of it.
"""

from collections.abc import Mapping
from math import cos, pi
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trainables.portrait.config import OptimConfig, PortraitConfig
from trainables.portrait.training.block_watch import BlockWatch
from trainables.portrait.training.muon import new_muon

BETAS, EPS = (0.9, 0.95), 1e-8
BLOCKS = "blocks."


def rate_at(cfg: OptimConfig, step: int, steps: int) -> float:
    """The learning rate of a step of a run of so many: up in a line, down along a cosine.

    A warm-up that is as long as the run reaches the rate with the last step.
    """
    warm = warmup_steps(cfg.warmup, steps)
    if step < warm:
        return cfg.lr * (step + 1) / warm
    share = (step - warm) / max(1, steps - warm)
    return cfg.min_lr + (cfg.lr - cfg.min_lr) * (1 + cos(pi * share)) / 2


def warmup_steps(warmup: float, steps: int) -> int:
    """How many steps a share of the run is."""
    return round(warmup * steps)


def is_muons(cfg: PortraitConfig, name: str, parameter: Tensor) -> bool:
    """Whether Muon takes a parameter: a matrix, and within a block unless the scope is as run."""
    within = cfg.muon.scope == "ndim2 as run" or name.startswith(BLOCKS)
    return cfg.optim.name == "muon" and parameter.ndim == 2 and within


class Optimizer:
    """One or two optimizers over a network's parameters, which step as one.

    Attributes:
        lr: The rate of the last step; 0 before the first.
    """

    def __init__(self, cfg: PortraitConfig, network: nn.Module):
        """The network is where it will be trained.

        Raises:
            ValueError: When Muon is asked for and finds no matrix in its scope.
        """
        self.cfg, self.lr = cfg, 0.0
        self._named = {n: p for n, p in network.named_parameters() if p.requires_grad}
        matrices = [p for n, p in self._named.items() if is_muons(cfg, n, p)]
        others = [p for n, p in self._named.items() if not is_muons(cfg, n, p)]
        rate, decay = cfg.optim.lr, cfg.optim.weight_decay
        if cfg.optim.name == "muon" and not matrices:
            raise ValueError(
                f"optim.name 'muon' needs matrices in {BLOCKS!r}, got none; take muon.scope "
                "'ndim2 as run' or 'adamw'"
            )
        self._each: dict[str, torch.optim.Optimizer] = {}
        if others:
            self._each["adamw"] = torch.optim.AdamW(
                others, rate, betas=BETAS, eps=EPS, weight_decay=decay, fused=True
            )
        if matrices:
            self._each["muon"] = new_muon(cfg.muon, matrices, rate, decay)
        self._watch = BlockWatch(
            {n: p for n, p in self._named.items() if n.startswith(BLOCKS)}, BETAS[1]
        )

    def step(self, step: int, watched: bool = False) -> Float[Tensor, ""]:
        """One update from the gradients that are there, at the rate of that step.

        Without a wait for the device, watched or not.

        Args:
            step: How many updates were made before this one.
            watched: Whether `statistics` are to tell of it, which copies the blocks once.

        Returns:
            The norm of all gradients together before they were clipped.
        """
        self.lr = rate_at(self.cfg.optim, step, self.cfg.steps)
        norm = nn.utils.clip_grad_norm_(self._named.values(), self.cfg.optim.clip)
        if watched:
            self._watch.before()
        for optimizer in self._each.values():
            for group in optimizer.param_groups:
                group["lr"] = self.lr
            optimizer.step()
        if watched:
            decay = self.lr * self.cfg.optim.weight_decay
            self._watch.after(self.lr, decay, self._second_moments(), step + 1)
        return norm.detach()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self._each.values():
            optimizer.zero_grad(set_to_none=True)

    def statistics(self) -> dict[str, float]:
        """Of each block at the last watched step, see `BlockWatch`; waits for the device."""
        return self._watch.read()

    def state_dict(self) -> dict[str, Any]:
        """The state of each, and the rate."""
        return {"lr": self.lr, **{name: o.state_dict() for name, o in self._each.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.lr = float(state["lr"])
        for name, optimizer in self._each.items():
            optimizer.load_state_dict(state[name])

    def _second_moments(self) -> dict[str, Tensor]:
        """AdamW's, by the name of the parameter."""
        if "adamw" not in self._each:
            return {}
        state = self._each["adamw"].state
        return {n: state[p]["exp_avg_sq"] for n, p in self._named.items() if p in state}
