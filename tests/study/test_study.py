"""Studies are refused on construction when any of their cells could not be built."""

from dataclasses import dataclass, replace

import pytest
from small_study import Config, Head, arms, study

from infra.study.study import flatten, replace_fields
from search_spaces.space import Arms, Finding, Grid


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": arms(a={}, b={"rte": 1})}, "arm 'b'.*no field 'rte'; it has seed, steps"),
        ({"space": arms(a={}, b={"head.out": 1})}, "Head has no field 'out'; it has outputs"),
        ({"space": arms(a={}, b={"rate": -1.0})}, "arm 'b'.*rate must be above 0, got -1.0"),
        ({"space": arms(a={}, b={"rate": 0.1})}, "'a' and 'b' resolve to the same config"),
        ({"baseline": "c"}, "baseline must be one of its arms a, b, got 'c'"),
        ({"seeds": (1, 1)}, "seeds must be distinct"),
        ({"seeds": 3}, "seeds must be a tuple such as .*, got 3"),
        ({"controls": ("a",)}, "controls must be arms other than the baseline.*controls .'a'"),
        ({"controls": ("c",)}, "controls must be arms other than the baseline"),
        ({"evaluation_only": ("head.out",)}, "evaluation_only must name fields.*'head.out'"),
        ({"explains": {"head.out": ("steps",)}}, "explains must name fields.*'head.out'"),
        ({"explains": {"seed": ("colour",)}}, "explains must name some of learning rate, steps"),
        ({"explains": {"seed": "steps"}}, "explains must be quantities by field such as"),
        ({"mode": "best"}, "mode must be 'min' or 'max', got 'best'"),
        ({"scales": {"lab": {"rate": 0.3}}}, "not by both; scale 'lab' also sets rate"),
        ({"scales": {"lab": {"stps": 3}}}, "scale 'lab'.*no field 'stps'"),
        ({"base": {"seed": 0}}, "base must be a dataclass instance"),
    ],
)
def test_a_study_that_cannot_run_is_refused_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        study(**changes)
    assert "\n" not in str(caught.value)


def test_scale_comes_before_arm_and_nested_fields_are_dotted():
    nested = study(
        space=arms(a={}, b={"head.outputs": 3}), scales={"lab": {"steps": 7}, "smoke": {"steps": 1}}
    )
    config = nested.config("b", 4, "lab")
    assert (config.seed, config.steps, config.head.outputs) == (4, 7, 3)
    assert nested.config("b", 4, "smoke").steps == 1


def test_an_arm_may_be_another_size_at_a_scale():
    sized = Arms(
        source="x@1",
        overrides={"small": {"head.outputs": 2}, "large": {"head.outputs": 4}},
        at={"paper": {"large": {"head.outputs": 512}}},
    )
    one = study(space=sized, baseline="small", scales={"lab": {}, "paper": {"steps": 90}})
    outputs = {
        scale: [one.config(arm, 0, scale).head.outputs for arm in one.arms]
        for scale in ("lab", "paper")
    }
    assert outputs == {"lab": [2, 4], "paper": [2, 512]}
    with pytest.raises(ValueError, match="its scales lab, got 'paper'"):
        study(space=sized, baseline="small", scales={"lab": {}})
    with pytest.raises(ValueError, match="must be among small, large, got huge"):
        replace(sized, at={"paper": {"huge": {}}})


def test_config_must_be_frozen_and_have_seed_and_cadence():
    @dataclass
    class Loose:
        seed: int = 0
        steps_per_report: int = 1

    @dataclass(frozen=True)
    class Seedless:
        steps_per_report: int = 1

    with pytest.raises(ValueError, match="must be frozen"):
        study(base=Loose())
    with pytest.raises(ValueError, match="must have an int field 'seed'"):
        study(base=Seedless())


def test_fields_are_replaced_in_a_copy():
    base = Config()
    assert replace_fields(base, {"head.outputs": 9, "rate": 1.0}) == replace(
        base, rate=1.0, head=Head(outputs=9)
    )
    assert base == Config()


def test_flatten_joins_names_with_dots():
    assert flatten({"a": {"b": {"c": 1}}, "d": 2}) == {"a.b.c": 1, "d": 2}


def test_a_grid_is_the_full_product_with_the_last_axis_fastest():
    grid = Grid(source="x", axes={"rate": (1, 2), "head.outputs": (3, 4)})
    assert list(grid.arms()) == [
        "rate=1 outputs=3",
        "rate=1 outputs=4",
        "rate=2 outputs=3",
        "rate=2 outputs=4",
    ]
    assert grid.arms()["rate=2 outputs=3"] == {"rate": 2, "head.outputs": 3}


def test_a_finding_without_a_predicate_says_what_it_needs():
    with pytest.raises(ValueError, match="must say what it needs"):
        Finding(id="X-1", tag="SEED", statement="s", source="s", documented="1")
    with pytest.raises(ValueError, match="needs the scales"):
        Finding(
            id="X-1", tag="SEED", statement="s", source="s", documented="1", holds=lambda v: True
        )
