"""The colours of arms, the same in pictures and in MLflow: those of Okabe and Ito, then others."""

from colorsys import hls_to_rgb

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_GOLDEN = 0.618  # of a turn; no two of many hues that follow so lie close together


def arm_color(index: int) -> str:
    """The colour of the arm that was planned at this place."""
    if index < len(COLORS):
        return COLORS[index]
    further = index - len(COLORS)
    light = (0.36, 0.5, 0.62)[further % 3]
    return "#" + "".join(
        f"{round(255 * part):02X}" for part in hls_to_rgb(_GOLDEN * further % 1, light, 0.6)
    )
