"""The smallest run on portraits, and what compares two of them."""

import io
from functools import partial

import pytest
import torch

from trainables.portrait.config import (
    EvaluationConfig,
    ModelConfig,
    OptimConfig,
    PortraitConfig,
    PortraitsConfig,
    SampleConfig,
)
from trainables.portrait.judge import scoring
from trainables.portrait.judge.reader import ReaderConfig, pose_reader

AVERAGES = ("as run", "short", "middle", "long", "power")
TINY = PortraitConfig(
    steps=4,
    steps_per_report=2,
    portraits=PortraitsConfig(size=16, train=30, held_out=8, images_per_identity=2),
    model=ModelConfig(hidden=16, depth=4, heads=2, patch=4),
    optim=OptimConfig(batch=5),
    sample=SampleConfig(steps=2),
    evaluation=EvaluationConfig(images=7, images_between=3, edits=4, lpips=False),
)


@pytest.fixture
def stems(tmp_path_factory, monkeypatch):
    """A folder where runs of these tests leave the networks that they share, one hardly trained."""
    folder = tmp_path_factory.getbasetemp() / "stems"
    monkeypatch.setattr(scoring, "pose_reader", partial(pose_reader, cfg=ReaderConfig(steps=2)))
    monkeypatch.setenv("ABLATE_STEMS", str(folder))
    monkeypatch.setenv("ABLATE_STEMS_CODE", "tests")


def exact(metrics):
    return {key: value for key, value in metrics.items() if not key.startswith("perf/")}


def saved(run):
    """The state as it comes back from a file."""
    file = io.BytesIO()
    torch.save(run.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
