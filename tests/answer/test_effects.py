"""Main effects of a grid: an axis by itself, over all values of the others."""

from pathlib import Path

import pytest
from made_up import made_up

from infra.answer.effects import grid_axes, main_effects
from infra.writeup.effects import effects_table

CONFIGS = {
    f"d={depth} r={rate}": {"depth": depth, "half": depth // 2, "rate": rate}
    for depth in (2, 4)
    for rate in (0.1, 0.2, 0.3)
}
SEEDS = (0.0, 0.5, 0.2)


def value(depth: int, rate: float, seed: float, wobble: float = 0.0) -> float:
    return 3 - 0.1 * depth + 2 * rate + seed + wobble * depth * rate


def sweep(tmp_path: Path, **changed):
    values = {
        arm: [value(c["depth"], c["rate"], s, wobble=0.01 * s) for s in SEEDS]
        for arm, c in CONFIGS.items()
    }
    plan, ledger = made_up(tmp_path, values | changed, configs=CONFIGS)
    return plan, ledger.records()


def test_axes_are_read_off_the_configs_and_fields_that_go_together_are_one(tmp_path):
    plan, _ = sweep(tmp_path)
    axes = grid_axes(plan)
    assert list(axes) == ["rate", "depth"]
    assert axes["depth"]["d=4 r=0.2"] == "4"


def test_each_value_is_told_beside_the_baselines_with_an_interval(tmp_path):
    plan, records = sweep(tmp_path)
    effects = {(one.axis, one.value): one for one in main_effects(plan, records)}
    assert set(effects) == {("rate", "0.2"), ("rate", "0.3"), ("depth", "4")}
    depth = effects["depth", "4"]
    assert depth.reference == "2"
    expected = [-0.2 + 0.01 * s * 2 * 0.2 for s in SEEDS]
    assert depth.difference.values == pytest.approx(expected)
    low, high = depth.difference.interval
    assert low < depth.difference.mean < high < 0
    assert effects_table(plan, records).rows[-1][:4] == ("depth", "4", "2", "-0.1991 ± 0.0044")


def test_only_seeds_in_which_every_arm_finished_count(tmp_path):
    plan, records = sweep(tmp_path, **{"d=4 r=0.3": [1.0, "failed", 1.0]})
    effects = {(one.axis, one.value): one for one in main_effects(plan, records)}
    assert effects["rate", "0.2"].difference.seeds == (0, 1, 2)
    assert effects["depth", "4"].difference.seeds == (0, 2)


def test_arms_that_are_no_full_product_have_no_main_effects(tmp_path):
    values = {arm: [1.0, 2.0] for arm in list(CONFIGS)[:-1]}
    plan, ledger = made_up(tmp_path, values, configs=CONFIGS)
    assert main_effects(plan, ledger.records()) == []
    one_axis = {arm: {"depth": i} for i, arm in enumerate(values)}
    plan, ledger = made_up(tmp_path / "2", values, configs=one_axis)
    assert effects_table(plan, ledger.records()).rows == ()
