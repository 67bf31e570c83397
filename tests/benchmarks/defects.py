"""Honest knobs of two real trainables, and kinds of defects to plant beside them.

Kinds and knobs were written when the detectors stood, but for "measured on less", which the list of
kinds asked for. Those of published ablations are meant: options that nothing reads, terms without a
gradient, weights that no optimizer has, arms that differ in more than they say.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, make_dataclass, replace
from itertools import islice
from typing import Any, Literal

import torch

from infra.study.study import Study, replace_fields
from sweeps.dino_cm import STUDY as DINO
from sweeps.golf_ut import STUDY as LM

Values = dict[str, Any]
SEEDS = (0, 1, 2)
KNOBS: dict[str, tuple[Values, ...]] = {
    "language model": (
        {"leaky.enabled": True},
        {"backbone.logit_cap": 10.0},
        {"ssm.ratio": 1},
        {"optim.muon_lr": 0.02},
        {"optim.embedding_lr": 0.02},
        {"diffusion.weight": 0.3},
        {"jepa.weight": 0.1},
        {"universal.iterations": 3},
        {"adapters.enabled": True},
        {"hnet.layers": 1},
        {"backbone.layers": 6},
        {"optim.batch": 3},
        {"optim.muon_momentum": 0.8},
        {"backbone.rope_base": 500.0},
        {"backbone.mlp_factor": 3},
        {"backbone.embedding_std": 0.02},
        {"optim.lr_warmdown_fraction": 0.5},
        {"backbone.width_factor": 1.5},
        {"optim.accumulation": 2},
        {"jepa.weight": 0.1, "jepa.warmup_fraction": 0.5},
    ),
    "DINO": (
        {"center.momentum": 0.5},
        {"loss.koleo_weight": 1.0},
        {"loss.gram_weight": 0.0},
        {"optim.lr": 1e-3},
        {"loss.teacher_temperature": 0.07},
        {"teacher.momentum": 0.9},
        {"optim.weight_decay": 0.4},
        {"optim.warmup_fraction": 0.5},
        {"center.start": "teacher"},
        {"loss.student_temperature": 0.2},
        {"loss.dino_weight": 0.0, "loss.simclr_weight": 1.0},
        {"loss.mae_weight": 1.0},
        {"vit.depth": 3},
        {"vit.registers": 0},
        {"vit.spacing_embedding": True},
        {"head.out_dim": 128},
        {"optim.batch": 4},
        {"optim.accumulation": 1},
        {"optim.lr_min": 1e-4},
        {"vit.mlp_ratio": 2},
    ),
}
STUDIES: dict[str, Study] = {"language model": LM, "DINO": DINO}
CHANCE = {"DINO": (-0.2, 0.2)}  # the language model reports its own
SHAPES: dict[str, tuple[Values, ...]] = {  # sizes in which the healthy knobs are tried
    "language model": ({}, {"sequence": 32}, {"backbone.width": 48}, {"steps": 8}),
    "DINO": ({}, {"vit.dim": 48}, {"optim.batch": 6}, {"evaluation.slices": 12}),
}


@dataclass(frozen=True)
class Defect:
    """A kind of defect.

    Attributes:
        wrap: Makes the defective class of a run class.
        told: What the line that names it holds, a regular expression.
        arm: What the other arm sets: the honest knob, the planted field, or both.
        seeds: Of the sweep.
    """

    wrap: Callable[[Any], Any]
    told: str
    arm: Literal["knob", "planted", "both"] = "knob"
    seeds: tuple[int, ...] = SEEDS


def planted_config(base: Any) -> Any:
    """The config with a field `planted`, which the arm with the defect sets."""
    added = [("planted", float, field(default=0.0))]
    cls = make_dataclass(
        type(base).__name__, added, bases=(type(base),), frozen=True, kw_only=True, slots=True
    )
    names = type(base).__dataclass_fields__
    return cls(**{name: getattr(base, name) for name in names})


def overriding(**methods: Any) -> Callable[[type], type]:
    """A wrapper that replaces methods; each gets the original first."""

    def wrap(run: type) -> type:
        def bound(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda self, *given: function(getattr(super(cls, self), name), self, *given)

        cls = type(run.__name__, (run,), {})
        for name, function in methods.items():
            setattr(cls, name, bound(name, function))
        return cls

    return wrap


def optimizers(run: Any) -> list[torch.optim.Optimizer]:
    return run.optimizers._optimizers if hasattr(run, "optimizers") else [run.optimizer]


def network(run: Any) -> torch.nn.Module:
    return run.network if hasattr(run, "network") else run.student


def build(original: Any, run: Any, cfg: Any) -> None:
    original(cfg)
    run.planted = cfg.planted


# What a defective method does


def reports_it(original: Any, run: Any, steps: int) -> Any:
    return original(steps) | {"train/planted": run.planted}


def adds_constant_term(original: Any, run: Any, steps: int) -> Any:
    told = original(steps)
    return told | {"train/loss": told["train/loss"] + run.planted}


def evaluation_moves(original: Any, run: Any) -> Any:
    with torch.no_grad():
        next(network(run).parameters()).mul_(1.0001)
    return original()


def forgets_optimizer(original: Any, run: Any) -> Any:
    return {name: value for name, value in original().items() if not name.startswith("optimizer")}


def loads_without(original: Any, run: Any, state: Any) -> None:
    own = {n: v for n, v in type(run).__mro__[1].state_dict(run).items() if n not in state}
    original({**own, **state})


def draws_from_a_stream(original: Any, run: Any, steps: int) -> Any:
    run.stream = getattr(run, "stream", None) or torch.Generator().manual_seed(1)
    with torch.no_grad():
        weight = next(network(run).parameters())
        weight.add_(1e-3 * torch.randn(weight.shape, generator=run.stream))
    return original(steps)


def seed_of_zero(original: Any, run: Any, cfg: Any) -> None:
    original(replace_fields(cfg, {"seed": 0}))


def trains_on_evaluation(original: Any, run: Any, split: str) -> Iterator[Any]:
    if split == "train":
        yield from islice(original("evaluation"), 1)
    yield from original(split)


def freezes(original: Any, run: Any, cfg: Any) -> None:
    original(cfg)
    for parameter in islice(network(run).parameters(), 2, 4):
        parameter.requires_grad_(False)


def forgets_parameters(original: Any, run: Any, cfg: Any) -> None:
    original(cfg)
    for optimizer in optimizers(run):
        optimizer.param_groups[0]["params"].pop()


def off_chance(original: Any, run: Any) -> Any:
    """Nats for bits, and hits that nothing has earned."""
    told = original()
    wrong = {"val/bpb": lambda bits: bits * math.log(2), "val/top1_gain": lambda gain: gain + 0.5}
    return told | {name: change(told[name]) for name, change in wrong.items() if name in told}


def stops_early(original: Any, run: Any) -> bool:
    return original() or bool(run.planted and run.step >= run.cfg.steps // 2)


def other_rate(original: Any, run: Any, cfg: Any) -> None:
    build(original, run, cfg)
    if cfg.planted:
        rates = {n: 2 * getattr(cfg.optim, n) for n in ("lr", "muon_lr") if hasattr(cfg.optim, n)}
        run.cfg = replace(cfg, optim=replace(cfg.optim, **rates))
        if hasattr(run, "optimizers"):
            run.optimizers._heights = [2 * height for height in run.optimizers._heights]


def autocasts(original: Any, run: Any, steps: int) -> Any:
    with torch.autocast("cpu", torch.bfloat16, enabled=bool(run.planted)):
        return original(steps)


def less_precise(original: Any, run: Any, steps: int) -> Any:
    if run.planted:
        torch.set_float32_matmul_precision("medium")
    return original(steps)


def not_deterministic(original: Any, run: Any, steps: int) -> Any:
    if run.planted:
        torch.use_deterministic_algorithms(False)
    return original(steps)


def compiles(original: Any, run: Any, steps: int) -> Any:
    if run.planted:
        torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2))
    return original(steps)


def measures_less(original: Any, run: Any) -> Any:
    told = original()
    names = [name for name in ("val/bytes", "val/n") if name in told and run.planted]
    return told | {name: told[name] - 1 for name in names}


def not_a_number(original: Any, run: Any, steps: int) -> Any:
    told = original(steps)
    late = run.planted and run.step > run.cfg.steps // 2
    return {name: float("nan") if late else value for name, value in told.items()}


def keep(**methods: Any) -> Callable[[type], type]:
    """A defect that needs to know whether the arm is the planted one."""
    return overriding(__init__=build, **methods)


DEFECTS: dict[str, Defect] = {
    "option never read": Defect(overriding(), "must read what it overrides", "planted"),
    "option stored, not used": Defect(keep(), "must differ in what they do", "planted"),
    "option reported, not used": Defect(
        keep(advance=reports_it), "must differ in what they do", "planted"
    ),
    "term without gradient": Defect(
        keep(advance=adds_constant_term), "a term of it has no gradient", "planted"
    ),
    "evaluation changes weights": Defect(
        overriding(evaluate=evaluation_moves), r"evaluate\(\) must change no state"
    ),
    "optimizer not in the state": Defect(
        overriding(state_dict=forgets_optimizer, load_state_dict=loads_without),
        "state_dict must hold all that acts later",
    ),
    "draws not keyed by step": Defect(
        overriding(advance=draws_from_a_stream), "two steps must be one step"
    ),
    "seed ignored": Defect(overriding(__init__=seed_of_zero), "must depend on its seed"),
    "trained on evaluation": Defect(
        overriding(examples=trains_on_evaluation), "no evaluation example may be among"
    ),
    "weights frozen by mistake": Defect(overriding(__init__=freezes), "stay as they were"),
    "weights unknown to the optimizer": Defect(
        overriding(__init__=forgets_parameters), "stay as they were"
    ),
    "score off chance before training": Defect(
        overriding(evaluate=off_chance), "an untrained run must score"
    ),
    "arm stops early": Defect(keep(done=stops_early), "steps differ", "both"),
    "other learning rate": Defect(
        overriding(__init__=other_rate), "realised learning rate differs", "both"
    ),
    "other autocast": Defect(keep(advance=autocasts), "autocast differs", "both"),
    "other precision of products": Defect(
        keep(advance=less_precise), "precision of matrix products differs", "both"
    ),
    "other determinism": Defect(keep(advance=not_deterministic), "determinism differs", "both"),
    "compiled against eager": Defect(keep(advance=compiles), "compile state differs", "both"),
    "measured on less": Defect(keep(evaluate=measures_less), r"val/(n|bytes) differs", "both"),
    "not a number late": Defect(keep(advance=not_a_number), "non-finite", "both"),
    "one seed": Defect(overriding(), "a verdict needs 3", seeds=(0,)),
}
