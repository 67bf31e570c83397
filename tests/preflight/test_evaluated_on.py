"""Arms that are measured on other examples at one seed are told, with what the examples share."""

from dataclasses import dataclass
from typing import Any

import torch
from test_preflight import Knobs, Sound, knobs

from infra.preflight.evaluated_on import evaluated_on
from infra.preflight.trial import tried
from infra.study.plan import make_plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Wide(Knobs):
    width: int = 4
    side: int = 5
    held_out: int = 6


class Streamed(Sound):
    """Whose evaluation is drawn from the stream that its weights were drawn from."""

    def __init__(self, cfg: Wide) -> None:
        super().__init__(cfg)
        torch.manual_seed(cfg.seed)
        self.first = torch.randn(cfg.width)
        self.rows = torch.randn(cfg.held_out, cfg.side)

    def examples(self, split: str) -> list[torch.Tensor]:
        return [self.rows] if split == "evaluation" else [torch.randn(3, self.cfg.side)]


class Keyed(Streamed):
    """Whose evaluation has a stream of its own."""

    def __init__(self, cfg: Wide) -> None:
        super().__init__(cfg)
        draw = torch.Generator().manual_seed(7)
        self.rows = torch.randn(cfg.held_out, cfg.side, generator=draw)


def told(run: type[Sound], **overrides: Any) -> list[str]:
    study = knobs({"more": {"rate": 0.2}, "other": overrides}, run=run, base=Wide())
    plan = make_plan(study, "lab")
    found = list(evaluated_on(study, plan, [tried(study, plan, arm) for arm in plan.arms]))
    assert not any(complaint.fatal for complaint in found)
    return [complaint.text for complaint in found]


def test_evaluation_that_another_field_redraws_is_told_with_the_field() -> None:
    [text] = told(Streamed, width=9)
    assert text.startswith(
        "arms 'base' and 'other': evaluation examples differ at seed 0, they have 0 of 6 in common "
        "(width 4 and 9); "
    )


def test_evaluation_with_a_stream_of_its_own_is_not_told() -> None:
    assert told(Keyed, width=9) == []


def test_other_sizes_and_numbers_are_told_as_such() -> None:
    [text] = told(Keyed, side=8)
    assert "they are float32 [5] and float32 [8] (side 5 and 8)" in text
    [text] = told(Keyed, held_out=4)
    assert "they are 6 and 4, " in text


def test_runs_that_do_not_tell_their_examples_are_left_in_peace() -> None:
    class Silent(Streamed):
        examples = None  # type: ignore[assignment]

    assert told(Silent, width=9) == []


class Silent(Sound):
    """Which holds data that it tells nobody of."""

    examples = None  # type: ignore[assignment]

    def __init__(self, cfg: Wide) -> None:
        super().__init__(cfg)
        torch.manual_seed(cfg.seed)
        self.first = torch.randn(cfg.width)
        self.data = {"rows": self.drawn(cfg)}

    def drawn(self, cfg: Wide) -> torch.Tensor:
        return torch.randn(30, 4)


class Noisy(Silent):
    """Whose data are the same draws, of which a field makes more or less."""

    def drawn(self, cfg: Wide) -> torch.Tensor:
        own = torch.Generator().manual_seed(cfg.seed)
        clean, noise = torch.randn((2, 30, 4), generator=own)
        return clean + cfg.width / 20 * noise


class Tabled(Silent):
    """Which holds a table that no draw has to do with."""

    def drawn(self, cfg: Wide) -> torch.Tensor:
        return torch.linspace(0, cfg.width, 120).sin()


def test_data_that_are_drawn_after_weights_from_their_stream_are_told() -> None:
    [text] = told(Silent, width=9)
    assert text.startswith(
        "arms 'base' and 'other': data.rows beside the state differ at seed 0 as they do between "
        "seeds (width 4 and 9), "
    )


def test_data_of_which_a_field_makes_something_else_are_not_told() -> None:
    assert told(Noisy, width=9) == []
    assert told(Tabled, width=9) == []
