"""What an evaluation tells: every name where there is something to tell, and none elsewhere."""

from dataclasses import replace

import pytest
import torch
from judged_portraits import EYES, CountedWords, portraits, redrawn

from trainables.portrait.config import EvaluationConfig
from trainables.portrait.drawing.render import draw
from trainables.portrait.drawing.sitters import sitters
from trainables.portrait.judge.asking import asked_for, only_text
from trainables.portrait.judge.errors import pixels
from trainables.portrait.judge.landmarks import landmark_reader
from trainables.portrait.judge.made import made_for
from trainables.portrait.judge.pose import mean_pose, pose_references, pose_scores
from trainables.portrait.judge.reader import GRID, ReaderConfig, pose_reader, shares
from trainables.portrait.judge.scoring import (
    Judges,
    evaluation_scores,
    made_scores,
    new_judges,
    variant_scores,
)
from trainables.portrait.portraits import JOINTS
from trainables.portrait.weights import FOLDER, missing, weights_of

HOST = torch.device("cpu")


class Knowing:
    """Reads joints that are told to it, whatever the images."""

    def __init__(self, joints):
        self.joints = joints

    def read(self, images):
        return self.joints[: len(images)].to(images.device)


def scores(draw, truth, judged, **asked) -> dict[str, float]:
    made = made_for(truth, draw, CountedWords(), EvaluationConfig(**asked))
    return evaluation_scores(made, truth, judged)


def judges(truth, reader=None) -> Judges:
    distances = {"stalex": lambda a, b: (a - b).abs().mean((1, 2, 3))}
    return Judges(distances, reader, mean_pose(truth))


def test_an_evaluation_tells_all_that_was_asked():
    truth = portraits(4)
    judged = judges(truth, Knowing(truth.conditions.pose))
    values = scores(redrawn, truth, judged)
    names = {name.removeprefix("val/") for name in values}
    assert names == {
        *("recon_mse_hf", "recon_mse", "recon_lpips_stalex", "spectrum_ratio", "images"),
        *("recon_mse_hf@face", "recon_mse@face", "recon_lpips_stalex@face"),
        *("text_mse_hf", "text_mse", "text_lpips_stalex", "edits"),
        *(
            f"{what}@{cause}"
            for what in ("manip_mse_hf", "manip_lpips_stalex")
            for cause in ("paired", "as_run", "new_noise", "encoder")
        ),
        *("pose_mpjpe", "pose_pa_mpjpe", "pose_detected", "pose_mpjpe@shuffled"),
        *("pose_mpjpe@reader", "pose_mpjpe@mean_pose"),
    }
    assert all(isinstance(value, float) for value in values.values())


def test_an_evaluation_of_little_draws_once_and_leaves_out_what_nothing_tells():
    truth, drawn = portraits(3), []

    def draw(given, noise):
        drawn.append(given)
        return redrawn(given, noise)

    without = replace(judges(truth), perceptual={})
    values = scores(draw, truth, without, from_text=False, edits=0)
    assert len(drawn) == 1
    assert not [name for name in values if "pose" in name or "lpips" in name or "text" in name]


def test_true_images_have_no_error_and_their_own_spectrum():
    truth = portraits(3)
    made = pixels(truth, HOST)
    values = made_scores(made, truth, judges(truth, Knowing(truth.conditions.pose)))
    zero = [name for name in values if "mse" in name or "lpips" in name]
    assert {values[name] for name in zero} == {0.0}
    assert values["val/spectrum_ratio"] == values["val/pose_detected"] == 1.0
    assert values["val/pose_mpjpe"] == values["val/pose_mpjpe@reader"] == 0.0
    assert values["val/pose_pa_mpjpe"] == pytest.approx(0, abs=1e-5)
    assert min(values["val/pose_mpjpe@shuffled"], values["val/pose_mpjpe@mean_pose"]) > 0.1


@pytest.mark.parametrize(
    ("pose", "seen", "absent"),
    [("present", True, False), ("null", False, False), ("absent as run", False, True)],
)
def test_joints_are_given_taken_or_left_out_as_asked(pose, seen, absent):
    given = asked_for(portraits(3).conditions, pose)
    assert (given.pose == seen).all() and given.pose_absent == absent
    assert given.text.all() and given.whole.all() and given.patches.all()
    text = only_text(given)
    assert text.text.all() and not (text.whole | text.patches | text.pose).any()


def test_a_variant_has_its_name_behind_its_metrics_and_the_same_noise():
    truth = portraits(4)
    judged = judges(truth, Knowing(truth.conditions.pose))
    values = variant_scores(redrawn, truth, judged, "ema_short")
    own = scores(redrawn, truth, judged, from_text=False, edits=0)
    assert values["val/recon_mse_hf@ema_short"] == own["val/recon_mse_hf"]
    assert all(name.count("@") == 1 and name.endswith("@ema_short") for name in values)
    assert "val/pose_mpjpe@ema_short" in values and "val/images@ema_short" not in values


def test_a_pose_error_of_none_is_missing():
    truth = portraits(3)
    nobody = truth.conditions.pose * torch.tensor([1.0, 1.0, 0.0])
    values = pose_scores(pixels(truth, HOST), truth, Knowing(nobody))
    assert values == {"val/pose_detected": 0.0}
    truth = replace(truth, conditions=replace(truth.conditions, pose=nobody))
    assert pose_scores(pixels(truth, HOST), truth, Knowing(nobody)) == {}
    assert pose_references(truth, mean_pose(truth), Knowing(nobody), HOST) == {}


def test_the_mean_pose_is_of_the_joints_that_are_seen():
    train = portraits(5)
    train.conditions.pose[0, 3] = torch.tensor([9.0, 9.0, 0.0])
    train.conditions.pose[:, 6, 2] = 0.0
    pose = mean_pose(train)
    torch.testing.assert_close(pose[3, :2], train.conditions.pose[1:, 3, :2].mean(0))
    assert pose[:, 2].tolist() == [1.0] * 6 + [0.0] + [1.0] * (len(pose) - 7)


def test_data_without_joints_have_no_reader_of_them(monkeypatch):
    train = portraits(4)
    train.conditions.pose[..., 2] = 0
    judged = new_judges(train, "digest", EvaluationConfig(lpips=False))
    assert judged.reader is None and judged.came_by is None and not judged.perceptual


def placed(count: int):
    """Portraits of a dark square on light ground, whose joints stand around it."""
    faces = portraits(count, 32, 32)
    draw = torch.Generator().manual_seed(0)
    where = 6 + (torch.rand(count, 2, generator=draw) * 20).long()
    rows = torch.arange(32)
    near = (rows[None, :] - where[:, 1:]).abs() < 3, (rows[None, :] - where[:, :1]).abs() < 3
    square = near[0][:, None, :, None] & near[1][:, None, None, :]
    faces.images.copy_(torch.where(square, 20, 220).to(torch.uint8))
    around = torch.tensor([[0.1, -0.1], [0.1, 0.0], [-0.1, 0.0]])
    pose = faces.conditions.pose
    pose[..., :2] = (where[:, None].float() + 0.5) / 32
    pose[:, [0, *EYES], :2] += around
    pose[..., 2] = 1.0
    pose[:, 7, 2] = 0.0
    return faces


def test_places_of_the_grid_have_as_much_of_a_joint_as_makes_their_mean_its_own():
    where = 0.5 / GRID + (1 - 1 / GRID) * torch.rand(4, 5, 2)
    middle = (torch.arange(GRID) + 0.5) / GRID
    places = torch.stack(torch.meshgrid(middle, middle, indexing="xy"), 2).flatten(0, 1)
    torch.testing.assert_close(shares(where) @ places, where, atol=1e-5, rtol=0)
    assert (shares(where) > 0).sum(2).max() <= 4
    torch.testing.assert_close(shares(torch.tensor([[[-0.2, 1.4]]])).sum(2), torch.ones(1, 1))


def test_the_reader_learns_where_joints_are_is_kept_and_sees_none_in_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATE_STEMS", str(tmp_path))
    monkeypatch.setenv("ABLATE_STEMS_CODE", "test")
    train = placed(200)
    cfg = ReaderConfig(steps=50, batch=16, channels=4)
    reader, first = pose_reader(train, "digest", cfg)
    error = pose_references(train, mean_pose(train), reader, HOST)
    assert error["val/pose_mpjpe@reader"] < 0.5 * error["val/pose_mpjpe@mean_pose"]
    images = pixels(train.take(torch.arange(8)), HOST)
    joints, nothing = reader.read(images), reader.read(torch.full_like(images, 0.5))
    assert joints[:, 0, 2].min() > nothing[:, 0, 2].max()
    assert joints[:, 7, 2].max() < 0.5
    again, second = pose_reader(train, "digest", cfg)
    assert (first.reused, second.reused) == (False, True)
    assert torch.equal(again.read(images), joints)
    _, other = pose_reader(train, "another digest", ReaderConfig(steps=1, channels=4))
    assert not other.reused


@pytest.mark.skipif(weights_of("mtcnn") is None, reason=missing("mtcnn"))
def test_joints_of_larger_images_are_the_landmarks_of_a_detector_of_faces():
    drawn = draw(sitters(4, 1, 0, "train"), 128)
    reader = landmark_reader()
    assert reader
    images = drawn.images.float() / 255
    joints = reader.read(torch.cat((images, torch.full_like(images[:1], 0.5))))
    named = [JOINTS.index(name) for name in ("left eye", "right eye", "nose", "left mouth")]
    found = (joints[:, named, 2] > 0.5).all(1)
    assert found[:4].sum() >= 3 and (joints[~found] == 0).all() and not found[4]
    apart = (joints[:4, named, :2] - drawn.joints[:, named, :2]).norm(dim=2)
    assert apart[found[:4]].max() < 0.06
    assert (joints[:, JOINTS.index("chin")] == 0).all()


def test_without_weights_joints_of_larger_images_are_missing_and_a_line_says_why(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    train = portraits(2, 128, 130)
    judged = new_judges(train, "digest", EvaluationConfig(lpips=False))
    assert judged.reader is None
    assert "val/pose_mpjpe is left out" in (said := capsys.readouterr().out)
    assert "`make weights`" in said
    assert not [name for name in made_scores(pixels(train, HOST), train, judged) if "pose" in name]
