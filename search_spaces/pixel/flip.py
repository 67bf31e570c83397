"""May training portraits be flipped: arms and findings.

Documented arms did not flip, since left and right joints would have to be exchanged. Nothing else
asks for this study: it is here for who wants it and is not among those that are run together.
"""

from search_spaces.pixel.shared import (
    CONFIGS,
    CONTROLS,
    METRIC,
    SCALES,
    Values,
    ahead,
    more,
    swept,
)
from search_spaces.space import Arms, recorded

POSE = "val/pose_mpjpe"
AUGMENTATION_HFLIP = False  # in all configs of A to D

_FLIPS: dict[str, Values] = {
    "none": {},
    "naive": {"portraits.flip": "naive"},
    "remapped": {"portraits.flip": "remapped"},
}
FLIP = Arms(source=CONFIGS, overrides=_FLIPS | CONTROLS)
FLIP_SCALES = SCALES

FLIP_FINDINGS = (
    recorded("PDIT-37", "CONFIG", CONFIGS).says(
        "Flips are off, as joints would need left and right exchanged.",
        documented="false",
        holds=lambda _: not AUGMENTATION_HFLIP,
    ),
    swept("PDIT-37n", "CONFIG", CONFIGS).says(
        "Flips that leave joints and caption where they were put joints in wrong places.",
        documented="not run; judged: by mean distance of joints",
        holds=more("naive", "none", metric=POSE),
    ),
    swept("PDIT-37r", "CONFIG", CONFIGS).says(
        "Flips that exchange them do no harm: reconstruction is as good or better.",
        documented="not run",
        holds=ahead("remapped", "none", metric=METRIC),
    ),
)
