"""Voxel spacing: in the phantom, in prepared folders, told to a network, read off embeddings."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from prepared_ct import write_folder
from sklearn.linear_model import Ridge
from test_dino_objectives import TINY

from infra.study.study import replace_fields
from trainables.ct.phantom import PhantomConfig, phantom_series, phantom_spacing_mm
from trainables.ct.slices import load_slices
from trainables.dino.data import checked
from trainables.dino.dino import DinoRun
from trainables.dino.metrics import decoded_share, has_folds
from trainables.draws import initialise, uniform
from trainables.vit import VisionTransformer, ViTConfig, documented_init

PHANTOM = PhantomConfig(series=6, slices=20, side_px=48, validation_fraction=0.5)
VARIED = replace(PHANTOM, spacing_spread=0.5)
VIT = ViTConfig(image_px=28, patch_px=7, dim=24, depth=2, heads=3, registers=5)


def test_the_phantom_has_one_spacing_unless_it_is_spread():
    assert phantom_spacing_mm(PHANTOM, 0).tolist() == pytest.approx([15, 400 / 48, 400 / 48])
    assert torch.equal(phantom_spacing_mm(PHANTOM, 0), phantom_spacing_mm(PHANTOM, 5))


def test_spread_spacings_differ_between_patients_within_their_range():
    ratio = torch.stack([phantom_spacing_mm(VARIED, n) for n in range(50)])
    ratio = ratio / phantom_spacing_mm(PHANTOM, 0)
    assert 1 / 1.5 <= ratio.min() < 0.7 < 1.4 < ratio.max() < 1.5
    assert torch.equal(ratio[:, 1], ratio[:, 2])
    assert not torch.equal(ratio[:, 0], ratio[:, 1])


def test_a_body_is_as_wide_in_millimetres_whatever_its_spacing():
    cfg = replace(PHANTOM, noise_hu=0.0, side_px=96)
    wide = []
    for phantom in (cfg, replace(cfg, spacing_spread=0.5)):
        for series in range(3):
            hu = phantom_series(phantom, series)[0]
            across = (hu > -500).any(0).any(0).sum()  # columns that hold tissue
            wide.append(float(across * phantom_spacing_mm(phantom, series)[2]))
    for before, after, series in zip(wide[:3], wide[3:], range(3), strict=True):
        visible = 96 * float(phantom_spacing_mm(replace(cfg, spacing_spread=0.5), series)[2])
        assert after == pytest.approx(min(before, visible), rel=0.05)


def test_nodules_stay_on_their_labels_when_spacing_is_spread():
    hits = []
    for series in range(6):
        hu, nodules = phantom_series(replace(VARIED, slices=40, noise_hu=0.0), series)
        place, size = nodules.center.round().long(), torch.tensor(hu.shape)
        z, y, x = place[((place >= 0) & (place < size)).all(-1)].unbind(-1)
        hits.append(hu[z, y, x] > -100)
    assert torch.cat(hits).all()


def test_slices_carry_the_spacing_of_their_series():
    slices = load_slices("", VARIED)
    assert slices.series.tolist() == [n for n in range(6) for _ in range(20)]
    for row in (0, 33, 119):
        assert torch.equal(slices.spacing_mm[row], phantom_spacing_mm(VARIED, row // 20))


def test_a_folder_without_spacing_gives_nan_and_no_spacing_to_a_network(tmp_path):
    slices = load_slices(write_folder(tmp_path), PHANTOM)
    assert slices.spacing_mm.isnan().all()
    assert slices.series.tolist() == [0] * 3 + [1] * 2 + [2] * 4
    cfg = replace_fields(TINY, {"optim.batch": 1, "vit.spacing_embedding": True})
    with pytest.raises(ValueError, match="must have its spacing .* got 9 of 9 without; prepare it"):
        checked(slices, cfg)


def test_a_folder_with_spacing_gives_it_along_z_rows_and_columns(tmp_path):
    write_folder(tmp_path)
    for file in sorted(tmp_path.glob("slices-*")):
        table = pq.read_table(file)
        for name, mm in (("row_mm", 0.7), ("column_mm", 0.8), ("slice_mm", 2.5)):
            table = table.append_column(name, pa.array(np.full(len(table), mm, np.float32)))
        pq.write_table(table, file)
    slices = load_slices(str(tmp_path), PHANTOM)
    assert slices.spacing_mm.shape == (9, 3)
    assert slices.spacing_mm[4].tolist() == pytest.approx([2.5, 0.7, 0.8])


def network(**fields):
    vit = VisionTransformer(replace(VIT, spacing_embedding=True, **fields))
    initialise(vit, 0, documented_init)
    return vit


def test_an_untrained_embedding_changes_nothing():
    plain, told = VisionTransformer(VIT), network()
    initialise(plain, 0, documented_init)
    images, mm = uniform(0.0, 1.0, (2, 3, 28, 28), "images"), uniform(0.5, 3.0, (2, 3), "mm")
    assert torch.equal(plain(images), told(images, mm))


def test_the_embedding_is_a_normalised_mlp_added_to_all_tokens_but_registers():
    vit = network()
    torch.nn.init.normal_(vit.spacing.out.weight, generator=torch.Generator().manual_seed(3))
    images, mm = uniform(0.0, 1.0, (2, 3, 28, 28), "images"), uniform(0.5, 3.0, (2, 3), "mm")
    with torch.no_grad():
        hidden = mm @ vit.spacing.hidden.weight.T + vit.spacing.hidden.bias
        hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
        out = hidden @ vit.spacing.out.weight.T
        out = (out - out.mean(-1, keepdim=True)) / (
            out.var(-1, keepdim=True, unbiased=False) + 1e-5
        ).sqrt()
        added = vit.embed(images, mm) - vit.embed(images, mm * 0 + 1)
        one = vit.spacing(torch.ones(2, 3))
        assert vit.embed(images, mm).shape == (2, 17, 24)
        assert torch.allclose(added, (out[:, None] - one).expand(-1, 17, -1), atol=1e-4)


@pytest.mark.parametrize(("dim", "hidden"), [(384, 96), (24, 16)])
def test_the_embedding_has_the_documented_width(dim, hidden):
    with torch.device("meta"):
        vit = VisionTransformer(ViTConfig(dim=dim, heads=3, spacing_embedding=True))
    assert vit.spacing.hidden.weight.shape == (hidden, 3)
    assert vit.spacing.out.weight.shape == (dim, hidden)


def test_a_network_that_needs_spacing_says_so():
    with pytest.raises(ValueError, match="must come with its spacing_mm, got none"):
        network()(torch.zeros(1, 3, 28, 28))


def test_decoded_share_is_that_of_ridge_regressions_between_halves_of_the_series():
    series = torch.arange(9).repeat_interleave(7)
    target = uniform(0.0, 1.0, (9,), "target")[series]
    unit = uniform(-1.0, 1.0, (63, 5), "unit")
    unit[:, 1] += 9 * target
    residual, odd = np.empty(63), (series % 2 == 1).numpy()
    x, y = unit.double().numpy(), target.double().numpy()
    for fit in (odd, ~odd):
        scale = (x[fit] - x[fit].mean(0)).std(ddof=1)
        residual[~fit] = y[~fit] - Ridge(alpha=1.0).fit(x[fit] / scale, y[fit]).predict(
            x[~fit] / scale
        )
    expected = 1 - (residual**2).sum() / ((y - y.mean()) ** 2).sum()
    assert math.isclose(decoded_share(unit, target, series), expected, rel_tol=1e-9)
    assert expected > 0.1


def test_decoding_is_defined_where_both_halves_vary():
    series = torch.tensor([3, 3, 5, 5, 8, 8])
    assert not has_folds(torch.tensor([1.0, 1, 2, 2, 3, 3]), series)  # 5 is alone in its half
    series = torch.tensor([3, 5, 8, 9])
    assert has_folds(torch.tensor([1.0, 2, 3, 4]), series)
    assert not has_folds(torch.tensor([1.0, 1, 1, 1]), series)
    assert not has_folds(torch.tensor([1.0, math.nan, 3, 4]), series)


@pytest.mark.parametrize(
    ("fields", "reported"),
    [
        ({}, set()),
        ({"phantom.spacing_spread": 0.4}, {"val/spacing_r2"}),
        ({"vit.spacing_embedding": True}, {"val/spacing_shift"}),
        (
            {"phantom.spacing_spread": 0.4, "vit.spacing_embedding": True},
            {"val/spacing_r2", "val/spacing_shift"},
        ),
    ],
)
def test_spacing_is_reported_where_it_varies_or_is_told(fields, reported):
    cfg = replace_fields(TINY, {"phantom.series": 8, "evaluation.slices": 40} | fields)
    run = DinoRun(cfg)
    metrics = run.evaluate()
    assert {key for key in metrics if "spacing" in key} == reported
    if "val/spacing_shift" in reported:
        assert abs(metrics["val/spacing_shift"]) < 1e-6  # the last layer starts from zero
        run.advance(4)
        assert run.evaluate()["val/spacing_shift"] > 1e-6


def test_spread_below_zero_is_refused():
    with pytest.raises(ValueError, match="spacing_spread must be at least 0, got -0.1"):
        PhantomConfig(spacing_spread=-0.1)
