"""Training steps with state-space layers beside steps with attention alone, interleaved.

Documented is 37.5 s a step for five state spaces among nine layers, with a loop over 1,024
positions, some 50 times what attention took. The networks are those of golf_ssm; a round times each
step once, in turning order, and a ratio is the median over rounds of the time by attention's.
Prints a row of milliseconds and that ratio for each.

    python tests/benchmarks/lm_scan_step.py [--threads 1 2] [--rounds 7] [--shapes lab documented]
"""

from collections.abc import Callable
from statistics import median

import torch
from by_turns import ratio, times_by_turns
from command_line import options_of, parser_of

from infra.study.study import replace_fields
from search_spaces.golf.shared import SMOKE
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

SHAPES = {
    "lab": {},
    "documented": {
        "sequence": 1024,
        "backbone.width": 512,
        "backbone.heads": 8,
        "backbone.kv_heads": 4,
        "optim.batch": 1,
        "evaluation.tokens": 1024,
    },
    "smoke": SMOKE,
}
ARMS = {
    "attention": {},
    "1:1, 16 states": {"ssm.ratio": 1},
    "1:1, 64 states": {"ssm.ratio": 1, "ssm.states": 64},
    "3:1, 16 states": {"ssm.ratio": 3},
}


def step_of(overrides: dict[str, object]) -> Callable[[], object]:
    """A function that takes one optimizer step."""
    run = LmRun(replace_fields(LmConfig(), {**overrides, "steps": 100_000}))
    return lambda: run.advance(1)


def compare(shape: str, threads: int, rounds: int) -> None:
    """Print the median milliseconds of each step and the ratios."""
    torch.set_num_threads(threads)
    steps = {arm: step_of(SHAPES[shape] | change) for arm, change in ARMS.items()}
    for step in steps.values():
        step()
    times = times_by_turns(steps, rounds)
    for name in steps:
        print(
            f"{shape:11} {threads} threads  {name:15} {1000 * median(times[name]):8.1f} ms"
            f"  {ratio(times, name, 'attention'):5.2f} times attention",
            flush=True,
        )


def main() -> None:
    """Compare for each shape and number of threads."""
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["lab", "documented"])
    options = options_of(parser, threads=[1], rounds=1, shapes=["smoke"])
    for shape in options.shapes:
        for threads in options.threads:
            compare(shape, threads, options.rounds)


if __name__ == "__main__":
    main()
