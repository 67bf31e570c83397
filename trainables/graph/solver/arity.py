"""How many edges a node may have, and the strongest of those that it has.

After timlawrenz/jubilant-palm-tree, constraint_solver.py@7c65c86 and inference.py@9a6d19c.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

# Most execution edges that leave a node, by motif; a Boundary's one is the entry's.
MOST_OUTPUTS = np.array([0, 1, 1, 2, 2, 1, 1])


def strongest(
    chosen: Bool[np.ndarray, "*rows others"], strength: Float[np.ndarray, "*rows others"]
) -> Bool[np.ndarray, "*rows others"]:
    """The strongest of the chosen cells of each row, of equals the one of the lowest number."""
    best = np.zeros_like(chosen)
    if chosen.size:
        place = np.where(chosen, strength, -np.inf).argmax(-1, keepdims=True)
        np.put_along_axis(best, place, True, -1)
    return best & chosen


def strongest_two(
    chosen: Bool[np.ndarray, "*rows others"],
    strength: Float[np.ndarray, "*rows others"],
    most: Int[np.ndarray, "*rows"],
) -> tuple[Bool[np.ndarray, "*rows others"], Bool[np.ndarray, "*rows others"]]:
    """The strongest of the chosen cells of each row and the next, of which it may have so many."""
    first = strongest(chosen, strength)
    second = strongest(chosen & ~first, strength)
    return first & (most > 0)[..., None], second & (most > 1)[..., None]
