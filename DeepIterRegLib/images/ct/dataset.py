"""Opens a DICOM file of a 3D series, with or without preamble and file meta information."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.quiet import quiet_readers

if TYPE_CHECKING:
    from pydicom import Dataset


def read_dataset(path: Path, tags: list[str] | None = None) -> Dataset | None:
    """A DICOM file with its pixels, or of its header what `tags` (keywords) lists; None for a damaged one."""
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    wanted: Any = tags
    try:
        with quiet_readers():
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=tags is not None, specific_tags=wanted)
            if not dataset.file_meta.get("TransferSyntaxUID"):
                # A bare data set: pydicom saw how it is written, and only the standard's own syntaxes come bare.
                implicit, little = dataset.original_encoding
                explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
                dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    except Exception:  # whatever the damage makes pydicom stumble over; the caller says so
        return None
    return dataset
