"""Emoji of people as a folder of pictures, where the font and Unicode's list are."""

import numpy as np
import pytest
from PIL import Image

from trainables.portrait.ingest import emoji

there = emoji.FONT.is_file() and emoji.LIST.is_file() and emoji.features.check("raqm")
TOLD = """# subgroup: hands
1F44F ; fully-qualified     # x E0.6 clapping hands
# subgroup: person
1F469 200D 1F9B0 ; fully-qualified     # x E11.0 woman: red hair
1F469 1F3FB 200D 1F9B0 ; fully-qualified     # x E11.0 woman: light skin tone, red hair
1F471 FE0F ; unqualified    # x E0.6 person: blond hair
# subgroup: family
1F46A ; fully-qualified     # x E0.6 family
"""


def test_people_are_read_off_the_list_with_their_names():
    assert list(emoji.people(TOLD)) == [
        ("\U0001f469\u200d\U0001f9b0", "woman: red hair"),
        ("\U0001f469\U0001f3fb\u200d\U0001f9b0", "woman: light skin tone, red hair"),
    ]


def test_skin_tones_of_one_share_a_name():
    told = ["woman: red hair", "woman: light skin tone, red hair", "baby: dark skin tone", "baby"]
    assert [emoji.base(name) for name in told] == [
        "woman: red hair",
        "woman: red hair",
        "baby",
        "baby",
    ]


def test_without_the_font_it_is_refused_with_what_brings_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(emoji, "FONT", tmp_path / "none.ttf")
    assert emoji.main([str(tmp_path / "out")]) == 2
    assert emoji.PACKAGES in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert emoji.main([]) == 2


@pytest.mark.skipif(not there, reason=f"no font or list of emoji; run `{emoji.PACKAGES}`")
def test_each_is_painted_as_one_picture(tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text(TOLD)
    monkeypatch.setattr(emoji, "LIST", tmp_path / "list.txt")
    assert emoji.paint_people(tmp_path / "out") == 2
    (folder,) = (tmp_path / "out").iterdir()
    captions = sorted(path.read_text() for path in folder.glob("*.txt"))
    assert captions == ["woman: light skin tone, red hair", "woman: red hair"]
    for path in folder.glob("*.png"):
        alpha = np.asarray(Image.open(path))[..., 3]
        assert 0.2 < (alpha > 0).mean() < 0.95
