"""How a sweep is executed, as opposed to what."""

from dataclasses import dataclass

from infra.limits import Limit


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What the driver is told beside the plan.

    Attributes:
        tracking: MLflow address, "" for the default of the storage.
        max_parallel: Most cells at a time, 0 for as many as fit.
        preflight: Whether to try the arms before.
        allow_identical: Sets of arms that may do the same.
    """

    address: str = "auto"
    tracking: str = ""
    max_parallel: int = 0
    retry_failed: bool = False
    accept_code_change: bool = False
    preflight: bool = True
    limit: Limit = Limit()
    allow_identical: tuple[frozenset[str], ...] = ()
