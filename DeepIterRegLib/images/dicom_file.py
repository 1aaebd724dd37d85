"""Opens a DICOM file, with or without preamble and file meta information.

Loads nothing heavy, so that Slicer's panel can show what a file says of its C-arm.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.quiet import quiet_readers

if TYPE_CHECKING:
    from pydicom import Dataset


def dataset_if_sound(path: Path, *, pixels: bool = True, tags: list[str] | None = None) -> Dataset | None:
    """The data set, without its pixels if they are not wanted; of its header what `tags` (keywords) lists, or all.

    None for a damaged file.
    """
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    wanted: Any = tags
    try:
        with quiet_readers():
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=not pixels, specific_tags=wanted)
            if not dataset.file_meta.get("TransferSyntaxUID"):
                # A bare data set: pydicom saw how it is written, and only the standard's own syntaxes come bare.
                implicit, little = dataset.original_encoding
                explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
                dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    except Exception:  # whatever the damage makes pydicom stumble over
        return None
    return dataset


def read_dataset(path: Path, *, pixels: bool = True) -> Dataset:
    """The data set, without its pixels if they are not wanted. Raises InputError for a damaged file."""
    dataset = dataset_if_sound(path, pixels=pixels)
    if dataset is None:
        raise InputError("{file} is truncated or damaged and cannot be read; export it again.", file=path)
    return dataset


def read_header(path: Path) -> Dataset:
    """The data set without the pixels. Raises InputError for a damaged file."""
    return read_dataset(path, pixels=False)
