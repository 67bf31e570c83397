"""Muon in float32: as torch's own within bfloat16, singular values where they should be."""

import pytest
import torch

from trainables.draws import generator
from trainables.portrait.config import MuonConfig
from trainables.portrait.training.muon import StackedMuon, new_muon, orthogonalised, stacks

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPES = [(24, 24), (24, 40), (40, 24), (24, 24), (100, 104), (1, 30), (30, 1)]
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def matrices_of(shapes):
    return [
        torch.nn.Parameter(torch.randn(*shape, generator=generator("start", place)))
        for place, shape in enumerate(shapes)
    ]


def stepped(kind, cfg, steps=3, rate=0.1, decay=0.03):
    """Matrices after a few updates from gradients of many sizes."""
    matrices = matrices_of(SHAPES)
    ours = new_muon(cfg, matrices, rate, decay)
    settings = {n: v for n, v in ours.param_groups[0].items() if n != "params"}
    optimizer = kind(matrices, **settings)
    for step in range(steps):
        for place, matrix in enumerate(matrices):
            draws = generator("gradient", step, place)
            matrix.grad = torch.randn(matrix.shape, generator=draws) * 10.0 ** (place - 3)
        optimizer.step()
    return matrices, optimizer


@pytest.mark.parametrize("nesterov", [True, False])
def test_ours_agrees_with_torchs_within_its_bfloat16(nesterov):
    cfg = MuonConfig(nesterov=nesterov)
    starts = matrices_of(SHAPES)
    ours, theirs = (stepped(kind, cfg)[0] for kind in (StackedMuon, torch.optim.Muon))
    for start, one, other in zip(starts, ours, theirs, strict=True):
        apart = (one - other).norm() / (other - start).norm()
        assert apart < 0.02, start.shape


def test_momentum_and_decay_are_torchs_to_the_bit():
    cfg = MuonConfig()
    (_, ours), (_, theirs) = (stepped(kind, cfg) for kind in (StackedMuon, torch.optim.Muon))
    for one, other in zip(ours.state.values(), theirs.state.values(), strict=True):
        assert torch.equal(one["momentum_buffer"], other["momentum_buffer"])
    still = matrices_of(SHAPES)
    optimizer = new_muon(cfg, still, 0.1, 0.5)
    for matrix in still:
        matrix.grad = torch.zeros_like(matrix)
    optimizer.step()
    for matrix, start in zip(still, matrices_of(SHAPES), strict=True):
        assert torch.allclose(matrix, 0.95 * start)


def test_the_state_of_one_goes_on_in_the_other():
    cfg = MuonConfig()
    for first, second in ((StackedMuon, torch.optim.Muon), (torch.optim.Muon, StackedMuon)):
        matrices, optimizer = stepped(first, cfg)
        resumed = second(matrices)
        resumed.load_state_dict(optimizer.state_dict())
        assert resumed.param_groups[0]["momentum"] == cfg.momentum
        buffers = [s["momentum_buffer"] for s in resumed.state.values()]
        kept = [s["momentum_buffer"] for s in optimizer.state.values()]
        assert all(torch.equal(a, b) for a, b in zip(buffers, kept, strict=True))
        resumed.step()


def test_small_matrices_of_one_shape_are_computed_at_once_be_they_wide_or_tall():
    assert stacks(matrices_of(SHAPES)) == [[0, 3], [1, 2], [4], [5, 6]]
    assert stacks(matrices_of([(97, 97), (97, 97), (96, 200), (96, 200)])) == [[0], [1], [2, 3]]


def test_a_matrix_moves_alike_alone_and_in_a_stack():
    cfg = MuonConfig()
    together, _ = stepped(StackedMuon, cfg)
    for place, shape in enumerate(SHAPES):
        (alone,) = matrices = matrices_of(SHAPES)[place : place + 1]
        optimizer = new_muon(cfg, matrices, 0.1, 0.03)
        for step in range(3):
            draws = generator("gradient", step, place)
            alone.grad = torch.randn(shape, generator=draws) * 10.0 ** (place - 3)
            optimizer.step()
        assert torch.allclose(alone, together[place], atol=1e-5)


def test_five_steps_bring_the_bulk_of_singular_values_near_one_and_leave_the_least_small():
    random = torch.randn(1, 192, 192, generator=generator("square"))
    values = torch.linalg.svdvals(orthogonalised(random, 5, COEFFICIENTS, 1e-7))[0]
    low, high = values.quantile(torch.tensor([0.05, 0.95])).tolist()
    assert 0.6 < low < high < 1.25
    assert values.max() < 1.3
    assert values.min() < 0.5  # "uniform magnitude" holds of the bulk alone


def test_a_well_conditioned_matrix_keeps_its_directions_at_equal_strength():
    random = torch.randn(3, 20, 60, generator=generator("wide"))
    turned = orthogonalised(random, 5, COEFFICIENTS, 1e-7)
    values = torch.linalg.svdvals(turned)
    assert values.min() > 0.6 and values.max() < 1.25
    left, _, right = torch.linalg.svd(random, full_matrices=False)
    inner = left.mT @ turned @ right.mT
    assert (inner - torch.diag_embed(inner.diagonal(dim1=1, dim2=2))).abs().max() < 1e-3


@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (24, 24)])
def test_an_update_is_about_as_large_as_adamws(shape):
    (matrix,) = matrices = matrices_of([shape])
    start = matrix.detach().clone()
    optimizer = new_muon(MuonConfig(), matrices, 1.0, 0.0)
    matrix.grad = 1e4 * torch.randn(*shape, generator=generator("gradient"))
    optimizer.step()
    root_mean_square = (matrix - start).square().mean().sqrt().item()
    assert root_mean_square == pytest.approx(0.2, rel=0.2)


def test_a_single_row_takes_a_step_whose_length_no_gradient_changes():
    lengths = []
    for size in (1e-3, 1.0, 1e3):
        (row,) = matrices = matrices_of([(1, 30)])
        start = row.detach().clone()
        optimizer = new_muon(MuonConfig(), matrices, 1.0, 0.0)
        row.grad = size * torch.randn(1, 30, generator=generator("gradient"))
        optimizer.step()
        moved = start - row
        assert torch.cosine_similarity(moved, row.grad).item() > 0.9999
        lengths.append(moved.norm().item())
    assert lengths == pytest.approx([lengths[0]] * 3, rel=1e-3)


def test_matrices_without_a_gradient_stay_and_vectors_are_refused():
    matrices = matrices_of([(4, 5), (5, 4)])
    optimizer = new_muon(MuonConfig(), matrices, 0.1, 0.5)
    matrices[0].grad = torch.ones(4, 5)
    optimizer.step()
    assert torch.equal(matrices[1], matrices_of([(4, 5), (5, 4)])[1])
    assert len(optimizer.state) == 1
    with pytest.raises(ValueError, match="only supports 2D parameters"):
        new_muon(MuonConfig(), [torch.nn.Parameter(torch.ones(3))], 0.1, 0.0)
