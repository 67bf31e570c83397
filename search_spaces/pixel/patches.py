"""Do features of patches help or hinder as a condition: arms K, L and M, and findings.

Documented are all of them, pooled two by two, and none, on a network later than A to I. They are
also what REPA asks for; that stays as it is. Fewer tokens cost less, so time stands beside.
"""

from search_spaces.pixel.shared import (
    CONTROLS,
    RESULTS,
    TEXT,
    Values,
    ahead,
    on_full_stack,
    swept,
)
from search_spaces.pixel.tables import PATCHES as RECORD
from search_spaces.pixel.tables import RECON, TEXT_ALONE
from search_spaces.record import rising
from search_spaces.space import Arms, SeedView, recorded

_PATCHES: dict[str, Values] = {
    "K full": {"conditions.patches": "full"},
    "L pooled": {"conditions.patches": "pooled"},
    "M none": {"conditions.patches": "none"},
}
PATCHES = Arms(source=RESULTS, overrides=_PATCHES | CONTROLS)
PATCHES_SCALES = on_full_stack()


def _finals(metric: str) -> list[float]:
    return [RECORD.final(arm, metric) for arm in _PATCHES]


def _as_recorded(_: SeedView) -> bool:
    return rising(_finals("val/face_confidence")) and rising(_finals(TEXT_ALONE)[::-1])


def _pooled_is_worst(_: SeedView) -> bool:
    """Whether less of the patches is not always less of reconstruction."""
    return not rising(_finals(RECON)) and max(_finals(RECON)) == RECORD.final("L pooled", RECON)


PATCHES_FINDINGS = (
    swept("PDIT-63", "REPO", RESULTS).says(
        "Without patches portraits from captions alone are better.",
        documented="judged by the error of fine detail",
        other_data="text LPIPS .999, .974, .907 for all, pooled, none",
        holds=ahead("M none", "K full", metric=TEXT),
    ),
    swept("PDIT-63k", "REPO", RESULTS).says(
        "Without them reconstruction is worse.",
        other_data=".937, .999, .980",
        holds=ahead("K full", "M none"),
    ),
    recorded("PDIT-63r", "REPO", RESULTS).says(
        "In the record fewer patches go with more confident faces and a lower text LPIPS.",
        documented="confidence .645, .670, .790; text .999, .974, .907; one run each",
        holds=_as_recorded,
    ),
    recorded("PDIT-63p", "CAVEAT", RESULTS).says(
        "In the record reconstruction does not follow: pooled patches are worst.",
        documented=".937, .999, .980, told as monotonic in four of five metrics",
        holds=_pooled_is_worst,
    ),
)
