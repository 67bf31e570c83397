"""Prepared data: where it is, what its digest is, and s3:// brought to a local folder."""

import hashlib
import json
from pathlib import Path

from infra.errors import Refused
from infra.ledger.storage import open_storage
from infra.root import user_cache

MANIFEST = "manifest.json"


def data_digest(location: str) -> str:
    """The digest in a prepared folder's manifest, "" for no folder.

    Raises:
        Refused: When there is no readable manifest.
    """
    if not location:
        return ""
    remedy = "prepare it with `ablate data KIND SOURCE --to DIR`"
    try:
        manifest = json.loads(open_storage(location).read(MANIFEST))
        return manifest["digest"]
    except FileNotFoundError as error:
        raise Refused(f"data {location}: must hold {MANIFEST}, and does not; {remedy}") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise Refused(
            f"data {location}: {MANIFEST} must be whole, got {error!r}; {remedy}"
        ) from error


def local_data(location: str) -> str:
    """A local folder with the data; s3:// is copied once into the user's cache."""
    if not location.startswith("s3://"):
        return str(Path(location).absolute()) if location else ""
    name = hashlib.sha256(f"{location}|{data_digest(location)}".encode()).hexdigest()[:16]
    return stage(location, user_cache() / name)


def stage(location: str, folder: Path) -> str:
    """Copy everything under an s3:// address into a folder; the manifest last marks it whole."""
    source, target = open_storage(location), open_storage(str(folder))
    if not (folder / MANIFEST).exists():
        for path in sorted(source.list(""), key=lambda p: p == MANIFEST):
            target.write(path, source.read(path))
    return str(folder)
