"""Whether an XA image was resized after its Imager Pixel Spacing was written.

Imager Pixel Spacing (0018,1164) belongs to the pixels of the detector. Archives and viewers that halve or double the
matrix often leave the tag as it was, and every projection is then wrong by that factor. Two other tags may tell: the
Field of View in mm, which the image fills, and Pixel Spacing (0028,0030) at the patient, times the magnification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

if TYPE_CHECKING:
    from pydicom import Dataset

SAME_LENGTH = 0.03
"""Two sources for the same length agree within this part of it: tags are rounded, fields of view nominal."""


def resize_factor(dataset: Dataset, row_mm: float, column_mm: float) -> tuple[float, str]:
    """The power of two by which Imager Pixel Spacing (row_mm, column_mm) is to be multiplied, and the tag that says so.

    1 where no other tag contradicts it, or contradicts it by anything but a power of two (a field of view that was
    cropped, or is nominal).
    """
    witnesses = (
        (field_of_view_spacing_mm(dataset), "Field of View Dimension(s) (0018,1149)"),
        (_magnified_spacing_mm(dataset, row_mm), "Pixel Spacing (0028,0030) times the magnification (0018,1114)"),
    )
    for spacing_mm, name in witnesses:
        if spacing_mm is None:
            continue
        ratios = spacing_mm / np.array([row_mm, column_mm])
        factor = 2.0 ** round(float(np.log2(ratios).mean()))
        if np.abs(ratios / factor - 1).max() <= SAME_LENGTH:
            return factor, name
    return 1.0, ""


def field_of_view_spacing_mm(dataset: Dataset) -> FloatArray | None:
    """(2,) pixel size that a rectangular Field of View Dimension(s) (0018,1149) gives, if it fills the image."""
    if str(dataset.get("FieldOfViewShape", "")).upper() not in ("RECTANGLE", "RECTANGULAR"):
        return None
    sides_mm = _positive(dataset, "FieldOfViewDimensions")
    if sides_mm is None or sides_mm.size > 2 or sides_mm.min() < 10:
        return None
    spacing: FloatArray = np.broadcast_to(sides_mm, 2) / (int(dataset.Rows), int(dataset.Columns))
    # Pixels are square: anything else is the nominal size of a field that does not fill the image.
    return spacing if abs(spacing[0] / spacing[1] - 1) <= SAME_LENGTH else None


def _magnified_spacing_mm(dataset: Dataset, row_mm: float) -> FloatArray | None:
    """(2,) pixel size at the detector from the calibrated one at the patient."""
    at_patient_mm = _positive(dataset, "PixelSpacing")
    magnification = _positive(dataset, "EstimatedRadiographicMagnificationFactor")
    if at_patient_mm is None or magnification is None or at_patient_mm.size != 2 or magnification.size != 1:
        return None
    # Some scanners copy Imager Pixel Spacing there, uncorrected for magnification: no evidence of a resize.
    return None if abs(at_patient_mm[0] / row_mm - 1) < 1e-3 else at_patient_mm * magnification


def _positive(dataset: Dataset, keyword: str) -> FloatArray | None:
    """A tag's numbers, or None where they are not all finite and positive."""
    value = dataset.get(keyword, None)
    if value is None or value == "":
        return None
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        return None
    return numbers if np.isfinite(numbers).all() and numbers.size > 0 and numbers.min() > 0 else None
