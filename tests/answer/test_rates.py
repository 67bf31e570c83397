"""A rate that another knob scales stands beside the row; schedules that differ do not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_confounds import board_of, row, with_metrics


def told(folder: Path, ours: Callable[[int], float], **overrides: Any) -> tuple[str, ...]:
    """What stands beside an arm of this rate by step, whose baseline falls in a line."""
    points = with_metrics(
        A={"train/lr_realised": lambda step: 1e-2 * (50 - step) / 50},
        B={"train/lr_realised": ours},
    )
    configs = {"A": {name: 32 for name in overrides}, "B": overrides}
    return row(board_of(folder, points=points, configs=configs)).beside


def scaled(step: int) -> float:
    return 3e-2 * (50 - step) / 50


@pytest.mark.parametrize("field", ["batch", "batch_size", "accumulation", "width"])
def test_a_rate_scaled_by_what_is_named_otherwise_is_told_with_its_factor(
    tmp_path: Path, field: str
) -> None:
    assert "learning rate x 3 (no rate is set)" in told(tmp_path, scaled, **{field: 96})


@pytest.mark.parametrize("field", ["lr", "optim.lr", "head_lr", "lr_scheduler", "learning_rate"])
def test_a_rate_that_the_arm_sets_is_its_question(tmp_path: Path, field: str) -> None:
    assert told(tmp_path, scaled, **{field: 96}) == ()


def test_a_schedule_that_is_stretched_over_other_steps_is_no_scaled_rate(tmp_path: Path) -> None:
    assert told(tmp_path, lambda step: 1e-2 * (150 - step) / 150, batch=96) == ()


def test_equal_rates_are_not_told(tmp_path: Path) -> None:
    assert told(tmp_path, lambda step: 1e-2 * (50 - step) / 50, batch=96) == ()
