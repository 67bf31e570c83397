"""Python in a process of its own that need not import torch and MLflow again.

It is forked from one that has done so, once for each process of tests; all else is as in a process
that begins with the command.
"""

import atexit
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from runpy import run_module, run_path
from tempfile import TemporaryDirectory
from unittest.mock import patch

ROOT = Path(__file__).parent.parent
LOADED = ["torch", "mlflow", "infra.cli.run"]  # not Ray, which outlives no fork
FORKING = get_context("forkserver")
FORKING.set_forkserver_preload(LOADED)


def python(
    words: Sequence[str], environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """What `python` with these words does, a script's or `-m` and a module's, in the repository."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = FORKING.Process(target=_command, args=(words, dict(environment), out, err))
        with patch.dict(os.environ, PYTHONHASHSEED="0"):  # of the one that is forked, see hash_seed
            process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, timeout_s, out.read_text(), err.read_text())
        return subprocess.CompletedProcess(
            words, process.exitcode, out.read_text(), err.read_text()
        )


def _command(words: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> None:
    for place, number in ((out, 1), (err, 2)):
        os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    del sys.modules[__name__]  # no module of a user's
    is_module = words[0] == "-m"
    sys.argv = [*words[is_module:]]
    try:
        if is_module:
            run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, os.path.dirname(words[0]))
            run_path(words[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # which such a process leaves out
