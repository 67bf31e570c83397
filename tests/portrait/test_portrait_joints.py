"""Joints against joints: what the best turn, size and place can mend, and what is missing."""

from math import cos, sin

import numpy as np
import pytest
import torch
from judged_portraits import EYES, conditions

from trainables.portrait.judge.joints import mpjpe, pa_mpjpe

EYE = (EYES[0], EYES[1])


def pose(count: int = 4, seed: int = 0) -> torch.Tensor:
    return conditions(count, seed).pose.double()


def moved(joints: torch.Tensor, turn: float, size: float, by: tuple[float, float]) -> torch.Tensor:
    rotation = torch.tensor([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]], dtype=joints.dtype)
    where = size * joints[..., :2] @ rotation.T + torch.tensor(by, dtype=joints.dtype)
    return torch.cat((where, joints[..., 2:]), 2)


def by_svd(made: np.ndarray, truth: np.ndarray) -> float:
    """The mean distance after the similarity of Umeyama (1991), reflection forbidden."""
    mine, theirs = made - made.mean(0), truth - truth.mean(0)
    u, s, vt = np.linalg.svd(theirs.T @ mine)
    sign = np.diag([1.0, np.sign(np.linalg.det(u @ vt))])
    fitted = mine @ (u @ sign @ vt).T * (s * np.diag(sign)).sum() / (mine**2).sum()
    return float(np.linalg.norm(fitted - theirs, axis=1).mean())


@pytest.mark.parametrize(("turn", "size", "by"), [(0.7, 1.0, (0, 0)), (3.0, 0.4, (-0.2, 0.9))])
def test_a_turn_a_size_and_a_place_are_mended_and_plain_distance_sees_them(turn, size, by):
    truth = pose()
    other = moved(truth, turn, size, by)
    assert pa_mpjpe(other, truth, EYE).max() < 1e-9
    assert mpjpe(other, truth, EYE).min() > 0.1
    assert (mpjpe(truth, truth, EYE) == 0).all()


def test_a_mirrored_pose_is_not_mended():
    truth = pose()
    mirrored = truth * torch.tensor([-1.0, 1.0, 1.0])
    assert pa_mpjpe(mirrored, truth, EYE).min() > 0.05


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_fit_is_that_of_singular_values(mirrored):
    truth, made = pose(6, 1), pose(6, 2)
    if mirrored:
        made = truth * torch.tensor([-1.0, 1.0, 1.0]) + 0.01 * made
        made[..., 2] = 1
    unit = (truth[:, EYE[0], :2] - truth[:, EYE[1], :2]).norm(dim=1)
    expected = [
        by_svd(a[:, :2].numpy(), b[:, :2].numpy()) for a, b in zip(made, truth, strict=True)
    ]
    torch.testing.assert_close(pa_mpjpe(made, truth, EYE) * unit, torch.tensor(expected).double())


def test_distances_are_in_those_between_the_true_eyes():
    truth = pose()
    larger = torch.cat((truth[..., :2] * 3, truth[..., 2:]), 2)
    made = moved(truth, 0.0, 1.0, (0.1, 0.0))
    unit = (truth[:, EYE[0], :2] - truth[:, EYE[1], :2]).norm(dim=1)
    torch.testing.assert_close(mpjpe(made, truth, EYE), 0.1 / unit)
    assert torch.allclose(
        pa_mpjpe(pose(4, 3), larger, EYE), pa_mpjpe(pose(4, 3), truth, EYE), atol=1e-9
    )


def test_joints_that_either_side_does_not_see_do_not_count():
    truth, made = pose(), pose(4, 5)
    wild = made.clone()
    wild[:, 5, :2], truth[:, 5, 2] = 99.0, 0.04
    wild[:, 8, :2], made[:, 8, 2], wild[:, 8, 2] = -99.0, 0.0, 0.0
    for error in (mpjpe, pa_mpjpe):
        torch.testing.assert_close(error(wild, truth, EYE), error(made, truth, EYE))


def test_too_few_joints_no_spread_and_unseen_eyes_are_missing_and_not_nought():
    truth = pose(5)
    made = truth.clone()
    made[0, 2:, 2] = 0.0  # two joints
    truth[1, EYE[0], 2] = 0.0  # no eye
    truth[2, EYE[0], :2] = truth[2, EYE[1], :2]  # one place
    assert mpjpe(made, truth, EYE).isnan().tolist() == [True, True, True, False, False]
    made[3, :, :2] = 0.5  # all in one point
    assert pa_mpjpe(made, truth, EYE).isnan().tolist() == [True, True, True, True, False]
    assert mpjpe(made, truth, EYE)[3] > 0
    assert pa_mpjpe(made, truth, EYE)[4] < 1e-9
