"""A script's process as the run of a cell: it trains on its own, and tells points as it goes.

Nothing can be asked of it. Its points are read as they come, its folder is kept whole at a commit,
and where it can go on from that folder the next attempt begins there. Points that it tells again
are held to those that are on record.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from trainables.script.archive import unpacked
from trainables.script.command import filled, free_port, words_of
from trainables.script.config import ScriptConfig, flags_of, resumes
from trainables.script.flags import arguments, variables
from trainables.script.folder import archived, files_of, put_back
from trainables.script.growing import growing
from trainables.script.interpreter import with_this_python
from trainables.script.points import Told, reader_of
from trainables.script.process import ScriptProcess, environment_of, signal_name

QUIET_S, LOOK_S = 5.0, 0.05  # that a commit waits for files to rest, and between two looks
REPORTED = "ABLATE_POINTS"  # variable that names the file of `ablate.report`
SCRIPT_S = "perf/script_s"  # wall seconds from the start of the process to a point


class ScriptRun:
    """One process of a script.

    Attributes:
        step: Of the last point.
        resumes: What a next attempt can do: "exact", "checkpoint" (the script's own), or "again".
    """

    def __init__(self, config: Any, cwd: Path):
        """Nothing begins yet.

        Args:
            config: Of the cell.
            cwd: Where the script lies.
        """
        self.config = config
        self.script: ScriptConfig = config.script
        self.step = 0
        self.resumes = resumes(self.script.resume, self.script.exact)
        self._cwd, self._archive_of_code = cwd, b""
        self._home = Path(tempfile.mkdtemp(prefix="script-", dir=Path.cwd()))
        self.folder, self._reported = self._home / "dir", self._home / "reported.jsonl"
        self.folder.mkdir()
        self._process: ScriptProcess | None = None
        self._source: Iterator[Told | None] | None = None
        self._metrics: Told = {}
        self._gathered: Told = {}
        self._waiting: tuple[int, Told] | None = None
        self._points: dict[int, Told] = {}  # on record
        self._archive: torch.Tensor | None = None
        self._has_earlier = self._all_read = False
        self._counted = 0  # points of the script, for one that tells no step

    def awaits(self, metric: str, seconds: float) -> bool:
        """Whether a point with this metric is there, waited for so long; `advance` then takes it.

        Raises:
            RuntimeError: When the script failed, hangs, or tells steps that do not rise.
        """
        end = time.monotonic() + seconds
        while self._waiting is None and not self.done():
            told = self._next_told(end - time.monotonic())
            if told is None:
                if time.monotonic() >= end:
                    return False
                continue
            self._take(told, metric)
        return self._waiting is not None

    def advance(self, steps: int) -> dict[str, float]:
        """Take the point that was awaited, however many steps it is ahead.

        Raises:
            RuntimeError: When none was.
        """
        if self._waiting is None or self._process is None:
            raise RuntimeError("script: must have a point that is awaited first, got none")
        (self.step, self._metrics), self._waiting = self._waiting, None
        self._points[self.step] = self._metrics
        return {SCRIPT_S: time.monotonic() - self._process.began}

    def evaluate(self) -> dict[str, float]:
        """What the last point told; nothing before the first."""
        return dict(self._metrics)

    def done(self) -> bool:
        """Whether the script has ended well and all that it told was read."""
        process = self._process
        if process is None or not self._all_read or self._waiting is not None:
            return False
        self._refuse_failed(process)
        return True

    def state_dict(self) -> dict[str, Any]:
        """The folder as one archive, once its files rest, and the points that were told."""
        if self.resumes != "again":
            self._archive_folder()
        archive = torch.zeros(0, dtype=torch.uint8) if self._archive is None else self._archive
        return {
            "step": self.step,
            "model": {},  # its weights are somewhere in the folder, if anywhere
            "folder": archive,
            "points": dict(self._points),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The folder as it was; points up to there are only compared."""
        self.step, self._points = int(state["step"]), dict(state["points"])
        self._metrics = dict(self._points.get(self.step, {}))
        archive = state["folder"]
        self._has_earlier = bool(archive.numel())
        if self._has_earlier:
            put_back(archive, self.folder)
            self._archive, self._counted = archive, self.step

    def take_code(self, archive: bytes) -> None:
        """The code that the config names, as `archive.packed` has it; before it is awaited."""
        self._archive_of_code = archive

    def close(self) -> None:
        """Ends the script with all that came of it, and takes away its folder."""
        if self._process:
            self._process.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _next_told(self, seconds: float) -> Told | None:
        if self._source is None:
            self._source = self._told()
        self._patience_s = max(0.0, min(seconds, LOOK_S * 4))
        try:
            return next(self._source)
        except StopIteration:
            self._all_read = True
            return None

    def _told(self) -> Iterator[Told | None]:
        """What the script tells, and None where it tells nothing for a while."""
        process, points = self._begun(), self.script.points
        place = str(self._reported) if points.kind == "report" else self._filled_text(points.file)
        source = growing(points, Path(place)) if place else None
        read = reader_of(points) if source is None else None
        while not process.over:
            line = process.line(self._patience_s)
            if line is not None:
                print(line, flush=True)
            if source is not None and (line is None or process.over):
                yield from source.more()
            yield read(line) if read and line is not None else None
            self._refuse_hung(process)

    def _take(self, told: Told, metric: str) -> None:
        """Numbers are gathered until the metric is among them, and are then a point."""
        name = self.script.points.step
        self._gathered |= told
        if metric not in told:
            return
        self._counted += 1
        step = int(self._gathered.pop(name, self._counted))
        point, self._gathered = self._gathered, {}
        if step in self._points and step <= self.step:
            self._compare(step, point)
        elif step <= self.step:
            raise RuntimeError(
                f"script: steps must rise from point to point, got {step} after {self.step}; name "
                "the step in points.step"
            )
        else:
            self._waiting = step, point

    def _compare(self, step: int, point: Told) -> None:
        for name, value in point.items():
            was = self._points[step].get(name)
            if was is not None and was != value:
                print(f"step {step}: {name} was {was:.6g} and is {value:.6g} now", flush=True)

    def _begun(self) -> ScriptProcess:
        script, where = self.script, self._place()
        flags = arguments(script.way, flags_of(self.config), self._home)
        words = words_of(script.command)
        if self._has_earlier:
            words += words_of(script.resume)
        told = {name: self._filled_text(text) for name, text in script.environment.items()}
        told |= variables(script.way, flags_of(self.config)) | {REPORTED: str(self._reported)}
        self._process = ScriptProcess(
            with_this_python(filled(words, self._gaps, flags)),
            where,
            environment_of(torch.get_num_threads(), told),
            script.stop,
            script.grace_s,
        )
        return self._process

    def _place(self) -> Path:
        """The folder that the script runs in."""
        where, code = self._cwd, self.config.code
        if not where.is_dir():
            raise RuntimeError(f"script: cwd must be a folder on this machine, got {where}")
        if code.commit:
            return unpacked(self._archive_of_code, where, self._home / "code")
        if self.script.folder == "copy":
            shutil.copytree(where, self._home / "copy", symlinks=True, ignore=self._not_copied)
            return self._home / "copy"
        return where

    def _not_copied(self, folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name == ".git" or Path(folder, name) == self._home]

    @property
    def _gaps(self) -> dict[str, str]:
        if not hasattr(self, "_port"):
            self._port = free_port()
        return {
            "seed": str(self.config.seed),
            "dir": str(self.folder),
            "data": self.config.data,
            "port": str(self._port),
        }

    def _filled_text(self, text: str) -> str:
        return filled([text], self._gaps, [])[0] if text else ""

    def _archive_folder(self) -> None:
        """Where files go on changing, the archive before stays, and the points are ahead of it."""
        end = time.monotonic() + QUIET_S
        before = files_of(self.folder)
        while time.monotonic() < end:
            time.sleep(LOOK_S)
            if (now := files_of(self.folder)) == before:
                archive = archived(self.folder)
                if files_of(self.folder) == now:
                    self._archive = archive
                    return
            before = now
        print(f"step {self.step}: files went on changing for {QUIET_S:.0f} s; not kept", flush=True)

    def _refuse_failed(self, process: ScriptProcess) -> None:
        if status := process.wait():
            last = process.tail[-1] if process.tail else "it printed nothing"
            raise RuntimeError(
                f"script: must end with exit status 0, got {signal_name(status)}: {last.strip()}"
            )
        if not self._points:
            raise RuntimeError(
                "script: must tell a point with the study's metric, got none in what it printed; "
                "see points"
            )

    def _refuse_hung(self, process: ScriptProcess) -> None:
        silent = time.monotonic() - process.spoke
        if self.script.silent_s and silent > self.script.silent_s:
            process.close()
            raise RuntimeError(
                f"script: must print a line every {self.script.silent_s:g} s (silent_s), got none "
                f"for {silent:.0f} s"
            )
