"""Whether an XA image was resized, or cut, after its Imager Pixel Spacing was written.

Imager Pixel Spacing (0018,1164) belongs to the pixels of the detector. Archives and viewers that halve or double the
matrix often leave the tag as it was, and every projection is then wrong by that factor. Other tags may tell; some of
them are stale too, so that all are heard, and those that disagree are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.dicom_numbers import whole_number_of
from DeepIterRegLib.images.functional_groups import numbers_of_frame, words_of_frame

if TYPE_CHECKING:
    from pydicom import Dataset

SAME_LENGTH = 0.03
"""Two sources for the same length agree within this part of it: tags are rounded, fields of view nominal."""
LARGER_FIELD = 0.05
"""By which a Field of View is larger than the image that is cut from it."""

IMAGER = "Imager Pixel Spacing (0018,1164)"
FIELD_OF_VIEW = "Field of View Dimension(s) (0018,1149)"


OWN_PIXELS = 2
FAR = 0.25
"""By which a pixel at the patient may be off where the object that it was calibrated by was not at the isocentre."""


@dataclass(frozen=True)
class Resize:
    """What Imager Pixel Spacing is to be multiplied by, and sentences about tags that disagree."""

    factor: float = 1.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Witness:
    """What another tag makes of the pixel's size."""

    name: str
    spacing_mm: FloatArray
    """(2,) between rows, between columns."""
    weight: int
    """OWN_PIXELS for what describes the image's own pixels, 1 for the field or the detector behind it."""

    def factor(self, imager_mm: FloatArray, others: Sequence[_Witness]) -> float | None:
        """The power of two between Imager Pixel Spacing and this one's; another ratio where one of the others has the
        same, and one of both describes the image's own pixels; else None."""
        ratios = self.spacing_mm / imager_mm
        factor = 2.0 ** round(float(np.log2(ratios).mean()))
        if np.abs(ratios / factor - 1).max() <= SAME_LENGTH:
            return factor
        for other in others:
            if other is self or max(other.weight, self.weight) < OWN_PIXELS:
                continue
            if np.abs(other.spacing_mm / self.spacing_mm - 1).max() <= SAME_LENGTH:
                # The same number for both, so that their votes add up.
                heavier = max(self, other, key=lambda one: (one.weight, one.name))
                return round(float(np.mean(heavier.spacing_mm / imager_mm)), 4)
        return None

    def far_from(self, spacing_mm: FloatArray) -> bool:
        """Whether it is off by more than any calibration would be."""
        return bool(np.abs(self.spacing_mm / spacing_mm - 1).max() > FAR)


def resize_of(
    dataset: Dataset, row_mm: float, column_mm: float, magnification: float | None, frame: int, file_name: str
) -> Resize:
    """Weigh what the tags say against Imager Pixel Spacing (row_mm, column_mm).

    magnification: SDD / SID, where known. frame: whose functional groups count. A ratio that is no power of two, and
    that one tag alone has, says nothing about a resize: a field of view that was cropped or is nominal, an object that
    was calibrated elsewhere than at the isocentre.
    """
    imager_mm = np.array([row_mm, column_mm])
    witnesses = list(_witnesses(dataset, row_mm, magnification, frame, file_name))
    found = [(one, one.factor(imager_mm, witnesses)) for one in witnesses]
    votes: dict[float, int] = {1.0: 0}
    for one, factor in found:
        if factor is not None:
            votes[factor] = votes.get(factor, 0) + one.weight
    # As it stands, where the others are divided: max() takes the first of equals.
    chosen = max(votes, key=lambda factor: votes[factor])
    others = [
        one
        for one, factor in found
        if factor not in (None, chosen)
        or (factor is None and one.weight == OWN_PIXELS and one.far_from(chosen * imager_mm))
    ]
    sides = [one.name for one, factor in found if factor == chosen]
    against = " and ".join(f"{one.name} ({one.spacing_mm[0]:.4g} mm)" for one in others)
    warnings = []
    if chosen != 1:
        warnings.append(
            f"{file_name} was resized: {IMAGER} {row_mm:g} mm was scaled by {chosen:g} to agree with"
            f" {' and '.join(sides)}{f', against {against}' if others else ''}; give the pixel size at the detector if"
            " that is wrong."
        )
    elif others:
        believed = " and ".join([IMAGER, *sides])
        warnings.append(
            f"{file_name} has tags that contradict each other about the pixel size: {believed} ({row_mm:g} mm) against"
            f" {against}; the former was used, give the pixel size at the detector if that is wrong."
        )
    return Resize(chosen, (*warnings, *_cut(dataset, chosen * imager_mm, frame, file_name)))


def field_of_view_spacing_mm(dataset: Dataset, frame: int, file_name: str) -> FloatArray | None:
    """(2,) pixel size that a rectangular Field of View Dimension(s) (0018,1149) gives, if it fills the image."""
    sides_mm = _field_mm(dataset, frame, file_name)
    if sides_mm is None:
        return None
    spacing: FloatArray = sides_mm / _size(dataset, file_name)
    # Pixels are square: anything else is the nominal size of a field that does not fill the image.
    return spacing if abs(spacing[0] / spacing[1] - 1) <= SAME_LENGTH else None


def _witnesses(
    dataset: Dataset, row_mm: float, magnification: float | None, frame: int, file_name: str
) -> Iterator[_Witness]:
    field = field_of_view_spacing_mm(dataset, frame, file_name)
    if field is not None:
        yield _Witness(FIELD_OF_VIEW, field, 1)
    estimated = _positive(dataset, "EstimatedRadiographicMagnificationFactor", frame, file_name)
    if magnification is None and estimated is not None:
        magnification = float(estimated[0])
    for keyword, name in (
        ("PixelSpacing", "Pixel Spacing (0028,0030) times the magnification"),
        (
            "ObjectPixelSpacingInCenterOfBeam",
            "Object Pixel Spacing in Center of Beam (0018,9404) times the magnification",
        ),
    ):
        at_patient_mm = _positive(dataset, keyword, frame, file_name)
        if at_patient_mm is None or at_patient_mm.size != 2 or magnification is None:
            continue
        # Some scanners copy Imager Pixel Spacing there, uncorrected for magnification: no evidence of a resize.
        if abs(at_patient_mm[0] / row_mm - 1) >= 1e-3:
            yield _Witness(name, at_patient_mm * magnification, OWN_PIXELS)
    element_mm = _positive(dataset, "DetectorElementSpacing", frame, file_name)
    binning = _positive(dataset, "DetectorBinning", frame, file_name)
    if element_mm is not None and binning is not None and element_mm.size == binning.size == 2:
        yield _Witness(
            "Detector Element Spacing (0018,7022) times Detector Binning (0018,701A)", element_mm * binning, 1
        )


def _cut(dataset: Dataset, spacing_mm: FloatArray, frame: int, file_name: str) -> tuple[str, ...]:
    """A sentence where the image is smaller than its Field of View."""
    field_mm = _field_mm(dataset, frame, file_name)
    if field_mm is None:
        return ()
    side_mm = _size(dataset, file_name) * spacing_mm
    ratios = field_mm / side_mm
    if ratios.max() <= 1 + LARGER_FIELD or ratios.min() < 1 - SAME_LENGTH:
        return ()
    return (
        f"{file_name} shows {side_mm[0]:.0f} x {side_mm[1]:.0f} mm of the detector, {FIELD_OF_VIEW} say"
        f" {field_mm[0]:.0f} x {field_mm[1]:.0f} mm: the image was taken to be cut from the middle of it; where it was"
        " not, the pose is off by as much.",
    )


def _field_mm(dataset: Dataset, frame: int, file_name: str) -> FloatArray | None:
    """(2,) sides of a rectangular field of view, rows first."""
    shape = words_of_frame(dataset, "FieldOfViewShape", frame, file_name)
    if shape[:1] not in (["RECTANGLE"], ["RECTANGULAR"]):
        return None
    for keyword in ("FieldOfViewDimensionsInFloat", "FieldOfViewDimensions"):
        sides_mm = _positive(dataset, keyword, frame, file_name)
        if sides_mm is not None and sides_mm.size <= 2 and sides_mm.min() >= 10:
            return np.array(np.broadcast_to(sides_mm, 2))
    return None


def _size(dataset: Dataset, file_name: str) -> FloatArray:
    """(2,) rows and columns."""
    return np.array([whole_number_of(dataset, keyword, file_name) or 1 for keyword in ("Rows", "Columns")], float)


def _positive(dataset: Dataset, keyword: str, frame: int, file_name: str) -> FloatArray | None:
    """A tag's numbers, or None where they are not all finite and positive: they only check others."""
    try:
        found = numbers_of_frame(dataset, keyword, frame, file_name)
    except InputError:
        return None
    return found if found is not None and found.min() > 0 else None
