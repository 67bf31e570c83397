"""A training step of portraits beside a plain DiT's of its shape, and with TREAD beside dense.

The plain one is in plain_dit.py: DiT's block with a look at the conditions, as many weights and
products as ours; below it the same without that look, DiT as published, which has less to do. Both
train as DiT does, with torch's AdamW as it comes, on the batch that ours has. Batches are made
before the clock, and what making one takes is told. TREAD takes half of the tokens around the
blocks; its bounds are .85 of the dense step at lab and .7 in the middle (depth 12, width 384, 256
tokens); beside the plain DiT ours is not to be slower. A round times each step once, in turning
order; a ratio is the median over rounds.

    python tests/benchmarks/pixel_step.py [--threads 1 2] [--rounds 15] [--shapes lab middle]
"""

from collections.abc import Callable
from dataclasses import replace
from statistics import median

import torch
from by_turns import ratio, seconds, times_by_turns
from command_line import options_of, parser_of
from plain_dit import PlainDit

from infra.study.study import replace_fields
from trainables.portrait.config import PortraitConfig
from trainables.portrait.network.conditions import Widths
from trainables.portrait.portrait import PortraitRun
from trainables.portrait.training.batch import Batch

FEW = {"portraits.train": 64, "portraits.held_out": 8, "steps": 100_000}
SHAPES = {
    "lab": {},
    "middle": {
        "portraits.size": 64,
        "model.hidden": 384,
        "model.heads": 6,
        "model.depth": 12,
        "optim.batch": 2,
    },
    "smoke": {"model.hidden": 16, "model.depth": 3, "optim.batch": 2, "portraits.size": 16},
}
Step = Callable[[], object]


class Same:
    """One batch, whichever is asked for."""

    def __init__(self, batch: Batch):
        self.batch = batch

    def of(self, *_: object) -> Batch:
        """That one."""
        return self.batch


class OurStep(PortraitRun):
    """Our run on one batch, so that only the step is timed."""

    def __init__(self, cfg: PortraitConfig):
        super().__init__(cfg)
        self.made_s = median(seconds(self._make) for _ in range(10))
        self.batches = Same(self._make())
        self.sums = torch.zeros(1 + len(self._weights()), device=self.device)

    def _make(self) -> Batch:
        rows = torch.arange(self.cfg.optim.batch)
        return self.batches.of(rows, self.device, self.cfg.seed, "train", 0, 0)

    def __call__(self) -> None:
        """One optimizer step."""
        self._train_step(self.sums, watched=False)


def plain_step(ours: OurStep, looks: bool) -> tuple[Step, int]:
    """Forward, loss on the picture, backward and update, as DiT's train.py has them; parameters."""
    batch = ours._make()
    widths = Widths.of(batch.given.conditions)
    network = PlainDit(ours.cfg, widths, looks).to(ours.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0)

    def step() -> None:
        drawn = network(batch.z, batch.t, batch.given.conditions)
        errors = (drawn - batch.x0) / batch.t.clamp(min=0.05)[:, None, None, None]
        optimizer.zero_grad()
        errors.square().mean().backward()
        optimizer.step()

    return step, sum(p.numel() for p in network.parameters())


def compare(shape: str, threads: int, rounds: int) -> None:
    """Print the milliseconds of each step, and what ours takes by theirs."""
    torch.set_num_threads(threads)
    cfg = replace_fields(PortraitConfig(), {**FEW, **SHAPES[shape]})
    ours = OurStep(cfg)
    routed = OurStep(replace(cfg, tread=replace(cfg.tread, rate=0.5)))
    sizes = {"ours": sum(p.numel() for p in ours.network.parameters())}
    sizes["ours, TREAD .5"] = sizes["ours"]
    steps: dict[str, Step] = {"ours": ours, "ours, TREAD .5": routed}
    for name, looks in (("plain DiT", True), ("DiT without conditions", False)):
        steps[name], sizes[name] = plain_step(ours, looks)
    for _ in range(3):
        for step in steps.values():
            step()
    times = times_by_turns(steps, rounds)
    for name in steps:
        row = f"{shape:6} {threads} threads  {name:22} {sizes[name]:10,} parameters"
        row += f"  {1000 * median(times[name]):7.1f} ms"
        print(row + ("" if "ours" in name else f"  ours / this {ratio(times, 'ours', name):.3f}"))
    tread = ratio(times, "ours, TREAD .5", "ours")
    print(f"{shape:6} {threads} threads  TREAD / dense {tread:.3f}", end="")
    print(f", a batch made in {1000 * ours.made_s:.1f} ms", flush=True)


def main() -> None:
    """Compare for each shape and number of threads."""
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["lab", "middle"])
    options = options_of(parser, rounds=1, shapes=["smoke"])
    for shape in options.shapes:
        for threads in options.threads:
            compare(shape, threads, options.rounds)


if __name__ == "__main__":
    main()
