"""Numbers from the tags of an XA file, wherever the plain and the enhanced kind keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.functional_groups import numbers_of_frame

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Tag:
    """A numeric tag of the C-arm: what it is called, what it may be, and what the user may give instead."""

    keyword: str
    label: str
    """As the person reads it: "Positioner Primary Angle (0018,1510)"."""
    field: Field
    """What the user may give instead."""
    low: float
    high: float
    """The sensible range; a value outside is refused."""
    unit: str


PRIMARY_ANGLE = Tag(
    "PositionerPrimaryAngle", "Positioner Primary Angle (0018,1510)", Field.PRIMARY_ANGLE, -180, 180, "degrees"
)
SECONDARY_ANGLE = Tag(
    "PositionerSecondaryAngle", "Positioner Secondary Angle (0018,1511)", Field.SECONDARY_ANGLE, -90, 90, "degrees"
)
SDD = Tag("DistanceSourceToDetector", "Distance Source to Detector (0018,1110)", Field.SDD, 400, 2500, "mm")
SID = Tag("DistanceSourceToPatient", "Distance Source to Patient (0018,1111)", Field.SID, 200, 2400, "mm")
PIXEL_SPACING = Tag("ImagerPixelSpacing", "Imager Pixel Spacing (0018,1164)", Field.PIXEL_SPACING, 0.02, 5, "mm")


def numbers(dataset: Dataset, tag: Tag, file_name: str, count: int = 1, *, frame: int = 0) -> FloatArray | None:
    """(N, count) finite numbers of a tag of one frame (from 0), or None where the file does not have it.

    Raises InputError for a value that is no number, has the wrong count, or is outside the tag's range.
    """
    try:
        row = numbers_of_frame(dataset, tag.keyword, frame, file_name, field=tag.field)
    except InputError as error:
        if "value" not in error.values:
            raise
        raise _senseless(tag, str(error.values["value"]), file_name) from error
    if row is None:
        return None
    if row.size % count or row.min() < tag.low or row.max() > tag.high:
        raise _senseless(tag, "\\".join(f"{number:g}" for number in row), file_name)
    return row.reshape(-1, count)


def _senseless(tag: Tag, value: str, file_name: str) -> InputError:
    return InputError(
        "{file} has {tag} of {value} {unit}, outside {low:g} to {high:g} {unit}; give {field}.",
        field=tag.field,
        file=file_name,
        tag=tag.label,
        value=value,
        unit=tag.unit,
        low=tag.low,
        high=tag.high,
    )
