"""Pictures of portraits: rows that can be told apart, small enough, and the same each time."""

from io import BytesIO

import numpy as np
import pytest
import torch
from judged_portraits import CAPTIONS, CountedWords, portraits, redrawn
from PIL import Image

from trainables.portrait.config import EvaluationConfig
from trainables.portrait.judge.errors import pixels
from trainables.portrait.judge.made import made_for
from trainables.portrait.picture.grids import MOST_BYTES, before_after, grid, samples
from trainables.portrait.picture.shown import SHOWN, shown

HOST = torch.device("cpu")


def read(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def has(png: bytes, color: tuple[int, int, int]) -> int:
    return int((read(png) == color).all(2).sum())


def flat(*colors: tuple[float, float, float], side: int = 32) -> torch.Tensor:
    return torch.tensor(colors, dtype=torch.float32)[:, :, None, None].expand(-1, 3, side, side)


def test_pixels_become_squares_and_keep_their_colour():
    image = torch.zeros(1, 3, 32, 32)
    image[0, 0, 4, 9] = 1.0
    png = grid({"made": image}, ["A man."])
    spot = np.argwhere((read(png) == (255, 0, 0)).all(2))
    assert len(spot) == 9 and (spot.max(0) - spot.min(0) == 2).all()
    assert has(png, (0, 0, 0)) >= 96 * 96 - 9


def test_columns_stand_in_order_and_rows_below_each_other():
    green, blue = flat((0, 1, 0), (0, 1, 0)), flat((0, 0, 1), (0, 0, 1))
    page = read(samples(green, blue, None, ["A man.", "A woman."]))
    at = [np.argwhere((page == color).all(2)) for color in ((0, 255, 0), (0, 0, 255))]
    assert at[0][:, 1].max() < at[1][:, 1].min()
    assert [len(spots) for spots in at] == [2 * 96 * 96] * 2
    assert len(np.unique(at[0][:, 0])) == 2 * 96 and np.ptp(at[0][:, 0]) > 2 * 96


def test_longer_captions_take_more_lines_and_no_more_width():
    image = flat((0, 1, 0))
    short, long = (read(grid({"a": image}, [text])) for text in ("A man.", "word " * 40))
    assert long.shape[1] == short.shape[1] and long.shape[0] >= short.shape[0] + 5 * 14
    last = long[-30:].min(axis=(0, 2))
    assert (last < 128).any()  # its last line is on the page
    assert read(grid({"a": image}, ["x" * 300])).shape[1] == short.shape[1]


def test_what_is_no_number_is_red():
    image = flat((0, 1, 0)).clone()
    assert not has(grid({"a": image}, ["b"]), (255, 0, 0))
    image[0, 1, 3, 3] = torch.nan
    assert has(grid({"a": image}, ["b"]), (255, 0, 0)) == 9


def test_a_change_is_shown_where_it_is_and_gray_elsewhere():
    before = flat((0.5, 0.5, 0.5))
    after = before.clone()
    after[:, :, :16] += 0.1
    png = before_after(before, after, ["A person."], [("woman", "person")])
    assert 96 * 48 <= has(png, (230, 230, 230)) < 96 * 49  # .5 + 4 x .1; some of a letter's edge
    none = before_after(before, before, ["A person."], [("woman", "person")])
    assert 3 * 96 * 96 <= has(none, (128, 128, 128)) < 3 * 96 * 97


@pytest.mark.parametrize("size", [(32, 32), (512, 512), (64, 200)])
def test_a_picture_of_noise_of_any_size_has_few_enough_bytes(size):
    noise = torch.rand(6, 3, *size, generator=torch.Generator().manual_seed(0))
    columns = {name: noise for name in "abcd"}
    png = grid(columns, ["A man."] * 6)
    assert len(png) <= MOST_BYTES and max(read(png).shape) < 1200
    assert png == grid(columns, ["A man."] * 6)


def test_a_picture_of_nothing_or_of_unlike_columns_is_refused():
    with pytest.raises(ValueError, match="one at least, got {'a': 0}"):
        grid({"a": torch.zeros(0, 3, 8, 8)}, [])
    with pytest.raises(ValueError, match="each of 1 captions"):
        grid({"a": flat((0, 1, 0)), "b": torch.zeros(2, 3, 32, 32)}, ["A man."])


def made(truth, draw=redrawn, **asked):
    return made_for(truth, draw, CountedWords(), EvaluationConfig(**asked))


def test_a_run_shows_samples_and_edits_of_the_first_portraits():
    truth = portraits(9)
    pictures = shown(made(truth), truth)
    assert list(pictures) == ["samples", "edits"]
    assert all(png.startswith(b"\x89PNG") for png in pictures.values())
    assert pictures == shown(made(truth).first(SHOWN), truth)
    assert list(shown(made(truth, edits=0), truth)) == ["samples"]
    silent = portraits(3, captions=["A man."])
    assert list(shown(made(silent), silent)) == ["samples"]


def test_samples_show_what_was_judged():
    truth = portraits(9)
    judged = made(truth, from_text=False, edits=0)
    true = pixels(truth, HOST)[:SHOWN]
    expected = samples(true, judged.recon[:SHOWN], None, truth.captions[:SHOWN])
    assert shown(judged, truth)["samples"] == expected


def test_captions_are_read_as_they_are_in_any_script():
    pages = [read(grid({"a": flat((0, 1, 0))}, [text])) for text in (*CAPTIONS, "Мужчина", "")]
    assert len({page.tobytes() for page in pages}) == len(pages)
