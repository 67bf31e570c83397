#!/usr/bin/env python
"""What three seeds decide where draws are keyed, and where they come from the process's streams.

A small language model reads the letters of the project's licence, with dropout or without. Its
network, batches, masks and evaluation draw from global streams, as nanoGPT's do: at one seed an arm
without dropout takes fewer draws, so from the first step on it sees other batches. Then the same
code runs with `keyed` round each of its draws, and nothing else is changed.

    python tests/benchmarks/keyed_draws.py [--groups N] [--steps N]

Each group has three seeds of its own. Prints the paired difference and the verdict of the first
one, and of all groups how many were decided and how far the difference spreads over seeds.
"""

import tempfile
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from statistics import mean, stdev
from typing import Any

import torch
from command_line import options_of, parser_of
from torch import Tensor, nn
from torch.nn import functional as F

from ablate import Arms, Study, keyed
from infra.answer.board import Row
from infra.answer.compare import leaderboard
from infra.execution.here import run_here
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.root import ROOT
from infra.study.plan import make_plan
from infra.sweep_options import SweepOptions
from infra.writeup.tables import half_width, plus_minus

SEEDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterConfig:
    """A transformer of two blocks over letters."""

    seed: int = 0
    steps: int = 100
    steps_per_report: int = 100
    keyed: bool = False
    dropout: float = 0.0
    width: int = 48
    letters: int = 32  # that are read at once
    batch: int = 16
    rate: float = 3e-3


class LetterModel(nn.Module):
    """The next letter of each, from those before it."""

    def __init__(self, cfg: LetterConfig, known: int) -> None:
        super().__init__()
        self.letter, self.place = (
            nn.Embedding(known, cfg.width),
            nn.Embedding(cfg.letters, cfg.width),
        )
        self.drop = nn.Dropout(cfg.dropout)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                cfg.width, 4, 4 * cfg.width, cfg.dropout, batch_first=True, norm_first=True
            )
            for _ in range(2)
        )
        self.head = nn.Linear(cfg.width, known)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of each place."""
        hidden = self.drop(self.letter(x) + self.place.weight[: x.shape[1]])
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        for block in self.blocks:
            hidden = block(hidden, mask, is_causal=True)
        return self.head(hidden)


class LetterRun:
    """Trains one, with global streams keyed or as they come."""

    def __init__(self, cfg: LetterConfig) -> None:
        self.cfg, self.step = cfg, 0
        text = (ROOT / "LICENSE").read_text()
        known = sorted(set(text))
        codes = torch.tensor([known.index(letter) for letter in text])
        self.train, self.held_out = codes[: len(codes) * 4 // 5], codes[len(codes) * 4 // 5 :]
        with self.draws("init"):
            self.model = LetterModel(cfg, len(known))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), cfg.rate)

    def draws(self, purpose: str) -> AbstractContextManager[None]:
        """Where the streams stand while something is drawn for that purpose."""
        step = 0 if purpose == "evaluation" else self.step
        return keyed(self.cfg.seed, purpose, step) if self.cfg.keyed else nullcontext()

    def some(self, codes: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Pieces of the text from anywhere in it, and the letters that come next."""
        begins = torch.randint(len(codes) - self.cfg.letters, (count, 1))
        places = begins + torch.arange(self.cfg.letters)
        return codes[places], codes[places + 1]

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Nats a letter."""
        return F.cross_entropy(self.model(x).flatten(0, 1), y.flatten())

    def advance(self, steps: int) -> dict[str, float]:
        """Trains that many steps."""
        loss = torch.zeros(())
        self.model.train()
        for _ in range(min(steps, self.cfg.steps - self.step)):
            with self.draws("batch"):
                batch = self.some(self.train, self.cfg.batch)
            with self.draws("dropout"):
                loss = self.loss(*batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
        return {"train/loss_nats": loss.item()}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The loss of held-out pieces."""
        self.model.eval()
        with self.draws("evaluation"):
            return {"val/loss_nats": self.loss(*self.some(self.held_out, 256)).item()}

    def done(self) -> bool:
        """Whether the step budget is spent."""
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict[str, Any]:
        """Step, network and optimizer."""
        parts = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {"step": self.step, **parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


def compared(is_keyed: bool, group: int, steps: int) -> Row:
    """Dropout beside none, at three seeds."""
    study = Study(
        name="keyed" if is_keyed else "loose",
        question="Does dropout help a small language model?",
        run=LetterRun,
        base=LetterConfig(keyed=is_keyed, steps=steps, steps_per_report=steps),
        space=Arms(source="none", overrides={"none": {}, "dropout": {"dropout": 0.2}}),
        seeds=tuple(range(SEEDS * group, SEEDS * (group + 1))),
        metric="val/loss_nats",
        mode="min",
        baseline="none",
    )
    plan = make_plan(study, "lab")
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        ledger = Ledger(open_storage(folder), study.name)
        for arm in plan.arms:
            run_here(study, plan, ledger, arm, plan.seeds, SweepOptions())
        [row] = [row for row in leaderboard(plan, ledger.records()).rows if row.arm == "dropout"]
    return row


def main() -> None:
    """Loose, then keyed."""
    parser = parser_of(__doc__)
    parser.add_argument("--groups", type=int, default=5, help="of three seeds (default: 5)")
    parser.add_argument("--steps", type=int, default=100, help="of a cell (default: 100)")
    options = options_of(parser, groups=1, steps=2)
    for name, is_keyed in (("loose", False), ("keyed", True)):
        rows = [compared(is_keyed, group, options.steps) for group in range(options.groups)]
        values = [value for row in rows if row.difference for value in row.difference.values]
        decided = sum(row.verdict != "undecided" for row in rows)
        print(f"{name}  dropout minus none {told(rows[0])} nats, {rows[0].verdict}")
        print(f"       all groups {', '.join(map(told, rows))}; decided {decided} of {len(rows)}")
        spread = f"mean {mean(values):.4f}, sd {stdev(values):.4f}"
        print(f"       of {len(values)} seeds {spread}", flush=True)


def told(row: Row) -> str:
    """The paired difference with its interval."""
    gap = row.difference
    return plus_minus(gap.mean, half_width(gap.interval)) if gap else "-"


if __name__ == "__main__":
    main()
