"""The slices that a DICOM file holds, one record each: a single CT image has one, a multi-frame volume one per frame.

Enhanced CT, Legacy Converted Enhanced CT and X-Ray 3D Angiographic differ from single files in where they keep a value,
and in nothing else. highdicom also reads them as volumes, but refuses a tilted gantry, rounded positions and phases,
which single files have as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field
from DeepIterRegLib.images.dicom_numbers import (
    element_value,
    label_of,
    numbers_of,
    whole_number_of,
    word_of,
    words_of,
)
from DeepIterRegLib.images.functional_groups import frame_count, holder_of, numbers_of_frame, words_of_frame

if TYPE_CHECKING:
    from pydicom import Dataset

POSITION, ORIENTATION, SPACING = "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"
MARKS = (
    "TemporalPositionIndex", "TemporalPositionIdentifier", "NominalPercentageOfCardiacPhase", "StackID",
    "AcquisitionNumber", "FrameAcquisitionNumber", "ImageType", "FrameType", "ConvolutionKernel", "FilterType", "KVP",
    "ReconstructionDiameter", "SliceThickness", "FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime",
    "ContentTime",
)  # fmt: skip
"""What tells the phases, scans and reconstructions in one series apart, those that say most first."""
TAGS = [
    "SOPClassUID", "Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription",
    "InstanceNumber", "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "DimensionIndexSequence", "RescaleSlope", "RescaleIntercept",
    "GantryDetectorTilt", POSITION, ORIENTATION, SPACING, *MARKS,
]  # fmt: skip
"""All that is read of a header."""
PLACES = {POSITION, "InStackPositionNumber", "ImagePositionVolume", "SliceLocation"}
"""Dimensions that count the slices of a stack."""


@dataclass(frozen=True, eq=False)
class Slice:
    """One image of a stack. Positions and directions are LPS, as in the files."""

    path: Path
    frame: int
    """Of the file, from 0."""
    series: str
    """Series Instance UID."""
    name: str
    """For messages: "image 17", or "frame 17"; never the file's name, which may be a patient's."""
    size: tuple[int, int]
    """Rows and columns."""
    orientation: FloatArray
    """(6,) directions along a row and down a column."""
    position_mm: FloatArray
    """(3,) centre of the first pixel."""
    spacing_mm: FloatArray
    """(2,) between rows, between columns."""
    slope: float = 1.0
    intercept: float = 0.0
    has_rescale: bool = False
    tilt_deg: float = 0.0
    """What the header says about the gantry, 0 where it says nothing."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """By the name of the tag."""


@dataclass(frozen=True)
class LeftOut:
    """An image that is no slice of the series it is in."""

    name: str
    reason: str
    """After "which is": "of another size"."""


def slices_of(path: Path, header: Dataset) -> tuple[list[Slice], list[LeftOut]]:
    """The slices in a file of a CT or 3DRA series, and the images in it that are none.

    Raises InputError for a header with numbers that are none, or that contradicts itself.
    """
    file_name = path.name
    count = frame_count(header, file_name, field=Field.CTA)
    several = count > 1 or "PerFrameFunctionalGroupsSequence" in header
    image = image_name(header, file_name)
    if (whole_number_of(header, "SamplesPerPixel", file_name, field=Field.CTA) or 1) != 1:
        return [], [LeftOut(image, "a colour picture")]
    size = tuple(whole_number_of(header, keyword, file_name, field=Field.CTA) or 0 for keyword in ("Rows", "Columns"))
    slices, others = [], []
    for frame in range(count):
        name = f"frame {frame + 1}" if several else image
        places = [
            numbers_of_frame(header, keyword, frame, file_name, count=length, field=Field.CTA)
            for keyword, length in ((ORIENTATION, 6), (POSITION, 3), (SPACING, 2))
        ]
        position_is_its_own = count == 1 or holder_of(header, POSITION, frame, file_name, field=Field.CTA) is not header
        if any(place is None for place in places) or not position_is_its_own:
            others.append(LeftOut(name, "an image without a place in the patient (a screen save?)"))
            continue
        kind = words_of_frame(header, "FrameType", frame, file_name, field=Field.CTA)
        if "LOCALIZER" in [*kind, *words_of(header, "ImageType", file_name, field=Field.CTA)]:
            others.append(LeftOut(name, "a localizer"))
            continue
        orientation, position_mm, spacing_mm = (np.asarray(place, dtype=np.float64) for place in places)
        slope, intercept = (
            _number(header, keyword, frame, file_name) for keyword in ("RescaleSlope", "RescaleIntercept")
        )
        slices.append(
            Slice(
                path=path,
                frame=frame,
                series=str(element_value(header, "SeriesInstanceUID", file_name, field=Field.CTA) or ""),
                name=name,
                size=(size[0], size[1]),
                orientation=orientation,
                position_mm=position_mm,
                spacing_mm=spacing_mm,
                slope=1.0 if slope is None else slope,
                intercept=0.0 if intercept is None else intercept,
                has_rescale=slope is not None or intercept is not None,
                tilt_deg=_number(header, "GantryDetectorTilt", frame, file_name) or 0.0,
                marks=_marks(header, frame, file_name),
            )
        )
    return slices, others


def image_name(header: Dataset, file_name: str) -> str:
    """By its Instance Number."""
    number = words_of(header, "InstanceNumber", file_name, field=Field.CTA)
    return f"image {number[0]}" if number else "an image without a number"


def is_projection(header: Dataset, file_name: str) -> bool:
    """Whether an image of an X-ray modality has no place in the patient, as a 2D angiogram has none."""
    modality = word_of(header, "Modality", file_name, field=Field.CTA)
    if modality not in ("XA", "RF", "DX", "CR"):
        return False
    return holder_of(header, POSITION, 0, file_name, field=Field.CTA) is None


def _number(header: Dataset, keyword: str, frame: int, file_name: str) -> float | None:
    found = numbers_of_frame(header, keyword, frame, file_name, count=1, field=Field.CTA)
    return None if found is None else float(found[0])


def _marks(header: Dataset, frame: int, file_name: str) -> dict[str, str]:
    found = {}
    for keyword in MARKS:
        words = words_of_frame(header, keyword, frame, file_name, field=Field.CTA)
        if words:
            found[label_of(keyword)] = "\\".join(words)
    return found | _dimensions(header, frame, file_name)


def _dimensions(header: Dataset, frame: int, file_name: str) -> dict[str, str]:
    """A frame's index in every dimension of a multi-frame object that does not count slices."""
    from pydicom.datadict import keyword_for_tag

    holder = holder_of(header, "DimensionIndexValues", frame, file_name, field=Field.CTA)
    dimensions = element_value(header, "DimensionIndexSequence", file_name, field=Field.CTA)
    if holder is None or not dimensions:
        return {}
    indices = numbers_of(holder, "DimensionIndexValues", file_name, field=Field.CTA)
    if indices is None or len(indices) != len(dimensions):
        return {}
    found = {}
    for number, (dimension, index) in enumerate(zip(dimensions, indices, strict=True), start=1):
        pointer = element_value(dimension, "DimensionIndexPointer", file_name, field=Field.CTA)
        keyword = keyword_for_tag(pointer) if pointer is not None else ""
        if keyword not in PLACES and keyword not in MARKS:
            found[label_of(keyword) if keyword else f"dimension {number}"] = f"{index:g}"
    return found
