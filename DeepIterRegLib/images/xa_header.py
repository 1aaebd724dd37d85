"""The header of a DICOM file. Loads nothing heavy, so that Slicer's panel can show what a file says of its C-arm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.quiet import quiet_readers

if TYPE_CHECKING:
    from pydicom import Dataset


def read_header(path: Path, stop_before_pixels: bool = True) -> Dataset:
    """The data set, without the pixels unless asked for. Raises InputError for a damaged file."""
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    try:
        with quiet_readers():
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=stop_before_pixels)
            if not dataset.file_meta.get("TransferSyntaxUID"):
                # Without file meta information: pydicom saw how the data set is written.
                implicit, little = dataset.original_encoding
                explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
                dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
            return dataset
    except Exception as error:  # pydicom raises whatever the damage makes it stumble over
        raise InputError("{file} is truncated or damaged and cannot be read; export it again.", file=path) from error
