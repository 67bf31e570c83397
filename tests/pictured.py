"""Small pictures, and a study whose run offers them."""

from dataclasses import dataclass
from io import BytesIO

import torch
from PIL import Image

from infra.study.study import Study
from search_spaces.space import Arms


def png(shade: int, side: int = 3) -> bytes:
    file = BytesIO()
    Image.new("L", (side, side + 1), shade % 256).save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    seed: int = 0
    steps: int = 6
    steps_per_report: int = 2
    rate: float = 0.1
    shows: str = "well"


class Showing:
    """Shrinks a weight, and shows it."""

    def __init__(self, cfg: Config) -> None:
        self.cfg, self.step = cfg, 0
        self.weight = torch.full((3,), 1.0 + cfg.seed)

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(min(steps, self.cfg.steps - self.step)):
            self.weight, self.step = self.weight * (1 - self.cfg.rate), self.step + 1
        return {}

    def evaluate(self) -> dict[str, float]:
        return {"val/size": float(self.weight.mean())}

    def pictures(self) -> dict[str, bytes]:
        shade = 10 * self.cfg.seed + self.step
        if self.cfg.shows == "raises":
            raise RuntimeError("no display")
        if self.cfg.shows == "moves":
            self.weight = self.weight + 1
        if self.cfg.shows == "oddly":
            huge = png(1) + bytes(2**19)
            return {
                "a/b": png(1),
                "text": "no",
                "huge": huge,
                **{f"p{i}": png(i) for i in range(9)},
            }
        return {"graph": png(shade), "heat.map": png(shade + 100)}

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict:
        return {"step": self.step, "model": {"weight": self.weight}}

    def load_state_dict(self, state: dict) -> None:
        self.step, self.weight = state["step"], state["model"]["weight"]


STUDY = Study(
    name="showing", question="?", run=Showing, base=Config(), seeds=(0, 1), metric="val/size",
    space=Arms(
        source="none",
        overrides={"plain": {}, "quick": {"rate": 0.2}, **{
            how: {"shows": how} for how in ("raises", "oddly", "moves")
        }},
    ),
    mode="min", baseline="plain",
)  # fmt: skip
