"""Real servers and real sweeps for the tests, on loopback and free ports."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import forked
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several test processes share few cores
os.environ.setdefault("RAY_worker_niceness", "0")
ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
LINE = ROOT / "tests" / "studies" / "line.py"
KEY, SECRET = "testkey", "testsecret0123456789"


# What runs on Ray begins first and has one process to itself, since several Rays starve each other
# on few cores; the rest fills the gaps.
ON_RAY = [
    "test_sweep", "test_kills", "test_faults", "test_jobs", "test_imports", "test_control_sweep",
    "test_shared_stem", "test_script_sweep",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    names = [*ON_RAY, ""]
    items.sort(key=lambda i: names.index(i.path.stem if i.path.stem in ON_RAY else ""))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    from xdist.scheduler import LoadFileScheduling

    class OneForRay(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "ray" if Path(file).stem in ON_RAY else file

    return OneForRay(config, log)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(
    condition: Callable[[], object],
    what: str,
    timeout_s: float = 150.0,
    of: subprocess.Popen[str] | None = None,
) -> None:
    """Until it is so; fails at once where the process that it is expected of has ended."""
    end = time.monotonic() + timeout_s
    while not condition():
        if of and of.poll() is not None:
            raise RuntimeError(f"{what} did not happen: {of.args} ended: {of.communicate()[0]}")
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {timeout_s:.0f} s")
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def process(command: Sequence[str | Path], **settings: object) -> Iterator[subprocess.Popen]:
    """A process with all its children, killed at the end."""
    started = subprocess.Popen(command, start_new_session=True, **settings)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        try:
            os.killpg(started.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        started.wait()


@contextmanager
def s3_server(kind: str, folder: Path, port: int | None = None) -> Iterator[str]:
    """An S3 server's address; `moto` knows conditions, `rclone` keeps files and checks keys."""
    port = port or free_port()
    address = f"127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bucket").mkdir(exist_ok=True)
    moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    rclone = [
        shutil.which("rclone") or str(BIN / "rclone"),
        "serve", "s3", "--addr", address, "--auth-key", f"{KEY},{SECRET}", str(folder),
    ]  # fmt: skip
    command = moto if kind == "moto" else rclone
    with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        wait_for(lambda: answers(f"http://{address}/"), f"{kind} at {address}")
        yield f"http://{address}"


@contextmanager
def s3_bucket(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The s3:// address of an empty prefix on a real server process."""
    with s3_server(kind, folder) as endpoint:
        use_s3(monkeypatch, endpoint)
        if kind == "moto":
            import boto3

            boto3.session.Session().client("s3").create_bucket(Bucket="bucket")
        yield "s3://bucket/some/prefix"


def use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def ablate_process(
    *arguments: object, timeout_s: float = 240.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The `ablate` command in a process of its own, run to its end."""
    words = ["-m", "sweeps", *map(str, arguments)]
    return forked.python(words, {**os.environ, **environment}, timeout_s)


@dataclass(frozen=True)
class Ran:
    """What a command gave back."""

    returncode: int
    stdout: str
    stderr: str


def ablate(*arguments: object) -> Ran:
    """The `ablate` command in this process, which spares its imports; for what needs no Ray.

    A process that joins and leaves Ray again and again is ended by it sooner or later.
    """
    from sweeps.__main__ import main

    argv, sys.argv = sys.argv, ["ablate", *map(str, arguments)]
    try:
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                status = main()
            except SystemExit as wrong_usage:
                status = int(wrong_usage.code or 0)
    finally:
        sys.argv = argv
    return Ran(status, out.getvalue(), err.getvalue())


def refused(*arguments: object) -> str:
    """The one line on stderr of a command that must be refused with status 2."""
    done = ablate(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("ablate: "), done.stderr
    return lines[0]


@contextmanager
def ray_head(environment: Mapping[str, str], *options: str) -> Iterator[tuple[str, Path]]:
    """`ray start --head` in the repository; its address and its folder for temporary files."""
    temp = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # socket paths must be short
    address = f"127.0.0.1:{free_port()}"
    command = [
        BIN / "ray", "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={temp}",
        f"--port={address.split(':')[1]}", "--disable-usage-stats",
        f"--dashboard-agent-listen-port={free_port()}", *options,  # several Rays, one machine
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process(command, cwd=ROOT, env=environment, **quiet):
        yield address, Path(temp)
    shutil.rmtree(temp, ignore_errors=True)


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """A Ray that the sweeps of one test process share, since starting one takes seconds."""
    with ray_head(os.environ, "--include-dashboard=false") as (address, _):
        host, port = address.split(":")

        def listens() -> bool:
            with socket.socket() as s:
                return s.connect_ex((host, int(port))) == 0

        wait_for(listens, "Ray")
        yield address


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The storage of the six cells, run one after the other in this process and left in peace."""
    from six_cells import SIX

    storage = tmp_path_factory.mktemp("reference")
    for arm in ("plain", "half", "heavy"):
        done = ablate("run", LINE, *SIX, "--here", arm, "--storage", storage)
        assert done.returncode == 0, done.stdout + done.stderr
    return storage


@pytest.fixture(autouse=True)
def cache(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a trial of arms found is known to all tests but those of trials, and not elsewhere."""
    base = tmp_path_factory.getbasetemp()
    workers = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    own = request.path.parent.name == "preflight"
    place = tmp_path_factory.mktemp("cache") if own else workers / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))


@pytest.fixture
def one_thread():
    """Bits are promised at equal threads; more only slow a tiny network."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
