"""Sampled spaces: the same draws everywhere, within bounds, distinct, and held by the plan."""

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import LINE, ROOT, ablate
from small_study import Config, Head, study

from infra.study.plan import Plan, extend_plan, make_plan
from infra.study.sampling import drawn_arms
from search_spaces.space import Range, Sampled

AXES = {
    "rate": Range(1e-4, 1e-1, log=True),
    "head.outputs": Range(2, 512, whole=True),
    "steps": (10, 20, 40),
}
SAMPLERS = pytest.mark.parametrize("sampler", ["random", "qmc"])


def space(**changes: Any) -> Sampled:
    return Sampled(**{"source": "none", "axes": AXES, "n": 6, **changes})


def draws(**changes: Any) -> list[dict[str, Any]]:
    """What is drawn, without the arm that overrides nothing."""
    (base, nothing), *drawn = drawn_arms(space(**changes), {}).items()
    assert (base, nothing) == ("base", {})
    return [values for _, values in drawn]


@SAMPLERS
def test_one_seed_gives_the_same_draws_in_every_process(sampler: str) -> None:
    script = (
        "from infra.study.sampling import drawn_arms\n"
        "from search_spaces.space import Range, Sampled\n"
        f"print(drawn_arms({space(sampler=sampler, seed=7)!r}, {{}}))"
    )
    run = [sys.executable, "-c", script]
    told = {
        subprocess.run(
            run, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {repr(drawn_arms(space(sampler=sampler, seed=7), {}))}
    assert draws(sampler=sampler, seed=7) != draws(sampler=sampler, seed=8)


@SAMPLERS
def test_draws_lie_on_their_axes_and_reach_both_ends_of_them(sampler: str) -> None:
    drawn = draws(n=200, sampler=sampler)
    assert all(1e-4 <= d["rate"] <= 1e-1 for d in drawn)
    assert {d["steps"] for d in drawn} == {10, 20, 40}
    outputs = [d["head.outputs"] for d in drawn]
    assert all(type(o) is int for o in outputs)
    assert 2 <= min(outputs) < 30 and 480 < max(outputs) <= 512


@SAMPLERS
def test_log_axis_is_even_in_its_decades(sampler: str) -> None:
    """A third in each of three decades (sd .03 for random draws), where linear has 1 % and 90 %."""
    drawn = draws(n=200, sampler=sampler)
    decades = [math.floor(math.log10(d["rate"])) for d in drawn]
    assert all(0.2 < decades.count(decade) / len(decades) < 0.47 for decade in (-4, -3, -2))


def test_qmc_leaves_no_gap_from_its_first_draw_on() -> None:
    """A scrambled Sobol sequence has one of 16 points in each sixteenth of every axis."""
    axes = {"rate": Range(0.0, 1.0), "head.outputs": Range(0.0, 1.0)}
    drawn = draws(n=16, axes=axes, sampler="qmc")
    for name in axes:
        assert sorted(int(16 * d[name]) for d in drawn) == list(range(16))


@SAMPLERS
def test_more_draws_begin_with_the_fewer_ones(sampler: str) -> None:
    few, many = (drawn_arms(space(n=n, sampler=sampler), {}) for n in (4, 9))
    assert list(many.items())[:5] == list(few.items())


@SAMPLERS
def test_points_drawn_twice_or_equal_to_the_base_are_passed_over(sampler: str) -> None:
    axes = {"steps": (10, 20), "head.outputs": Range(1, 3, whole=True)}
    drawn = drawn_arms(space(axes=axes, n=5, sampler=sampler), {"steps": 20, "head.outputs": 2})
    points = {(v["steps"], v["head.outputs"]) for v in drawn.values() if v}
    assert points == {(10, 1), (10, 2), (10, 3), (20, 1), (20, 3)}


def test_space_with_too_few_points_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have n = 6 distinct points.*got 5 in 600 draws"):
        drawn_arms(space(axes={"steps": (1, 2, 3, 4, 5)}), {"steps": 9})


def test_arms_are_named_by_number_and_values_and_never_collide() -> None:
    close = {"rate": Range(0.5, 0.5001), "head.betas": ((0.9, 0.95), (0.8, 0.999))}
    names = list(drawn_arms(space(axes=close, n=3), {}))
    assert len(set(names)) == 4
    pattern = r"(base|[123] rate=0\.5 betas=(0\.9/0\.95|0\.8/0\.999))"
    assert all(re.fullmatch(pattern, name) for name in names)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (lambda: Range(2, 2), "low must be below high"),
        (lambda: Range(0, math.inf), "both finite"),
        (lambda: Range(0, 1, log=True), "low must be above 0 where log=True"),
        (lambda: Range(0.5, 2, whole=True), "must be integers where whole=True"),
        (lambda: space(n=0), "n = 0"),
        (lambda: space(axes={}), "0 axes"),
        (lambda: space(axes={"rate": [1, 2]}), "axis 'rate': must be a Range or a tuple"),
        (lambda: space(axes={"rate": ()}), "axis 'rate': must be a Range or a tuple"),
        (lambda: space(sampler="tpe"), "sampler must be 'random' or 'qmc', got 'tpe'"),
        (lambda: space(seed=-1), "seed must be from 0"),
    ],
)
def test_declaration_that_cannot_be_drawn_is_refused_in_one_line(declared, message) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        declared()
    assert "\n" not in str(caught.value)


def test_misspelt_axis_is_refused_on_construction() -> None:
    with pytest.raises(ValueError, match="Config has no field 'rte'"):
        study(space=space(axes={"rte": Range(0.0, 1.0)}), baseline="base")


def test_study_resolves_its_draws_beside_the_base() -> None:
    sampled = study(space=space(), base=Config(head=Head(outputs=4)), baseline="base")
    assert len(sampled.arms) == 7
    assert sampled.config("base", 3) == Config(seed=3, head=Head(outputs=4))
    for arm, values in list(sampled.arms.items())[1:]:
        config = sampled.config(arm, 3)
        assert (config.rate, config.head.outputs, config.steps) == tuple(values.values())


def plan(**changes: Any) -> Plan:
    return make_plan(study(space=space(**changes), baseline="base"), "lab")


def test_plan_holds_every_draw_with_its_values_through_its_file() -> None:
    sampled = study(space=space(), baseline="base")
    told = make_plan(sampled, "lab", arms=["base"])
    assert Plan.from_json(told.to_json()) == told
    assert told.arms == ["base"]
    assert json.loads(told.to_json())["drawn"] == sampled.arms


def test_changed_draws_are_refused_and_further_ones_are_not() -> None:
    """Also where the arms that have run, here the base alone, are as they were."""
    old = replace(plan(), cells=plan().cells[:1])
    assert extend_plan(old, plan(n=8)).drawn == plan(n=8).drawn
    with pytest.raises(ValueError, match=r"draw 6 was .* and is now none"):
        extend_plan(old, plan(n=5))
    for change in ({"seed": 1}, {"sampler": "qmc"}, {"axes": {**AXES, "steps": (20, 10, 40)}}):
        with pytest.raises(ValueError, match=r"draw 1 was {'rate': .* and is now {'rate': "):
            extend_plan(old, plan(**change))


def sampled_line(folder: Path, **changes: Any) -> Path:
    """The example with drawn momenta."""
    axes = {"momentum": Range(0.1, 0.9)}
    drawn = f"space={space(**{'axes': axes, 'n': 3, **changes})!r},"
    text = re.sub(r"space=Arms\(.*?\n    \),", drawn, LINE.read_text(), flags=re.DOTALL)
    text = text.replace("import Arms", "import Range, Sampled")
    path = folder / f"{len(list(folder.glob('*.py')))}.py"  # of its own, or bytecode may be stale
    path.write_text(text.replace('baseline="plain"', 'baseline="base"'))
    return path


def test_sampled_study_plans_runs_and_refuses_other_draws(tmp_path: Path) -> None:
    place = ["--scale", "smoke", "--storage", tmp_path / "runs"]
    path = sampled_line(tmp_path)
    dry = ablate("run", path, "--dry-run", "--json", *place)
    assert dry.returncode == 0, dry.stderr
    drawn = json.loads(dry.stdout)["plan"]["drawn"]
    assert list(drawn)[0] == "base" and len(drawn) == 4
    first = list(drawn)[1]
    assert first == f"1 momentum={drawn[first]['momentum']:.3g}"
    for arm in ("base", first):
        here = ablate("run", path, "--here", arm, "--seeds", "0", *place)
        assert here.returncode == 0, here.stderr
    held = json.loads((tmp_path / "runs/line-smoke/plan.json").read_bytes())
    assert held["drawn"] == drawn
    assert held["cells"][1]["config"]["momentum"] == drawn[first]["momentum"]

    again = ablate("run", sampled_line(tmp_path, seed=1), "--dry-run", *place)
    assert again.returncode == 2 and "draw 1 was {'momentum': " in again.stderr
    more = ablate("run", sampled_line(tmp_path, n=5), "--dry-run", "--json", *place)
    assert more.returncode == 0, more.stderr
    assert list(json.loads(more.stdout)["plan"]["drawn"])[:4] == list(drawn)
