"""Files outside the storage that are there whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, text: str) -> Path:
    """The text under the name, which keeps what it had where this fails.

    Raises:
        OSError: When it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(text.encode())
        return temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
