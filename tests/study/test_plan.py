"""Plans: identities of cells, extension, and the refusal of a changed study."""

from dataclasses import replace

import pytest
from small_study import Config, arms, study

from infra.study.plan import Plan, cell_config, extend_plan, make_plan


def test_cells_are_seed_major_and_their_keys_name_arm_seed_and_digest():
    plan = make_plan(study(), "lab")
    assert [(c.arm, c.seed) for c in plan.cells] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert plan.cells[1].key.startswith("b-s0-") and len({c.key for c in plan.cells}) == 4


def test_identity_depends_on_seed_config_data_and_threads_and_on_nothing_else():
    key = make_plan(study(), "lab").cells[0].key
    assert make_plan(study(), "lab", gpus=0.5, keep_checkpoints="all").cells[0].key == key
    assert make_plan(study(question="other?", metric="val/y"), "lab").cells[0].key == key
    assert make_plan(study(), "lab", threads=2).cells[0].key != key
    assert make_plan(study(), "lab", data_digest="abc").cells[0].key != key
    assert make_plan(study(base=Config(steps=11)), "lab").cells[0].key != key
    assert make_plan(study(name="t"), "lab").cells[0].key != key


def test_a_plan_survives_its_file():
    plan = make_plan(study(), "lab", seeds=[3])
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("data", [b"", b"{", b'{"schema": 1', b"[]", b"{}"])
def test_a_truncated_plan_is_refused(data):
    with pytest.raises(ValueError, match=r"plan\.json: must be whole JSON"):
        Plan.from_json(data)


def test_unknown_arm_and_scale_name_those_there_are():
    with pytest.raises(ValueError, match="arm must be one of a, b, got 'c'"):
        make_plan(study(), "lab", arms=["c"])
    with pytest.raises(ValueError, match="scale must be one of lab, got 'paper'"):
        make_plan(study(scales={"lab": {}}), "paper")


def test_an_extended_plan_is_the_union_in_declared_order():
    old = make_plan(study(), "lab", arms=["b"], seeds=[1])
    both = extend_plan(old, make_plan(study(), "lab", arms=["a", "b"], seeds=[1, 5]))
    assert {(c.arm, c.seed) for c in both.cells} == {("a", 1), ("b", 1), ("a", 5), ("b", 5)}
    assert both.created == old.created
    assert old.cells[0] in both.cells


def test_a_changed_study_is_refused_with_every_difference():
    old = make_plan(study(), "lab")
    new = make_plan(study(space=arms(a={}, b={"rate": 0.3}), metric="val/y"), "lab", threads=2)
    with pytest.raises(ValueError) as caught:
        extend_plan(old, new)
    text = str(caught.value)
    assert "metric was 'val/x' and is now 'val/y'" in text
    assert "threads was 1 and is now 2" in text
    assert "arm 'b': rate was 0.2 and is now 0.3" in text
    assert text.count("arm 'b'") == 1


def test_settings_of_execution_may_change():
    old = make_plan(study(), "lab")
    assert extend_plan(old, replace(make_plan(study(), "lab"), gpus=1.0)).gpus == 1.0


def test_data_goes_to_the_config_only_where_it_has_a_place_for_it():
    with pytest.raises(ValueError, match="takes no data folder"):
        make_plan(study(), "lab", data="/data", data_digest="d")
    plan = make_plan(study(), "lab")
    assert cell_config(study(), plan, plan.cells[0], "") == Config()


def test_controls_stand_in_the_plan_only_where_there_are_any():
    assert b"controls" not in make_plan(study(), "lab").to_json()
    three = arms(a={}, b={"rate": 0.2}, zero={"rate": 0.3})
    plan = make_plan(study(space=three, controls=("zero",)), "lab", arms=["a", "b"])
    assert Plan.from_json(plan.to_json()) == plan and plan.controls == ("zero",)
    both = extend_plan(plan, make_plan(study(space=three, controls=("zero",)), "lab"))
    assert both.trained == ["a", "b"] and both.comparisons == 1 and len(both.arms) == 3


def test_another_set_of_controls_is_another_study():
    three = arms(a={}, b={"rate": 0.2}, zero={"rate": 0.3})
    old = make_plan(study(space=three, controls=("zero",)), "lab")
    with pytest.raises(ValueError, match=r"controls was \('zero',\) and is now \(\)"):
        extend_plan(old, make_plan(study(space=three), "lab"))
