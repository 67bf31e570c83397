"""For Lightning: `Trainer(..., callbacks=[AblateCallback()])`.

What modules `log` is told when it is logged, so that a result of validation is told once and at its
own step. The loggers that a trainer has stay as they are.
"""

from typing import Any

try:
    from lightning.pytorch import Callback  # pyright: ignore[reportMissingImports]
    from lightning.pytorch.loggers import Logger  # pyright: ignore[reportMissingImports]
except ImportError:
    from pytorch_lightning import Callback  # pyright: ignore[reportMissingImports]
    from pytorch_lightning.loggers import Logger  # pyright: ignore[reportMissingImports]

from ablate.callbacks import tell


class AblateCallback(Callback):
    """Has the trainer tell what it logs, on its first process."""

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Called by the trainer before it fits, validates or tests."""
        if trainer.is_global_zero and not any(isinstance(one, _Points) for one in trainer.loggers):
            trainer.loggers = [*trainer.loggers, _Points()]


class _Points(Logger):
    name = "ablate"
    version = ""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        tell(step or 0, metrics)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Those of a cell are on record."""
