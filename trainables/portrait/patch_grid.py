"""How patches lie over a picture: one law for all that read a teacher's features by place."""


def grid_of(patches: int, sides: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of so many patches over a picture of that height and width, in any unit.

    Patches are square, and as many as fit either side, rounded to a whole one: both counts are
    those of one size of a patch, give or take less than one on the longer side. Over a square
    picture there are as many rows as columns.

    Raises:
        ValueError: When no such grid has so many.
    """
    height, width = sides
    rows = max(1, round((patches * height / width) ** 0.5))
    columns = patches // rows
    if rows * columns != patches or abs(rows * width - columns * height) >= max(sides):
        raise ValueError(
            f"features: patches must form a grid of squares over {height} x {width}, got "
            f"{patches}; write them with the teacher's grid of this shape"
        )
    return rows, columns
