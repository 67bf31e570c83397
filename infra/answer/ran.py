"""With what a cell ran, its earlier attempts included: code, data, numerical state, machines."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.ledger.code import SCRIPT
from infra.ledger.modules import MODULES, recorded_modules
from infra.ledger.records import CellRecord
from infra.study.quantities import COMPUTED

Facts = Mapping[str, Sequence[Any]]  # more than one value where it changed on the way
MACHINE = ("device", "host")
MODULE = "digest of module "
SCRIPTS = "digest of the script's code"
_STATE = {"train/compiled": "compile state", "train/dtype_bits": "dtype"}  # where a run tells them
_CODE = {  # to their names in a sentence
    "data_digest": "data digest",
    "package_digest": "package digest",
    "study_sha256": "digest of the study's file",
    SCRIPT: SCRIPTS,
    "torch": "torch version",
    **COMPUTED,
}


def ran(record: CellRecord) -> Facts:
    """Code, data and numerical state of a cell, by their names in a sentence."""
    last, known = record.points[-1].metrics, {}
    for start in record.starts:
        own = begun_with(start)
        for name, text in _CODE.items():
            if own.get(name) and own[name] not in known.setdefault(text, []):
                known[text].append(own[name])
    known = {text: sorted(values) for text, values in known.items() if values}
    realised = record.commit.realised if record.commit else {}
    for name, digests in recorded_modules(realised.get(MODULES, ())).items():
        known[MODULE + name] = sorted(digests)
    for name, values in realised.items():
        if name in _CODE:
            known.setdefault(_CODE[name], []).extend(values)
    for name, text in _STATE.items():
        if name in last:
            known.setdefault(text, []).append(last[name])
    return known


def ran_on(record: CellRecord) -> Facts:
    """Device and host of a cell."""
    machines = [start.get("machine", {}) for start in record.starts]
    return {name: sorted({str(own[name]) for own in machines if own.get(name)}) for name in MACHINE}


def begun_with(start: Mapping[str, Any]) -> dict[str, Any]:
    """What an attempt began with, its code and versions among it."""
    code = start.get("code", {})
    return {**start, **code, **code.get("versions", {})}
