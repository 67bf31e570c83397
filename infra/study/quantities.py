"""What a run realises besides its answer, and a field of an arm may be meant to move: its names."""

LEARNING_RATE = "learning rate"
STEPS = "steps"
AMOUNT = "amount of evaluation"  # val/n, val/bytes: on how much was measured
WAY = "way of evaluation"  # another score of the same weights
COMPUTED = {  # as a cell's record has it, to its name in a sentence
    "dtype": "dtype",
    "compile": "compile state",
    "autocast": "autocast",
    "matmul_precision": "precision of matrix products",
    "deterministic": "determinism",
}
QUANTITIES = (LEARNING_RATE, STEPS, AMOUNT, WAY, *COMPUTED.values())
