"""Does chunking help, and does the chunker's setting matter: documented arms, results, findings.

The published chunker smears the previous token in and applies a linear map; the length stays, and
no option exists for a chunk's size or a regulariser, so HNET-2 and HNET-3 as run are HNET-1. As
meant, a router begins chunks and the middle layers see these alone: of 3 tokens, of 8 ("large"), or
with five times the weight of the loss that keeps them at that size ("boundary regulariser").
"""

from search_spaces.golf.shared import (
    AS_RUN,
    BOARD,
    GOLF,
    POST,
    RTX_5090,
    SCALES,
    Values,
    both_ways,
    dead_knob,
    slower,
    swept,
    tie,
)
from search_spaces.space import Arms, SeedView, recorded

_KNOBS: dict[str, Values] = {
    "HNET-1": {},
    "HNET-2": {"hnet.chunk_tokens": 8.0},
    "HNET-3": {"hnet.ratio_weight": 0.15},
}
_ON: Values = {"hnet.layers": 1}
_RUN: Values = AS_RUN | _ON | {"hnet.as_run": True}

HNET = Arms(
    source=f"{GOLF} #1191; {BOARD}",
    overrides=both_ways(_KNOBS, meant=_ON, run=_RUN),
)
HNET_SCALES = SCALES
HNET_TWINS = (("HNET-1 as run", "HNET-2 as run", "HNET-3 as run"),)


def _fastest(view: SeedView) -> bool:
    return slower(view, "HNET-1 as run", "plain as run") < 0.95


def _near_control(_: SeedView) -> bool:
    control = RTX_5090["control"][0]
    return all(abs(RTX_5090[name][0] - control) < 0.002 for name in ("hnet", "megakernel"))


HNET_FINDINGS = (
    swept("TLM-18", "SEED", BOARD).says(
        "The chunked network is the fastest arm.",
        documented="513 ms, though JEPA's rows have 497; judged here: 5 % below plain "
        "attention, which it adds to",
        holds=_fastest,
    ),
    swept("TLM-19", "SEED", BOARD).says(
        "As run, three settings of the chunker tie to four decimals.",
        documented="2.0558, 2.0559, 2.0558",
        holds=dead_knob(
            "min_chunk and max_chunk are stored and never read, and there is no regulariser; cost "
            "and size of the three runs are equal"
        ),
    ),
    swept("TLM-19m", "SEED", BOARD).says(
        "As meant, three settings of the chunker tie to four decimals.",
        documented="2.0558, 2.0559, 2.0558 as run; judged: less than 1e-4 apart",
        holds=tie(*_KNOBS),
    ),
    swept("TLM-20", "SEED", POST).says(
        "The chunker learns the identity.",
        documented="not measured; judged: as run it moves an embedding by less than a tenth",
        holds=lambda view: view.final("HNET-1 as run", "val/chunker_change") < 0.1,
    ),
    recorded("TLM-24", "REPO", f"{GOLF} #1191, #1192").says(
        "On an RTX 5090 in 600 s, chunker and megakernel end within .002 of control.",
        documented="1.3587, 1.3560 (975 steps) and 1.3577 (958), one run each; the README of "
        "the first tells of test-time training and bigrams, which its file lacks, and 958 steps of "
        "606 ms are 580 s of the 600",
        holds=_near_control,
    ),
)
