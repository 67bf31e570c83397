"""Where MLflow's SQLite database lies, and how it comes to be when several processes want it.

A database is made under another name and then moved to its place, so that it is whole or absent,
and by whoever holds the lock beside it; the system releases that when a process dies.
"""

import fcntl
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

log = logging.getLogger(__name__)

_POLL_S, _TELL_AFTER_S = 0.05, 30.0


class BadDatabase(RuntimeError):
    """A database that is there and cannot be used; one line with the remedy."""


def default_tracking_uri(storage_uri: str) -> str:
    """A SQLite database inside a storage folder; for s3://, one in the home directory.

    SQLite cannot live in a bucket. Beside the project it would be lost with a job's copy of it; in
    the home directory, named after the bucket, it is the same for every sweep of this machine.
    From another machine `ablate sync` rebuilds it.
    """
    if storage_uri.startswith("s3://"):
        name = hashlib.sha256(storage_uri.rstrip("/").encode()).hexdigest()[:12]
        folder = Path.home() / ".ablate" / name
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder = Path(storage_uri.removeprefix("file://")).expanduser().absolute()
    return sqlite_uri(folder / "mlflow.db")


def sqlite_uri(file: Path) -> str:
    """The address by which SQLAlchemy finds this very file, whatever its folders are called."""
    plain = f"sqlite:///{file}"
    if "?" not in plain and unquote(plain) == plain and plain.isprintable():
        return plain
    # Which of them is right depends on SQLAlchemy: 2.1 decodes a path and 2.0 does not. The driver
    # is named since MLflow, for an address without, makes a folder of the encoded name.
    for path in (quote(os.fsencode(file)), str(file)):
        uri = f"sqlite+pysqlite:///{path}"
        if _database(uri) == str(file):
            return uri
    raise BadDatabase(
        f"tracker {str(file)!r}: must be a path that SQLAlchemy can be told, which it is not; "
        "rename the folder, or name another MLflow with --tracking"
    )


def database_file(uri: str) -> Path | None:
    """The file of a SQLite address; None for servers, other databases and one in memory."""
    if not uri.startswith(("sqlite:", "sqlite+")):
        return None
    path, _, query = uri.partition("?")
    if query and "=" not in query:
        raise BadDatabase(
            f"tracker {uri}: a path must have %3F for '?', and SQLAlchemy takes this for "
            f"{path.partition('://')[2][1:]}; write %3F"
        )
    found = _database(uri)
    if found in ("", ":memory:") or found.startswith("file:"):
        return None
    return Path(found).absolute()


def artifact_folder(uri: str) -> str:
    """Where artifacts of a SQLite database go: beside it; "" lets a server decide."""
    file = database_file(uri)
    return (file.parent / "mlartifacts").as_uri() if file else ""


@contextmanager
def alone_at(uri: str) -> Iterator[None]:
    """Keeps other processes that ask for the same from a SQLite database; others pass at once."""
    file = database_file(uri)
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{file}.lock", "a") as lock:
        _wait_for(lock.fileno(), file)
        yield  # closing the file releases it


def open_store(uri: str) -> Any:
    """MLflow's store at an address; a SQLite database that is not there is made whole.

    Raises:
        BadDatabase: When it is there and has not the tables of this MLflow.
    """
    from mlflow.tracking._tracking_service.utils import _get_store

    file, root = database_file(uri), artifact_folder(uri) or None
    if file is None:
        return _get_store(uri, root)
    if uri.startswith("sqlite:///") and "%" in uri:
        uri = uri.replace("sqlite:", "sqlite+pysqlite:", 1)  # as in `sqlite_uri`
    if not file.exists():
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        new = file.with_name(f"{file.name}.new")
        for rest in (new, Path(f"{new}-journal")):
            rest.unlink(missing_ok=True)  # of one who died over it
        _get_store(sqlite_uri(new), root).engine.dispose()
        new.rename(file)
        # Connections of this process to one that was there before and was moved away.
        SqlAlchemyStore._get_or_create_engine(uri).dispose()
    try:
        with closing(_read_only(file)) as connection:
            connection.execute("select 1 from sqlite_master")  # MLflow would try on for 100 s
        return _get_store(uri, root)
    except Exception as error:  # of SQLAlchemy, Alembic and MLflow alike
        raise _explained(uri, file) or error from error


def _database(uri: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(uri).database or ""


def _wait_for(lock: int, file: Path) -> None:
    began, told = time.monotonic(), False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told and time.monotonic() - began > _TELL_AFTER_S:
                log.warning("tracker %s: waits for another process that is at it", file)
                told = True
            time.sleep(_POLL_S)


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)


def _explained(uri: str, file: Path) -> BadDatabase | None:
    """What is wrong with the tables of a database; None when that is not the trouble."""
    from mlflow.store.db.utils import _get_latest_schema_revision

    wanted = _get_latest_schema_revision()
    try:
        with closing(_read_only(file)) as connection:
            found = connection.execute("select version_num from alembic_version").fetchall()
        version = found[0][0] if found else "none"
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
            return None  # it is locked, or cannot be read
        version = f"none ({error})"
    if version == wanted:
        return None
    return BadDatabase(
        f"tracker {uri}: must have the tables of this MLflow, version {wanted}, has version "
        f"{version}: half made, or another MLflow's; move {file} away, and it is made anew"
    )
