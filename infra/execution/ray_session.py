"""Connects to the Ray that was asked for, and to no other."""

import logging
import os
import secrets
import signal
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from infra import hash_seed
from infra.errors import Refused
from infra.ledger.folder import FolderStorage
from infra.ledger.storage import Storage
from infra.study.locate import STUDY_MODULE
from infra.sweep_options import meant_address

_LONGEST_TEMPORARY = 40  # what Ray adds for its sockets has some 65 bytes
_ENVIRONMENT = {
    # Ray's memory monitor ends a whole sweep instead of one cell; the kernel's ends one worker.
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_worker_niceness": "0",  # 15 by default: whatever else runs would starve the cells
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


_SUBMITTED = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # where a submitted job finds its runtime environment


@contextmanager
def ray_session(address: str) -> Iterator[Any]:
    """The `ray` module, connected for the body.

    Args:
        address: auto (RAY_ADDRESS where it is set, else a private Ray), local (a private Ray) or
            HOST:PORT of a running one.

    Raises:
        Refused: For ray:// addresses and for clusters that cannot be reached.
    """
    address = meant_address(address)
    if address.startswith("ray://"):
        raise Refused(
            f"--address {address}: must be HOST:PORT of a Ray that this process can join, since a "
            "client's driver would run elsewhere; use ray job submit"
        )
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ[hash_seed.NAME] = hash_seed.wanted()  # a private Ray's workers have it from here
    if address == "local":
        _own_token()
        _short_temporary_folder()
    import ray

    strangers = psutil.Process().children(recursive=True)
    with _deaf_to_stopping():
        _connect(ray, address)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what fails is told by us, in a line
    try:
        yield ray
    finally:
        _shut_down(ray, strangers, private=address == "local")


def ship_by_value(*things: Any) -> None:
    """Send classes of a study's own file whole, since workers cannot import that file."""
    from ray import cloudpickle

    for thing in things:
        module = sys.modules[getattr(thing, "__module__", "") or "builtins"]
        if module.__name__.startswith(STUDY_MODULE):
            cloudpickle.register_pickle_by_value(module)


def check_resources(ray: Any, cpus: float, gpus: float | None) -> float:
    """GPUs per cell: as asked, else one where the cluster has any.

    Raises:
        Refused: When no node can hold a cell, which Ray would wait for without end.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    wanted = gpus if gpus is not None else float(any(node.get("GPU", 0) for node in nodes))
    for name, amount, flag in (
        ("GPU", wanted, "--gpus-per-cell"),
        ("CPU", cpus, "--cpus-per-cell"),
    ):
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if amount > most:
            raise Refused(
                f"{flag} {amount:g}: must fit on one node, and the largest has {most:g} {name}s; "
                f"ask for at most that, or join a node that has them"
            )
    return wanted


def check_imports(ray: Any, *things: Any) -> None:
    """Has every node load what the cells are built of, once, before any of them begins.

    Raises:
        Refused: Naming the node and what it lacks.
    """
    from ray import cloudpickle

    packed = cloudpickle.dumps(things)  # pyright: ignore[reportPrivateImportUsage]

    @ray.remote(num_cpus=0, max_retries=0)
    def trouble() -> str:
        try:
            cloudpickle.loads(packed)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    for address, told in _on_every_node(ray, trouble).items():
        if told:
            raise Refused(
                f"node {address}: must import the study, got {told}; install it there, or submit "
                "the job with --working-dir or a runtime environment"
            )


def _on_every_node(ray: Any, task: Any) -> dict[str, Any]:
    """What a remote function gives back on each node that takes cells, by address."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    asked = {
        n["NodeManagerAddress"]: task.options(
            scheduling_strategy=OnNode(n["NodeID"], False)
        ).remote()
        for n in nodes
    }
    return {address: ray.get(answer, timeout=120) for address, answer in asked.items()}


def check_storage_is_shared(ray: Any, storage: Storage, sweep: str) -> None:
    """Refuses a folder that only some of the cluster's nodes can see.

    Raises:
        Refused: Naming the nodes that do not see it.
    """
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not isinstance(storage, FolderStorage) or len(nodes) < 2:
        return
    path, token = f"{sweep}/.shared-{secrets.token_hex(4)}", secrets.token_hex(8)
    storage.write(path, token.encode())

    @ray.remote(num_cpus=0, max_retries=0)
    def sees() -> bool:
        try:
            return storage.read(path).decode() == token
        except OSError:
            return False

    blind = [address for address, does in _on_every_node(ray, sees).items() if not does]
    storage.delete(path)
    if blind:
        raise Refused(
            f"storage {storage.uri}: must be seen by every node, and {', '.join(blind)} does not "
            "see it; "
            "use a shared file system or s3://"
        )


def _own_token() -> None:
    """Closes a private Ray to others on the machine, with a token that dies with it.

    A token left in the home folder would turn authentication on for the user's own clusters.
    """
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _own_path() -> list[str]:
    """Where this process finds modules beside Python's own and installed ones, for the workers."""
    known = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places = [str(Path(place or ".").absolute()) for place in sys.path]
    return [p for p in places if Path(p).exists() and not any(p.startswith(k) for k in known)]


def _short_temporary_folder() -> None:
    """Not in a long TMPDIR, as schedulers give one: paths of sockets have 107 bytes at most."""
    if len(tempfile.gettempdir()) > _LONGEST_TEMPORARY and os.access("/tmp", os.W_OK):
        os.environ.setdefault("RAY_TMPDIR", "/tmp")


def _connect(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        quiet["job_config"] = ray.job_config.JobConfig(_py_driver_sys_path=_own_path())
        if address == "local":
            ray.init(address="local", include_dashboard=False, **quiet)
        else:
            _knock(address)  # ray.init itself would wait for minutes
            ray.init(address=address, runtime_env=_workers_environment(), **quiet)
    except Exception as error:  # Ray raises nothing narrower where it does not start in time
        told = " ".join(str(error).split())[:300]
        law = f"--address {address}: must lead to a running Ray"
        remedy = "start one with `ray start --head`, or use --address local"
        if address == "local":
            law = "a private Ray: must start on this machine"
            remedy = "the machine may be overloaded; the same command tries again"
        if "AF_UNIX" in told:
            remedy = "give a shorter folder with RAY_TMPDIR"
        raise Refused(f"{law}, got {told}; {remedy}") from error


def _workers_environment() -> dict[str, Any] | None:
    """What workers of a Ray that runs already begin with, unless the submitted job says it."""
    if hash_seed.NAME in os.environ.get(_SUBMITTED, ""):
        return None  # Ray refuses to be told twice
    return {"env_vars": {hash_seed.NAME: hash_seed.wanted()}}


def _shut_down(ray: Any, strangers: Sequence[psutil.Process], private: bool) -> None:
    """Leaves the cluster; kills all of a private one, which `ray.shutdown` would ask to end.

    It would wait a second for each process to obey the SIGTERM that none of them hears, and Ray's
    agents would look for the dead raylet for another minute.
    """
    family = set(psutil.Process().children(recursive=True)).difference(strangers)
    if private:
        node = ray._private.worker._global_node
        kill_all = node.kill_all_processes
        node.kill_all_processes = lambda **how: kill_all(**{**how, "allow_graceful": False})
    ray.shutdown()
    for process in family if private else ():
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def _deaf_to_stopping() -> Iterator[None]:
    """Processes begun in the body, and theirs, hear no SIGTERM or SIGHUP; ours does again after it.

    timeout, Slurm, systemd and a closing terminal send them to all processes at once: a private Ray
    that obeyed would be gone before its driver could have the cells committed. The driver ends it
    by other means.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)  # Ray puts its own in place
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _knock(address: str) -> None:
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
