"""Reads an angiographic run from a file of any format."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.frames import FRAME_SUFFIXES, read_frames
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.paths import existing_path
from DeepIterRegLib.images.reading_notes import not_noted
from DeepIterRegLib.images.xa import read_xa_run
from DeepIterRegLib.images.xa_files import may_be_dicom, run_of_file, run_of_folder


@quiet_readers()
def read_angiogram(path: str | os.PathLike[str], geometry: GeometryOptions | None = None) -> Angiogram:
    """Read a DSA run.

    path: an XA DICOM file, any of the single-frame files of a run, a folder that holds one run, an NRRD or NIfTI file
    whose third axis is time, a PNG, or a folder of PNG frames. geometry: what the user says about the C-arm, over the
    file's tags; files without tags need all of it. Returns subtracted frames with dark vessels. Raises InputError.
    """
    found = existing_path(path, Field.DSA)
    options = geometry or GeometryOptions()
    if found.is_dir():
        return _read_folder(found, options)
    if may_be_dicom(found):
        with not_noted():
            run = run_of_file(found)
        return read_xa_run(run, options)
    return read_frames(found, options)


def _read_folder(folder: Path, options: GeometryOptions) -> Angiogram:
    pictures = [file for file in folder.iterdir() if file.suffix.lower() in FRAME_SUFFIXES and file.name[0] != "."]
    with not_noted():
        run = run_of_folder(folder, below=not pictures)
    if run is None and pictures:
        return read_frames(folder, options)
    if run is None:
        raise InputError(
            "The folder {file} holds no angiogram; give an XA DICOM file or PNG frames for {dsa}.",
            field=Field.DSA,
            file=folder,
        )
    if pictures:
        said = f"The DSA's folder holds {len(pictures)} PNG picture(s) beside the DICOM run, which took no part."
        run = replace(run, warnings=(*run.warnings, said))
    return read_xa_run(run, options)
