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
    PLAIN,
    POST,
    RTX_5090,
    SCALES,
    SWEPT,
    Values,
    dead_knob,
    slower,
    tie,
)
from search_spaces.space import Arms, Finding, SeedView

_KNOBS: dict[str, Values] = {
    "HNET-1": {},
    "HNET-2": {"hnet.chunk_tokens": 8.0},
    "HNET-3": {"hnet.ratio_weight": 0.15},
}
_ON: Values = {"hnet.layers": 1}
_RUN: Values = AS_RUN | _ON | {"hnet.as_run": True}

HNET = Arms(
    source=f"{GOLF} #1191; {BOARD}",
    overrides=PLAIN
    | {arm: _ON | knobs for arm, knobs in _KNOBS.items()}
    | {f"{arm} as run": _RUN | knobs for arm, knobs in _KNOBS.items()},
)
HNET_SCALES = SCALES
HNET_TWINS = (("HNET-1 as run", "HNET-2 as run", "HNET-3 as run"),)


def _fastest(view: SeedView) -> bool:
    return slower(view, "HNET-1 as run", "plain as run") < 0.95


def _near_control(_: SeedView) -> bool:
    control = RTX_5090["control"][0]
    return all(abs(RTX_5090[name][0] - control) < 0.002 for name in ("hnet", "megakernel"))


HNET_FINDINGS = (
    Finding(
        id="TLM-18",
        tag="SEED",
        statement="The chunked network is the fastest arm.",
        source=BOARD,
        documented="513 ms, though JEPA's rows have 497; judged here: 5 % below plain "
        "attention, which it adds to",
        scales=SWEPT,
        holds=_fastest,
    ),
    Finding(
        id="TLM-19",
        tag="SEED",
        statement="As run, three settings of the chunker tie to four decimals.",
        source=BOARD,
        documented="2.0558, 2.0559, 2.0558",
        scales=SWEPT,
        holds=dead_knob(
            "min_chunk and max_chunk are stored and never read, and there is no regulariser; cost "
            "and size of the three runs are equal"
        ),
    ),
    Finding(
        id="TLM-19m",
        tag="SEED",
        statement="As meant, three settings of the chunker tie to four decimals.",
        source=BOARD,
        documented="2.0558, 2.0559, 2.0558 as run; judged: less than 1e-4 apart",
        scales=SWEPT,
        holds=tie(*_KNOBS),
    ),
    Finding(
        id="TLM-20",
        tag="SEED",
        statement="The chunker learns the identity.",
        source=POST,
        documented="not measured; judged: as run it moves an embedding by less than a tenth",
        scales=SWEPT,
        holds=lambda view: view.final("HNET-1 as run", "val/chunker_change") < 0.1,
    ),
    Finding(
        id="TLM-24",
        tag="REPO",
        statement="On an RTX 5090 in 600 s, chunker and megakernel end within .002 of control.",
        source=f"{GOLF} #1191, #1192",
        documented="1.3587, 1.3560 (975 steps) and 1.3577 (958), one run each; the README of "
        "the first tells of test-time training and bigrams, which its file lacks, and 958 steps of "
        "606 ms are 580 s of the 600",
        scales=("record",),
        holds=_near_control,
    ),
)
