"""Ended cells put into the ledger's index with what is derived from them, their labels."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

from infra.answer.diagnosis import diagnose_cell
from infra.ledger.index import lacking, worth_a_part
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord, Indexed
from infra.study.plan import Plan

log = logging.getLogger(__name__)

_FEWEST = 16  # cells that a driver waits for


def read_records(plan: Plan, ledger: Ledger) -> dict[str, CellRecord]:
    """The record of every planned cell; ended ones that the index lacks are put into it."""
    records = ledger.records(plan)
    held = [record for record in records.values() if record.indexed]
    if new := _derived(plan, lacking(records.values())):
        ledger.write_index(plan, new, held)
    return records | {record.key: record for record in new}


class EndedCells:
    """Puts cells into the index as they end, in parts that grow with the sweep.

    Their files are read again in a thread of its own, so that no cell waits for them.
    """

    def __init__(self, plan: Plan, ledger: Ledger, held: int) -> None:
        """Of a sweep whose index has so many rows."""
        self._plan, self._ledger, self._held = plan, ledger, held
        self._keys: list[str] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="index")

    def note(self, key: str) -> None:
        """This cell's end is on record."""
        self._keys.append(key)
        if len(self._keys) >= _FEWEST and worth_a_part(len(self._keys), self._held):
            self._hand_over()

    def close(self) -> None:
        """Writes what has not been written, and waits for it."""
        self._hand_over()
        self._writer.shutdown()

    def _hand_over(self) -> None:
        keys, self._keys = self._keys, []
        self._held += len(keys)
        self._writer.submit(self._write, keys)

    def _write(self, keys: Sequence[str]) -> None:
        try:
            ended = [self._ledger.record(key) for key in keys]
            if whole := [record for record in ended if record.has_ended and not record.damage]:
                self._ledger.write_index(self._plan, _derived(self._plan, whole))
        except Exception as error:  # an index saves time, and must not cost a sweep
            log.warning("sweep %s: its index was not written: %s", self._ledger.sweep, error)


def _derived(plan: Plan, ended: Iterable[CellRecord]) -> list[CellRecord]:
    """The records with labels beside them."""
    return [replace(record, indexed=_read_off(plan, record)) for record in ended]


def _read_off(plan: Plan, record: CellRecord) -> Indexed:
    label = diagnose_cell(plan, record)
    return Indexed(asdict(label) if label else None)
