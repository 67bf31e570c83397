"""LPIPS of 64 pairs of pictures, all at once and pair by pair, interleaved.

Both shapes of AlexNet that the judge has: "stalex", which sees every pixel, and "alex", which skips
three of four in either direction. Pictures are of 32 pixels, enlarged to 64 as the judge does, and
of 64 and 128. Time does not depend on what weights are, so these are random and no file of weights
is needed. Both ways give the same distances. One thread unless told otherwise; a ratio is the
median over rounds of at once / one by one.

    python tests/benchmarks/lpips_batch.py [--threads 1 2] [--rounds 5] [--pairs 64]
        [--sizes 32 64 128]
"""

from statistics import median

import torch
from by_turns import ratio, times_by_turns
from command_line import options_of, parser_of

from trainables.draws import generator
from trainables.portrait.judge.alexnet import PerceptualNet
from trainables.portrait.judge.perceptual import KINDS, Kind, Perceptual


def compare(kind: Kind, size: int, pairs: int, threads: int, rounds: int) -> None:
    """Print the milliseconds of both and the ratio."""
    torch.set_num_threads(threads)
    metric = Perceptual(PerceptualNet(kind))
    made, truth = torch.rand(2, pairs, 3, size, size, generator=generator("lpips batch", size))
    ways = {
        "at once": lambda: metric(made, truth),
        "one by one": lambda: torch.cat(
            [metric(*pair) for pair in zip(made.split(1), truth.split(1), strict=True)]
        ),
    }
    if not torch.allclose(*(way() for way in ways.values()), rtol=1e-3):
        raise SystemExit("lpips_batch: both ways must give the same distances")
    times = times_by_turns(ways, rounds)
    told = "  ".join(f"{name} {1000 * median(taken):7.0f} ms" for name, taken in times.items())
    print(
        f"{threads} threads  {kind:6}  {pairs} pairs of {size} px  {told}  ratio "
        f"{ratio(times, 'at once', 'one by one'):.2f}",
        flush=True,
    )


def main() -> None:
    """Compare for each number of threads, net and size."""
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128])
    options = options_of(parser, rounds=1, pairs=3, sizes=[32])
    for threads in options.threads:
        for kind in KINDS:
            for size in options.sizes:
                compare(kind, size, options.pairs, threads, options.rounds)


if __name__ == "__main__":
    main()
