"""What Muon's five steps make of singular values, by arithmetic alone.

A matrix is scaled to a norm of 1, and each step puts its singular values through one polynomial;
singular vectors stay what they are. So values can be followed one by one.
"""

from math import asin, pi

POLYNOMIAL = (3.4445, -4.7750, 2.0315)  # of Muon, in odd powers
SIDE = 192


def orthogonalised(singular: float, steps: int = 5) -> float:
    """What becomes of a singular value."""
    a, b, c = POLYNOMIAL
    for _ in range(steps):
        singular = a * singular + b * singular**3 + c * singular**5
    return singular


def gaussian_spectrum(side: int = SIDE) -> list[float]:
    """Singular values of a square Gaussian matrix of norm 1, at even shares of their law."""
    values, place = [], 0.0
    for i in range(side):
        while _below(place) < (i + 0.5) / side:
            place += 1e-4
        values.append(2 * place / side**0.5)
    return values


def _below(place: float) -> float:
    """The share of values below a place in [0, 1] of the largest: a quarter of a circle."""
    place = min(place, 1.0)
    return 2 / pi * (asin(place) + place * (1 - place**2) ** 0.5)


def alike(low: float, high: float) -> bool:
    """Whether all values between two quantiles end within .5 and 1.3."""
    kept = gaussian_spectrum()[int(low * SIDE) : int(high * SIDE)]
    return all(0.5 <= orthogonalised(value) <= 1.3 for value in kept)
