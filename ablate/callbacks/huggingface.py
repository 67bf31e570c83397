"""For Hugging Face's Trainer: `Trainer(..., callbacks=[AblateCallback()])`.

What it logs is told, `eval_loss` and the other results of evaluations among it.
"""

from typing import Any

from transformers import TrainerCallback  # pyright: ignore[reportMissingImports]

from ablate.callbacks import tell


class AblateCallback(TrainerCallback):
    """Tells what the trainer logs, at its global step, on its first process."""

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Called by the trainer for losses of training and results of evaluations alike."""
        if state.is_world_process_zero and logs:
            tell(state.global_step, {_named(name): value for name, value in logs.items()})


def _named(name: str) -> str:
    """Times are told apart from what two equal runs share."""
    return f"perf/{name}" if name.endswith(("_runtime", "_per_second")) else name
