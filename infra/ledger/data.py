"""Prepared data: where it is, what its digest is, and s3:// brought to a local folder."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from infra.errors import Refused
from infra.ledger.storage import open_storage
from infra.ledger.whole import write_whole
from infra.root import user_cache

MANIFEST = "manifest.json"


def data_digest(location: str, needs_manifest: bool = True) -> str:
    """The digest in a prepared folder's manifest, "" for no folder.

    Args:
        location: The folder, or the address of one.
        needs_manifest: Whether there must be one; where not, a local folder or file without it has
            a digest of its content.

    Raises:
        Refused: When there is no readable manifest, or nothing at all.
    """
    if not location:
        return ""
    local = "://" not in location and not Path(location, MANIFEST).exists()
    if not needs_manifest and local:
        return content_digest(Path(location))
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


def content_digest(place: Path) -> str:
    """SHA-256 over the files of a folder, or of a file; read again where size or time is another.

    Raises:
        Refused: When there is neither.
    """
    if not place.exists():
        raise Refused(f"data {place}: must be a folder or a file, and there is none; see --data")
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    about = [(path, path.stat()) for path in files]
    listing = [(str(path), told.st_size, told.st_mtime_ns, told.st_ino) for path, told in about]
    known = _cached(hashlib.sha256(json.dumps(listing).encode()).hexdigest())
    if known and known.exists():
        return known.read_text()
    digest = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(place).as_posix()} {own}\n".encode())
    if known:
        with suppress(OSError):
            known.parent.mkdir(parents=True, exist_ok=True)
            write_whole(known, digest.hexdigest())
    return digest.hexdigest()


def _cached(listing: str) -> Path | None:
    try:
        return user_cache() / "data" / listing
    except RuntimeError:
        return None


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
