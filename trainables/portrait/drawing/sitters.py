"""Who sits for drawn portraits: values that a caption tells, and traits that none does.

A person keeps face and hair from one picture to the next; pose, mood, light, clothes and background
are drawn for each. Every value and trait has a stream of its own, so that none moves another, and
more people or pictures leave the first ones as they were.
Shape letters: B portraits, V values of an attribute.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from trainables.draws import generator

# What a caption says of each value of an attribute; "" says nothing.
OF_PERSON = {
    "kind": ("woman", "man", "person"),
    "age": ("young", "mature"),
    "build": ("slender", "sturdy", "muscular"),
    "skin": ("pale skin", "fair skin", "tan skin", "brown skin", "ebony skin"),
    "length": ("a bald head", "short", "shoulder-length", "long"),
    "texture": ("straight", "wavy", "curly"),
    "hair": ("black hair", "brown hair", "blond hair", "red hair", "grey hair"),
    "fringe": ("", "a fringe"),
    "eyes": ("brown eyes", "blue eyes", "green eyes", "grey eyes"),
    "beard": ("", "a moustache", "a beard"),
    "glasses": ("", "glasses"),
}
OF_PICTURE = {
    "expression": ("serious", "smiling", "laughing"),
    "turn": ("facing left", "facing the camera", "facing right"),
    "gaze": ("directly at", "away from"),
    "lit": ("lit from the left", "lit from the front", "lit from the right"),
    "dye": ("a red", "a blue", "a green", "a white", "a black", "a yellow", "a purple"),
    "garment": ("shirt", "jumper", "jacket"),
    "tone": ("dark", "light"),
    "backdrop": (
        "grey background", "blue background", "green background", "red background",
        "brown background",
    ),
}  # fmt: skip
PHRASES = OF_PERSON | OF_PICTURE

TRAITS_OF_PERSON = (
    "face_width", "jaw", "eye_distance", "eye_size", "nose_length", "nose_width", "mouth_width",
    "lips", "brow_height", "brow_slope", "brow_weight", "hairline", "parting", "volume",
    "skin_shade", "skin_red", "hair_shade", "ears", "frame",
)  # fmt: skip
TRAITS_OF_PICTURE = (
    "across", "down", "zoom", "roll", "yaw", "pitch", "gaze_side", "gaze_up", "mood", "dye_shade",
    "backdrop_x", "backdrop_y", "backdrop_shade", "backdrop_hue",
)  # fmt: skip

# Chances of the values where they are not alike, for all or by kind.
_CHANCES: dict[str, tuple[float, ...]] = {
    "kind": (0.42, 0.42, 0.16),
    "hair": (0.28, 0.30, 0.20, 0.10, 0.12),
    "fringe": (0.65, 0.35),
    "glasses": (0.78, 0.22),
    "gaze": (0.60, 0.40),
}
_CHANCES_BY_KIND = {
    "length": ((0.0, 0.25, 0.30, 0.45), (0.15, 0.60, 0.12, 0.13), (0.06, 0.46, 0.26, 0.22)),
    "beard": ((1.0, 0.0, 0.0), (0.45, 0.20, 0.35), (1.0, 0.0, 0.0)),
}


@dataclass(frozen=True, eq=False)
class Sitters:
    """What is drawn of each portrait.

    Attributes:
        values: Of each attribute, as a place among its phrases.
        traits: Numbers uniform in [-1, 1).
        identities: Who is shown.
    """

    values: Mapping[str, Int64[Tensor, " B"]]
    traits: Mapping[str, Float[Tensor, " B"]]
    identities: Int64[Tensor, " B"]

    def __len__(self) -> int:
        return len(self.identities)

    def take(self, rows: Int64[Tensor, " R"] | slice) -> "Sitters":
        """Some of them."""
        return Sitters(
            {name: value[rows] for name, value in self.values.items()},
            {name: trait[rows] for name, trait in self.traits.items()},
            self.identities[rows],
        )

    def digest(self) -> str:
        """Of all that is drawn."""
        found = hashlib.blake2b(self.identities.numpy().tobytes(), digest_size=16)
        for name, one in sorted({**self.values, **self.traits}.items()):
            found.update(name.encode() + one.numpy().tobytes())
        return found.hexdigest()

    def but(self, **values: int | Int64[Tensor, " B"]) -> "Sitters":
        """The same with other values of some attributes; traits stay."""
        changed = {name: torch.as_tensor(value).expand(len(self)) for name, value in values.items()}
        return Sitters({**self.values, **changed}, self.traits, self.identities)


def sitters(count: int, per_identity: int, seed: int, split: str, first: int = 0) -> Sitters:
    """That many portraits of as many people as are needed; those of one stand far apart.

    Args:
        count: How many.
        per_identity: Pictures of each person, of the last ones perhaps fewer.
        seed: Of the data.
        split: Draws of two splits have nothing in common.
        first: The number of the first person.
    """
    people = -(-count // per_identity)
    pictures = -(-count // people)
    row = torch.arange(count)
    values: dict[str, Tensor] = {}
    for name, phrases in OF_PERSON.items():
        drawn = _uniform(people, seed, split, name)[row % people]
        values[name] = _chosen(drawn, name, len(phrases), values.get("kind"))
    for name, phrases in OF_PICTURE.items():
        drawn = _of_pictures(people, pictures, seed, split, name)[:count]
        values[name] = _chosen(drawn, name, len(phrases), None)
    traits = {n: _uniform(people, seed, split, n)[row % people] for n in TRAITS_OF_PERSON}
    traits |= {n: _of_pictures(people, pictures, seed, split, n)[:count] for n in TRAITS_OF_PICTURE}
    return Sitters(values, {n: 2 * t - 1 for n, t in traits.items()}, first + row % people)


def _uniform(people: int, *key: int | str) -> Float[Tensor, " people"]:
    return torch.rand(people, generator=generator(*key))


def _of_pictures(people: int, pictures: int, *key: int | str) -> Float[Tensor, " all"]:
    return torch.cat([_uniform(people, *key, picture) for picture in range(pictures)])


def _chosen(
    drawn: Float[Tensor, " B"], name: str, count: int, kind: Int64[Tensor, " B"] | None
) -> Int64[Tensor, " B"]:
    """The value that a uniform number falls on."""
    if name in _CHANCES_BY_KIND and kind is not None:
        chances = torch.tensor(_CHANCES_BY_KIND[name])[kind]
    else:
        chances = torch.tensor(_CHANCES.get(name, (1 / count,) * count))[None]
    return (drawn[:, None] >= chances.cumsum(1)[:, :-1]).sum(1)
