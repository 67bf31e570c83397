"""Pictures of values and graphs: whole PNGs, in which every node has a place of its own."""

from io import BytesIO

import numpy as np
import pytest
from hands import program
from PIL import Image

from trainables.graph.graphs import Edge, Graphs, Kind, Motif, Program
from trainables.graph.picture.layout import places
from trainables.graph.picture.pictures import COLORS, Drawn, before_after, drawing, heat_map, shown
from trainables.graph.program.fibonacci import FIBONACCI
from trainables.graph.program.programs import programs


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def has(png: bytes, color: str) -> bool:
    """Whether more than a speck of it is there."""
    rgb = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    return int((pixels(png) == rgb).all(2).sum()) > 20


def garbage(nodes: int, edges: int) -> Program:
    """A graph as an untrained network draws it."""
    rng = np.random.default_rng(nodes)
    cells = rng.permutation([(a, b) for a in range(nodes) for b in range(nodes) if a != b])
    return Program(
        tuple(Motif(int(motif)) for motif in rng.integers(1, 7, nodes)),
        tuple(
            Edge(int(a), int(b), Kind(int(rng.integers(2))), int(rng.integers(4)))
            for a, b in cells[:edges]
        ),
    )


@pytest.mark.parametrize(
    "one",
    [FIBONACCI, *programs(12, 1, "places", 60), garbage(9, 40), garbage(30, 20), garbage(17, 272)],
)
def test_every_node_has_a_place_of_its_own(one):
    spots = places(one)
    assert len(set(spots)) == len(one.motifs)
    assert all(x >= 0 and y >= 0 for x, y in spots)


def test_execution_stands_in_a_row_from_left_to_right_and_data_above():
    spots = places(FIBONACCI)
    row = [0, 2, 4, 5, 9, 13, 15, 17, 21, 23, 24]
    assert [node for node, (_, y) in enumerate(spots) if y == 0] == row
    columns = [spots[node][0] for node in row]
    assert columns == sorted(columns)
    for edge in FIBONACCI.edges:
        if edge.kind == Kind.DATA:
            assert spots[edge.source][1] > spots[edge.target][1]


def test_a_drawing_has_the_colours_of_its_motifs_and_no_others():
    small = drawing(program("BSM", "2>1", "0-1", ("", "$x", "\n日")))
    assert not (pixels(small) == 255).all()
    legend = drawing(program("B"))
    for motif in (Motif.STATE, Motif.MESSAGE):
        color = COLORS[motif]
        rgb = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
        assert (pixels(small) == rgb).all(2).sum() > 1.5 * (pixels(legend) == rgb).all(2).sum()


def test_what_is_no_number_is_red_in_a_heat_map():
    values = np.random.default_rng(0).random((7, 7))
    motifs = np.array([1, 2, 5, 6, 6, 0, 0])
    assert not has(heat_map(values, motifs), "#FF0000")
    values[2, 3] = np.nan
    assert has(heat_map(values, motifs), "#FF0000")
    values[:] = np.inf
    assert has(heat_map(values, motifs), "#FF0000")


def test_a_row_of_a_heat_map_is_the_source():
    values, motifs = np.zeros((6, 6)), np.full(6, 6)
    values[0, 5] = 1.0
    rgb = pixels(heat_map(values, motifs)).astype(int)
    yellow = np.argwhere((abs(rgb - [253, 231, 37]) < 4).all(2))
    image = yellow[yellow[:, 1] < 440]  # left of the colour bar
    assert image[:, 0].mean() < 120 and image[:, 1].mean() > 300


def test_pictures_of_samples_stand_in_rows():
    samples = [
        Drawn(np.random.default_rng(n).normal(size=(n, n)), np.full(n, 5), garbage(n, 5), truth)
        for n, truth in ((4, garbage(4, 3)), (6, garbage(6, 3)))
    ]
    one, two = (pixels(before_after(samples[:rows])) for rows in (1, 2))
    assert two.shape[0] > 1.7 * one.shape[0]
    assert two.shape[1] == one.shape[1]


def test_the_same_input_gives_the_same_bytes_and_a_graph_is_drawn_as_its_program():
    bare = Program(FIBONACCI.motifs, FIBONACCI.edges)
    assert drawing(bare) == drawing(Graphs.of([bare])) != drawing(FIBONACCI)


@pytest.mark.parametrize("one", [Program(()), program("Q"), garbage(45, 320)])
def test_graphs_of_any_size_are_drawn(one):
    assert min(pixels(drawing(one)).shape[:2]) > 100
    values = np.zeros((len(one.motifs),) * 2)
    assert heat_map(values, np.array(one.motifs, np.int64)).startswith(b"\x89PNG")


def test_a_deep_program_is_drawn_no_taller_than_a_page():
    deep = program("SM" * 30, " ".join(f"{n + 1}>{n}" for n in range(59)))
    assert max(places(deep))[1] == 59
    assert max(pixels(drawing(deep)).shape) < 3600


def test_literals_are_shown_in_few_characters():
    assert shown(10**6000) == "2^19932"
    assert shown("a\nb") == "a b"
    assert shown("abcdefghijklm") == "abcdefghijk…"
    assert shown(None) == "None"


def test_pictures_of_nothing_or_of_two_graphs_at_once_are_refused():
    with pytest.raises(ValueError, match="at least, got none"):
        before_after([])
    with pytest.raises(ValueError, match="got 2"):
        drawing(Graphs.of([FIBONACCI, FIBONACCI]))
    with pytest.raises(ValueError, match="1000 nodes at most to be drawn, got 1001"):
        drawing(program("Q" * 1001))
