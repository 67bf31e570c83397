"""Loss terms and metrics against formulas written out; all dimensions differ."""

import math

import pytest
import torch

from trainables.dino.config import CenterConfig, OptimConfig
from trainables.dino.losses import (
    dino_loss,
    entropy_nats,
    entropy_wall_nats,
    gram_loss,
    koleo_loss,
    simclr_loss,
    teacher_probabilities,
)
from trainables.dino.metrics import active_dims, embedding_std, mean_cosine, retrieval

X, K, T, D = 6, 11, 5, 7


@pytest.fixture(autouse=True)
def drawn_alike():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_dino_loss_is_the_mean_cross_entropy_of_crossed_views():
    student, teacher, center = torch.randn(X, K), torch.randn(X, K), torch.randn(K)
    target = teacher_probabilities(teacher, center, 0.04)
    total = 0.0
    for view in range(X):
        other = (view + X // 2) % X
        p = torch.exp((teacher[other] - center) / 0.04)
        q = torch.exp(student[view] / 0.1)
        total += -(p / p.sum() * torch.log(q / q.sum())).sum() / X
    loss = dino_loss((student / 0.1).log_softmax(-1), target)
    assert torch.allclose(loss, total, rtol=1e-4)


def test_an_even_student_pays_ln_k_whatever_the_teacher_asks():
    target = teacher_probabilities(torch.randn(X, K), torch.zeros(K), 0.04)
    loss = dino_loss(torch.zeros(X, K).log_softmax(-1), target).item()
    assert math.isclose(loss, entropy_wall_nats(K), rel_tol=1e-6)


def test_gram_loss_compares_cosines_of_all_tokens_but_cls():
    student, teacher = torch.randn(X, T, D), torch.randn(X, T, D)
    total = 0.0
    for image in range(X):
        for i in range(1, T):
            for j in range(1, T):
                a, b = (
                    torch.cosine_similarity(t[image, i], t[image, j], dim=0)
                    for t in (student, teacher)
                )
                total += (a - b) ** 2 / (X * (T - 1) ** 2)
    assert torch.allclose(gram_loss(student, teacher), total, rtol=1e-4)
    student[:, 0] += 1
    assert torch.allclose(gram_loss(student, teacher), total, rtol=1e-4)


def test_koleo_loss_is_minus_the_mean_log_distance_to_the_nearest_neighbour():
    logits = torch.randn(X, K)
    unit = logits / logits.norm(dim=1, keepdim=True)
    nearest = [min((unit[i] - unit[j]).norm() for j in range(X) if j != i) for i in range(X)]
    assert torch.allclose(koleo_loss(logits), -torch.stack(nearest).log().mean(), rtol=1e-4)


def test_koleo_loss_of_coinciding_points_is_finite_and_so_is_its_gradient():
    logits = torch.ones(X, K, requires_grad=True)
    loss = koleo_loss(logits)
    loss.backward()
    assert math.isclose(loss.item(), -math.log(1e-8), rel_tol=1e-5)
    assert logits.grad.isfinite().all()


def test_simclr_loss_is_the_cross_entropy_of_finding_the_other_view():
    logits, total = torch.randn(X, K), 0.0
    for view in range(X):
        e = [
            torch.exp(torch.cosine_similarity(logits[view], logits[j], dim=0) / 0.3)
            for j in range(X)
        ]
        others = sum(e[j] for j in range(X) if j != view)
        total += -torch.log(e[(view + X // 2) % X] / others) / X
    assert torch.allclose(simclr_loss(logits, 0.3), total, rtol=1e-4)


def test_simclr_loss_of_coinciding_outputs_is_that_of_guessing_and_its_gradient_finite():
    logits = torch.ones(X, K, requires_grad=True)
    loss = simclr_loss(logits, 0.1)
    loss.backward()
    assert math.isclose(loss.item(), math.log(X - 1), rel_tol=1e-5)
    assert logits.grad.isfinite().all()


def test_entropy_is_ln_k_when_flat_and_zero_when_one_hot():
    rows = torch.stack((torch.full((K,), 1 / K), torch.eye(K)[3]))
    assert torch.allclose(entropy_nats(rows), torch.tensor([math.log(K), 0.0]), atol=1e-6)


def test_retrieval_counts_second_views_among_the_nearest():
    key = torch.nn.functional.normalize(torch.randn(9, D), dim=-1)
    query = key.clone()
    query[0], query[1] = key[1], key[0]  # two queries find each other's slice
    top1, top5 = retrieval(query, key)
    assert math.isclose(top1, 7 / 9, rel_tol=1e-6)
    expected = [i in (query[i] @ key.T).argsort(descending=True)[:5] for i in range(9)]
    assert math.isclose(top5, sum(expected) / 9, rel_tol=1e-6)


def test_collapsed_embeddings_retrieve_at_chance():
    same = torch.nn.functional.normalize(torch.ones(12, D), dim=-1)
    assert math.isclose(retrieval(same, same)[0], 1 / 12, rel_tol=1e-6)
    assert active_dims(same) == 0
    assert math.isclose(mean_cosine(same), 1.0, rel_tol=1e-5)


def test_mean_cosine_is_over_pairs_of_different_slices():
    unit = torch.nn.functional.normalize(torch.randn(9, D), dim=-1)
    pairs = [unit[i] @ unit[j] for i in range(9) for j in range(9) if i != j]
    assert torch.allclose(mean_cosine(unit), torch.stack(pairs).mean(), atol=1e-6)
    unit[:, 2] = 0.3
    assert active_dims(unit) == D - 1
    deviations = [unit[:, d].std() for d in range(D)]
    assert torch.allclose(embedding_std(unit), torch.stack(deviations).mean())


@pytest.mark.parametrize(
    ("momentum", "effective"), [(0.9, 2 / 3), (0.95, 5 / 6), (0.99, 29 / 30), (0.999, 299 / 300)]
)
def test_a_short_run_forgets_its_first_center_as_the_documented_one_does(momentum, effective):
    got = CenterConfig(momentum=momentum, reference_steps=2000).effective_momentum(600)
    assert math.isclose(got, effective, rel_tol=1e-9)
    assert math.isclose(600 * (1 - got), 2000 * (1 - momentum), rel_tol=1e-9)
    assert CenterConfig(momentum=momentum).effective_momentum(600) == momentum


def test_learning_rate_warms_up_then_falls_along_a_cosine():
    optim = OptimConfig(lr=2e-4, warmup_fraction=0.1)
    assert math.isclose(optim.lr_at(0, 2000), 1e-6, rel_tol=1e-9)
    assert math.isclose(optim.lr_at(99, 2000), 1e-4, rel_tol=1e-9)
    assert math.isclose(optim.lr_at(200, 2000), 2e-4, rel_tol=1e-9)
    assert math.isclose(optim.lr_at(1100, 2000), (2e-4 + 1e-6) / 2, rel_tol=1e-9)
    assert optim.lr_at(1999, 2000) < 1.01e-6
    assert OptimConfig(warmup_fraction=0.0).lr_at(0, 3) == 2e-4
