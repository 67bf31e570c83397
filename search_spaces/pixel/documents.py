"""Claims about the pixel DiT that documents, configs and arithmetic decide, without any portrait.

Three are of timings that were recorded; a GPU would be asked again by
`tests/benchmarks`, and no study of this machine's speed is one of theirs.
"""

from search_spaces.pixel.shared import CODE, CONFIGS, POST_1, POST_2, POST_3, REPO
from search_spaces.pixel.tables import (
    BATCHES,
    BATCHES_PER_S,
    BATCHES_SOURCE,
    EXAMPLES_PER_S,
    THROUGHPUT,
    THROUGHPUT_SOURCE,
)
from search_spaces.space import Claim, SeedView, calculated, recorded

WIDTH, DEPTH, PATCH = 768, 18, 16
# A block in squares of the width: attention to itself 4, to conditions 4, MLP 8, adaLN 6.
BLOCK = 22 * WIDTH**2 + 6 * WIDTH
# Biases that a block would have: of attention 3 + 1 and 1 + 2 + 1 widths, of the MLP 4 + 1.
BIASES = 13 * WIDTH
CONDITIONS = ("T5-Large", "DINOv3 CLS", "DINOv3 patches", "133 joints")
STARTS = ("zero", "xavier")  # of adaLN: in the block, then over all weights
T5_LARGE, T5_BYTES = 335e6, 4  # parameters of its encoder, in fp32


def outside_blocks() -> int:
    """Parameters before and after the blocks, without REPA's."""
    pixels = 3 * PATCH**2
    patches = pixels * WIDTH + WIDTH
    time = 256 * WIDTH + WIDTH + WIDTH**2 + WIDTH
    conditions = 3 * (1024 * WIDTH + WIDTH)  # text, the vector for all, patches
    joints = 3 * WIDTH + WIDTH + WIDTH**2 + WIDTH + 133 * WIDTH
    output = WIDTH * pixels + pixels + 3 * 3 * 9 + 3
    return patches + time + conditions + joints + output


def _faster(arm: str, than: str = "baseline") -> float:
    return THROUGHPUT.final(arm, BATCHES_PER_S) / THROUGHPUT.final(than, BATCHES_PER_S)


def _throughput(_: SeedView) -> bool:
    arms = ("+ no checkpointing", "+ cached embeddings", "+ fused optimizer")
    return [round(_faster(arm), 2) for arm in arms] == [1.21, 1.31, 1.01]


def _four_at_once(_: SeedView) -> bool:
    ratio = BATCHES.final("4 x 32", EXAMPLES_PER_S) / BATCHES.final("1 x 256", EXAMPLES_PER_S)
    return round(ratio, 2) == 1.17


DOCUMENT_FINDINGS = (
    calculated("PDIT-28", "SEED", POST_2).says(
        "5,000 steps of 256 are 1.28M portraits, over 180 passes of 7,000.",
        documented="182.9",
        holds=lambda _: 180 < 5000 * 256 / 7000 < 183,
    ),
    calculated("PDIT-29", "MATH", POST_2).says(
        "40,000 steps of 41 s are 19.0 days, and not about 21.",
        documented="18.98",
        holds=lambda _: round(40_000 * 41 / 86_400, 1) == 19.0,
    ),
    calculated("PDIT-30", "CAVEAT", f"{POST_1}; {CONFIGS}").says(
        "The network has 237 to 240 million parameters, and not over 400 million.",
        documented="18 blocks of 12.98M and 5M besides; 237.7M told elsewhere",
        holds=lambda _: 237e6 < DEPTH * BLOCK + outside_blocks() < 240e6,
    ),
    calculated("PDIT-31", "MATH", POST_3).says(
        "Leaving biases out spares .08 % of the parameters, and not 5 to 10 %.",
        documented="9,984 of a block's 12.98M",
        holds=lambda _: round(100 * BIASES / BLOCK, 2) == 0.08,
    ),
    recorded("PDIT-32", "SEED", f"{POST_3}; {THROUGHPUT_SOURCE}").says(
        "Computing activations again costs 20 to 30 % of the speed.",
        documented="4.268 / 3.528 = 1.21 batches a second",
        holds=lambda _: 1.2 <= _faster("+ no checkpointing") <= 1.3,
    ),
    recorded("PDIT-32a", "CAVEAT", THROUGHPUT_SOURCE).says(
        "By itself too, and not only with the changes that its row has besides.",
        documented="rows add up: beside the row above it 4.268 / 3.565 = 1.197",
        holds=lambda _: 1.2 <= _faster("+ no checkpointing", "+ fused optimizer") <= 1.3,
    ),
    calculated("PDIT-33", "SEED", f"{POST_3}; {CODE}/validate.py, lines 606-613").says(
        "The text encoder holds over 10 GB.",
        documented="the code loads T5-Large: 335M parameters, 1.3 GB, as run in fp16 .67 GB",
        holds=lambda _: T5_LARGE * T5_BYTES > 10e9,
    ),
    recorded("PDIT-57", "REPO", BATCHES_SOURCE).says(
        "32 batches of 4 are 17 % faster than 256 of 1, by the portrait.",
        documented="6.2 and 5.3 a second; half as many a step; 6.2 was without checkpointing, "
        "which the run kept",
        holds=_four_at_once,
    ),
    recorded("PDIT-58", "REPO", THROUGHPUT_SOURCE).says(
        "Without checkpointing 1.21, with cached embeddings 1.31 times the batches, fused 1.01.",
        documented="rows add up, so that 1.31 has compilation and all else in it; what is cached "
        "are codes of place and time, and no text",
        holds=_throughput,
    ),
    recorded("PDIT-64", "CAVEAT", f"{POST_3}; {CODE}/model.py").says(
        "No CLIP text is a condition, against the post.",
        documented="T5-Large, DINOv3 CLS and patches, 133 joints; no map of the layout either",
        holds=lambda _: not any("CLIP" in name for name in CONDITIONS),
    ),
    recorded("PDIT-65", "CONFIG", f"{CODE}/model.py, lines 220 and 458").says(
        "adaLN does not start at zero: a later initialisation of all weights undoes it.",
        documented="zero, then Xavier",
        holds=lambda _: STARTS[-1] != "zero",
    ),
    Claim("PDIT-C7", "CAVEAT", f"{CODE}/train.py, line 240").says(
        "The two numbers of the time's distribution are in the config and reach nothing.",
        documented="the loss draws with the defaults",
        needs="no sweep: here they act, and the preflight refuses a knob that does not",
    ),
    recorded("PDIT-C14", "CAVEAT", f"{REPO}@17a088e; {CONFIGS}").says(
        "The later ledger calls A to D another network than their configs.",
        documented="12 blocks of 384 and 40M; 18 of 768",
        holds=lambda _: (384, 12) != (WIDTH, DEPTH) and 38e6 < 12 * 22 * 384**2 < 42e6,
    ),
    Claim("PDIT-C16", "CAVEAT", f"{CODE}/validate.py, line 811").says(
        "On a CPU training goes on from the average after a validation.",
        documented="the copy of the weights is an alias there",
        needs="no sweep: the preflight refuses an evaluation that changes a weight",
    ),
)
