"""What does it cost that pixels were 0 to 1 and not -1 to 1: arms and findings.

Documented arms A to I had 0 to 1, which is off centre and half as large beside the same noise. A
third arm is centred and as small, so that the two can be told apart. All are judged in one range.
"""

from search_spaces.pixel.shared import (
    CONTROLS,
    POST_3,
    REPO,
    Values,
    ahead,
    on_full_stack,
    swept,
)
from search_spaces.space import Arms

PLAN = f"{REPO}@c7faf7c .hermes/plans, of 2026-06-04"
_RANGES: dict[str, Values] = {
    "-1 to 1": {"portraits.range": "signed"},
    "0 to 1 as run": {"portraits.range": "unit as run"},
    "-1/2 to 1/2": {"portraits.range": "half"},
}
RANGE = Arms(source=PLAN, overrides=_RANGES | CONTROLS)
RANGE_SCALES = on_full_stack()

RANGE_FINDINGS = (
    swept("PDIT-34", "SEED", f"{POST_3}; {PLAN}").says(
        "Pixels of 0 to 1 spoil the target: with -1 to 1 reconstruction is better.",
        documented="told of arms A to I, asked for and not run",
        holds=ahead("-1 to 1", "0 to 1 as run"),
    ),
    swept("PDIT-34o", "CAVEAT", PLAN).says(
        "Being off centre costs by itself.",
        documented="not run",
        holds=ahead("-1/2 to 1/2", "0 to 1 as run"),
    ),
    swept("PDIT-34s", "CAVEAT", PLAN).says(
        "Being half as large costs by itself.",
        documented="not run",
        holds=ahead("-1 to 1", "-1/2 to 1/2"),
    ),
)
