"""Reads an angiographic run from a file of any format."""

from __future__ import annotations

import os
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.frames import FRAME_SUFFIXES, read_frames
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.paths import existing_path, is_dicom
from DeepIterRegLib.images.xa import read_header, read_xa, require_projection

DICOM_SUFFIXES = {".dcm", ".ima", ".dicom", ""}


def read_angiogram(path: str | os.PathLike[str], geometry: GeometryOptions | None = None) -> Angiogram:
    """Read a DSA run.

    path: an XA DICOM file (or a folder that holds one), an NRRD or NIfTI file whose third axis is time, a PNG, or a
    folder of PNG frames. geometry: what the user says about the C-arm, over the file's tags; files without tags need
    all of it. Returns subtracted frames with dark vessels. Raises InputError.
    """
    found = existing_path(path, Field.DSA)
    options = geometry or GeometryOptions()
    if found.is_dir():
        return _read_folder(found, options)
    if is_dicom(found) or found.suffix.lower() in DICOM_SUFFIXES:
        return read_xa(found, options)
    return read_frames(found, options)


def _read_folder(folder: Path, options: GeometryOptions) -> Angiogram:
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    if any(file.suffix.lower() in FRAME_SUFFIXES for file in files):
        return read_frames(folder, options)
    dicom = [file for file in files if file.stat().st_size > 0 and is_dicom(file) and file.name.upper() != "DICOMDIR"]
    if len(dicom) == 1:
        return read_xa(dicom[0], options)
    if dicom:
        require_projection(read_header(dicom[0]), f"The folder {folder.name}")
        raise InputError(
            "The folder {file} holds {count} DICOM files; give one run for {dsa}.",
            field=Field.DSA,
            file=folder,
            count=len(dicom),
        )
    raise InputError(
        "The folder {file} holds no angiogram; give an XA DICOM file or PNG frames for {dsa}.",
        field=Field.DSA,
        file=folder,
    )
