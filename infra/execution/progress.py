"""What a person sees while a sweep runs: cells done and failed, metric per arm, ETA, cost."""

import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from infra.study.plan import Plan


@dataclass
class _Live:
    arm: str
    seed: int
    began: float
    step: int = 0
    value: float | None = None


class Progress:
    """A live table on a terminal, a line per event elsewhere.

    Values of running cells are marked with `~`: they may not be committed yet.
    """

    def __init__(
        self, plan: Plan, already: Mapping[str, float | None], failed: Iterable[str] = ()
    ) -> None:
        """Of a plan some of whose cells have ended `already`, those that `failed` among them."""
        self.parallel = 1
        self._plan = plan
        self._arm = {cell.key: cell.arm for cell in plan.cells}
        self._steps = {cell.key: cell.config.get("steps") for cell in plan.cells}
        self._values: dict[str, float | None] = dict(already)
        self._live: dict[str, _Live] = {}
        self._failed = set(failed)
        self._labels: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        self._seconds: list[float] = []
        self._billed_s = 0.0
        self._gpus = 0.0
        self._began = time.monotonic()
        self._lock = threading.RLock()
        self._screen: Any = None

    def __enter__(self) -> "Progress":
        if sys.stdout.isatty():
            from rich.live import Live

            self._screen = Live(get_renderable=self._table, refresh_per_second=4, transient=True)
            self._screen.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._screen:
            self._screen.stop()
            self._screen = None

    def say(self, text: str) -> None:
        """A line above the table."""
        if self._screen:
            self._screen.console.print(text, markup=False, highlight=False)
        else:
            print(text, flush=True)

    def started(self, key: str, arm: str, seed: int, gpus: float) -> None:
        """A cell has a worker."""
        with self._lock:
            self._gpus = gpus
            self._live[key] = _Live(arm, seed, time.monotonic())

    def reported(self, key: str, step: int, value: float | None) -> None:
        """A running cell got to a step."""
        with self._lock:
            if live := self._live.get(key):
                live.step, live.value = step, value if value is not None else live.value

    def labelled(self, key: str, text: str) -> bool:
        """What is wrong with a cell by now, "" for nothing; says whether a line should tell it.

        Each kind is told once, and that nothing was learned only with the cell's end.
        """
        with self._lock:
            self._labels[key] = text
            kind = _kind(text)
            new = kind not in ("", "no learning") and (key, kind) not in self._told
            self._told.add((key, kind))
            return new

    def ended(self, key: str, *, error: str = "", again: bool = False) -> None:
        """A running cell finished, failed, or is to be tried again."""
        with self._lock:
            live = self._live.pop(key, None)
            if live is None:
                return
            seconds = time.monotonic() - live.began
            self._billed_s += seconds
            if again:
                self.say(
                    f"{key}: its worker died ({error}); another takes over from the last commit"
                )
                return
            if error:
                self._failed.add(key)
            elif live.arm not in self._plan.controls:  # which say nothing of what training takes
                self._seconds.append(seconds)
            self._values[key] = None if error else live.value
            self._tell_end(key, live, seconds, error)

    def _tell_end(self, key: str, live: _Live, seconds: float, error: str) -> None:
        if self._screen and not error:
            return
        what = f"failed: {error}" if error else f"{self._plan.metric} {_number(live.value)}"
        if kind := _kind(self._labels.get(key, "")):
            what += f" ({kind})"
        self.say(
            f"[{len(self._values)}/{len(self._arm)}] {key}  {what}  {seconds:.0f} s  {self._foot()}"
        )

    def _foot(self) -> str:
        parts = [f"{len(self._live)} running", f"{len(self._failed)} failed", f"ETA {self._eta()}"]
        price = self._plan.usd_per_gpu_hour
        if price is not None and self._gpus:
            parts.append(f"${self._gpu_hours() * price:.2f}")
        return ", ".join(parts)

    def billed_s(self) -> float:
        """Worker-seconds of this run of the driver so far."""
        with self._lock:
            now = time.monotonic()
            return self._billed_s + sum(now - live.began for live in self._live.values())

    def _gpu_hours(self) -> float:
        return self.billed_s() * self._gpus / 3600

    def _eta(self) -> str:
        """Seconds left, from finished cells, else from how far the running ones got."""
        now = time.monotonic()
        paces = list(self._seconds)
        shares = []
        for key, live in self._live.items():
            budget = self._steps[key]
            share = live.step / budget if budget else 0.0
            shares.append(share)
            if share > 0.05:
                paces.append((now - live.began) / share)
        if not paces:
            return "?"
        left = len(self._arm) - len(self._values) - sum(shares)
        return _duration(max(0.0, left) * sum(paces) / len(paces) / max(1, self.parallel))

    def _table(self) -> Any:
        from rich.table import Table

        with self._lock:
            done = len(self._values) - len(self._failed)
            table = Table(
                title=f"{self._plan.study} at {self._plan.scale}: {self._plan.question}",
                caption=f"{done} of {len(self._arm)} cells done, {self._foot()}, "
                f"{_duration(time.monotonic() - self._began)} so far; ~ is not committed yet",
                title_justify="left",
                caption_justify="left",
            )
            running = "running (seed: step)"
            for name in ("arm", "done", "failed", running, self._plan.metric, "labels"):
                table.add_column(name)
            for row in self._rows():
                table.add_row(*row)
            return table

    def _rows(self) -> list[tuple[str, ...]]:
        cells: dict[str, list[str]] = defaultdict(list)
        for key, arm in self._arm.items():
            cells[arm].append(key)
        rows = []
        for arm, keys in cells.items():
            live = [self._live[k] for k in keys if k in self._live]
            ended = [self._values[k] for k in keys if self._values.get(k) is not None]
            running = ", ".join(f"{r.seed}: {r.step}" for r in live)
            values = [_number(v) for v in ended] + [
                f"~{_number(r.value)}" for r in live if r.value is not None
            ]
            failed = sum(k in self._failed for k in keys)
            finished = sum(k in self._values for k in keys) - failed
            kinds = Counter(_kind(self._labels.get(key, "")) for key in keys)
            labels = ", ".join(f"{kind} {n}" for kind, n in kinds.items() if kind)
            done = f"{finished}/{len(keys)}"
            rows.append((arm, done, str(failed or ""), running, "  ".join(values), labels))
        return rows


def _kind(label: str) -> str:
    return label.partition(" at step ")[0]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
