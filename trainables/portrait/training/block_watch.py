"""What an optimizer does to each block: PDIT-14 asks whether routed blocks take longer steps.

Three numbers of a block, over all of its parameters: `train/grad_rms@block1` of its gradients as
the optimizers had them, clipped; `train/update_rms@block1` of its update by the rate, weight decay
apart; `train/sqrt_v@block1` the mean of the root of AdamW's second moment, its bias corrected,
which a block lacks whose parameters are all Muon's.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

# Operations on lists of tensors, which torch keeps to itself; each overload by its name, as to find
# it by trial makes a text of all numbers of those that do not fit.
aten = torch.ops.aten


class BlockWatch:
    """Measures one step, on the device; only `read` waits for it."""

    def __init__(self, named: Mapping[str, Tensor], beta: float):
        """Of parameters whose names begin with `blocks.` and the block's number."""
        self._blocks: dict[str, dict[str, Tensor]] = {}
        for name, parameter in named.items():
            self._blocks.setdefault(f"block{name.split('.')[1]}", {})[name] = parameter
        self._beta = beta
        self._before: dict[str, list[Tensor]] = {}
        self._names: list[str] = []
        self._values = torch.zeros(0)

    @torch.no_grad()
    def before(self) -> None:
        """Keep the parameters as they are."""
        self._before = {
            block: [p.clone() for p in named.values()] for block, named in self._blocks.items()
        }

    @torch.no_grad()
    def after(self, rate: float, decay: float, moments: Mapping[str, Tensor], updates: int) -> None:
        """Measure what became of them.

        Args:
            rate: The learning rate of the step.
            decay: What the parameters were made less by, as a share.
            moments: AdamW's second moments by the name of the parameter.
            updates: How many there were with this one.
        """
        seen: dict[str, Tensor] = {}
        for block, named in self._blocks.items():
            moved = aten._foreach_mul.Scalar(self._before[block], 1 - decay)
            aten._foreach_sub_.List(moved, list(named.values()))
            seen[f"train/update_rms@{block}"] = _rms(moved) / rate
            grads = [p.grad for p in named.values() if p.grad is not None]
            if grads:
                seen[f"train/grad_rms@{block}"] = _rms(grads)
            squares = [moments[name] for name in named if name in moments]
            if squares:
                roots = aten._foreach_sqrt.default(squares)
                corrected = (1 - self._beta**updates) ** 0.5
                seen[f"train/sqrt_v@{block}"] = _mean(roots) / corrected
        self._names, self._before = list(seen), {}
        self._values = torch.stack(list(seen.values())) if seen else torch.zeros(0)

    def read(self) -> dict[str, float]:
        """The numbers of the last step that was measured; none before one was."""
        return dict(zip(self._names, self._values.tolist(), strict=True))


def _rms(tensors: Sequence[Tensor]) -> Float[Tensor, ""]:
    return torch.stack(list(aten._foreach_norm.Scalar(tensors))).norm() / _count(tensors) ** 0.5


def _mean(tensors: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Of numbers that are not negative."""
    return torch.stack(list(aten._foreach_norm.Scalar(tensors, 1))).sum() / _count(tensors)


def _count(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
