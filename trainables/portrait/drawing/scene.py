"""What is behind and below a head: the background, clothes and the neck."""

import torch

from trainables.portrait.drawing import paint
from trainables.portrait.drawing.anatomy import NECK, SHOULDERS, Anatomy
from trainables.portrait.drawing.canvas import NOWHERE, Canvas, Grid, box, ellipse
from trainables.portrait.drawing.paint import Paint, plain

SHIRT, JUMPER, JACKET = range(3)


def paint_backdrop(canvas: Canvas, who: Anatomy) -> None:
    """A wall that is lit from one side, with a soft patch of another shade."""
    one = torch.ones_like(who.x)
    colour = paint.by(who, "backdrop", paint.BACKDROP)
    pale = who.has("tone", 1)[:, None]
    colour = torch.lerp(colour, 0.62 + 0.55 * colour, pale)
    colour = paint.shaded(colour, who, "backdrop_shade", 0.12)
    canvas.over(-NOWHERE * one, one, colour, "background")
    patch = (canvas.x - who.trait("backdrop_x", 0.0, 0.8)).square()
    patch = patch + (canvas.y - who.trait("backdrop_y", -0.2, 0.7)).square()
    glow = 1 + 0.22 * (who.trait("backdrop_hue") * (-2.5 * patch).exp())[:, None]
    canvas.tint(-NOWHERE * one, one, glow * paint.light_across(who, canvas.x))


def paint_body(canvas: Canvas, who: Anatomy) -> None:
    """Clothes, the neck, what of it the clothes leave bare, and their collar."""
    u, v = who.body(canvas)
    dye = paint.shaded(paint.by(who, "dye", paint.DYE), who, "dye_shade", 0.10)
    skin = paint.skin(who)
    shoulders = _shoulders(who, u, v)
    canvas.over(shoulders, who.unit, dye * paint.light_across(who, canvas.x), "clothes")
    inner = _opening(who, u, v, 0.10)
    seam = torch.where(
        who.has("garment", JACKET)[:, None] > 0, plain((0.90, 0.90, 0.88)), dye * 0.72
    )
    canvas.over(torch.maximum(inner, shoulders), who.unit, seam, "clothes")
    neck = _neck(who, u, v)
    bare = torch.maximum(_opening(who, u, v, 0.0), shoulders - 0.04)
    canvas.over(torch.minimum(neck, bare), who.unit, skin * 0.90, "neck")
    chin = ellipse(u - who.turned(0.0, 0.0)[0] * 0.7, v - 1.02, 0.52 * who.wide / 0.72, 0.20)
    canvas.tint(torch.maximum(neck, chin), who.unit, plain((0.74, 0.70, 0.70)))
    _lapels(canvas, who, u, v, dye, shoulders)


def _shoulders(who: Anatomy, u: Grid, v: Grid) -> Grid:
    """Distance from the clothed body, which slopes down from the neck and goes on below."""
    wide = who.shoulder()
    slope = 0.26 * (u / wide).abs().clamp(max=1).square()
    top = SHOULDERS - 0.14 + slope - 0.10 * who.has("build", 2) * (1 - (u / wide).abs())
    corner = 0.32
    side = (u.abs() - (wide - corner)).clamp(min=0)
    down = (top + corner - v).clamp(min=0)
    return torch.maximum((side.square() + down.square()).sqrt() - corner, u.abs() - wide - 0.12)


def _neck(who: Anatomy, u: Grid, v: Grid) -> Grid:
    """Distance from the neck, which widens to the shoulders."""
    half = who.by("build", 0.27, 0.36, 0.50) * (1 - 0.12 * who.has("kind", 0))
    flare = (0.25 + 0.30 * who.has("build", 2)) * (v - 1.15).clamp(0, 1).square()
    lean = 0.25 * who.turned(0.0, 0.0)[0] * (1.4 - v).clamp(0, 1)
    return box(u - lean, v - NECK, half + flare, 0.42)


def _opening(who: Anatomy, u: Grid, v: Grid, wider: float) -> Grid:
    """Distance from what a collar leaves bare: round, a notch, or a deep notch."""
    top = SHOULDERS - 0.22
    round_neck = ellipse(u, v - top, 0.42 + wider, 0.26 + wider)
    depth = who.by("garment", 0.62, 0.0, 0.50) + wider
    notch = torch.maximum(
        u.abs() - (0.40 + wider) * (1 - (v - top) / depth.clamp(min=0.1)), top - 0.2 - v
    )
    return torch.where(who.has("garment", JUMPER) > 0, round_neck, notch * 0.8)


def _lapels(canvas: Canvas, who: Anatomy, u: Grid, v: Grid, dye: Paint, shoulders: Grid) -> None:
    """The two flaps of a jacket over what is worn under it."""
    top = SHOULDERS - 0.22
    reach = 0.62 - 0.30 * (v - top)
    band = torch.maximum((u.abs() - reach).abs() - 0.15, top + 0.02 - v)
    hidden = NOWHERE * (1 - who.has("garment", JACKET))
    canvas.over(
        torch.maximum(band, shoulders) + hidden, who.unit, dye * 0.80, "clothes", opacity=0.9
    )
