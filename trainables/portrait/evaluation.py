"""What a run tells of its network at a point: images of held-out portraits, judged, and losses.

Between reports fewer images are drawn, no caption is edited, and LPIPS, which takes longer than to
draw an image, is left out. At the end the averages of the weights are judged beside the weights
themselves, and with `evaluation.samplers` other ways to sample, and what becomes of images whose
joints are not given.
Shape letters: B portraits, H and W pixels.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.config import PortraitConfig, SampleConfig
from trainables.portrait.data import Data, digest
from trainables.portrait.judge.asking import Draw, Pose, noise_of, some
from trainables.portrait.judge.controls import control_images
from trainables.portrait.judge.made import Made, made_for
from trainables.portrait.judge.scoring import (
    Judges,
    evaluation_scores,
    new_judges,
    variant_scores,
)
from trainables.portrait.network.dit import NanoDit
from trainables.portrait.network.given import Given, everything
from trainables.portrait.network.tread import draw_visible
from trainables.portrait.picture.shown import SHOWN, shown
from trainables.portrait.portraits import Portraits
from trainables.portrait.sampling import Velocity, sample
from trainables.portrait.training.average import Averages, suffix
from trainables.portrait.training.batch import mixed
from trainables.portrait.training.target import LEAST_TIME, RANGES, Target, from_model, to_model

TIMES = (0.1, 0.3, 0.5, 0.7, 0.9)  # at which held-out losses are told
FLOW = "val/flow_loss"
AT_ONCE = 64  # images of a pass
STEM_REUSED = "perf/stem_reused"
UNSEEN_POSES: dict[str, Pose] = {"pose_null": "null", "pose_absent": "absent as run"}


@dataclass(frozen=True)
class Sampler:
    """A network that draws.

    Attributes:
        cfg: Of the run.
        network: With the weights that are to draw.
        target: What it was trained to answer.
        precise: A context in which it computes as in training.
    """

    cfg: PortraitConfig
    network: NanoDit
    target: Target
    precise: Callable[[], AbstractContextManager[Any]]

    def velocity(
        self,
        z: Float[Tensor, "B 3 H W"],
        t: Float[Tensor, " B"],
        given: Given,
        t_min: float,
        visible: Tensor | None = None,
    ) -> Float[Tensor, "B 3 H W"]:
        """Noise less image at z."""
        with self.precise():
            answer = self.network(z, t, given, visible).image
        return self.target.velocity(answer.float(), z, t, t_min)

    def drawing(self, asked: SampleConfig) -> Draw:
        """Draws images in [0, 1] as is asked."""

        def draw(given: Given, noise: Tensor) -> Tensor:
            parts = zip(noise.split(AT_ONCE), parts_of(given), strict=True)
            made = [sample(self._field(asked.t_min), few, part, asked) for few, part in parts]
            return from_model(torch.cat(made), self.cfg.portraits.range)

        return draw

    def losses(self, truth: Portraits) -> dict[str, float]:
        """The error of the velocity, and of the image in squares of a pixel's range, by time.

        As they are, without the floor of time and without weights, so that they mean the same in
        all arms.
        """
        noise, given = noise_of(truth, "loss"), everything(truth.conditions)
        x0 = to_model(truth.images.to(noise.device), self.cfg.portraits.range)
        scale, flow, image = RANGES[self.cfg.portraits.range][0], [], []
        for time in TIMES:
            t = noise.new_full((len(noise),), time)
            z = mixed(x0, noise, t)
            apart = self.velocity(z, t, given, LEAST_TIME) - (noise - x0)
            flow.append(apart.square().mean())
            image.append((time / scale) ** 2 * flow[-1])
        each, images = torch.stack(flow).tolist(), torch.stack(image).tolist()
        told = {f"{FLOW}@t{time}": loss for time, loss in zip(TIMES, each, strict=True)}
        return {FLOW: sum(each) / len(each), "val/x0_mse": sum(images) / len(images)} | told

    def _field(self, t_min: float) -> Velocity:
        """The velocity for one sampling; the tokens of its routed passes are drawn by their number.

        TREAD's draw is the same for all that are sampled with this seed.
        """
        passes = count()

        def velocity(z: Tensor, t: Tensor, given: Given, routed: bool) -> Tensor:
            visible = self._visible(z, next(passes)) if routed else None
            return self.velocity(z, t, given, t_min, visible)

        return velocity

    def _visible(self, z: Tensor, number: int) -> Tensor | None:
        tokens = z.shape[-2] * z.shape[-1] // self.cfg.model.patch**2
        key = (self.cfg.seed, "weak pass", number)
        visible = draw_visible(tokens, len(z), self.cfg.tread, *key)
        return None if visible is None else visible.to(z.device)


class Evaluation:
    """The held-out portraits of a run, and what judges images of them."""

    def __init__(self, data: Data, sampler: Sampler, averages: Averages, device: torch.device):
        self.cfg, self.data, self.sampler, self.averages = sampler.cfg, data, sampler, averages
        self.device = device
        self._judged: Made | None = None  # by the weights as they are, for the pictures

    def scores(self, done: bool) -> dict[str, float]:
        """All that is told at a point, the last of a run or another."""
        cfg, truth, judges = self.cfg, self.truth(done), self.judges
        made = self._made(truth, done)
        self._judged = made.first(SHOWN)
        if cfg.control:
            return evaluation_scores(made, truth, judges)
        values = evaluation_scores(made, truth, judges if done else replace(judges, perceptual={}))
        values |= self.sampler.losses(truth)
        for name in cfg.ema.kept:
            with self.averages.swapped(name):
                values |= self._average(truth, suffix(name), done)
        if done and cfg.evaluation.samplers:
            values |= self._other_ways(truth)
        return values

    def pictures(self, done: bool) -> dict[str, bytes]:
        """PNG images by name of some that were judged, drawn where none were at these weights."""
        truth = self.truth(done)
        return shown(self._judged or self._made(truth, done), truth)

    def forget(self) -> None:
        """What was judged is of other weights than those that the network now has."""
        self._judged = None

    def truth(self, done: bool) -> Portraits:
        """The held-out portraits of a point, with conditions where the network is."""
        asked = self.cfg.evaluation
        images = min(asked.images if done else asked.images_between, len(self.data.held_out))
        first = self.data.held_out.take(torch.arange(images))
        return replace(first, conditions=first.conditions.to(self.device))

    def stems(self) -> dict[str, float]:
        """What the training of the teacher and of the reader of joints took."""
        reader = self.judges.came_by
        return together(self.data.stem, reader.metrics if reader else {})

    @cached_property
    def judges(self) -> Judges:
        """Made when they are first asked for, in an evaluation."""
        return new_judges(self.data.train, digest(self.data.train), self.cfg.evaluation)

    def _made(self, truth: Portraits, done: bool) -> Made:
        if self.cfg.control:
            made = control_images(self.cfg.control, self.data.train, truth, self.cfg.seed)
            return Made(made.to(self.device))
        draw, asked = self.sampler.drawing(self.cfg.sample), self.cfg.evaluation
        return made_for(truth, draw, self.data.words, asked if done else replace(asked, edits=0))

    def _average(self, truth: Portraits, variant: str, done: bool) -> dict[str, float]:
        """Losses of the weights that are in place, and at the end their images."""
        values = {f"{FLOW}@{variant}": self.sampler.losses(truth)[FLOW]}
        if done:
            draw, pose = self.sampler.drawing(self.cfg.sample), self.cfg.evaluation.pose
            values |= variant_scores(draw, truth, self.judges, variant, pose)
        return values

    def _other_ways(self, truth: Portraits) -> dict[str, float]:
        cfg, values = self.cfg, {}
        for name in ("none", "dual", "self") if cfg.tread.rate else ("none", "dual"):
            draw = self.sampler.drawing(replace(cfg.sample, sampler=name))
            values |= variant_scores(
                draw, truth, self.judges, f"sampler_{name}", cfg.evaluation.pose
            )
        for variant, pose in UNSEEN_POSES.items() if cfg.conditions.pose else ():
            draw = self.sampler.drawing(cfg.sample)
            values |= variant_scores(draw, truth, self.judges, variant, pose)
        return values


def parts_of(given: Given) -> Iterator[Given]:
    """So many portraits at once."""
    for rows in torch.arange(len(given), device=given.text.device).split(AT_ONCE):
        yield some(given, rows)


def together(*stems: Mapping[str, float]) -> dict[str, float]:
    """What several stems took in all; they count as had from elsewhere where all of them were."""
    told = [stem for stem in stems if stem]
    if not told:
        return {}
    sums = {name: sum(stem[name] for stem in told) for name in told[0]}
    return sums | {STEM_REUSED: min(stem[STEM_REUSED] for stem in told)}
