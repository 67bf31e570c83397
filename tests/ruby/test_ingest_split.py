"""Sides of gems, files and rows: by a hash alone, whatever else is there."""

import pytest

from trainables.ruby.ingest.split import Found, first_of_each, leak_share, sides


def found(gems: int, files: int = 2, lines: int = 3, start: int = 0) -> list[Found]:
    return [
        Found(0, f"gem{gem}", f"lib/{file}.rb", line, f"{gem}.{file}.{line}", 7, 5, 1.0)
        for gem in range(start, start + gems)
        for file in range(files)
        for line in range(lines)
    ]


@pytest.mark.parametrize(("by", "keys"), [("gem", 400), ("file", 800), ("row", 2400)])
def test_about_the_wanted_share_validates(by, keys):
    side = sides(found(400), by, 0.2, seed=0)
    assert len(side) == keys
    share = sum(one == "validation" for one in side.values()) / keys
    assert share == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / keys) ** 0.5)


@pytest.mark.parametrize("by", ["gem", "file", "row"])
def test_a_key_stays_on_its_side_when_more_are_added(by):
    few, many = sides(found(40), by, 0.2, seed=0), sides(found(90), by, 0.2, seed=0)
    assert few.items() <= many.items()


def test_another_seed_gives_other_sides():
    assert sides(found(40), "gem", 0.2, seed=0) != sides(found(40), "gem", 0.2, seed=1)


def test_files_of_one_name_in_two_gems_are_two():
    assert len(sides(found(2, files=1), "file", 0.3, seed=0)) == 2


@pytest.mark.parametrize("gems", [2, 3, 5])
@pytest.mark.parametrize("fraction", [1e-9, 0.5])
def test_both_sides_have_a_gem_however_few_there_are(gems, fraction):
    for seed in range(20):
        side = sides(found(gems), "gem", fraction, seed)
        assert set(side.values()) == {"train", "validation"}


@pytest.mark.parametrize(
    ("by", "remedy"), [("gem", "--split file"), ("file", "--split row"), ("row", "more methods")]
)
def test_what_cannot_be_split_is_refused_with_the_remedy(by, remedy):
    with pytest.raises(ValueError, match=f"a split by {by} must have .* both sides.*{remedy}"):
        sides(found(1, 1, 1), by, 0.1, seed=0)


def test_the_first_of_each_tree_is_kept():
    twice = [*found(3), *found(2)]
    assert first_of_each(twice) == found(3)


def test_the_leak_is_the_share_of_held_out_methods_that_train():
    methods = [*found(4, 1, 2), *found(1, 1, 2)]
    methods[0] = Found(0, "gem3", "other.rb", 9, "0.0.0", 7, 5, 1.0)
    side = {"gem0": "validation", "gem1": "train", "gem2": "train", "gem3": "train"}
    assert leak_share(methods, side, "gem") == pytest.approx(1 / 3, abs=1e-6)
    assert leak_share(methods[1:], side | {"gem3": "validation"}, "gem") == 0
