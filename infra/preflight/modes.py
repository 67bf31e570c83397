"""Whether networks are in training or in evaluation mode, on which dropout and BatchNorm hang."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def modes(run: Any) -> tuple[bool, ...]:
    """Of each module of the run whether it is in training mode."""
    return tuple(module.training for module in _modules(run))


def set_modes(run: Any, training: Sequence[bool]) -> None:
    """Puts the modules of a run of the same config into these modes."""
    for module, mode in zip(_modules(run), training, strict=False):
        module.training = mode


@contextmanager
def in_evaluation_mode() -> Iterator[None]:
    """Each module that is called is in evaluation mode, whatever the run has put it into."""
    from torch.nn.modules.module import register_module_forward_pre_hook

    were: list[tuple[Any, bool]] = []

    def put(module: Any, _: Any) -> None:
        were.append((module, module.training))
        module.training = False

    hook = register_module_forward_pre_hook(put)
    try:
        yield
    finally:
        hook.remove()
        for module, mode in reversed(were):
            module.training = mode


def _modules(run: Any) -> Iterator[Any]:
    """Of what the run holds by name, or in a list or a mapping of it."""
    from torch import nn

    for value in vars(run).values() if hasattr(run, "__dict__") else ():
        held = value.values() if isinstance(value, dict) else value
        for one in held if isinstance(held, list | tuple | type({}.values())) else [held]:
            if isinstance(one, nn.Module):
                yield from one.modules()
