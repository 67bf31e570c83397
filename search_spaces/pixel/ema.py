"""Which weights were judged: arms A and B, each with five averages of itself beside it.

The documented average keeps .9999 of itself at a step behind a ramp over the warm-up of 500 steps.
After 5,000 steps 64 % of it is still weights from within that ramp. All published numbers of arms
A to I are of such a blend. It is another reason why curves were slow and why B could get worse
while its loss fell: an average of weights that lie far apart need not be a good network. All
averages are columns (`val/recon_mse_hf@ema_as_run`) and cost no arm.
"""

from search_spaces.pixel.shared import (
    CODE,
    CONFIGS,
    CONTROLS,
    FLOW,
    LAB,
    MARGIN,
    METRIC,
    PAPER,
    RATES,
    SMOKE,
    Rates,
    Values,
    optimizer,
    swept,
)
from search_spaces.record import best
from search_spaces.space import Arms, Claim, SeedView, calculated

AVERAGES = ("as run", "short", "middle", "long", "power")
AS_RUN, SHORT = f"{METRIC}@ema_as_run", f"{METRIC}@ema_short"
DECAY, RAMP = 0.9999, 500  # documented; steps
SOURCE = f"{CODE}/train.py, lines 529-541"


def _arms(rates: Rates) -> dict[str, Values]:
    adamw = optimizer("adamw", rates)
    return {"A": adamw, "B": adamw | {"tread.rate": 0.5}}


EMA = Arms(
    source=f"{CONFIGS}; {SOURCE}",
    overrides=_arms(RATES["lab"]) | CONTROLS,
    at={"paper": _arms(RATES["paper"])},
)
_KEPT: Values = {"ema.kept": AVERAGES}
EMA_SCALES: dict[str, Values] = {
    "smoke": SMOKE | _KEPT,
    "lab": LAB | _KEPT,
    "paper": PAPER | _KEPT,
}


def mass_within_ramp(steps: int) -> float:
    """The share of the average that is weights from within its ramp, after so many steps."""
    return DECAY ** max(0, steps - RAMP)


def _documented_mass(_: SeedView) -> bool:
    shares = [round(100 * mass_within_ramp(k * 1000)) for k in (1, 2, 3, 4, 5)]
    return shares == [95, 86, 78, 70, 64]


def _behind(arm: str, average: str):
    """By how much an average is behind the last weights of an arm."""
    return lambda view: view.final(arm, average) - view.final(arm, METRIC)


def _worsening(view: SeedView, metric: str) -> float:
    """By how much B ends above its best."""
    return view.final("B", metric) - best(view.curve("B", metric))[1]


EMA_FINDINGS = (
    calculated("PDIT-C1", "CAVEAT", SOURCE).says(
        "Of the documented average 64 % is weights of the first 500 of 5,000 steps.",
        documented="95, 86, 78, 70 and 64 % after 1,000 to 5,000 steps",
        holds=_documented_mass,
    ),
    calculated("PDIT-C1j", "CAVEAT", SOURCE).says(
        "Arm J, stopped at step 34,000, is hardly touched: 3.5 %.",
        documented="3.5 %",
        holds=lambda _: round(mass_within_ramp(34_000), 3) == 0.035,
    ),
    swept("PDIT-C1e", "CAVEAT", SOURCE).says(
        "That average hides progress: it reconstructs worse than the last weights of the same run.",
        documented="not looked at",
        other_data="held-out loss of a toy with that share: .348, last weights .262",
        holds=_behind("A", AS_RUN),
    ),
    swept("PDIT-C1b", "CAVEAT", SOURCE).says(
        "B, too, is better than its average tells.",
        documented="not looked at",
        holds=_behind("B", AS_RUN),
    ),
    swept("PDIT-C1s", "CAVEAT", SOURCE).says(
        "An average with a memory of a fiftieth of the run is no worse than the last weights.",
        documented="judged: by no more than the margin",
        holds=lambda view: MARGIN - _behind("A", SHORT)(view),
    ),
    swept("PDIT-6e", "CAVEAT", SOURCE).says(
        "It is the average's doing: after its best it gets worse by more than B's weights do.",
        documented="judged by the loss on held-out portraits, which is told at every report",
        holds=lambda view: _worsening(view, f"{FLOW}@ema_as_run") - _worsening(view, FLOW),
    ),
    Claim("PDIT-C1d", "CONFIG", SOURCE).says(
        "The option that names the average's ramp does nothing: the ramp is the rate's warm-up.",
        documented="only printed, line 1304",
        needs="no sweep: it is read off the code, and there is no such option here",
    ),
)
