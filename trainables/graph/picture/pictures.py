"""Pictures of what a network draws: its values as a heat map, and the graph that comes of them.

All are PNG, and the same input gives the same bytes. Colours are those of Okabe and Ito, which
colour-blind readers tell apart; a letter says the motif as well.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from trainables.graph.graphs import Edge, Graphs, Kind, Motif, Program
from trainables.graph.picture.layout import places
from trainables.graph.program.programs import apart

LETTERS = dict(zip(Motif, "·BQCLSM", strict=True))
COLORS = dict(
    zip(Motif, "#FFFFFF #BBBBBB #56B4E9 #E69F00 #D55E00 #009E73 #CC79A7".split(), strict=True)
)
EXECUTION, DATA = "#000000", "#0072B2"
MOST_LETTERS = 48  # nodes whose letters can be read beside a heat map
MOST_CHARACTERS = 12  # of a literal
MOST_EDGES = 300  # that are drawn, execution first; more would be a blot
MOST_NODES = 1000  # that are drawn; of more none could be seen
MOST_INCHES = 30.0  # of a side; a deeper or wider program is drawn smaller
_DPI = 110
_BRANCHING = (Motif.CONDITION, Motif.LOOP)

Spots = Sequence[tuple[float, float]]


def heat_map(values: Float[np.ndarray, "N N"], motifs: Int[np.ndarray, " N"]) -> bytes:
    """A PNG of what a network says of each edge, the row being its source; red is no number."""
    figure = _figure(5.2, 4.6)
    _draw_heat(figure, figure.subplots(), values, motifs)
    return _png(figure)


def drawing(graph: Program | Graphs) -> bytes:
    """A PNG of a program, or of a graph without literals.

    Raises:
        ValueError: When there are more graphs than one, or none, or too many nodes.
    """
    program = _one(graph)
    if len(program.motifs) > MOST_NODES:
        raise ValueError(
            f"pictures: a graph must have {MOST_NODES} nodes at most to be drawn, got "
            f"{len(program.motifs)}; show a shorter method"
        )
    spots = places(program)
    width, height = _extent(spots)
    figure = _figure(min(MOST_INCHES, 1.5 + 0.85 * width), min(MOST_INCHES, 2.2 + 0.85 * height))
    _draw_graph(figure.subplots(), program, spots)
    _legend(figure)
    return _png(figure)


@dataclass(frozen=True)
class Drawn:
    """What is shown of one sample: what was said of its edges, what came of that, and the truth.

    Attributes:
        values: What a network said of each edge, the row being its source.
        motifs: Of each node.
        made: The graph that was read from the values.
        truth: The graph whose motifs these are.
    """

    values: Float[np.ndarray, "N N"]
    motifs: Int[np.ndarray, " N"]
    made: Program
    truth: Program


def before_after(samples: Sequence[Drawn]) -> bytes:
    """A PNG with a row per sample: values, the graph that came of them, and the true one.

    Raises:
        ValueError: When there is no sample.
    """
    if not samples:
        raise ValueError("pictures: there must be a sample at least, got none")
    figure = _figure(18.0, 3.4 * len(samples) + 0.8)
    grid = figure.subplots(len(samples), 3, width_ratios=(1, 1.8, 1.8), squeeze=False)
    for row, sample in enumerate(samples):
        before, after, true = grid[row]
        _draw_heat(figure, before, sample.values, sample.motifs)
        for axis, program in ((after, sample.made), (true, sample.truth)):
            _draw_graph(axis, program, places(program))
        own = set(sample.truth.edges)
        read = len(sample.made.edges)
        hits = len(own & set(sample.made.edges))
        heads = (
            "said of an edge: 0 none, 1 one",
            f"read from that: {hits} of {len(own)} true edges, and {read - hits} others",
            "the truth",
        )
        for axis, head in zip(grid[row], heads, strict=True):
            axis.set_title(head, fontsize=10, loc="left")
    _legend(figure)
    return _png(figure)


def _figure(width_in: float, height_in: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained")


def _png(figure: Any) -> bytes:
    target = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a literal may have characters that no font here has
        figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _one(graph: Program | Graphs) -> Program:
    if isinstance(graph, Program):
        return graph
    if len(graph) != 1:
        raise ValueError(f"pictures: one graph can be drawn, got {len(graph)}; take one of them")
    return apart(graph)[0]


def _draw_heat(figure: Any, axis: Any, values: np.ndarray, motifs: np.ndarray) -> None:
    import matplotlib

    if not len(motifs):
        axis.set_axis_off()
        return
    colors = matplotlib.colormaps["viridis"].with_extremes(bad="red")
    shown = np.ma.masked_invalid(np.asarray(values, np.float64))
    image = axis.imshow(shown, cmap=colors, vmin=0.0, vmax=1.0, interpolation="nearest")
    figure.colorbar(image, ax=axis, shrink=0.8, extend="both")
    letters = [LETTERS[Motif(int(motif))] for motif in motifs]
    ticks = range(len(letters)) if len(letters) <= MOST_LETTERS else ()
    labels = letters if len(letters) <= MOST_LETTERS else ()
    size = 9 if len(letters) <= 20 else 6
    axis.set_xticks(ticks, labels, fontsize=size)
    axis.set_yticks(ticks, labels, fontsize=size)
    axis.set_xlabel("to", fontsize=9)
    axis.set_ylabel("from", fontsize=9)


def _draw_graph(axis: Any, program: Program, spots: Spots) -> None:
    width, height = _extent(spots)
    edges = sorted(program.edges, key=lambda edge: edge.kind)[:MOST_EDGES]
    bends = [_bend(edge, spots) for edge in edges]
    reach = [
        abs(bend * _run(edge, spots)) / 2
        for edge, bend in zip(edges, bends, strict=True)
        if edge.kind == Kind.EXECUTION
    ]
    axis.set_axis_off()
    axis.set_aspect("equal")
    axis.set_anchor("W")
    axis.set_xlim(-0.8, width - 0.2)
    axis.set_ylim(-0.6 - max(reach, default=0.0), height - 0.2)
    for edge, bend in zip(edges, bends, strict=True):
        _draw_edge(axis, edge, spots, bend)
        if edge.kind == Kind.EXECUTION and program.motifs[edge.source] in _BRANCHING:
            _write_index(axis, edge, spots, bend)
    if len(edges) < len(program.edges):
        axis.set_title(
            f"{len(edges)} of {len(program.edges)} edges are drawn", fontsize=8, loc="right"
        )
    literals = program.literals or (None,) * len(program.motifs)
    for motif, literal, (x, y) in zip(program.motifs, literals, spots, strict=True):
        axis.plot(x, y, "o", markersize=17, color=COLORS[motif], markeredgecolor="black", zorder=3)
        axis.text(x, y, LETTERS[motif], ha="center", va="center", fontsize=9, zorder=4)
        if literal is not None:
            text = shown(program.pool[literal])
            axis.annotate(
                text, (x, y), (10, 7), textcoords="offset points", fontsize=7,
                parse_math=False, zorder=5,
            )  # fmt: skip


def _run(edge: Edge, spots: Spots) -> float:
    return spots[edge.target][0] - spots[edge.source][0]


def _bend(edge: Edge, spots: Spots) -> float:
    """How far an edge is bent, in parts of its length.

    Execution to what stands next is straight; all else goes below the row, the deeper the longer.
    """
    if edge.kind == Kind.DATA:
        return 0.12
    run = _run(edge, spots)
    low, high = sorted((spots[edge.source][0], spots[edge.target][0]))
    between = any(low < x < high for x, y in spots if y == 0)
    if run > 0 and not between:
        return 0.0
    depth = (0.5 if run > 0 else 0.3) * abs(run) ** 0.5  # unlike, since a loop has one of each
    return 2 * depth / (run or 1.0)


def _draw_edge(axis: Any, edge: Edge, spots: Spots, bend: float) -> None:
    """An arrow, thick and black where something is executed."""
    executes = edge.kind == Kind.EXECUTION
    style = {
        "arrowstyle": "-|>",
        "color": EXECUTION if executes else DATA,
        "linewidth": 1.6 if executes else 1.0,
        "linestyle": "-" if executes else (0, (4, 2)),
        "shrinkA": 9,
        "shrinkB": 9,
        "connectionstyle": f"arc3,rad={bend}",
    }
    arrow = axis.annotate("", spots[edge.target], spots[edge.source], arrowprops=style, zorder=2)
    arrow.set_in_layout(False)  # which would be measured, arrow by arrow


def _write_index(axis: Any, edge: Edge, spots: Spots, bend: float) -> None:
    """The index of a branch, on its arrow near the source."""
    (x, y), (to_x, to_y) = spots[edge.source], spots[edge.target]
    run, rise = to_x - x, to_y - y
    along = min(0.5, 0.55 / (math.hypot(run, rise) or 1.0))
    aside = 2 * along * (1 - along) * bend  # of the curve that matplotlib draws for such a bend
    at = x + along * run + aside * rise, y + along * rise - aside * run
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    axis.text(*at, str(edge.index), fontsize=8, ha="center", va="center", zorder=5, bbox=box)


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    nodes = [
        Line2D([], [], marker="o", linestyle="", markersize=9, color=COLORS[motif],
               markeredgecolor="black", label=f"{LETTERS[motif]} {motif.name.lower()}")
        for motif in Motif if motif
    ]  # fmt: skip
    edges = [
        Line2D([], [], color=EXECUTION, linewidth=1.6, label="execution"),
        Line2D([], [], color=DATA, linewidth=1.0, linestyle=(0, (4, 2)), label="data"),
    ]
    figure.legend(
        handles=nodes + edges, loc="outside lower center", ncols=8, frameon=False, fontsize=8
    )


def shown(value: object) -> str:
    """A literal in few characters, whatever it is."""
    if isinstance(value, int) and value.bit_length() > 40:
        return f"{'-' if value < 0 else ''}2^{value.bit_length()}"  # may have too many digits
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _extent(spots: Spots) -> tuple[float, float]:
    return max((x for x, _ in spots), default=0.0) + 1.0, max(
        (y for _, y in spots), default=0.0
    ) + 1.0
