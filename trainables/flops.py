"""What training computes, in floating-point operations of matrix products, convolutions, attention.

Counted by torch's FlopCounterMode, which goes by shapes: elementwise work is free, attention is
counted as if nothing were masked, and what activation checkpointing computes again counts again.
The forward and backward pass are counted, the making of batches and the optimizer are not. Only
where the shapes of a kind of micro-step do not depend on the batch is the total worth telling.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Flops:
    """Counts the first micro-step of each kind and takes the further ones to cost the same."""

    def __init__(self) -> None:
        self.total = 0
        self._of: dict[str, int] = {}

    def of(self, micro_step: Callable[[], T], kind: str = "") -> T:
        """What the micro-step gives; its operations are added to the total."""
        if kind in self._of:
            value = micro_step()
        else:
            from torch.utils.flop_counter import FlopCounterMode

            with FlopCounterMode(display=False) as counter:
                value = micro_step()
            self._of[kind] = counter.get_total_flops()
        self.total += self._of[kind]
        return value

    def state_dict(self) -> dict[str, Any]:
        """The total and what each kind costs."""
        return {"total": self.total, "of": dict(self._of)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there; kinds that were counted, there or here, are not counted again."""
        self.total, self._of = int(state["total"]), self._of | state["of"]
