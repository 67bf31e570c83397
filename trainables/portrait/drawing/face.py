"""A face: its outline and ears, and what is on it, each a shape that the turn of the head moves."""

import torch

from trainables.portrait.drawing import paint
from trainables.portrait.drawing.anatomy import SIDES, Anatomy, Each
from trainables.portrait.drawing.canvas import NOWHERE, Canvas, Grid, box, ellipse, stroke
from trainables.portrait.drawing.hair import Hair, paint_beard
from trainables.portrait.drawing.paint import plain

WOMAN = 0
LAUGHING = 2


def paint_face(canvas: Canvas, who: Anatomy) -> None:
    """All of it but glasses, ears first."""
    for side in SIDES:
        _paint_ear(*_near(canvas, who, *who.ear(side), 0.2, 0.3), who, side)
    canvas, u, v = _near(canvas, who, 0.0, 0.0, 0.95, 1.1)
    outline = face_outline(who, u, v)
    canvas.over(outline, who.unit, paint.skin(who), "skin")
    for side in SIDES:
        _paint_cheek(
            *_near(canvas, who, *who.turned(side * 0.62 * who.wide, 0.28), 0.5, 0.5), who, side
        )
    _paint_lines(canvas, u, v, who)
    _paint_nose(*_near(canvas, who, *who.nose(), 0.4, 0.55), who)
    paint_beard(canvas, who, u, v, outline)
    _paint_mouth(*_near(canvas, who, *who.mouth(), 0.5, 0.4), who)
    for side in SIDES:
        near = _near(canvas, who, *who.eye(side), 0.3, 0.45)
        _paint_eye(*near, who, side)
        _paint_brow(*near, who, side)


def paint_light(canvas: Canvas, who: Anatomy, hair: Hair) -> None:
    """Light and shade on the head and its hair."""
    u, v = who.head(canvas)
    whole = torch.minimum(face_outline(who, u, v), hair.seen)
    canvas.tint(whole, who.unit, paint.light(who, u, v))


def _near(
    canvas: Canvas, who: Anatomy, u: Each | float, v: Each | float, wide: float, high: float
) -> tuple[Canvas, Grid, Grid]:
    """The canvas about a point of the head, and its samples in the head's coordinates."""
    x, y = who.placed(u, v)
    part = canvas.about(x, y, wide * who.unit, high * who.unit)
    return part, *who.head(part)


def face_outline(who: Anatomy, u: Grid, v: Grid) -> Grid:
    """Distance from the outline, narrower towards the chin."""
    lower = v.clamp(0, 1.1)
    wide = who.wide * (1 - who.taper * lower.square())
    u = u - 0.10 * who.yaw.sin() * (0.4 + 0.6 * lower)
    across, down = (u / wide).abs(), v.abs()
    form = across.square() * across.sqrt() + down.square() * down.sqrt()  # of power 2.5
    return (form - 1) * who.wide / 2.5


def _paint_ear(canvas: Canvas, u: Grid, v: Grid, who: Anatomy, side: int) -> None:
    x, y = who.ear(side)
    size = who.ear_seen(side).clamp(min=0.05) * who.trait("ears", 1.0, 0.15)
    canvas.over(
        ellipse(u - x, v - y, 0.13 * size, 0.21 * size), who.unit, 0.93 * paint.skin(who), "ears"
    )
    inner = ellipse(u - x, v - y, 0.06 * size, 0.12 * size)
    canvas.tint(inner, who.unit, plain((0.82, 0.74, 0.74)))


def _paint_cheek(canvas: Canvas, u: Grid, v: Grid, who: Anatomy, side: int) -> None:
    warm = 1 - (0.06 + 0.14 * who.has("kind", WOMAN))[:, None] * plain((0.0, 1.0, 0.8))
    x, y = who.turned(side * 0.62 * who.wide, 0.28)
    spot = ellipse(u - x, v - y, 0.20 * who.narrowed(side * 0.4), 0.17)
    canvas.tint(0.3 * spot, who.unit, warm)


def _paint_lines(canvas: Canvas, u: Grid, v: Grid, who: Anatomy) -> None:
    """What age leaves: lines on the forehead, beside the nose and below the eyes."""
    young = NOWHERE * (1 - who.has("age", 1))
    dark = plain((0.74, 0.70, 0.68))
    for height in (-0.50, -0.40):
        x, y = who.turned(0.0, height)
        line = stroke(u - x, v - y, 0.12 * (u - x).square(), 0.36, 0.022)
        canvas.tint(line + young, who.unit, dark)
    for side in SIDES:
        x, y = who.turned(side * 0.29, 0.40)
        across = side * (u - x) / who.narrowed(side * 0.29)
        fold = torch.maximum((across - 0.45 * (v - y)).abs() - 0.026, (v - y).abs() - 0.15)
        canvas.tint(fold + young, who.unit, dark)
        x, y = who.eye(side)
        bag = stroke(u - x, v - y, 0.19 - 1.6 * (u - x).square(), 0.16, 0.024)
        canvas.tint(bag + young, who.unit, dark)


def _paint_nose(canvas: Canvas, u: Grid, v: Grid, who: Anatomy) -> None:
    x, y = who.nose()
    bridge, top = who.turned(torch.zeros_like(x), -0.12, 1.02)
    along = ((v - top) / (y - top)).clamp(0, 1)
    middle = bridge + (x - bridge) * along
    half = (0.055 + 0.075 * along) * (1 + who.trait("nose_width", 0.0, 0.2))
    whole = torch.maximum((u - middle).abs() - half, torch.maximum(top - v, v - y - 0.07))
    canvas.over(whole, who.unit, paint.skin(who), "nose", 0.25)
    shaded = who.by("lit", 1.0, 0.4, -1.0)
    side = torch.maximum(
        (u - middle - shaded * half).abs() - 0.035, (v - 0.5 * (y + top)).abs() - 0.2
    )
    canvas.tint(side, who.unit, plain((0.86, 0.82, 0.80)))
    wings = 0.14 + who.trait("nose_width", 0.0, 0.026)
    base = stroke(u - x, v - y, 0.075 - 1.5 * (u - x).square(), wings, 0.03)
    canvas.tint(base, who.unit, plain((0.66, 0.58, 0.56)))
    tip = ellipse(u - x + 0.03 * shaded, v - y + 0.03, 0.05, 0.06)
    canvas.tint(tip, who.unit, plain((1.08, 1.08, 1.08)))


def _paint_mouth(canvas: Canvas, u: Grid, v: Grid, who: Anatomy) -> None:
    x, y = who.mouth()
    across = (u - x) / who.mouth_width()
    line = y + who.smile() * (0.35 - across.square())
    arch = (1 - across.square()).clamp(min=0)
    full = 1 + 0.45 * who.has("kind", WOMAN) + who.trait("lips", 0.0, 0.25)
    gap = 0.085 * who.has("expression", LAUGHING) * arch
    beyond = (across.abs() - 1) * 0.25
    red = 0.30 + 0.55 * who.has("kind", WOMAN)
    lips = torch.lerp(paint.skin(who) * 0.80, plain(paint.LIP), red[:, None])
    below = torch.maximum(v - line - gap - (0.035 + 0.055 * arch) * full, line - v)
    above = torch.maximum(line - v - gap * 0.6 - (0.025 + 0.045 * arch) * full, v - line)
    shape = torch.maximum(torch.minimum(below, above), beyond)
    canvas.over(shape, who.unit, lips, "mouth")
    canvas.tint(torch.maximum(above, beyond), who.unit, plain((0.86, 0.84, 0.84)))
    opened = torch.maximum((v - line - 0.2 * gap).abs() - gap, beyond + 0.01)
    closed = NOWHERE * (1 - who.has("expression", LAUGHING))
    canvas.over(opened + closed, who.unit, plain((0.30, 0.08, 0.08)), "mouth")
    teeth = torch.maximum((v - line + 0.35 * gap).abs() - 0.55 * gap, beyond + 0.03)
    canvas.over(teeth + closed, who.unit, plain((0.96, 0.95, 0.92)), "mouth")
    seam = torch.maximum((v - line).abs() - 0.018, beyond)
    canvas.tint(seam + NOWHERE - closed, who.unit, plain((0.45, 0.38, 0.38)))


def _paint_eye(canvas: Canvas, u: Grid, v: Grid, who: Anatomy, side: int) -> None:
    x, y = who.eye(side)
    a, b = (u - x) / who.narrowed(side * 0.34), v - y
    size = who.trait("eye_size", 1.0, 0.10) * who.by("kind", 1.08, 0.96, 0.96)
    high = size * who.by("expression", 0.105, 0.095, 0.07)
    ball = ellipse(a, b, 0.19 * size, high)
    canvas.over(ball, who.unit, plain((0.97, 0.96, 0.95)), "eyes")
    away = who.has("gaze", 1)
    # Who looks away looks on along a turned head, or to a side that nothing tells.
    turn = who.by("turn", -1.0, 0.0, 1.0)
    aside = torch.where(turn == 0, who.trait("gaze_side").sign(), turn)
    a, b = a - 0.105 * size * away * aside, b - 0.02 * away * who.trait("gaze_up")
    iris = torch.maximum(ellipse(a, b, 0.10 * size, 0.10 * size), ball)
    canvas.over(iris, who.unit, paint.by(who, "eyes", paint.IRIS), "eyes")
    pupil = torch.maximum(ellipse(a, b, 0.045 * size, 0.045 * size), ball)
    canvas.over(pupil, who.unit, plain((0.04, 0.03, 0.03)), "eyes")
    canvas.over(
        ellipse(a + 0.03, b + 0.035, 0.022, 0.022), who.unit, plain((1.0, 1.0, 1.0)), "eyes", 0.8
    )
    lashes = 0.018 + 0.030 * who.has("kind", WOMAN)
    a = (u - x) / who.narrowed(side * 0.34)
    lid = torch.maximum(ball.abs() - lashes, v - y + 0.02)
    canvas.tint(torch.maximum(lid, a.abs() - 0.21 * size), who.unit, plain((0.25, 0.20, 0.20)))


def _paint_brow(canvas: Canvas, u: Grid, v: Grid, who: Anatomy, side: int) -> None:
    x, y = who.eye(side)
    a = side * (u - x) / who.narrowed(side * 0.34)
    height = 0.235 + who.trait("brow_height", 0.0, 0.03) + 0.03 * who.has("expression", LAUGHING)
    bend = -height + (0.10 + who.trait("brow_slope", 0.0, 0.10)) * a + 1.1 * a.square()
    thick = who.by("kind", 0.030, 0.055, 0.042) * who.trait("brow_weight", 1.0, 0.3)
    colour = 0.62 * paint.hair(who)
    canvas.over(stroke(a, v - y, bend - 0.02, 0.22, thick), who.unit, colour, "brows", 0.9)


def paint_glasses(canvas: Canvas, who: Anatomy) -> None:
    """Two rims, the bridge between them, and arms to the ears."""
    canvas, u, v = _near(canvas, who, *who.turned(0.0, -0.06), 0.75, 0.35)
    none = NOWHERE * (1 - who.has("glasses", 1))
    dark = who.trait("frame") > 0
    colour = torch.where(dark[:, None], plain((0.10, 0.09, 0.10)), plain((0.48, 0.16, 0.12)))
    spots = [who.eye(side) for side in SIDES]
    rims = [
        (ellipse(u - x, v - y - 0.02, 0.26 * who.narrowed(side * 0.34), 0.21).abs() - 0.026)
        for side, (x, y) in zip(SIDES, spots, strict=True)
    ]
    (left, y), (right, _) = spots
    bridge = box(u - 0.5 * (left + right), v - y + 0.03, 0.07, 0.025)
    frame = torch.minimum(torch.minimum(*rims), bridge)
    canvas.over(frame + none, who.unit, colour, "glasses")
