"""For Accelerate: `Accelerator(log_with=AblateTracker())`, and `accelerator.log(..., step=step)`.

As with any tracker, `accelerator.init_trackers(...)` comes before.
"""

from typing import Any

from accelerate.tracking import GeneralTracker  # pyright: ignore[reportMissingImports]

from ablate.callbacks import tell


class AblateTracker(GeneralTracker):
    """Tells what is logged, on the main process."""

    name = "ablate"
    requires_logging_directory = False

    @property
    def tracker(self) -> None:
        """Nothing is held."""

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """A point.

        Raises:
            ValueError: When it has no step, by which points of several cells are compared.
        """
        if step is None:
            raise ValueError(
                f"accelerator.log: must be told a step, got none with {', '.join(values)}; add "
                "step=..."
            )
        tell(step, values)
