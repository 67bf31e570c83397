"""Code that no process of ours imports: what is told of it, kept of it, and refused.

A study's `run` may bring such code, see `BringsCode`. Of any other all of this is nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from infra.cell.arm_code import keep_arms
from infra.errors import CellFailed
from infra.ledger import code as kept
from infra.ledger.ledger import Ledger
from infra.ledger.provenance import code_provenance
from infra.ledger.records import CellRecord
from infra.study.black_box import BringsCode
from infra.study.plan import Cell, Plan
from infra.study.study import Study
from infra.words import counted

_MOST = 3  # files that are named


class Code(NamedTuple):
    """The code of a sweep's cells, as a driver finds it.

    Attributes:
        told: What `code_provenance` tells, and the digest of what no process of ours imports.
        files: The files behind that digest, by path.
        new: Files that were not there when the sweep's first cells ran, and so count for none.
    """

    told: dict[str, Any]
    files: Mapping[str, str]
    new: Sequence[str] = ()


def code_now(
    study: Study, plan: Plan, ledger: Ledger, records: Iterable[CellRecord], accepted: bool
) -> Code:
    """The code that cells would run if they began now.

    Of code that no process imports those files count that were there when the first cells ran.

    Args:
        study: Whose run may bring such code.
        plan: Of its cells.
        ledger: Where it is on record what those ran.
        records: Of all cells.
        accepted: Whether a change is, so that new files count too.
    """
    told = code_provenance(plan.study_file)
    if not isinstance(study.run, BringsCode):
        return Code(told, {})
    found = study.run.code_files(kept.apart(ledger.storage))
    held = not accepted and any(record.commit for record in records)
    files = _known(found, kept.read_files(ledger) if held else {})
    told |= {**study.run.code_facts(), kept.SCRIPT: kept.digest_of(files)}
    return Code(told, files, sorted(found.keys() - files.keys()))


def _known(found: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Those of the files that have one of the names, all of them where there are none."""
    return {name: own for name, own in found.items() if name in names or not names}


def code_of_cell(build: Any, cell: Cell, ledger: Ledger, known: Mapping[str, str]) -> Code | None:
    """Of a cell on this node, the commit and the digest; None where processes import their code.

    The code of an arm that has its own is told by its config, and has no digest.
    """
    if not isinstance(build, BringsCode):
        return None
    own = build.own_code(cell.config)
    files = {} if own else _known(build.code_files(kept.apart(ledger.storage)), known)
    return Code({**build.code_facts(cell.config), kept.SCRIPT: kept.digest_of(files)}, files)


def refuse_edited(now: Code, expected: Mapping[str, str]) -> None:
    """Cells of one sweep are compared, so no file may have been edited between them.

    Raises:
        CellFailed: When the files here are not those that are expected, where any are.
    """
    if expected and now.files and (edited := changed_files(expected, now.files)):
        raise CellFailed(
            f"script's code: must be as the sweep's other cells run it, but {edited}; go back and "
            "give --retry-failed, choose another --name, or give --accept-code-change"
        )


def changed_files(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Which files of the one differ in the other, in words; "" where none do."""
    names = sorted(name for name in one if one[name] != other.get(name))
    told = ", ".join(f"{n} {'was edited' if n in other else 'is gone'}" for n in names[:_MOST])
    more = len(names) - _MOST
    return told + (f" and {counted(more, 'file')} more" if more > 0 else "")


def keep_code(study: Study, plan: Plan, ledger: Ledger, files: Mapping[str, str]) -> None:
    """Puts into the storage which files cells run, and the code of arms that have their own.

    Raises:
        Refused: When an arm's code cannot be had.
    """
    kept.write_files(ledger, files)
    keep_arms(study, plan, ledger)
