"""The portraits that a run learns from, and those that it is measured on.

Drawn ones, the same for every seed of a run, or those of a folder. People who are held out are none
that are trained on. Features come with the folder, from a file of weights, or of a small network
that is trained on drawn portraits.
Shape letters: B portraits.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import UInt8
from torch import Tensor

from trainables.portrait.config import PortraitsConfig
from trainables.portrait.drawing.captions import captions
from trainables.portrait.drawing.render import Drawn, draw
from trainables.portrait.drawing.sitters import PHRASES, Sitters, sitters
from trainables.portrait.features import Teacher, standardised, with_features
from trainables.portrait.portraits import Conditions, Portraits
from trainables.portrait.teaching import Course, small_teacher
from trainables.portrait.vit_file import vit_from
from trainables.portrait.words import PlainWords, Words
from trainables.stem import stem

DATA_SEED = 13  # drawn portraits are the data, which seeds of a run share
TOGETHER = 64  # examples of a batch that the preflight looks through


@dataclass(frozen=True, eq=False)
class Data:
    """Two sets of portraits, of different people.

    Attributes:
        train: To learn from.
        held_out: To be measured on.
        words: What makes states of other captions.
        teacher: What makes features of other pictures; none where they came with a folder.
        truncated: Captions that are longer than their states.
        stem: What a run reports at step 0 of the small teacher's training; nothing without it.
    """

    train: Portraits
    held_out: Portraits
    words: Words
    teacher: Teacher | None
    truncated: int
    stem: Mapping[str, float]


def load_data(data: str, cfg: PortraitsConfig) -> Data:
    """The portraits of a folder, or drawn ones where none is named.

    Raises:
        ValueError: When the folder or the file of the teacher cannot be used.
    """
    known = _loaded.cache_info().hits
    found = _loaded(data, replace(cfg, range="signed", flip="none"))  # which both act later
    if found.stem and _loaded.cache_info().hits > known:  # by another run of this process
        return replace(found, stem={**found.stem, "perf/stem_own_s": 0.0, "perf/stem_reused": 1.0})
    return found


@lru_cache(maxsize=2)
def _loaded(folder: str, cfg: PortraitsConfig) -> Data:
    train, held_out, words, course, of = _folder(folder, cfg) if folder else _drawn(cfg)
    teacher, took = None, {}
    if cfg.teacher:
        teacher = standardised(vit_from(cfg.teacher), train.images)
    elif not train.conditions.patches.shape[-1]:
        teacher, had = small_teacher(train.images, course, of)
        took = had.metrics
    if teacher is not None:
        train, held_out = with_features(train, teacher), with_features(held_out, teacher)
    truncated = words.truncated(train.captions) + words.truncated(held_out.captions)
    return Data(train, held_out, words, teacher, truncated, took)


_Read = tuple[Portraits, Portraits, Words, Callable[[], Course], str]


def _drawn(cfg: PortraitsConfig) -> _Read:
    """Drawn portraits, and what a small teacher learns: those for training."""
    words, each = PlainWords(), cfg.images_per_identity
    who = sitters(cfg.train, each, DATA_SEED, "train")
    people = int(who.identities.max()) + 1
    others = sitters(cfg.held_out, each, DATA_SEED, "held out", first=people)
    train, held_out = (portraits_of(some, cfg.size, words) for some in (who, others))
    return train, held_out, words, lambda: _course(train, who), digest(train)


def _folder(folder: str, cfg: PortraitsConfig) -> _Read:
    """Those of a folder; a small teacher learns from drawn ones, whose parts are known."""
    from trainables.portrait.folder import read_portraits  # needs what folders alone need

    def course() -> Course:
        usual = PortraitsConfig()
        who = sitters(usual.train, usual.images_per_identity, DATA_SEED, "train")
        return _course(portraits_of(who, usual.size, PlainWords()), who)

    return *read_portraits(folder, cfg), course, "drawn portraits"


def _course(portraits: Portraits, who: Sitters) -> Course:
    sizes = {name: len(phrases) for name, phrases in PHRASES.items()}
    return Course(portraits.images, portraits.parts, who.values, sizes)


def portraits_of(who: Sitters, size: int, words: Words) -> Portraits:
    """Drawn portraits of these sitters, without features."""
    drawn, told = _pictures(who, size), captions(who)
    text, mask = words.encode(told)
    none = torch.zeros(len(who), 0)
    return Portraits(
        images=drawn.images,
        parts=drawn.parts,
        captions=told,
        identities=who.identities,
        names=[f"drawn {n}" for n in range(len(who))],
        conditions=Conditions(
            text=text, text_mask=mask, whole=none, patches=none[:, None], pose=drawn.joints
        ),
    )


def _pictures(who: Sitters, size: int) -> Drawn:
    """Pictures of these sitters; they are shared like stems, as to draw them takes long."""
    key = {"run": "drawn portraits", "who": who.digest(), "size": size}
    return Drawn(**stem(key, lambda: vars(draw(who, size))).state)


def digest(portraits: Portraits) -> str:
    """Of their pictures and parts."""
    found = hashlib.blake2b(digest_size=16)
    for some in (portraits.images, portraits.parts):
        found.update(f"{tuple(some.shape)}".encode())
        found.update(some.numpy().tobytes())
    return found.hexdigest()


def examples(portraits: Portraits) -> Iterator[UInt8[Tensor, "B 3 H W"]]:
    """Their pictures, some at once, as the preflight asks for them."""
    yield from portraits.images.split(TOGETHER)
