"""A training step in 8 bits beside bfloat16, each with and without compilation, on a GPU.

The documented network: hidden 768, depth 18, 1,024 pixels in patches of 16, one portrait with 512
tokens of text, 4,096 patches of features 1,024 wide and 133 joints; AdamW. Ways are bfloat16,
8 bits in the projections of attention and MLP, 8 bits in all layers that can be; each as it is,
compiled, and with activations of a block computed again in the backward pass. Compilation and three
steps go before the clock. Prints a row of milliseconds a step and peak memory for each, and its
time by that of bfloat16 in the same way. Without a GPU a line says that there is none.

    python tests/benchmarks/fp8_step.py [--batch 1] [--rounds 10]
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import torch
from by_turns import seconds
from command_line import options_of, parser_of
from random_portraits import random_portraits

from trainables.draws import generator
from trainables.loop import best_device
from trainables.portrait.config import Fp8Config, ModelConfig, PortraitConfig, PortraitsConfig
from trainables.portrait.network.dit import new_network
from trainables.portrait.network.given import everything
from trainables.portrait.portraits import Portraits
from trainables.portrait.training.fp8 import convert
from trainables.portrait.training.optim import Optimizer
from trainables.portrait.training.target import Target, basis, to_model

DOCUMENTED = PortraitConfig(
    portraits=PortraitsConfig(size=1024),
    model=ModelConfig(hidden=768, depth=18, heads=12, patch=16),
    precision="bf16",
)
TINY = replace(
    DOCUMENTED,
    portraits=PortraitsConfig(size=32),
    model=ModelConfig(hidden=32, depth=1, heads=2, patch=4),
)
LAYERS = {
    "bf16": Fp8Config(),
    "fp8, attention and MLP": Fp8Config(layers="attention_mlp"),
    "fp8, all": Fp8Config(layers="all"),
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a step is computed."""

    layers: Fp8Config
    compile: bool
    checkpoint: bool

    def told(self, name: str) -> str:
        """In a few words."""
        rest = [word for word in ("compile", "checkpoint") if getattr(self, word)]
        return " + ".join([name, *rest])


def documented_portraits(batch: int) -> Portraits:
    """With as many tokens of conditions as the original has."""
    return random_portraits(batch, 1024, (512, 1024), (4096, 1024), joints=133)


def step_of(cfg: PortraitConfig, way: Way, portraits: Portraits) -> Callable[[], None]:
    """A training step of one batch, on the device."""
    device = best_device()
    cfg = replace(cfg, model=replace(cfg.model, checkpoint=way.checkpoint), fp8=way.layers)
    network = new_network(cfg, portraits).to(device)
    convert(network, cfg.fp8)
    optimizer = Optimizer(cfg, network)
    target = Target(cfg.target, cfg.model.patch, basis(cfg, portraits.images).to(device))
    x0 = to_model(portraits.images.to(device), cfg.portraits.range)
    noise = torch.randn(x0.shape, generator=generator("noise")).to(device)
    t = torch.full((len(x0),), 0.5, device=device)
    given = everything(portraits.conditions.to(device))
    if way.compile:
        network.compile()

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            drawn = network((x0 + noise) / 2, t, given)
        target.loss(drawn.image, x0, noise, t).mean().backward()
        optimizer.step(0)
        optimizer.zero_grad()

    return step


def measure(
    cfg: PortraitConfig, way: Way, portraits: Portraits, rounds: int
) -> tuple[float, float]:
    """Median milliseconds of a step, and the peak of memory in GiB."""
    gc.collect()  # what was compiled before holds its network in a circle
    step = step_of(cfg, way, portraits)
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    taken = median(seconds(step) for _ in range(rounds))
    return 1000 * taken, torch.cuda.max_memory_allocated() / 2**30


def compare(cfg: PortraitConfig, portraits: Portraits, rounds: int) -> None:
    """Print a row for each way."""
    for checkpoint in (False, True):
        for compiled in (False, True):
            plain = 0.0
            for name, layers in LAYERS.items():
                way = Way(layers=layers, compile=compiled, checkpoint=checkpoint)
                torch._dynamo.reset()
                ms, gib = measure(cfg, way, portraits, rounds)
                plain = plain or ms
                print(
                    f"{way.told(name):45} {ms:8.1f} ms  {gib:6.2f} GiB  "
                    f"{ms / plain:.2f} of bf16's time",
                    flush=True,
                )


def main() -> None:
    """Compare on the GPU, where there is one."""
    parser = parser_of(__doc__)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    options = options_of(parser, rounds=1)
    if not torch.cuda.is_available():
        print("fp8_step: no GPU is there, so nothing was measured")
        return
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batch {options.batch}")
    if options.smallest:
        compare(TINY, random_portraits(options.batch, 32, (5, 16), (64, 16)), options.rounds)
    else:
        compare(DOCUMENTED, documented_portraits(options.batch), options.rounds)


if __name__ == "__main__":
    main()
