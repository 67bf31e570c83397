"""A few layers under the names that the network of portraits has, each side another."""

import torch
from random_portraits import random_portraits
from torch import nn

from infra.study.study import replace_fields
from trainables.draws import generator, initialise
from trainables.portrait.config import PortraitConfig
from trainables.portrait.network.dit import new_network


class SmallBlock(nn.Module):
    """Maps of a block, and the one that paces it."""

    def __init__(self):
        super().__init__()
        self.attn = nn.ModuleDict({"qkv": nn.Linear(16, 48, bias=False)})
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(48, 64, bias=False), "fc2": nn.Linear(64, 16, bias=False)}
        )
        self.adaln = nn.ModuleDict({"out": nn.Linear(16, 32)})

    def forward(self, x):
        scale, shift = self.adaln["out"](x).chunk(2, -1)
        inner = self.attn["qkv"](x * (1 + scale) + shift)
        return x + self.mlp["fc2"](self.mlp["fc1"](inner).tanh())


class SmallBlocks(nn.Module):
    """Two blocks between a map in and a map out; a row that stands for what was dropped."""

    def __init__(self):
        super().__init__()
        self.conditions = nn.ModuleDict({"text": nn.Linear(7, 16)})
        self.null = nn.Parameter(torch.empty(1, 7))
        self.blocks = nn.ModuleList(SmallBlock() for _ in range(2))
        self.repa = nn.Linear(16, 32, bias=False)
        self.final = nn.Linear(16, 5)

    def forward(self, x):
        x = self.conditions["text"](x + self.null)
        for block in self.blocks:
            x = block(x)
        return torch.cat((self.final(x), self.repa(x)), -1)


def config(**overrides):
    """A config of a run of 20 steps, with changes by dotted names whose dots are __."""
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return replace_fields(PortraitConfig(), {"steps": 20, **named})


def small_blocks():
    network = SmallBlocks()
    initialise(network, 0, lambda name, p, draws: p.normal_(std=0.2, generator=draws))
    return network


def real_network(**overrides):
    """The network itself, of two blocks, with REPA."""
    sizes = {"model__hidden": 16, "model__depth": 2, "portraits__size": 8, "repa__weight": 0.5}
    cfg = config(**{**sizes, **overrides})
    return new_network(cfg, random_portraits(2, 8, (5, 7), (4, 32)))


def loss(network, step):
    """Of a task that is another each step."""
    draws = torch.randn(9, 7 + 37, generator=generator("task", step))
    return (network(draws[:, :7]) - draws[:, 7:]).square().mean()


def train(network, optimizer, steps, **watched):
    for step in steps:
        loss(network, step).backward()
        optimizer.step(step, **watched)
        optimizer.zero_grad()
