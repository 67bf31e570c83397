"""Slices as runs read them, and the views that are made of them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from prepared_ct import SERIES, volume, write_folder
from torchvision.transforms.v2 import functional as tv

from trainables.ct import slices as ct_slices
from trainables.ct import views as ct_views
from trainables.ct.phantom import PhantomConfig
from trainables.ct.slices import load_slices
from trainables.ct.views import ViewsConfig, crop_weights, draw_views, make_views
from trainables.dino.config import DinoConfig, OptimConfig
from trainables.dino.dino import checked

PHANTOM = PhantomConfig(series=3, slices=4, side_px=16, validation_fraction=0.34)


def test_neighbours_are_clamped_at_the_ends_of_a_series():
    slices = load_slices("", PHANTOM)
    rows = torch.tensor([0, 3, 4, 6])
    channels = slices.triplets(rows)
    for got, three in zip(channels, ([0, 0, 1], [2, 3, 3], [4, 4, 5], [5, 6, 7]), strict=True):
        assert torch.equal(got, slices.hu[three])


def test_phantom_is_split_by_series():
    slices = load_slices("", PHANTOM)
    assert slices.train.tolist() == list(range(8))
    assert slices.validation.tolist() == list(range(8, 12))


def test_a_prepared_folder_comes_back_as_written(tmp_path):
    slices = load_slices(write_folder(tmp_path), PHANTOM)
    assert slices.hu.shape == (9, 5, 7)
    assert torch.equal(slices.hu[3:5, :4, :7], torch.from_numpy(volume(4, 7, 2, 1)))
    assert torch.equal(slices.hu[5:, :5, :6], torch.from_numpy(volume(5, 6, 4, 2)))
    assert slices.hu[0, :, 6].eq(-1000).all()  # padding is air
    assert slices.height.tolist() == [5] * 3 + [4] * 2 + [5] * 4
    assert slices.train.tolist() == [0, 1, 2, 3, 4]
    assert slices.above.tolist() == [1, 2, 2, 4, 4, 6, 7, 8, 8]


def test_a_batch_is_as_large_as_its_largest_slice(tmp_path):
    slices = load_slices(write_folder(tmp_path), PHANTOM)
    assert slices.triplets(torch.tensor([3, 4])).shape == (2, 3, 4, 7)
    assert slices.triplets(torch.tensor([0, 8])).shape == (2, 3, 5, 6)
    assert slices.triplets(torch.tensor([0, 3])).shape == (2, 3, 5, 7)


def test_a_large_set_is_mapped_from_a_file_with_the_same_voxels(tmp_path, monkeypatch):
    whole = load_slices(write_folder(tmp_path), PHANTOM)
    monkeypatch.setattr(ct_slices, "RAM_BYTES", 100)
    ct_slices._read.cache_clear()
    mapped = load_slices(str(tmp_path), PHANTOM)
    assert len(list(tmp_path.glob(".voxels-*.int16"))) == 1
    assert torch.equal(mapped.hu, whole.hu)


def test_neighbours_do_not_cross_the_gap_of_a_split_series(tmp_path):
    parts = (("a", "train", 5, 6, 2), ("a", "validation", 5, 6, 3))
    slices = load_slices(write_folder(tmp_path, parts), PHANTOM)
    assert slices.above.tolist() == [1, 1, 3, 4, 4]
    assert slices.below.tolist() == [0, 0, 2, 2, 3]


def test_a_folder_is_read_once_per_process(tmp_path):
    folder = write_folder(tmp_path)
    assert load_slices(folder, PHANTOM) is load_slices(folder, PHANTOM)


def cut(folder):
    file = folder / "slices-00000.parquet"
    file.write_bytes(file.read_bytes()[:-20])


def forget(folder):
    for file in folder.glob("slices-*"):
        file.unlink()


def shorten(folder):
    table = pq.read_table(folder / "slices-00001.parquet")
    rows = [row | {"hu": row["hu"][:-2]} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), folder / "slices-00001.parquet")


@pytest.mark.parametrize(
    ("spoil", "law"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "must hold a readable manifest.json"),
        (
            lambda folder: (folder / "manifest.json").write_text("{"),
            "must hold a readable manifest",
        ),
        (lambda folder: write_folder(folder, kind="text"), "kind 'ct'"),
        (forget, "it has no slices"),
        (cut, "must hold readable slices"),
        (shorten, "58 bytes for 5 x 6"),
    ],
)
def test_a_spoiled_folder_is_refused_in_one_line(tmp_path, spoil, law):
    write_folder(tmp_path)
    spoil(tmp_path)
    with pytest.raises(ValueError, match=law) as refusal:
        load_slices(str(tmp_path), PHANTOM)
    message = str(refusal.value)
    assert "\n" not in message
    assert str(tmp_path) in message
    assert "ablate data ct" in message


def test_a_folder_without_validation_is_refused(tmp_path):
    with pytest.raises(ValueError, match="both splits must have slices, got 5 for training and 0"):
        load_slices(write_folder(tmp_path, SERIES[:2]), PHANTOM)


@pytest.mark.parametrize("box", [(5, 3, 40, 20), (0, 2, 61, 50), (7, 1, 9, 11)])
def test_a_crop_is_torchvisions_antialiased_bicubic_one(box):
    top, left, height, width = box
    image = torch.rand(3, 61, 53)
    down = crop_weights(torch.tensor([[float(top)]]), torch.tensor([[float(height)]]), 61, 24)
    along = crop_weights(torch.tensor([[float(left)]]), torch.tensor([[float(width)]]), 53, 24)
    expected = tv.resized_crop(
        image, *box, [24, 24], interpolation=tv.InterpolationMode.BICUBIC, antialias=True
    )
    assert torch.allclose(down[0, 0] @ image @ along[0, 0].T, expected, atol=1e-5)


def views_of(hu, **settings):
    cfg = ViewsConfig(crop_scale_min=1.0, crop_aspect_max=1.0, **settings)
    size = torch.full((len(hu),), hu.shape[-1])
    draws = draw_views(cfg, len(hu), 3, "test", 8)
    return draws, make_views(hu, size, size, draws, 12, cfg.hu_divisor)


def test_a_view_is_windowed_flipped_and_normalised():
    hu = torch.randint(-1000, 1500, (9, 3, 12, 12)).to(torch.int16)
    draws, views = views_of(hu)
    assert draws.flip.any()
    assert not draws.flip.all()
    for view, level, width, flip, slices in zip(
        views,
        draws.level_hu.flatten(),
        draws.width_hu.flatten(),
        draws.flip.flatten(),
        torch.cat((hu, hu)),
        strict=True,
    ):
        gray = ((slices - (level - width / 2)) / width).clamp(0, 1)
        gray = tv.horizontal_flip(gray) if flip else gray
        expected = tv.normalize(gray, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        assert torch.allclose(view, expected, atol=1e-5)


@pytest.mark.parametrize("slices", [1, 2, 4])
def test_views_are_the_same_however_many_slices_fit_into_the_cache(slices, monkeypatch):
    hu = torch.randint(-1000, 1500, (9, 3, 12, 12)).to(torch.int16)
    at_once = views_of(hu)[1]
    monkeypatch.setattr(ct_views, "CACHE_BYTES", slices * 2 * 4 * hu[0].numel())
    assert torch.equal(views_of(hu)[1], at_once)


def test_dividing_hu_by_ten_compresses_contrast():
    hu = torch.randint(-1000, 1500, (4, 3, 12, 12)).to(torch.int16)
    assert views_of(hu, hu_divisor=10.0)[1].std() < 0.5 * views_of(hu)[1].std()


def test_padding_never_enters_a_view():
    hu = torch.zeros(2, 3, 20, 30, dtype=torch.int16)
    hu[:, :, 12:], hu[:, :, :, 15:] = -1000, -1000
    draws = draw_views(ViewsConfig(), 2, 0, "test")
    sizes = torch.tensor([12, 12]), torch.tensor([15, 15])
    views = make_views(hu, *sizes, draws, 8)
    assert torch.allclose(views, views[:, :, :1, :1].expand_as(views), atol=1e-5)


def test_draws_stay_in_their_documented_ranges():
    draws = draw_views(ViewsConfig(), 500, 0, "test")
    assert 0.5 <= draws.area.min() < draws.area.max() < 1
    assert -400 <= draws.level_hu.min() < draws.level_hu.max() < 400
    assert 800 <= draws.width_hu.min() < draws.width_hu.max() < 2000
    assert abs(draws.flip.float().mean() - 0.5) < 0.06


def test_hu_are_divided_once(tmp_path):
    write_folder(tmp_path, hu_divisor=10)
    slices = load_slices(str(tmp_path), PhantomConfig())
    assert slices.hu_divisor == 10
    cfg = DinoConfig(optim=OptimConfig(batch=1), views=ViewsConfig(hu_divisor=10.0))
    with pytest.raises(ValueError, match="HU may be divided once"):
        checked(slices, cfg)
