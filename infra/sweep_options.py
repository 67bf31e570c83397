"""How a sweep is executed, as opposed to what."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """The most that all cells of a sweep may cost together, earlier runs of it included.

    Attributes:
        hours: Worker-hours, that is hours of all cells' attempts; None for no limit.
        usd: Dollars; None for no limit.
    """

    hours: float | None = None
    usd: float | None = None

    def passed(self, seconds: float, usd_per_hour: float | None) -> str:
        """What is passed after so many worker-seconds, "" while nothing is."""
        hours = seconds / 3600
        if self.hours is not None and hours > self.hours:
            return f"--budget-hours {self.hours:g}"
        if self.usd is not None and hours * (usd_per_hour or 0.0) > self.usd:
            return f"--budget-usd {self.usd:g}"
        return ""


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


def meant_address(address: str) -> str:
    """Of `auto` what it stands for."""
    return os.environ.get("RAY_ADDRESS") or "local" if address == "auto" else address
