"""Numbers from the tags of an XA file, wherever the plain and the enhanced kind keep them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError

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


def values(dataset: Dataset, keyword: str) -> list[Any]:
    """Every value of a tag: from the data set itself, else from its shared and per-frame functional groups."""
    found = [dataset[keyword].value] if keyword in dataset else list(_in_functional_groups(dataset, keyword))
    return [value for value in found if value is not None and value != ""]


def _in_functional_groups(dataset: Dataset, keyword: str) -> Iterator[Any]:
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for frame in dataset.get(groups, None) or []:
            for element in frame:
                if element.VR == "SQ":
                    for item in element.value:
                        if keyword in item:
                            yield item[keyword].value


def numbers(dataset: Dataset, tag: Tag, file_name: str, count: int = 1) -> FloatArray | None:
    """(frames or 1, count) finite numbers of a tag, or None where the file does not have it.

    Raises InputError for a value that is no number, has the wrong count, or is outside the tag's range.
    """
    rows = []
    for value in values(dataset, tag.keyword):
        try:
            row = np.atleast_1d(np.asarray(value, dtype=np.float64))
        except (TypeError, ValueError):
            row = np.array([np.nan])
        good = row.size % count == 0 and row.size > 0 and np.isfinite(row).all()
        if not good or row.min() < tag.low or row.max() > tag.high:
            shown = str(value).replace(", ", "\\").strip("[]")
            raise InputError(
                "{file} has {tag} of {value} {unit}, outside {low:g} to {high:g} {unit}; give {field}.",
                field=tag.field,
                file=file_name,
                tag=tag.label,
                value=shown,
                unit=tag.unit,
                low=tag.low,
                high=tag.high,
            )
        rows.append(row.reshape(-1, count))
    return np.concatenate(rows) if rows else None
