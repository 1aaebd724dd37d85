"""From CTAs on disk to scanned heads in the output folder, under names that are nobody's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.research.train.scanned_anatomy import ScannedHead
from DeepIterRegLib.research.train.state import STATE_FILE

HEADS_FOLDER = "heads"
VOLUME_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


def find_scans(folder: Path) -> list[Path]:
    """The CTAs of a folder, by name: its volume files, and its folders, each a DICOM series or a patient's folder that
    holds a file named cta. Raises InputError where there is none."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(
            f"{folder.name or folder} is no folder that can be read; give a folder of CTAs with --population DIR."
        ) from error
    found = [_in_folder(entry) if entry.is_dir() else entry for entry in entries if entry.is_dir() or _is_volume(entry)]
    if not found:
        raise InputError(
            f"{folder.name or folder} holds neither volume files (NRRD, NIfTI) nor folders with DICOM series; give a"
            " folder of CTAs with --population DIR."
        )
    return found


def prepared_heads(
    scans: Sequence[Path], output: Path, tell: Callable[[int], None], left_out: Callable[[str], None]
) -> tuple[Path, ...]:
    """Segment CTAs, or find the heads of an earlier run; their files under `output`, by digest, each scan once.

    tell: called with the number of each scan before it is looked at. left_out: called with a sentence about each that
    cannot be trained on. Raises InputError where none can, or where `output` holds a training on others; OSError.
    """
    folder = output / HEADS_FOLDER
    known = set(folder.glob("*.npz"))
    files: list[Path] = []
    for number, scan in enumerate(scans):
        tell(number)
        try:
            files.append(_prepared_head(scan, folder))
        except InputError as error:
            if len(scans) == 1:
                raise InputError(f"{_reason(error)[:-1]}; give another CTA.") from error
            left_out(f"{_label(scan)}: {_reason(error)}")
    if not files:
        raise InputError(f"None of the {len(scans)} CTAs can be trained on; give others with --population DIR.")
    chosen = tuple(sorted(set(files)))
    has_state = (output / STATE_FILE).exists()
    # Heads of a run that never came to train are of no use; a training that did must not get other ones.
    for file in set(chosen) - known if has_state else known - set(chosen):
        file.unlink()
    if has_state and known != set(chosen):
        raise InputError("The folder holds a training on other CTAs; train into a new one with --output DIR.")
    return chosen


def _prepared_head(scan: Path, folder: Path) -> Path:
    """The file of a scan's head. Raises InputError where it cannot be read or shows no large veins."""
    volume = read_volume(scan)
    file = folder / f"{_digest(volume)}.npz"
    if not file.exists():
        head = ScannedHead.of(prepare_volume(volume).cloud)
        folder.mkdir(parents=True, exist_ok=True)
        head.write(file)
    return file


def _reason(error: InputError) -> str:
    """The sentence without its advice, which is for those who register."""
    what, _, advice = str(error).rpartition("; ")
    return f"{what}." if what else advice


def _label(scan: Path) -> str:
    """A file that is named cta goes by its folder."""
    return scan.name if not scan.name.lower().startswith("cta.") else f"{scan.parent.name}/{scan.name}"


def _digest(volume: Volume) -> str:
    """Of the voxels and where they are: equal for copies under other names."""
    total = hashlib.sha256(f"{volume.voxels.shape} {volume.voxels.dtype.str}".encode())
    total.update(np.ascontiguousarray(volume.ijk_to_ras).tobytes())
    total.update(np.ascontiguousarray(volume.voxels).tobytes())
    return total.hexdigest()[:16]


def _is_volume(path: Path) -> bool:
    return path.name.lower().endswith(VOLUME_ENDINGS)


def _in_folder(folder: Path) -> Path:
    """The file named cta in a patient's folder, as `deepiterreg simulate` writes them; else the folder itself."""
    names = sorted(name for name in os.listdir(folder) if name.lower().startswith("cta."))
    files = [folder / name for name in names if _is_volume(folder / name)]
    return files[0] if files else folder
