"""What a run hands over, metrics and state: checked, digested, written and read."""

import hashlib
import math
import struct
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from infra.errors import CellFailed

_PLAIN = {int, float, complex, bool, str, bytes, type(None)}


def weights_sha256(model: Mapping[str, Any]) -> str:
    """SHA-256 over the model's tensors: name, dtype, shape and bytes, by name."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.items()):
        value = torch.as_tensor(tensor).detach().cpu().contiguous()
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def check_state(state: Mapping[str, Any], step: int) -> None:
    """Refuses a state that could not be resumed from, at the first commit and not at the resume."""
    import torch

    model = state.get("model")
    if state.get("step") != step or not isinstance(model, Mapping):
        raise CellFailed(
            f"state_dict: must have 'step' {step} and a mapping 'model', got step "
            f"{state.get('step')!r} and model {type(model).__name__}"
        )
    if odd := [name for name, value in model.items() if not isinstance(value, torch.Tensor)]:
        raise CellFailed(f"state_dict: 'model' must hold tensors alone, and {odd[0]!r} is not one")


def _odd_values(value: Any, place: str) -> Iterator[str]:
    """What `load_state` would not read back, with where it stands."""
    import torch

    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _odd_values(one, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list | tuple | set):
        for index, one in enumerate(value):
            yield from _odd_values(one, f"{place}[{index}]")
    elif not isinstance(value, torch.Tensor) and type(value) not in _PLAIN:
        if not isinstance(value, torch.dtype | torch.device | torch.Size):
            module = type(value).__module__.partition(".")[0]
            yield f"{place!r} holds a {module}.{type(value).__name__}"


def load_state(data: bytes) -> Mapping[str, Any]:
    """The state in a file's bytes; executes nothing that they hold."""
    import torch

    return torch.load(BytesIO(data), weights_only=True, map_location="cpu")


def dump_state(state: Mapping[str, Any]) -> bytes:
    """The state as the bytes of its file.

    Raises:
        CellFailed: When it holds what `load_state` would not read back.
    """
    import torch

    if odd := next(_odd_values(state, ""), ""):
        raise CellFailed(
            f"state_dict: {odd}, and must hold tensors and Python numbers, texts and containers of "
            "them; convert it here and back in load_state_dict"
        )
    buffer = BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def same_state(one: Any, two: Any) -> bool:
    """Whether two states hold the same values to the bit, whatever order their keys are in."""
    import torch

    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        return weights_sha256({"": one}) == weights_sha256({"": two})  # NaN is itself, -0 is not 0
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(same_state(v, two[k]) for k, v in one.items())
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return len(one) == len(two) and all(map(same_state, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return struct.pack("d", one) == struct.pack("d", two)
    return type(one) is type(two) and one == two


def check_metrics(metrics: Mapping[str, float], step: int) -> None:
    """Refuses what is no finite Python number."""
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise CellFailed(
                f"metric {name!r}: must be a Python number, got {type(value).__name__}; convert it"
            )
        if not math.isfinite(value):
            raise CellFailed(
                f"metric {name!r}: must be finite, got {value} at step {step}; "
                + ("lower the rate, or " if step else "")
                + "leave out what has no value"
            )
