"""The CT phantom: repeatable patients with lungs, vessels and labelled nodules."""

import pytest
import torch

from trainables.ct.phantom import PhantomConfig, phantom_series

CFG = PhantomConfig(series=5, slices=20, side_px=48)


def test_patients_are_repeatable_and_differ():
    first, labels = phantom_series(CFG, 0)
    again, same_labels = phantom_series(CFG, 0)
    assert torch.equal(first, again)
    assert torch.equal(labels.center, same_labels.center)
    assert not torch.equal(first, phantom_series(CFG, 1)[0])


def test_a_patient_does_not_change_when_more_are_added():
    more = PhantomConfig(series=9, slices=20, side_px=48)
    assert torch.equal(phantom_series(CFG, 4)[0], phantom_series(more, 4)[0])


@pytest.mark.parametrize("series", range(3))
def test_values_obey_the_hu_law(series):
    hu = phantom_series(CFG, series)[0].float()
    assert hu.min() >= -1000
    assert hu.max() <= 4000
    assert hu.quantile(0.01) < -300  # some air
    shares = [((hu > a) & (hu < b)).float().mean().item() for a, b in LUNG_TISSUE_BONE]
    assert all(share > 0.01 for share in shares), shares


LUNG_TISSUE_BONE = ((-930, -760), (-20, 100), (500, 900))


def test_a_nodule_is_dense_where_its_label_says():
    cfg = PhantomConfig(series=6, slices=40, side_px=64, noise_hu=0.0)
    hits = []
    for series in range(cfg.series):
        hu, nodules = phantom_series(cfg, series)
        z, y, x = nodules.center.round().long().unbind(-1)
        hits.append(hu[z, y, x] > -100)
        assert nodules.radius.min() >= 1.5
    assert torch.cat(hits).all()


def test_lungs_hold_vessels():
    cfg = PhantomConfig(series=3, slices=40, side_px=64, noise_hu=0.0)
    hu = phantom_series(cfg, 0)[0][20, 26:36]
    lung = (hu < -700).float().mean()
    partial = ((hu > -700) & (hu < -150)).float().mean()  # soft edges occur around tubes only
    assert lung > 0.1
    assert partial > 0.005


def test_a_split_without_series_is_refused():
    with pytest.raises(ValueError, match=r"at least one series on each side, got 0\.0 of 5"):
        PhantomConfig(series=5, validation_fraction=0.0)
