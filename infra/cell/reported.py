"""What a run hands over, metrics and state: checked, digested, written and read."""

import hashlib
import math
import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from infra.errors import CellFailed


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


def load_state(data: bytes) -> Mapping[str, Any]:
    """The state in a file's bytes; executes nothing that they hold."""
    import torch

    return torch.load(BytesIO(data), weights_only=True, map_location="cpu")


def dump_state(state: Mapping[str, Any]) -> bytes:
    """The state as the bytes of its file."""
    import torch

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
