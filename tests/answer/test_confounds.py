"""Confounds: what forbids a verdict, what stands beside a row, what keeps times from ranking."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up import CODE, METRIC, falling, made_up

from infra.answer.board import Row
from infra.answer.budget import Budget
from infra.answer.compare import leaderboard
from infra.ledger.records import Point
from infra.writeup.tables import leaderboard_table, plain

BASE = [1.0, 1.3, 1.1, 0.9, 1.2]
GOOD = [b - 0.5 + n for b, n in zip(BASE, [0.02, -0.01, 0.005, -0.02, 0.01], strict=True)]
VALUES = {"A": BASE, "B": GOOD}


def board_of(folder: Path, at: str = "", values=VALUES, **settings: Any):
    plan, ledger = made_up(folder, values, **settings)
    return leaderboard(plan, ledger.records(), Budget.parse(at) if at else None)


def row(board, arm: str = "B") -> Row:
    return next(r for r in board.rows if r.arm == arm)


def with_metrics(**by_arm: dict[str, Any]):
    """Points as usual, each with further metrics: a number, or a function of the step."""

    def points(arm: str, seed: int, value: float) -> list[Point]:
        more = by_arm.get(arm, {})
        return [
            replace(p, metrics={**p.metrics, **{
                name: told(p.step) if callable(told) else told for name, told in more.items()
            }})
            for p in falling(arm, seed, value)
        ]  # fmt: skip

    return points


def code(**changed: Any):
    """Arm B alone ran with changed code."""
    return lambda arm, seed: {"code": {**CODE, **changed}} if arm == "B" else {}


def unmoved(*quantities: str) -> dict[str, dict[str, str]]:
    """A trial that looked at these, and saw no arm move them."""
    return {arm: dict.fromkeys(quantities, "") for arm in VALUES}


def test_without_a_confound_the_verdict_stands_and_nothing_is_beside_it(tmp_path: Path) -> None:
    b = row(board_of(tmp_path))
    assert (b.verdict, b.beside) == ("better", ())


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"package_digest": "other"}, "package digest differs (other, baseline abcd)"),
        ({"versions": {"torch": "2.12.1"}}, "torch version differs (2.12.1, baseline 2.13.0)"),
        ({"study_sha256": "e5"}, "digest of the study's file differs (e5, baseline none)"),
        ({"data_digest": "d1"}, "data digest differs"),
        ({"dtype": "bfloat16"}, "dtype differs"),
        ({"compile": True}, "compile state differs"),
    ],
)
def test_other_code_data_or_numerics_are_not_comparable(
    tmp_path: Path, changed: dict[str, Any], text: str
) -> None:
    b = row(board_of(tmp_path, starts=code(**changed), seen=unmoved("dtype", "compile state")))
    assert b.verdict == "undecided"
    assert b.reason.startswith(f"not comparable: {text}")
    assert "in seed 0, 1, 2, 3, 4" in b.reason
    assert b.difference


def test_code_that_changed_between_seeds_alike_in_both_arms_is_comparable(tmp_path: Path) -> None:
    def starts(arm: str, seed: int) -> dict[str, Any]:
        return {"code": {**CODE, "package_digest": "new"}} if seed > 2 else {}

    board = board_of(tmp_path, starts=starts)
    assert row(board).verdict == "better"
    assert any("cells ran under different code, package_digest" in note for note in board.notes)


def test_one_seed_of_five_with_other_code_is_enough_and_is_named(tmp_path: Path) -> None:
    def starts(arm: str, seed: int) -> dict[str, Any]:
        return {"code": {**CODE, "package_digest": "new"}} if (arm, seed) == ("B", 3) else {}

    assert row(board_of(tmp_path, starts=starts)).reason.endswith("in seed 3")


def test_dtype_that_the_arm_declares_is_its_question(tmp_path: Path) -> None:
    told = with_metrics(A={"train/dtype_bits": 32}, B={"train/dtype_bits": 16})
    declared = {"A": {"model.precision": "fp32"}, "B": {"model.precision": "bf16"}}
    assert row(board_of(tmp_path / "1", points=told, configs=declared)).verdict == "better"
    silent = board_of(tmp_path / "2", points=told, seen=unmoved("dtype"))
    assert "dtype differs (16, baseline 32)" in row(silent).reason


def rates(b: float):
    return with_metrics(A={"train/lr_realised": 1e-3}, B={"train/lr_realised": b})


@pytest.mark.parametrize("field", ["dropout", "width", "optim.weight_decay", "steps_per_report"])
def test_realised_learning_rate_that_no_declared_field_explains_is_not_comparable(
    tmp_path: Path, field: str
) -> None:
    configs, looked = {"A": {field: 1}, "B": {field: 2}}, unmoved("learning rate")
    reason = row(board_of(tmp_path, points=rates(7e-3), configs=configs, seen=looked)).reason
    assert reason.startswith("not comparable: realised learning rate differs at step 0 (0.007")
    assert reason.endswith("look for what does, or declare 'learning rate' in Study.explains")


@pytest.mark.parametrize(
    "field",
    ["lr", "optim.lr", "base_lr", "optim.warmup_steps", "batch_size", "optim.kind", "lr_scheduler"],
)
def test_realised_learning_rate_is_no_confound_of_an_arm_that_sets_it(
    tmp_path: Path, field: str
) -> None:
    configs = {"A": {field: 1}, "B": {field: 2}}
    assert row(board_of(tmp_path, points=rates(7e-3), configs=configs)).verdict == "better"


@pytest.mark.parametrize(
    "field",
    ["vit.batch_norm", "loss.stop_gradient", "model.stop_grad", "vit.register_tokens"],
)
def test_field_that_is_only_named_like_a_rate_or_budget_explains_neither(
    tmp_path: Path, field: str
) -> None:
    configs = {"A": {field: 1}, "B": {field: 2}}
    looked = unmoved("learning rate", "steps")
    for folder, points in (("rate", rates(7e-3)), ("steps", short)):
        b = row(board_of(tmp_path / folder, points=points, configs=configs, seen=looked))
        assert b.reason.startswith("not comparable: ")


def test_cell_that_changed_code_and_machine_on_its_way_is_told(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, VALUES)
    old = {"code": {**CODE, "package_digest": "old"}, "machine": {"host": "one", "device": "A100"}}
    records = {
        key: replace(record, origins=(old,)) if key.startswith("1-") else record
        for key, record in ledger.records().items()
    }
    board = leaderboard(plan, records)
    assert "package digest differs (abcd, old, baseline abcd) in seed 0, 1" in row(board).reason
    notes = " ".join(board.notes)
    assert "different code, package_digest abcd (10 cells), old (5 cells)" in notes
    assert "different machines, device A100 (5 cells), cpu x86_64 (10 cells)" in notes


def test_all_cells_that_changed_code_alike_are_told(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, VALUES)
    old = {"code": {**CODE, "package_digest": "old"}}
    records = {k: replace(record, origins=(old,)) for k, record in ledger.records().items()}
    board = leaderboard(plan, records)
    assert row(board).verdict == "better"
    assert any("cells ran under different code" in note for note in board.notes)


def test_rounding_of_a_learning_rate_is_no_difference(tmp_path: Path) -> None:
    configs = {"A": {"width": 1}, "B": {"width": 2}}
    told = rates(1e-3 * (1 + 1e-9))
    assert row(board_of(tmp_path, points=told, configs=configs)).verdict == "better"


def test_arms_measured_on_unequal_amounts_are_not_comparable_unless_that_is_asked(
    tmp_path: Path,
) -> None:
    fewer = with_metrics(A={"val/n": 256, "val/tokens": 9}, B={"val/n": 255, "val/tokens": 8})
    looked = unmoved("amount of evaluation")
    reason = row(board_of(tmp_path / "1", points=fewer, seen=looked)).reason
    assert reason.startswith("not comparable: val/n differs (255, baseline 256) in seed 0, 1")
    assert "val/tokens" not in reason
    configs = {"A": {"evaluation.slices": 256}, "B": {"evaluation.slices": 255}}
    assert row(board_of(tmp_path / "2", points=fewer, configs=configs)).verdict == "better"


def test_steps_of_equal_seconds_are_no_other_change_beside_how_is_measured(tmp_path: Path) -> None:
    configs = {"A": {"evaluation.views": 1, "steps": 40}, "B": {"evaluation.views": 2, "steps": 39}}
    acts = {"B": {"way of evaluation": "by evaluation.views"}}
    assert "measured otherwise" in row(board_of(tmp_path / "1", configs=configs, seen=acts)).reason
    timed = board_of(tmp_path / "2", configs=configs, steps={"A": 40, "B": 39}, seen=acts)
    assert row(timed).verdict == "better"


def short(arm: str, seed: int, value: float) -> list[Point]:
    return falling(arm, seed, value)[: 4 if arm == "B" else 5]


def test_unequal_steps_are_comparable_where_declared_or_at_an_equal_budget(tmp_path: Path) -> None:
    undeclared = {"A": {"width": 1}, "B": {"width": 2}}
    looked = unmoved("steps")
    b = row(board_of(tmp_path / "1", points=short, configs=undeclared, seen=looked))
    assert b.reason.startswith("not comparable: steps differ (30, baseline 40)")
    equal = board_of(tmp_path / "2", "steps=30", points=short, configs=undeclared, seen=looked)
    assert row(equal).verdict == "better"
    declared = {"A": {"steps": 40}, "B": {"steps": 30}}
    board = board_of(tmp_path / "3", points=short, configs=declared)
    assert not row(board).reason.startswith("not comparable")


def test_other_sampler_besides_another_change_is_not_comparable(tmp_path: Path) -> None:
    """The recorded arm A of the portrait DiT was sampled with another guidance than B, C and D."""
    guided = {"A": {"sampler.guidance": "dual"}, "B": {"sampler.guidance": "self", "tread": True}}
    acts = {"B": {"way of evaluation": "by sampler.guidance"}}
    reason = row(board_of(tmp_path / "1", configs=guided, seen=acts)).reason
    assert reason.startswith("not comparable: measured otherwise (sampler.guidance) besides tread")
    assert "give each an arm of its own" in reason
    alone = {"A": {"sampler.guidance": "dual"}, "B": {"sampler.guidance": "self"}}
    assert row(board_of(tmp_path / "2", configs=alone)).verdict == "better"


def test_explaining_quantities_stand_beside_the_row_with_the_arm_that_matches(
    tmp_path: Path,
) -> None:
    values = {"A": BASE, "B": GOOD, "C": [v + 0.1 for v in GOOD]}
    sizes = with_metrics(
        A={"train/parameters": 100, "train/tokens": 1000},
        B={"train/parameters": 150, "train/tokens": 1020},
        C={"train/parameters": 148, "train/tokens": 3000},
    )
    board = board_of(tmp_path, values=values, points=sizes)
    assert row(board, "B").beside == ("parameters x 1.5 (matched by C)",)
    assert row(board, "C").beside == (
        "parameters x 1.48 (matched by B)",
        "tokens x 3 (no arm matches)",
    )
    assert row(board, "B").verdict == "better"
    assert "x 1.5" in plain(leaderboard_table(board))


def other_gpu(arm: str, seed: int) -> dict[str, Any]:
    device = "NVIDIA H200" if arm == "B" else "NVIDIA A100"
    return {"machine": {"host": "one", "device": device}, "gpus": 1}


def test_machines_leave_losses_with_a_note_and_times_unranked(tmp_path: Path) -> None:
    settings = {"starts": other_gpu, "usd_per_gpu_hour": 3600.0}
    board = board_of(tmp_path / "1", **settings)
    assert row(board).verdict == "better"
    assert row(board).beside == ("device NVIDIA H200, baseline NVIDIA A100 (5 of 5 seeds)",)
    assert any("different machines" in note for note in board.notes)
    for at in ("seconds=5", "dollars=5", "perf/train_s=5"):
        timed = board_of(tmp_path / at.replace("/", "_"), at, **settings)
        assert row(timed).verdict == "undecided"
        assert "across machines" in row(timed).reason
        assert [r.arm for r in timed.rows] == ["A", "B"]
    assert row(board_of(tmp_path / "2", "steps=20", **settings)).verdict == "better"


def test_dollars_are_a_budget_where_there_is_a_price(tmp_path: Path) -> None:
    priced = board_of(tmp_path / "1", "dollars=5", gpus=1, usd_per_gpu_hour=3600.0)
    assert row(priced, "A").values == pytest.approx([b + 2 for b in BASE])
    with pytest.raises(ValueError, match="must report 'perf/train_usd'"):
        board_of(tmp_path / "2", "dollars=5", gpus=1)


def test_tokens_and_flops_are_budgets(tmp_path: Path) -> None:
    grows = {"train/tokens": lambda step: 100 * step, "train/flops": lambda step: 1e9 * step}
    told = with_metrics(A=grows, B=grows)
    for at in ("tokens=2500", "flops=25e9"):
        board = board_of(tmp_path / at, at, points=told)
        assert row(board, "A").values == pytest.approx([b + 1.5 for b in BASE])


def slow(arm: str, seed: int, value: float) -> list[Point]:
    """B takes four times as long for a step as A."""
    points = falling(arm, seed, value)
    pace = 4 if arm == "B" else 1
    return [
        Point(p.step, {**p.metrics, "perf/train_s": pace * p.metrics["perf/train_s"]})
        for p in points
    ]


def test_ranking_that_flips_between_steps_and_seconds_is_pointed_out(tmp_path: Path) -> None:
    flips = [n for n in board_of(tmp_path / "1", points=slow).notes if "ranking flips" in n]
    assert flips == [
        "the ranking flips: A is ahead of B at seconds=10 and behind at the end; decided at "
        "the end and at seconds=10"
    ]
    assert not [n for n in board_of(tmp_path / "2").notes if "flips" in n]


def paced(pace: float, noise: float):
    """A and B change places midway, B takes `pace` times A's seconds; seeds differ by noise."""

    def told(arm: str, seed: int, value: float) -> list[Point]:
        times = (pace if arm == "B" else 1) * (1 + noise * (seed - 2))
        extra = {"A": 0.0, "B": 3.0}[arm]
        return [
            Point(p.step, {
                **p.metrics,
                METRIC: p.metrics[METRIC] + (extra if p.step < 40 else 0.0),
                "perf/train_s": 6.1 * times * p.metrics["perf/train_s"],
            })
            for p in falling(arm, seed, value)
        ]  # fmt: skip

    return told


@pytest.mark.parametrize(
    ("pace", "noise", "told"),
    [(61.7 / 61, 0.0, False), (1.04, 0.0, False), (1.3, 0.0, True), (1.3, 0.2, False)],
)
def test_flip_by_seconds_is_told_beyond_timing_noise_alone(tmp_path, pace, noise, told) -> None:
    """Which is 5 %, or more where the seeds of an arm lie further apart."""
    notes = board_of(tmp_path, points=paced(pace, noise)).notes
    assert any("ahead of B at seconds" in note for note in notes) == told


def test_of_many_arms_flips_beside_the_baseline_and_among_the_best_are_told(tmp_path: Path) -> None:
    """P and Q flip as B and A do, far behind the best; of few arms they are told too."""
    flipping = {"A": 0.0, "B": -0.5, "P": 50.0, "Q": 49.5}
    others = {f"C{i}": 3.0 * i + 1 for i in range(40)}

    def paced(arm: str, seed: int, value: float) -> list[Point]:
        return slow("B" if arm in ("B", "Q") else "A", seed, value)

    for off in (flipping, flipping | others):
        values = {arm: [b + far for b in BASE] for arm, far in off.items()}
        plan, ledger = made_up(tmp_path / str(len(off)), values, points=paced, baseline="A")
        told = [n for n in leaderboard(plan, ledger.records()).notes if "ranking flips" in n]
        assert any("A is ahead of B at seconds=10" in note for note in told)
        assert any("P is ahead of Q" in note for note in told) == (len(off) == 4)


def test_flip_by_chance_or_across_machines_is_not_told(tmp_path: Path) -> None:
    close = {"A": BASE, "B": [b + d for b, d in zip(BASE, [1, -1, 2, -2, 0.1], strict=True)]}

    def jitter(arm: str, seed: int, value: float) -> list[Point]:
        pace = 1.01 if arm == "B" else 1
        points = falling(arm, seed, value)
        seconds = (p.metrics["perf/train_s"] for p in points)
        return [
            Point(p.step, {**p.metrics, "perf/train_s": pace * s})
            for p, s in zip(points, seconds, strict=True)
        ]

    assert not [
        n for n in board_of(tmp_path / "1", values=close, points=jitter).notes if "flips" in n
    ]
    apart = board_of(tmp_path / "2", points=slow, starts=other_gpu)
    assert not [n for n in apart.notes if "flips" in n]


def test_axis_that_one_cell_lacks_is_no_budget_of_the_flips(tmp_path: Path) -> None:
    def lacking(arm: str, seed: int, value: float) -> list[Point]:
        told = slow(arm, seed, value)
        if (arm, seed) != ("B", 4):
            return told
        return [Point(p.step, {METRIC: p.metrics[METRIC]}) for p in told]

    assert not [n for n in board_of(tmp_path, points=lacking).notes if "flips" in n]


def test_fields_declared_to_measure_are_no_other_difference_beside_ones_named_so(tmp_path) -> None:
    """`sampling.steps` measures by its name, and `solver` because it is declared to."""
    configs = {"A": {"solver": "a", "sampling.steps": 9}, "B": {"solver": "b", "sampling.steps": 4}}
    values = {"A": [1.0, 1.3, 1.1], "B": [0.5, 0.8, 0.61]}
    for declared, comparable in (((), False), (("solver",), True)):
        plan, ledger = made_up(
            tmp_path / str(comparable), values, configs=configs, evaluation_only=declared,
            seen={"B": {"way of evaluation": "by sampling.steps"}},
        )  # fmt: skip
        [row] = [r for r in leaderboard(plan, ledger.records()).rows if r.arm == "B"]
        assert comparable != row.reason.startswith("not comparable: measured otherwise"), row.reason


def test_a_declared_measure_that_leaves_the_score_as_it_is_is_said_to_do_so(tmp_path) -> None:
    values = {"A": [1.0, 1.3, 1.1], "B": [1.0, 1.3, 1.1]}
    configs = {"A": {"rule": "plain"}, "B": {"rule": "strict"}}
    for declared, told in ((("rule",), "acts in evaluation only, and val/loss_nats is the same"),
                           ((), "not another arm")):  # fmt: skip
        plan, ledger = made_up(
            tmp_path / str(len(declared)), values, configs=configs, evaluation_only=declared,
            weights=lambda arm, seed: f"same-{seed}",
        )  # fmt: skip
        [row] = [r for r in leaderboard(plan, ledger.records()).rows if r.arm == "B"]
        assert row.verdict == "undecided" and row.reason.endswith(told), row.reason


UNLIKE = {  # a difference that no field is named like, by the quantity that moves
    "learning rate": ("temper", {"points": rates(7e-3)}),
    "steps": ("max_iters", {"points": short}),
    "dtype": ("half", {"starts": code(dtype="bfloat16")}),
    "autocast": ("bfloat16", {"starts": code(autocast="bfloat16")}),
    "amount of evaluation": ("crop", {"points": with_metrics(A={"val/n": 256}, B={"val/n": 255})}),
}


@pytest.mark.parametrize("quantity", UNLIKE)
def test_what_the_arms_own_fields_were_seen_to_move_is_explained_and_stands_beside_the_row(
    tmp_path: Path, quantity: str
) -> None:
    field, settings = UNLIKE[quantity]
    configs = {"A": {field: 1}, "B": {field: 2}}
    b = row(board_of(tmp_path, configs=configs, seen={"B": {quantity: "it is"}}, **settings))
    assert b.verdict != "undecided"
    [told] = [text for text in b.beside if "differ" in text]
    assert told.endswith(f"moved by {field}")


@pytest.mark.parametrize("quantity", UNLIKE)
def test_without_a_trial_on_record_it_is_a_note_that_names_the_declaration(
    tmp_path: Path, quantity: str
) -> None:
    field, settings = UNLIKE[quantity]
    settings = {**settings, "configs": {"A": {field: 1}, "B": {field: 2}}}
    for seen in (None, unmoved("parameters")):
        b = row(board_of(tmp_path / str(bool(seen)), seen=seen, **settings))
        assert b.verdict != "undecided"
        [told] = [text for text in b.beside if "differ" in text]
        assert told.endswith(
            f"if {field} is meant to, declare {quantity!r} of it in Study.explains"
        )
    declared = board_of(tmp_path / "declared", explains={field: (quantity,)}, **settings)
    assert not [text for text in row(declared).beside if "differ" in text]
    barred = board_of(tmp_path / "barred", seen=unmoved(quantity), **settings)
    assert row(barred).reason.startswith("not comparable: ")


def test_a_trial_on_another_device_or_of_another_moment_forbids_no_verdict(tmp_path: Path) -> None:
    other = {"machine": {"host": "one", "device": "NVIDIA H200"}}
    there = board_of(
        tmp_path / "1", starts=lambda arm, seed: {**code(dtype="bf16")(arm, seed), **other},
        seen=unmoved("dtype"),
    )  # fmt: skip
    assert row(there).verdict == "better" and "dtype differs" in row(there).beside[0]
    later = with_metrics(
        A={"train/lr_realised": lambda step: 1e-3},
        B={"train/lr_realised": lambda step: 1e-3 if step < 20 else 1e-4},
    )
    milestone = board_of(tmp_path / "2", points=later, seen=unmoved("learning rate"),
                         configs={"A": {"drop": 40}, "B": {"drop": 20}})  # fmt: skip
    assert row(milestone).verdict == "better"
    assert "learning rate differs at step 20" in row(milestone).beside[0]


def test_a_fields_name_and_evaluation_that_the_trial_saw_it_leave_alone_are_no_confound(
    tmp_path: Path,
) -> None:
    configs = {"A": {"sampler": "plain", "width": 1}, "B": {"sampler": "balanced", "width": 2}}
    looked = row(board_of(tmp_path / "1", configs=configs, seen=unmoved("way of evaluation")))
    assert (looked.verdict, looked.beside) == ("better", ())
    unlooked = row(board_of(tmp_path / "2", configs=configs))
    assert unlooked.verdict == "better" and "measured otherwise (sampler)" in unlooked.beside[0]


def test_weights_that_differ_where_no_evaluation_does_get_no_verdict_and_are_named(
    tmp_path,
) -> None:
    values, configs = {"A": BASE, "B": BASE}, {"A": {"ema": 0.9}, "B": {"ema": 0.99}}
    seen = {"B": {"weights": "ema.head and 2 more"}}
    b = row(board_of(tmp_path, values=values, configs=configs, seen=seen, margin=1.0))
    assert b.reason == (
        "every evaluation is the same in 5 of 5 seeds, and the weights differ (ema.head and 2 "
        "more): it reads nothing of what ema moves, or is too coarse"
    )
    trained = with_metrics(A={"val/other": 1.0}, B={"val/other": 2.0})
    other = board_of(tmp_path / "2", values=values, configs=configs, points=trained, margin=1.0)
    assert row(other).verdict == "equivalent"


def test_equal_weights_with_another_score_are_told_unless_that_is_declared(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "configs": {"A": {"smooth": 0.0}, "B": {"smooth": 0.2}},
        "weights": lambda arm, seed: f"same-{seed}", "seen": {"B": {"tensors": "head.bias"}},
    }  # fmt: skip
    b = row(board_of(tmp_path / "1", **settings))
    [told] = b.beside
    assert told.startswith(
        "identical weights (head.bias) in 5 of 5 seeds and another score: smooth"
    )
    assert b.verdict == "better"
    declared = board_of(tmp_path / "2", evaluation_only=("smooth",), **settings)
    assert row(declared).beside == ()
