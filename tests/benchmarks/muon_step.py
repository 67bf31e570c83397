"""Our Muon step on a CPU beside torch.optim.Muon's, interleaved.

Both take the same steps of the same matrices from the same gradients: 24 of 64 x 64, 24 of 96 x 96
and 12 of 192 x 192. torch's computes one matrix after the other in bfloat16, ours in float32, and
those of up to 96 at once. A round times each step once, in turning order; a ratio is the median
over rounds of ours / torch's. The bound is .2 where the CPU has no units for bfloat16, which the
last line tells; with --isa oneDNN, which computes torch's products, knows no more than that. One
thread unless told otherwise.

    python tests/benchmarks/muon_step.py [--isa AVX2] [--threads 1 2] [--rounds 15]
"""

import os
from collections.abc import Callable
from statistics import median

import torch
from by_turns import ratio, times_by_turns
from command_line import options_of, parser_of
from torch import nn

from trainables.draws import generator
from trainables.portrait.config import MuonConfig
from trainables.portrait.training.muon import new_muon

SIZES = {64: 24, 96: 24, 192: 12}  # side of matrices: how many
BOUND = 0.2


def matrices(side: int, count: int) -> list[nn.Parameter]:
    """Drawn alike for both, with gradients."""
    drawn = torch.randn(2, count, side, side, generator=generator("muon step", side))
    parameters = [nn.Parameter(matrix) for matrix in drawn[0]]
    for parameter, gradient in zip(parameters, drawn[1], strict=True):
        parameter.grad = gradient
    return parameters


def compare(side: int, count: int, threads: int, rounds: int) -> None:
    """Print the median milliseconds of each and the ratio."""
    torch.set_num_threads(threads)
    ours = new_muon(MuonConfig(), matrices(side, count), 1e-3, 0.03)
    settings = {name: value for name, value in ours.param_groups[0].items() if name != "params"}
    theirs = torch.optim.Muon(matrices(side, count), **settings)
    steps: dict[str, Callable[[], object]] = {"ours": ours.step, "torch": theirs.step}
    for step in steps.values():
        step()
    times = times_by_turns(steps, rounds)
    ms = {name: 1000 * median(taken) for name, taken in times.items()}
    share = ratio(times, "ours", "torch")
    print(
        f"{threads} threads  {count} x {side}^2  ours {ms['ours']:7.2f} ms  "
        f"torch {ms['torch']:7.2f} ms  ours / torch {share:.3f}",
        flush=True,
    )


def units(unused: bool) -> str:
    """Whether this CPU multiplies bfloat16 itself."""
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "absent"
    return "unused" if unused else "used"


def main() -> None:
    """Compare for each size and number of threads."""
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--isa", choices=["AVX2", "AVX512_CORE"])
    options = options_of(parser, rounds=1)
    if options.isa:
        os.environ["ONEDNN_MAX_CPU_ISA"] = options.isa  # read at the first product
    for threads in options.threads:
        for side, count in SIZES.items():
            compare(side, count, threads, options.rounds)
    print(f"bound {BOUND} without units for bfloat16; here they are {units(bool(options.isa))}")


if __name__ == "__main__":
    main()
