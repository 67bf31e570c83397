"""DINO training at the documented sizes: step time, views per second, peak memory, utilisation.

    PYTHONPATH=. python tests/benchmarks/dino_scale.py [--sizes small large] [--steps 20]
                                                       [--peak-tflops 989] [--override FIELD=JSON]

Needs torch and no Ray. Each size trains in its documented precision on phantom slices of 256 px;
the first steps warm up and are not timed. Utilisation is the matrix arithmetic of a step, counted
by torch, over what the device could do in that time (`--peak-tflops`, dense bf16; an H200 has 989).
Prints a row per size; memory and utilisation on a GPU alone.
"""

import argparse
import json
from time import perf_counter

import torch
from command_line import options_of, parser_of
from torch.utils.flop_counter import FlopCounterMode

from infra.study.study import replace_fields
from search_spaces.dino.shared import SMOKE, VIT_LARGE, VIT_SMALL
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

SIZES = {"small": VIT_SMALL, "large": VIT_LARGE, "smoke": SMOKE | {"precision": "bf16"}}
PHANTOM = {"phantom.series": 8, "phantom.slices": 32, "phantom.side_px": 256}
WARM_UP = 5


def main() -> None:
    """Print a row per size."""
    options = _options()
    print("size   parameters  batch  ms/step  views/s  peak GiB  TFLOP/step  utilisation")
    for size in options.sizes:
        fields = {**PHANTOM, **SIZES[size], **dict(options.override), "steps": 10**6}
        print(_row(size, replace_fields(DinoConfig(), fields), options))


def _row(size: str, config: DinoConfig, options: argparse.Namespace) -> str:
    run = DinoRun(config)
    with FlopCounterMode(display=False) as counter:
        run.advance(1)
    run.advance(WARM_UP)
    began = perf_counter()
    run.advance(options.steps)  # ends with a host sync
    seconds = (perf_counter() - began) / options.steps
    flop = counter.get_total_flops()
    views = 2 * config.optim.batch * config.optim.accumulation / seconds
    cuda = run.device.type == "cuda"
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:8.1f}" if cuda else f"{'-':>8}"
    share = f"{flop / seconds / options.peak_tflops / 1e12:11.1%}" if cuda else f"{'-':>11}"
    parameters = sum(p.numel() for p in run.student.parameters()) / 1e6
    return (
        f"{size:6} {parameters:9.1f}M {config.optim.batch:6d} {1000 * seconds:8.1f} {views:8.0f} "
        f"{memory}  {flop / 1e12:10.2f} {share}"
    )


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["small", "large"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--peak-tflops", type=float, default=989.0)
    parser.add_argument("--override", action="append", type=_field, default=[])
    return options_of(parser, steps=1, sizes=["smoke"])


def _field(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    return name, json.loads(value)


if __name__ == "__main__":
    main()
