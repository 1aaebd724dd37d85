"""Which DICOM files make up one run: a multi-frame file, or single-frame files of one series and one geometry.

Some consoles and archives store a run as one file per frame, beside a screen save or a reference image.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.images.dicom_numbers import element_value, number_of, numbers_of, word_of, words_of
from DeepIterRegLib.images.functional_groups import frame_count, has_value
from DeepIterRegLib.images.paths import is_dicom, natural_order
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID

if TYPE_CHECKING:
    from pydicom import Dataset

PLAIN = ("DX", "CR")
"""Radiographs: nothing is subtracted from them."""
DICOM_SUFFIXES = {".dcm", ".ima", ".dicom", ""}
SAME_WORDS = (
    "SeriesInstanceUID", "SOPClassUID", "Modality", "PhotometricInterpretation", "PatientOrientation",
    "FieldOfViewHorizontalFlip", "PixelIntensityRelationship", "PatientPosition",
)  # fmt: skip
"""What all files of a run have in common, besides the first two values of Image Type and how they are
compressed."""
SAME_NUMBERS = {
    "Rows": 0.0, "Columns": 0.0, "SamplesPerPixel": 0.0, "AcquisitionNumber": 0.0, "BitsStored": 0.0,
    "FieldOfViewRotation": 0.0, "FieldOfViewOrigin": 0.5,
    PRIMARY_ANGLE.keyword: 0.5, SECONDARY_ANGLE.keyword: 0.5,
    SDD.keyword: 5.0, SID.keyword: 5.0, PIXEL_SPACING.keyword: 0.002,
}  # fmt: skip
"""The same for numbers: by how much they may differ, in the tag's unit."""
TIMES = ("AcquisitionDateTime", "AcquisitionTime", "ContentTime")


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, in the order of their frames."""

    files: tuple[Path, ...]
    warnings: tuple[str, ...] = ()
    """Which files of the folder were left out, without their names."""


@dataclass(frozen=True, eq=False)
class _File:
    path: Path
    header: Dataset
    frames: int


def run_of_folder(folder: Path, *, below: bool = True) -> RunFiles | None:
    """The one run that a folder, or (`below`) the folders in it, hold; None where they hold no DICOM images.

    Links are followed, and files without DICOM's preamble are read. Raises InputError where there are several runs.
    """
    found, copies = _without_copies(_images(_files_below(folder) if below else _files_in(folder)))
    if not found:
        return None
    runs = _runs(found)
    whole = [run for run in runs if len(run) > 1 or run[0].frames > 1]
    chosen = whole if whole else runs
    if len(chosen) > 1:
        raise InputError(
            "The folder {file} holds {count} DICOM files; give one run for {dsa}.",
            field=Field.DSA,
            file=folder,
            count=len(found),
        )
    files = _in_order(chosen[0])
    if files is None:
        raise InputError(
            "{file} holds single frames of more than one run (Instance Numbers (0020,0013) occur more than once); give"
            " a folder with the frames of one run for {dsa}.",
            field=Field.DSA,
            file=folder,
        )
    return RunFiles(files, _said(len(files), len(found) - len(files), copies))


def run_of_file(path: Path) -> RunFiles:
    """The run that a DICOM file belongs to: itself, or the single-frame files beside it.

    Raises InputError for a damaged file.
    """
    header = read_header(path)
    alone = RunFiles((path,))
    if "SOPClassUID" not in header or not word_of(header, "SeriesInstanceUID", path.name):
        return alone
    if frame_count(header, path.name, field=Field.DSA) > 1 or not has_value(header, PRIMARY_ANGLE.keyword):
        # Without angles, pictures of two views look like frames of one run.
        return alone
    found, copies = _without_copies([_File(path, header, 1), *_images(f for f in _files_in(path.parent) if f != path)])
    files = _in_order(next(run for run in _runs(found) if any(one.path == path for one in run)))
    if files is None or len(files) == 1:
        return alone
    # What else lies beside a file that was named is none of the user's concern.
    return RunFiles(files, _said(len(files), 0, copies))


def runs_among(files: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Every run among DICOM files that may be of several patients: its files in the order of their frames.

    Copies are left out. Single frames whose order nothing tells are a run each.
    """
    found, _ = _without_copies(_images(files))
    runs: list[tuple[Path, ...]] = []
    for run in _runs(found):
        ordered = _in_order(run)
        runs += [ordered] if ordered is not None else [(one.path,) for one in run]
    return runs


def _files_in(folder: Path) -> list[Path]:
    """In a folder, links followed."""
    try:
        files = [file for file in folder.iterdir() if not file.name.startswith(".") and file.is_file()]
    except OSError:
        return []
    return sorted(file for file in files if file.name.upper() != "DICOMDIR" and file.stat().st_size > 0)


def _files_below(folder: Path) -> list[Path]:
    """In a folder, else in those below it."""
    files = _files_in(folder)
    if any(may_be_dicom(file) for file in files):
        return files
    seen: set[str] = set()
    for parent, folders, _ in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        if parent != str(folder):
            files += _files_in(Path(parent))
    return files


def may_be_dicom(path: Path) -> bool:
    """By the preamble, or by a name that DICOM files have: some lack the preamble, and end in numbers."""
    try:
        return is_dicom(path) or path.suffix.lower() in DICOM_SUFFIXES or path.suffix[1:].isdigit()
    except OSError:
        return False


def _images(files: Iterable[Path]) -> list[_File]:
    """Those that are DICOM images."""
    found = []
    for path in files:
        if not may_be_dicom(path):
            continue
        try:
            header = read_header(path)
            if "SOPClassUID" in header and "Rows" in header:
                found.append(_File(path, header, frame_count(header, path.name, field=Field.DSA)))
        except InputError:
            continue  # A file that nobody named, and that holds no frame.
    return found


def _without_copies(files: Sequence[_File]) -> tuple[list[_File], int]:
    """Every instance once, and how many there were more than once: links and copies of files."""
    kept: dict[str, _File] = {}
    for one in files:
        kept.setdefault(word_of(one.header, "SOPInstanceUID", one.path.name) or str(one.path), one)
    return list(kept.values()), len(files) - len(kept)


def _runs(files: Sequence[_File]) -> list[list[_File]]:
    """Multi-frame files and radiographs alone, single-frame ones with all of their series, kind and geometry."""
    runs: list[list[_File]] = [[one] for one in files if _is_alone(one)]
    by_words: defaultdict[tuple[tuple[str, ...], ...], list[list[_File]]] = defaultdict(list)
    for one in files:
        if _is_alone(one):
            continue
        name = one.path.name
        words = tuple(tuple(words_of(one.header, keyword, name)) for keyword in SAME_WORDS)
        kind, stored = words_of(one.header, "ImageType", name)[:2], str(one.header.file_meta.get("TransferSyntaxUID"))
        alike = by_words[(*words, tuple(kind), (stored,))]
        for run in alike:
            if _same_numbers(run[0], one):
                run.append(one)
                break
        else:
            alike.append([one])
    return [*runs, *(run for alike in by_words.values() for run in alike)]


def _is_alone(file: _File) -> bool:
    """A multi-frame file, or a radiograph: of those, one series holds several views."""
    return file.frames > 1 or word_of(file.header, "Modality", file.path.name) in PLAIN


def _same_numbers(one: _File, other: _File) -> bool:
    for keyword, apart in SAME_NUMBERS.items():
        mine, its = (_numbers(file, keyword) for file in (one, other))
        if (mine is None) != (its is None):
            return False
        if mine is None or its is None:
            continue
        if mine.shape != its.shape or np.abs(mine - its).max() > apart:
            return False
    return True


def _numbers(file: _File, keyword: str) -> np.ndarray | None:
    try:
        return numbers_of(file.header, keyword, file.path.name)
    except InputError:
        return None  # Refused where it is used.


def _in_order(run: Sequence[_File]) -> tuple[Path, ...] | None:
    """By Instance Number, else by time, else by the numbers in the names; None where Instance Numbers occur more than
    once, and nothing else tells: of two runs, or of one picture that was stored several times."""
    if len(run) == 1:
        return (run[0].path,)
    numbers = [number for one in run if (number := _instance_number(one)) is not None]
    if len(numbers) == len(run) == len(set(numbers)):
        return tuple(one.path for _, one in sorted(zip(numbers, run, strict=True), key=lambda pair: pair[0]))
    for keyword in TIMES if len(set(numbers)) <= 1 else ():
        times = [str(element_value(one.header, keyword, one.path.name) or "") for one in run]
        if all(times) and len(set(times)) == len(run):
            return tuple(one.path for _, one in sorted(zip(times, run, strict=True), key=lambda pair: pair[0]))
    return None if numbers else tuple(sorted((one.path for one in run), key=natural_order))


def _instance_number(file: _File) -> float | None:
    try:
        return number_of(file.header, "InstanceNumber", file.path.name)
    except InputError:
        return None


def _said(frames: int, left_out: int, copies: int) -> tuple[str, ...]:
    said = []
    if frames > 1:
        said.append(f"The DSA was read from {frames} files of one frame each, which are of one series and geometry.")
    if left_out:
        said.append(
            f"The DSA's folder holds {left_out} more DICOM file{'s' if left_out > 1 else ''} of another series, kind or"
            " geometry (a screen save, a single exposure), which took no part."
        )
    if copies:
        said.append(f"The DSA's folder holds {copies} file{'s' if copies > 1 else ''} twice; each was read once.")
    return tuple(said)
