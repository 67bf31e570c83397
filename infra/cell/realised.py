"""What an attempt really computed with: dtypes, autocast, compiled or not, precision, data.

A config says what was meant. Here it is what ran that is told, without knowing the trainable: by
the tensors it hands over, and by what torch was asked for while it trained and evaluated.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from infra.ledger.data import data_digest
from infra.ledger.modules import MODULES, as_texts, own_modules

Realised = Mapping[str, Sequence[str]]  # more than one value where it changed on the way


class Watch:
    """Notes what torch is asked for inside of `training`.

    Attributes:
        found: Values by name, empty before anything ran.
    """

    def __init__(self, data: str, has_manifest: bool = True) -> None:
        self.found: dict[str, set[str]] = {}
        self._has_manifest = has_manifest
        self._data, self._graphs, self._autocasts = data, _graphs_compiled(), set[str]()

    @contextmanager
    def training(self) -> Iterator[None]:
        """Watches the body; settings are read at its end, since a run may change them.

        Raises:
            Refused: When the data's manifest cannot be read here.
        """
        import torch

        if not self.found:
            self.found["data_digest"] = {data_digest(self._data, self._has_manifest)} - {""}
        enter, autocasts = torch.autocast.__enter__, self._autocasts

        def noting(self: torch.autocast) -> Any:
            entered = enter(self)
            if torch.is_autocast_enabled(self.device):
                autocasts.add(_name(torch.get_autocast_dtype(self.device)))
            return entered

        torch.autocast.__enter__ = noting
        try:
            yield
        finally:
            torch.autocast.__enter__ = enter
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):  # left on by the run, without a context
                autocasts.add(_name(torch.get_autocast_dtype(device)))
        for name, value in _settings(torch).items():
            self.found.setdefault(name, set()).add(value)

    def realised(self, model: Mapping[str, Any]) -> Realised:
        """What was found so far.

        Args:
            model: The tensors of the run's state; none of a run that computes elsewhere, of which
                nothing is known here but its data.
        """
        if not model:
            return {"data_digest": sorted(self.found["data_digest"])}
        found = {
            **self.found,
            "dtype": {_name(t.dtype) for t in model.values() if t.is_floating_point()},
            "autocast": self._autocasts or {"off"},
            "compile": {"compiled" if _graphs_compiled() > self._graphs else "eager"},
        }
        told = {name: sorted(values) for name, values in found.items()}
        own = as_texts(own_modules())  # by now also what the first steps imported
        return {**told, MODULES: own} if own else told


def both(one: Realised, two: Realised) -> Realised:
    """Of two attempts at one cell, the second of which went on where the first one stopped."""
    names = dict.fromkeys((*one, *two))
    return {name: sorted({*one.get(name, ()), *two.get(name, ())}) for name in names}


def _settings(torch: Any) -> dict[str, str]:
    # By backend, since the older getter raises where a run has used the newer setter.
    backend = torch.backends.cuda if torch.cuda.is_available() else torch.backends.mkldnn
    exact = torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
    return {
        "matmul_precision": backend.matmul.fp32_precision,
        "deterministic": "on" if exact else "off",
    }


def _graphs_compiled() -> int:
    """Graphs that torch.compile made in this process; what fell back to eager made none."""
    utils = sys.modules.get("torch._dynamo.utils")
    return utils.counters["stats"]["unique_graphs"] if utils else 0


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")
