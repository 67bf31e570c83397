"""The network of a kept cell, read from its folder: what was asked of it, and its newest weights.

A cell's folder has one for each attempt, with `start.json` for its config and `head.json` for the
name of its state and the SHA-256 of that. Prepared data are those that the sweep's plan names, two
folders up.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch

from trainables.loop import best_device
from trainables.portrait.config import Fp8Config, PortraitConfig
from trainables.portrait.portrait import PortraitRun
from trainables.portrait.reading import ReadConfig
from trainables.portrait.training.fp8 import has_units


def kept_run(cell: Path, data: str = "") -> PortraitRun:
    """The run of a cell, with its newest weights and averages.

    What it computes in 8 bits is emulated where the device has no units for them.

    Args:
        cell: Its folder, such as runs/NAME/cells/KEY.
        data: Folder of prepared data where that is not what the plan names any more.

    Raises:
        ValueError: When the folder holds no such cell, or none with weights, or its files are of
            another form.
    """
    attempt, head = _newest(cell)
    config = configured(_json(attempt / "start.json", config=dict)["config"])
    config = replace(config, data=data or _planned_data(cell), fp8=_drawable(config.fp8))
    if config.control:
        raise ValueError(f"{cell}: must be a cell with a network, got control {config.control!r}")
    run = PortraitRun(config)
    state = _state(attempt, head)
    run.step = config.steps if head["finished"] else int(state["step"])
    run.network.load_state_dict(state["model"])
    run.averages.load_state_dict(state["averages"])
    return run


def configured(flat: Mapping[str, Any]) -> PortraitConfig:
    """The config of dotted fields, of a run that trains or of one that reads a stem."""
    if any(name.startswith("stem.") for name in flat):
        return _built(ReadConfig(), flat).read
    return _built(PortraitConfig(), flat)


def _built(config: Any, flat: Mapping[str, Any]) -> Any:
    """The config with all fields as they are told; lists are tuples, as in JSON."""
    values: dict[str, Any] = {}
    for name in (field.name for field in fields(config)):
        own = getattr(config, name)
        if is_dataclass(own):
            inner = {
                k.removeprefix(f"{name}."): v for k, v in flat.items() if k.startswith(f"{name}.")
            }
            values[name] = _built(own, inner)
        elif name in flat:
            values[name] = tuple(flat[name]) if isinstance(flat[name], list) else flat[name]
    if beyond := [name for name in flat if name.partition(".")[0] not in values]:
        raise ValueError(
            f"config: its fields must be those of {type(config).__name__}, got "
            f"{', '.join(beyond)}; read the cell with the code that trained it"
        )
    return replace(config, **values)


def _newest(cell: Path) -> tuple[Path, Mapping[str, Any]]:
    """The last attempt that left a state, and its head."""
    for attempt in sorted(cell.glob("*/"), reverse=True):
        if (attempt / "head.json").exists():
            head = _json(attempt / "head.json", state=str, state_sha256=str, finished=bool)
            if head["state"]:
                return attempt, head
    raise ValueError(
        f"{cell}: must be the folder of a cell that kept its weights, and has no attempt with a "
        "head.json that names a state; name one such as runs/NAME/cells/KEY"
    )


def _state(attempt: Path, head: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state's tensors and numbers; nothing in it is executed."""
    path = attempt / head["state"]
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != head["state_sha256"]:
        raise ValueError(f"{path}: must be what head.json has the SHA-256 of, and is damaged")
    return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")


def _planned_data(cell: Path) -> str:
    plan = cell.parent.parent / "plan.json"
    return _json(plan).get("data", "") if plan.exists() else ""


def _drawable(fp8: Fp8Config) -> Fp8Config:
    emulate = fp8.emulate or (fp8.layers != "none" and not has_units(best_device()))
    return replace(fp8, emulate=emulate)


def _json(path: Path, **needed: type) -> Mapping[str, Any]:
    """The object of a file, with these fields of these types."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: must be there, got {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: must be JSON, got {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must be a JSON object, got {type(found).__name__}")
    for name, kind in needed.items():
        if not isinstance(found.get(name), kind):
            raise ValueError(
                f"{path}: must have {name!r} as {kind.__name__}, got {found.get(name, 'none')!r}; "
                "name a cell that this code trained"
            )
    return found
