"""What the weights of finished cells forbid: seeds that are one, and numbers that are none."""

from collections.abc import Iterator, Mapping, Sequence

from infra.ledger.records import INITIAL_WEIGHTS, CellRecord
from infra.study.plan import Plan
from infra.words import counted, joined


def one_seed(arm: str, weights: Mapping[int, str]) -> str:
    """Which seeds of an arm came to the same weights, so that fewer count; "" where none did.

    Args:
        arm: Its name.
        weights: Digest of the trained weights by seed, "" where there are none.
    """
    alike = next(iter(_alike(weights)), [])
    if not alike:
        return ""
    many = len({digest or seed for seed, digest in weights.items()})
    which = "all seeds" if many == 1 else f"seeds {joined(map(str, alike))}"
    counts = "one seed" if many == 1 else counted(many, "seed")
    return f"{which} of {arm!r} have the same weights: {counts}, not {len(weights)}"


def unsound(record: CellRecord) -> Sequence[str]:
    """Tensors of a cell's networks that hold NaN or infinity, whatever its metric reads."""
    return record.commit.unsound if record.commit else ()


def weight_notes(plan: Plan, records: Mapping[str, CellRecord]) -> Iterator[str]:
    """What a reader must know of the weights, by arm."""
    for arm in plan.arms:
        own = {cell.seed: records[cell.key] for cell in plan.cells_of[arm]}
        bad = {seed: names for seed, record in own.items() if (names := unsound(record))}
        if bad:
            names = list(dict.fromkeys(name for names in bad.values() for name in names))
            yield (
                f"{arm}: NaN or infinity in {counted(len(names), 'tensor')} of its networks "
                f"({joined(names)}) in {len(bad)} of {len(own)} cells, whatever {plan.metric} reads"
            )
    yield from _begun_alike(plan, records)


def _begun_alike(plan: Plan, records: Mapping[str, CellRecord]) -> Iterator[str]:
    """So it is with pretrained weights, and where a seed does not reach the initial draws."""
    arms: dict[str, list[str]] = {}
    for arm in plan.trained:
        done = {cell.seed: records[cell.key].commit for cell in plan.cells_of[arm]}
        ended = {seed: commit for seed, commit in done.items() if commit and commit.weights_sha256}
        began = {s: "".join(one.realised.get(INITIAL_WEIGHTS, ())) for s, one in ended.items()}
        for alike in _alike(began):
            if len({ended[seed].weights_sha256 for seed in alike}) == len(alike):
                every = len(alike) == len(began)
                which = "all seeds" if every else f"seeds {joined(map(str, alike))}"
                arms.setdefault(which, []).append(arm)
    for which, names in arms.items():
        who = "in every arm" if len(names) == len(plan.trained) else f"of {joined(names)}"
        yield (
            f"{which} {who} begin with the same weights: a verdict speaks of other draws in "
            "training, and not of another initialisation"
        )


def _alike(weights: Mapping[int, str]) -> Iterator[list[int]]:
    """Seeds with one and the same digest, where two or more have it."""
    own: dict[str, list[int]] = {}
    for seed, digest in weights.items():
        own.setdefault(digest, []).append(seed)
    return (seeds for digest, seeds in own.items() if digest and len(seeds) > 1)
