"""Trains one cell: builds or continues its run, collects points, commits them; without Ray."""

import bdb
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from infra import hash_seed
from infra.answer.diagnosis import Label
from infra.cell.arm_code import give_code
from infra.cell.code import Code, code_of_cell, refuse_edited
from infra.cell.pictured import Gallery
from infra.cell.rates import rates
from infra.cell.realised import Realised, Watch, both
from infra.cell.reported import (
    check_metrics,
    check_state,
    dump_state,
    load_state,
    weights_sha256,
)
from infra.cell.stems import sharing_stems
from infra.cell.weighed import Weighed
from infra.cell.worker import Capture, clean_slate
from infra.errors import CellFailed, hint
from infra.ledger.ledger import Ledger
from infra.ledger.modules import own_modules
from infra.ledger.records import INITIAL_WEIGHTS, RATES, STEM_S, Commit, Damaged, Point
from infra.study.black_box import BuildsBlackBoxes, TrainsAlone
from infra.study.plan import Cell
from infra.study.study import Run

COMMIT_EVERY_S = float(os.environ.get("ABLATE_COMMIT_EVERY_S", "0"))
LONGEST_S = 60.0  # between commits, but for the length of a report
PATIENCE_S = 0.5  # that a point is waited for, before whoever drives the attempt is heard
COST_SHARE = 0.01  # of the time that commits may take when they come more often


@dataclass(frozen=True)
class Job:
    """What every attempt of a sweep needs to know.

    Attributes:
        build: Makes a run from a config object.
        metric: The study's metric, which the run must report.
        diagnosis: Reads off the points what is wrong with the run.
        keep_checkpoints: all, last or none.
        prepared_data: Whether the configs name a folder of prepared data, with a manifest.
        code: Provenance of the code as the driver imported it.
        modules: Digests of the user's modules that the sweep may run, by name; others are new.
        files: Of the code that no process imports, those that count, by path.
        accepted: Whether they may be edited.
        commit_every_s: Seconds between commits; 0 commits as often as costs 1 % of the time, and
            at the first report after 60 s at the latest.
    """

    ledger: Ledger
    build: Callable[[Any], Run]
    metric: str
    diagnosis: Callable[[Sequence[Point]], Label | None]
    threads: int
    gpus: float
    keep_checkpoints: str
    code: Mapping[str, Any]
    modules: Mapping[str, set[str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = False
    prepared_data: bool = False
    commit_every_s: float = COMMIT_EVERY_S


class Attempt:
    """One try at a cell by this process.

    Use as `with Attempt(...).running() as attempt: while not attempt.finished: attempt.report()`.
    """

    def __init__(self, job: Job, cell: Cell, config: Any, name: str) -> None:
        self._job, self.cell, self._config, self.name = job, cell, config, name
        self._began = self._committed_at = time.monotonic()
        self._commit_cost_s = 0.05
        self._points: list[Point] = []
        self._train_s = 0.0
        self._log = Capture()
        self._run: Run | None = None
        self._commit: Commit | None = None
        self._begun_from: Commit | None = None
        self._torn = False
        self.label: Label | None = None  # as of the last commit
        self._gallery, self._pictures = Gallery(), list[str]()
        self._weighed, self._rates = Weighed({}), dict[int, set[str]]()
        alone = isinstance(job.build, BuildsBlackBoxes)
        self._watch = Watch(config.data if job.prepared_data else "", has_manifest=not alone)

    @property
    def finished(self) -> bool:
        """Whether the last commit says that the run is done."""
        return self._commit is not None and self._commit.finished

    @property
    def last(self) -> Point | None:
        """The newest point, committed or not."""
        return self._points[-1] if self._points else None

    @property
    def committed_step(self) -> int:
        """Step of the newest commit, 0 before the first."""
        return self._commit.step if self._commit else 0

    @property
    def elapsed_s(self) -> float:
        """Wall seconds of this attempt."""
        return time.monotonic() - self._began

    @contextmanager
    def running(self) -> Iterator["Attempt"]:
        """Begins from the newest commit, or at step 0, in a process that looks new.

        A run that is done at step 0, as a control is, is over with the point there.
        """
        stems = sharing_stems(self._job.code.get("study_sha256", ""))
        with clean_slate(self._job.threads, self.cell.seed), stems:
            self._start()
            yield self

    def report(self) -> Point | None:
        """Train to the next report, evaluate, and commit when it is time.

        Of a run that trains alone a report is waited for only a moment; None where there is none.

        Raises:
            CellFailed: When the run raised or reported something that no retry would mend.
        """
        run = self._live_run()
        if isinstance(run, TrainsAlone) and not self._comes_to_a_point(run):
            return None
        self._torn = True  # until the point stands: what interrupts must not commit half a report
        with self._failures(), self._watch.training():
            began = time.perf_counter()
            training = run.advance(getattr(self._config, "steps_per_report"))  # noqa: B009
            self._train_s += time.perf_counter() - began
            if run.step <= self._points[-1].step and not run.done():
                raise CellFailed(
                    f"advance: must move the run's `step` on, and it stays at {run.step}; count it"
                )
            self._add_point(run, training)
            done = run.done()
            if not self._rates:  # at the first report, which arms of one cadence share
                self._rates[run.step] = rates(run.state_dict(), run.step)
        self._torn = False
        if done or time.monotonic() - self._committed_at >= self._commit_every_s:
            self.commit()
        return self._points[-1]

    @property
    def _commit_every_s(self) -> float:
        return self._job.commit_every_s or min(LONGEST_S, self._commit_cost_s / COST_SHARE)

    def _comes_to_a_point(self, run: TrainsAlone) -> bool:
        """Whether it has one; where it has ended without another, that is committed."""
        began = time.perf_counter()
        with self._failures():
            comes = run.awaits(self._job.metric, PATIENCE_S)
        self._train_s += time.perf_counter() - began
        if not comes and self._live_run().done():
            self.commit()
        return comes

    def commit(self) -> None:
        """Make the last report durable; does nothing when it is, or a report was broken off."""
        run, last = self._run, self._commit
        if run is None or self._torn:
            return
        if last is not None and last.attempt == self.name and last.step == run.step:
            if last.finished or not run.done():
                return
        if not self._points:
            return
        self._write_commit(run)

    def release(self) -> None:
        """Let go of the run, so that its memory can be given back, and end what trains for it."""
        if isinstance(self._run, TrainsAlone):
            self._run.close()
        self._run = None

    def _start(self) -> None:
        job, key = self._job, self.cell.key
        earlier = [a for a in job.ledger.attempts(key) if a != self.name]
        self._commit, points, damage = job.ledger.newest(key, earlier)
        if damage:
            self._log.add(f"{damage}; it is passed over\n")
        state = self._load_state()
        self._points = list(points) if state else []
        self._begun_from = self._commit if state else None
        self._pictures = list(self._begun_from.pictures) if self._begun_from else []
        code = code_of_cell(job.build, self.cell, job.ledger, job.files)
        job.ledger.start_attempt(key, self.name, self._start_record(state, code))
        with self._failures():
            if code and not job.accepted:
                refuse_edited(code, job.files)
            self._run = job.build(self._config)
            give_code(self._run, job.build, self.cell, job.ledger)
            self._weighed = Weighed(self._run.state_dict())
            if state:
                self._run.load_state_dict(state)
                self._train_s = self._points[-1].metrics.get("perf/train_s", 0.0)
            elif self._run.done():
                with self._watch.training():  # all that this run will do
                    self._add_point(self._run, {})
            else:
                self._add_point(self._run, {})
            over = self._run.done()
        if over and not self.finished:
            self.commit()

    def _load_state(self) -> Mapping[str, Any] | None:
        if self._commit is None or not self._commit.state:
            return None
        try:
            data = self._job.ledger.read_state(self.cell.key, self._commit)
        except (FileNotFoundError, Damaged) as error:
            self._log.add(
                f"state of step {self._commit.step}: {error}; beginning again at step 0\n"
            )
            return None
        return load_state(data)

    def _start_record(
        self, state: Mapping[str, Any] | None, foreign: Code | None
    ) -> dict[str, Any]:
        import torch

        from infra.ledger.provenance import machine_provenance, package_digest

        code = {**self._job.code, **(foreign.told if foreign else {})}
        versions = {} if foreign else {"torch": torch.__version__}
        return {
            "schema": 1,
            "arm": self.cell.arm,
            "seed": self.cell.seed,
            "config": dict(self.cell.config),
            "from_step": state["step"] if state else 0,
            "from_attempt": self._commit.attempt if state and self._commit else "",
            "threads": self._job.threads,
            "hash_seed": hash_seed.own(),
            "gpus": self._job.gpus,
            "started": time.time(),
            "code": {  # as this process imported it, which a cluster may have elsewhere
                **code,
                "package_digest": package_digest(),
                "versions": {**code["versions"], **versions},
            },
            "machine": machine_provenance(),
        }

    def _add_point(self, run: Run, training: Mapping[str, float]) -> None:
        began = time.perf_counter()
        metrics = {**training, **run.evaluate()}
        metrics["perf/evaluate_s"] = time.perf_counter() - began
        if not self._points:  # a stem's seconds are booked to every cell that has it
            self._train_s += metrics.get(STEM_S, 0.0)
        metrics["perf/train_s"] = self._train_s
        check_metrics(metrics, run.step)
        if self._job.metric not in metrics and (run.step > 0 or run.done()):
            raise CellFailed(
                f"metric {self._job.metric!r}: must be reported by the run, which reports "
                f"{', '.join(sorted(k for k in metrics if not k.startswith('perf/')))}; name one "
                "of these"
            )
        self._points.append(Point(run.step, metrics))

    def _write_commit(self, run: Run) -> None:
        began = time.monotonic()
        job, key, previous = self._job, self.cell.key, self._commit
        finished = run.done()
        with self._failures():
            _refuse_changed(job.modules)  # here, as what the first steps imported is loaded by now
            state = run.state_dict()
            check_state(state, run.step)
            data = dump_state(state)
            if previous is None or previous.attempt != self.name:
                load_state(data)  # a state that cannot be read must not be found out at the resume
        for name, png in self._gallery.offered(run, finished, self._log).items():
            self._pictures.append(job.ledger.write_picture(key, self.name, name, run.step, png))
        keep = not finished or job.keep_checkpoints != "none"
        commit = Commit(
            attempt=self.name,
            step=run.step,
            elapsed_s=self.elapsed_s,
            state="",
            state_sha256="",
            points="",
            points_sha256="",
            finished=finished,
            weights_sha256=weights_sha256(state["model"]) if finished and state["model"] else "",
            inexact=sorted(set(self._log.nondeterministic)),
            unsound=self._weighed.unsound(state),
            realised=self._realised(state, run.step),
            pictures=tuple(self._pictures),
        )
        if text := self._log.text():
            job.ledger.write_log(key, self.name, text)
        ours = previous is not None and previous.attempt == self.name
        ends_anew = ours and previous is not None and previous.step == run.step
        state_kept = data if keep else None
        self._commit = job.ledger.write_commit(key, commit, state_kept, self._points, ends_anew)
        if previous:
            job.ledger.drop(key, previous, state=job.keep_checkpoints != "all", points=ours)
        self.label = job.diagnosis(self._points)  # its time counts as the commit's
        self._committed_at = time.monotonic()
        self._commit_cost_s = self._committed_at - began

    def _realised(self, state: Mapping[str, Any], step: int) -> Realised:
        """What the whole cell computed with, the attempts that this one went on from included."""
        earlier = self._begun_from.realised if self._begun_from else {}
        if self._rates:  # those of the first report and the newest, which other cells have too
            first = min(self._rates)
            self._rates = {first: self._rates[first], step: rates(state, step)}
        known = {
            INITIAL_WEIGHTS: {self._weighed.initial} - {""},
            RATES: set().union(*self._rates.values()),
        }
        own = {name: sorted(told) for name, told in known.items() if told}
        now = self._watch.realised(state["model"]) if self._watch.found else {}
        return both(earlier, {**now, **own})

    def _live_run(self) -> Run:
        if self._run is None:
            raise RuntimeError(
                f"cell {self.cell.key}: must be running first; use `with attempt.running()`"
            )
        return self._run

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turns what the run raises into the cell's result, with the traceback in its log."""
        try:
            with self._log.listening():
                yield
        except CellFailed as error:
            self._torn = True
            self._log.add(f"{error}\n")
            self._job.ledger.write_log(self.cell.key, self.name, self._log.text())
            raise
        except bdb.BdbQuit as error:  # the person at the debugger stopped, not the run
            raise KeyboardInterrupt from error
        except (Exception, SystemExit) as error:
            if _is_infrastructure(error):
                raise
            self._torn = True
            self._log.add(traceback.format_exc())
            self._job.ledger.write_log(self.cell.key, self.name, self._log.text())
            raise CellFailed(_one_line(error, self._run)) from error


def _refuse_changed(modules: Mapping[str, set[str]]) -> None:
    """Cells of one sweep are compared, so no module may have been edited between them."""
    for name, digest in own_modules().items():
        if digest not in modules.get(name, {digest}):
            raise CellFailed(
                f"its module {name!r}: must be as earlier cells ran it, digest "
                f"{min(modules[name])[:12]}, got {digest[:12]}; go back and give --retry-failed, "
                "choose another --name, or give --accept-code-change"
            )


def _is_infrastructure(error: BaseException) -> bool:
    """Whether the machine is at fault, not the cell; then it is retried, not the arm's failure."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return False
    return isinstance(error, getattr(torch, "AcceleratorError", ())) or "CUDA error" in str(error)


def _one_line(error: BaseException, run: Run | None) -> str:
    where = f" at step {run.step}" if run is not None else ""
    text = f"{type(error).__name__}{where}: {' '.join(str(error).split())}"
    return text[:1000] + hint(error)
