"""What lies in a file or folder: CT series of any kind, what was left out, names to hide."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainables.ct.ingest import dicom as dicom_files
from trainables.ct.ingest import nifti as nifti_files
from trainables.ct.ingest import png as png_files
from trainables.ct.ingest.series import Kind, Series, Skip

NOT_CT = "neither NIfTI, DICOM nor PNG"
NAMED_AT_MOST = 3  # files of a folder with one reason
SAID_AT_MOST = 20  # warnings printed; the manifest has them all


@dataclass(frozen=True, slots=True)
class Found:
    """All that a source holds."""

    series: list[Series]  # DICOM before NIfTI before PNG, the richer header first
    skipped: list[Skip]
    patients: set[str]  # names and numbers that must not reach the output


def find(source: Path, excluding: Path) -> Found:
    """Looks at every file of the source, at any depth, but for those of the target."""
    root = source if source.is_dir() else source.parent
    skipped: list[Skip] = []
    files: dict[Kind, list[Path]] = {"dicom": [], "nifti": [], "png": []}
    for path in _walk(source, excluding.resolve(), skipped):
        try:
            kind = _kind(path)
        except OSError as error:
            skipped.append(Skip(path, f"cannot be opened: {error.strerror}"))
            continue
        if kind:
            files[kind].append(path)
        else:
            skipped.append(Skip(path, NOT_CT))
    dicom, not_dicom, patients = dicom_files.dicom_series(files["dicom"])
    nifti, not_nifti = nifti_files.nifti_series(files["nifti"], root)
    png, not_png = png_files.png_series(files["png"], root)
    series = [one for kind in (dicom, nifti, png) for one in sorted(kind, key=lambda s: s.name)]
    return Found(series, skipped + not_dicom + not_nifti + not_png, patients)


def _walk(source: Path, excluding: Path, skipped: list[Skip]) -> Iterator[Path]:
    """Files below the source in a fixed order; hidden ones are not data."""
    if source.is_file():
        yield source
        return

    def closed(error: OSError) -> None:
        skipped.append(Skip(Path(error.filename), f"cannot be opened: {error.strerror}"))

    for folder, folders, names in os.walk(source, onerror=closed):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        skipped += [Skip(here / name, "a link to a folder is not followed") for name in links]
        folders[:] = sorted(
            name
            for name in folders
            if name not in links
            and not name.startswith((".", "__MACOSX"))
            and (here / name).resolve() != excluding
        )
        yield from (here / name for name in sorted(names) if not name.startswith("."))


def _kind(path: Path) -> Kind | None:
    name = path.name.lower()
    if name.endswith(nifti_files.SUFFIXES):
        return "nifti"
    if name.endswith(".png"):
        return "png"
    return "dicom" if dicom_files.is_dicom(path) else None


def gathered(skipped: list[Skip], source: Path) -> list[dict[str, str | int]]:
    """Skips as the manifest lists them: many files of one folder with one reason are one entry."""
    root = source if source.is_dir() else source.parent
    together: dict[tuple[Path, str], set[Path]] = {}
    for skip in skipped:
        together.setdefault((skip.path.parent, skip.reason), set()).add(skip.path)
    entries: list[dict[str, str | int]] = []
    for (folder, reason), paths in together.items():
        named = {folder: len(paths)} if len(paths) > NAMED_AT_MOST else dict.fromkeys(paths, 1)
        for path, files in named.items():
            name = path.relative_to(root).as_posix()
            entries.append({"path": name, "reason": reason, "files": files})
    return sorted(entries, key=lambda entry: (entry["path"], entry["reason"]))


def warnings(entries: list[dict[str, str | int]]) -> list[str]:
    """One line per entry, the last of many standing for the rest."""
    lines = [
        f"ct: skipped {entry['path']} ({entry['files']} files): {entry['reason']}"
        if entry["files"] != 1
        else f"ct: skipped {entry['path']}: {entry['reason']}"
        for entry in entries
    ]
    lines = [" ".join(line.split()) for line in lines]  # a name may hold a line's end
    if len(lines) <= SAID_AT_MOST:
        return lines
    more = len(lines) - SAID_AT_MOST
    return [*lines[:SAID_AT_MOST], f"ct: {more} more, all in manifest.json under skipped"]


def veiled(text: str, patients: set[str]) -> str:
    """The text with a patient's name or number, as in a folder's name, turned into a hash."""
    for patient in sorted(patients, key=lambda patient: (-len(patient), patient)):
        mark = "patient-" + hashlib.sha256(patient.lower().encode()).hexdigest()[:8]
        text = re.sub(re.escape(patient), mark, text, flags=re.IGNORECASE)
    return text
