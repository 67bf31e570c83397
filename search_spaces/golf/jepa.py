"""Does predicting hidden states help the next token: documented arms, results and findings.

The script has the weight as an option, and the loss begins after 100 steps. Documented, a step took
as long as one pass, where three are needed, and all three weights scored alike.
"""

from search_spaces.golf.shared import (
    AS_RUN,
    BOARD,
    GOLF,
    POST,
    SCALES,
    Values,
    both_ways,
    swept,
    tie,
)
from search_spaces.space import Arms, SeedView

_WEIGHTS: dict[str, Values] = {
    "JEPA-1": {"jepa.weight": 0.1},
    "JEPA-2": {"jepa.weight": 0.3},
    "JEPA-3": {"jepa.weight": 0.5},
}
_RUN: Values = AS_RUN | {"jepa.as_run": True, "jepa.warmup_fraction": 0.5}
_LOSS = "train/jepa_loss"

JEPA = Arms(
    source=f"{GOLF} #1196; {BOARD}",
    overrides=both_ways(_WEIGHTS, meant={}, run=_RUN),
)
JEPA_SCALES = SCALES


def _falls_without_effect(view: SeedView) -> bool:
    """The report in which the loss begins averages steps without it, unless one ended there."""
    arm, told = "JEPA-1 as run", view.curve("JEPA-1 as run", _LOSS)
    begins = view.config(arm, "jepa.warmup_fraction") * view.config(arm, "steps")
    before = [step for step, _ in told if step <= begins]
    active = [value for step, value in told if step > begins]
    active = active if before and before[-1] == begins else active[1:]
    ties = tie(*(f"{arm} as run" for arm in _WEIGHTS))(view)
    return active[-1] < active[0] and ties


JEPA_FINDINGS = (
    swept("TLM-13", "SEED", BOARD).says(
        "As run, weights of .1, .3 and .5 tie to four decimals.",
        documented="2.2323, 2.2322, 2.2322; judged: less than 1e-4 apart",
        holds=tie(*(f"{arm} as run" for arm in _WEIGHTS)),
    ),
    swept("TLM-13m", "SEED", BOARD).says(
        "As meant, weights of .1, .3 and .5 tie to four decimals.",
        documented="2.2323, 2.2322, 2.2322 as run; judged: less than 1e-4 apart",
        holds=tie(*_WEIGHTS),
    ),
    swept("TLM-28", "SEED", POST).says(
        "The loss of the prediction falls while the score does not change.",
        documented="claimed, not shown; judged: it falls in JEPA-1 as run, and the weights tie",
        holds=_falls_without_effect,
    ),
)
