"""Do state-space layers among attention help, and what do they cost: arms, results, findings.

Layer i is of attention where i mod (ratio + 1) is ratio: with 9 layers 1:1 has 5 state spaces and
4 attentions, 3:1 has 7 and 2. The settings of SSM-2 and SSM-3 were never published. That of SSM-4
is not known beyond its 64 states; its cost fits the script's default, 3:1.
"""

from search_spaces.golf.shared import (
    AS_RUN,
    BOARD,
    BPB,
    DOCUMENTED,
    FAILED,
    GOLF,
    IN_180_S,
    PLAIN,
    POST,
    SCALES,
    SSM_1_AT_100,
    SWEPT,
    Values,
    better,
    slower,
)
from search_spaces.space import Arms, Finding, SeedView

_ONE, _THREE = {"ssm.ratio": 1}, {"ssm.ratio": 3}
_RUN: Values = AS_RUN | {"ssm.as_run": True}

STATE_SPACE = Arms(
    source=f"{GOLF} #1197; {BOARD}",
    overrides=PLAIN
    | {
        "SSM-1": _ONE,
        "3:1": _THREE,
        "1:1 of 64 states": _ONE | {"ssm.states": 64},
        "SSM-4": _THREE | {"ssm.states": 64},
        "SSM-1 as run": _RUN | _ONE,
        "SSM-4 as run": _RUN | _THREE | {"ssm.states": 64},
    },
)
STATE_SPACE_SCALES = SCALES


def _two_hours(_: SeedView) -> bool:
    hours = 200 * DOCUMENTED["SSM-1"][1] / 3.6e6
    return 2 < hours < 2.2 and DOCUMENTED["SSM-1"][0] < SSM_1_AT_100


def _ranks_turn_over(_: SeedView) -> bool:
    by_steps = min(DOCUMENTED, key=lambda run: DOCUMENTED[run][0])
    by_time = sorted(IN_180_S, key=lambda run: IN_180_S[run])
    return by_steps == "SSM-1" and by_time[-2:] == ["mamba", "diffusion"]


def _larger_state_helps(view: SeedView) -> float:
    """By how much at the last report of the first half, which is half-way only at `paper`.

    Raises:
        LookupError: Where none but the untrained networks is reported before half-way.
    """
    steps = view.config("SSM-4 as run", "steps")
    half = max(s for s, _ in view.curve("SSM-4 as run", BPB) if 2 * s <= steps)
    if not half:
        raise LookupError(f"of {steps} steps none is reported before half-way")
    return view.at("SSM-1 as run", BPB, half) - view.at("SSM-4 as run", BPB, half)


STATE_SPACE_FINDINGS = (
    Finding(
        id="TLM-14",
        tag="SEED",
        statement="As run, the hybrid with as many state spaces as attentions is the best arm.",
        source=BOARD,
        documented="2.0295, the lowest of 20; judged here: below plain attention as run",
        scales=SWEPT,
        holds=better("SSM-1 as run", "plain as run"),
    ),
    Finding(
        id="TLM-14m",
        tag="SEED",
        statement="As meant, the hybrid with as many state spaces as attentions beats attention.",
        source=BOARD,
        documented="2.0295, the lowest of 20, with 55 % more parameters than the plain network",
        scales=SWEPT,
        holds=better("SSM-1", "plain"),
    ),
    Finding(
        id="TLM-15",
        tag="SEED",
        statement="State spaces in plain PyTorch take some 50 times the time of attention.",
        source=f"{POST}; {BOARD}",
        documented="37.5 s a step against .5 to .7; a loop over 1,024 positions; judged: more than "
        "10 times",
        scales=SWEPT,
        holds=lambda view: slower(view, "SSM-1 as run", "plain as run") > 10,
    ),
    Finding(
        id="TLM-16",
        tag="CAVEAT",
        statement="The hybrid did run for 200 steps, not for some five effective ones.",
        source=BOARD,
        documented="200 x 37.5 s are 2.08 h; 2.2066 at step 100, 2.0295 at step 200",
        scales=("record",),
        holds=_two_hours,
    ),
    Finding(
        id="TLM-17",
        tag="SEED",
        statement="64 states are ahead of 16 when they stop half-way.",
        source=BOARD,
        documented="2.1816 against 2.2066 at step 100; the layer ratio of the former is not known",
        scales=SWEPT,
        holds=_larger_state_helps,
    ),
    Finding(
        id="TLM-26",
        tag="CAVEAT",
        statement="By steps the hybrid is the best, by time the second worst.",
        source=f"{POST}; {GOLF} #1197",
        documented="2.0295 in 200 steps; 3.3168 in 180 s, where diffusion alone is worse, and "
        "within .0004 of a crashed run: hardly more than the frequencies of pieces",
        scales=("record",),
        holds=_ranks_turn_over,
    ),
    *(
        Finding(
            id=run,
            tag="SEED",
            statement=f"{run} was run.",
            source=BOARD,
            documented="no value; by the board's count of 20 successes of 22 it failed",
            needs="its setting, which is unknown",
        )
        for run in FAILED
    ),
)
