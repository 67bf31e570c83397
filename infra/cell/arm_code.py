"""Code that an arm has of its own, as another commit or a patch: what it is, kept, and handed out.

Only a study's `run` that brings such code has any, see `BringsCode`.
"""

from dataclasses import asdict
from typing import Any

from infra.errors import CellFailed, Refused
from infra.ledger import code as kept
from infra.ledger.ledger import Ledger
from infra.study.black_box import BringsCode
from infra.study.plan import Cell, Plan
from infra.study.study import Study, flatten


def own_codes(study: Study, plan: Plan) -> dict[str, Cell]:
    """A cell of each planned arm that has code of its own, by the arm."""
    build = study.run
    if not isinstance(build, BringsCode):
        return {}
    cells = {arm: cells[0] for arm, cells in plan.cells_of.items()}
    return {arm: cell for arm, cell in cells.items() if build.own_code(cell.config)}


def own_code_lines(study: Study, plan: Plan) -> list[str]:
    """What each arm with code of its own runs."""
    build = study.run
    if not isinstance(build, BringsCode):
        return []
    told = {arm: build.own_code(cell.config) for arm, cell in own_codes(study, plan).items()}
    return [f"code: arm {arm!r} runs {own[1]}" for arm, own in told.items() if own]


def packed_arms(study: Study, plan: Plan) -> dict[str, bytes]:
    """The code of arms that have their own, as archives by name.

    Raises:
        Refused: When one of them cannot be had, as where a patch does not apply.
    """
    build, found = study.run, dict[str, bytes]()
    for arm, cell in own_codes(study, plan).items():
        if isinstance(build, BringsCode) and (own := build.own_code(cell.config)):
            try:
                found[own[0]] = build.packed(cell.config)
            except ValueError as error:
                raise Refused(f"study {study.name!r}, arm {arm!r}: {error}") from error
    return found


def keep_arms(study: Study, plan: Plan, ledger: Ledger) -> None:
    """Puts into the storage what each of them runs, and how it differs from the baseline.

    Raises:
        Refused: When an arm's code cannot be had.
    """
    for name, archive in packed_arms(study, plan).items():
        kept.write_archive(ledger, name, archive)
    arms = {arm: _told(study, plan, cell, ledger) for arm, cell in own_codes(study, plan).items()}
    kept.write_arm_codes(ledger, arms)


def _told(study: Study, plan: Plan, cell: Cell, ledger: Ledger) -> kept.ArmCode:
    build = study.run
    base = study.config(plan.baseline, cell.seed, plan.scale)  # which this plan may not have
    if not isinstance(build, BringsCode) or not (own := build.own_code(cell.config)):
        return kept.ArmCode("", "")
    against, apart = flatten(asdict(base)), kept.apart(ledger.storage)
    return kept.ArmCode(own[1], build.code_diff(against, cell.config, apart))


def moved_code(study: Study, old: Plan, new: Plan) -> str:
    """How the code of the first arm that is now another one has changed since it was planned."""
    build = study.run
    if isinstance(build, BringsCode):
        for arm, [cell, *_] in new.cells_of.items():
            was = next(iter(old.cells_of.get(arm, ())), cell)
            if build.own_code(was.config) != build.own_code(cell.config):
                try:
                    return build.code_diff(was.config, cell.config)
                except ValueError as error:
                    return str(error)
    return ""


def give_code(run: Any, build: Any, cell: Cell, ledger: Ledger) -> None:
    """Hands a run the code of its arm, where that has its own.

    Raises:
        CellFailed: When the storage has it no more.
    """
    if isinstance(build, BringsCode) and (own := build.own_code(cell.config)):
        try:
            run.take_code(kept.archive_of(ledger, own[0]))
        except FileNotFoundError as error:
            raise CellFailed(
                f"code of the arm, {own[1]}: must be in the storage, and is gone; resume where its "
                "repository is"
            ) from error
