"""Where the isocentre falls in an XA image that shows a part of the detector.

Position of Isocenter Projection (0018,9430, PS3.3 C.8.19.5) counts in detector elements, (row, column), from the centre
of the detector's first one; Field of View Origin (0018,7030, C.8.11.4) from its corner, before the image was turned.
Without either the isocentre is in the image's middle, as the plain XA object has it (PS3.17 FFF.2.1.5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field
from DeepIterRegLib.geometry.image_turn import ImageTurn
from DeepIterRegLib.images.dicom_numbers import word_of
from DeepIterRegLib.images.functional_groups import numbers_of_frame
from DeepIterRegLib.images.xa_resize import SAME_LENGTH

if TYPE_CHECKING:
    from pydicom import Dataset

OFF_CENTRE = 0.02
"""Of the image's side: what an isocentre may be away from the middle before a plain file's detector is believed
instead. Detectors are given with rounded sizes."""
FARTHEST = 1.0
"""The same for what is believed at all: an isocentre by more than the image's side outside its middle."""
TILTED_DEG = 0.5

ISOCENTRE = "Position of Isocenter Projection (0018,9430)"
ORIGIN = "Field of View Origin (0018,7030)"
ASSUMED = "the isocentre was assumed in the image's middle, and the pose is off by as much as it is not there"


@dataclass(frozen=True)
class Placement:
    """Where the isocentre falls."""

    principal_point_px: tuple[float, float] | None
    """(column, row); None is the image's middle."""
    warnings: tuple[str, ...] = ()
    assumed: bool = False
    """Nothing in the file says where it is."""


def isocentre_of(
    dataset: Dataset,
    rows: int,
    columns: int,
    pixel_spacing_mm: tuple[float, float],
    turn: ImageTurn,
    frame: int,
    file_name: str,
) -> Placement:
    """Where the isocentre falls in an image of so many rows and columns.

    pixel_spacing_mm: at the detector, between rows, between columns. turn: of the image against the detector
    (`detector_turn`). frame: whose functional groups count. Raises InputError for numbers that are none.
    """
    detector = _Detector(dataset, frame, file_name)
    stated, origin = detector.pair("PositionOfIsocenterProjection"), detector.pair("FieldOfViewOrigin")
    if word_of(dataset, "XRayReceptorType", file_name) == "IMG_INTENSIFIER":
        origin = None  # An image intensifier has no first element.
    elements_mm = detector.elements_mm()
    middle = detector.middle(elements_mm)
    # From the detector's corner, in elements.
    isocentre = middle if stated is None else stated + 0.5
    pixel_mm = np.array(pixel_spacing_mm[::-1] if turn.swaps_axes else pixel_spacing_mm)
    side_mm = np.array((columns, rows) if turn.swaps_axes else (rows, columns)) * pixel_mm
    if stated is not None and origin is None and middle is not None and elements_mm is not None:
        # All of the detector needs no origin.
        whole = np.abs(side_mm / (2 * middle * elements_mm) - 1).max() <= SAME_LENGTH
        origin = np.zeros(2) if whole else None
    if elements_mm is None or origin is None or isocentre is None:
        return Placement(None, assumed=True) if stated is None else _unusable(file_name, elements_mm is None)
    what = ISOCENTRE if stated is not None else f"{ORIGIN} and the detector's size"
    field_mm, cropped = detector.field_mm(side_mm, turn)
    off_mm = (isocentre - origin) * elements_mm - field_mm / 2
    if np.abs(off_mm / side_mm).max() > FARTHEST:
        said = (
            f"{file_name} has a {what} that would put the isocentre {np.abs(off_mm).max():.0f} mm from the image's"
            f" middle, which cannot be: {ASSUMED}."
        )
        return Placement(None, (said,))
    if stated is None and np.abs(off_mm / side_mm).max() <= OFF_CENTRE:
        return Placement(None)
    warnings = []
    if cropped:
        warnings.append(
            f"{file_name} was cut from its Field of View, by which the isocentre is placed ({what}): if not from the"
            " middle, the pose is off by as much."
        )
    if stated is None:
        warnings.append(
            f"{file_name} does not say where the isocentre falls, and shows a part of the detector whose middle is"
            f" {np.linalg.norm(off_mm):.0f} mm from the detector's ({what}): the detector's middle was taken."
        )
    # Along the detector's columns and rows, then along the stored image's.
    right, down = turn.axes(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    across = np.array([off_mm[1], off_mm[0]])
    column = (columns - 1) / 2 + float(across @ right) / pixel_spacing_mm[1]
    row = (rows - 1) / 2 + float(across @ down) / pixel_spacing_mm[0]
    return Placement((column, row), tuple(warnings))


def _unusable(file_name: str, without_elements: bool) -> Placement:
    lacks = "Detector Element Spacing (0018,7022)" if without_elements else ORIGIN
    return Placement(
        None, (f"{file_name} has a {ISOCENTRE} but no {lacks}, without which it says nothing: {ASSUMED}.",)
    )


def tilt_warnings(dataset: Dataset, frame: int, file_name: str) -> list[str]:
    """A sentence where the header says that the beam is not perpendicular to the detector."""
    said = []
    for keyword, label in (
        ("DetectorPrimaryAngle", "Detector Primary Angle (0018,1530)"),
        ("DetectorSecondaryAngle", "Detector Secondary Angle (0018,1531)"),
        ("PositionerIsocenterDetectorRotationAngle", "Detector Rotation Angle (0018,9465)"),
        ("PixelDataAreaRotationAngleRelativeToFOV", "Pixel Data Area Rotation Angle Relative To FOV (0018,7038)"),
    ):
        angle = numbers_of_frame(dataset, keyword, frame, file_name, field=Field.CARM)
        if angle is not None and abs(float(angle[0])) > TILTED_DEG:
            said.append(
                f"{file_name} has a {label} of {angle[0]:g} degrees, which is not applied: an image that it turned or"
                " tilted is registered askew by as much; check the overlay."
            )
    area = numbers_of_frame(dataset, "PixelDataAreaOriginRelativeToFOV", frame, file_name, field=Field.CARM)
    if area is not None and np.abs(area).max() > 0:
        said.append(
            f"{file_name} has a Pixel Data Area Origin Relative To FOV (0018,7036) of {area[0]:g}, {area[-1]:g}, which"
            " is not applied: the pose is off by as much."
        )
    return said


@dataclass(frozen=True, eq=False)
class _Detector:
    """The tags about the detector, (row, column) each."""

    dataset: Dataset
    frame: int
    file_name: str

    def pair(self, keyword: str) -> FloatArray | None:
        return numbers_of_frame(self.dataset, keyword, self.frame, self.file_name, count=2, field=Field.CARM)

    def elements_mm(self) -> FloatArray | None:
        """(2,) size of an element, or None."""
        for keyword in ("DetectorElementSpacing", "DetectorElementPhysicalSize"):
            size_mm = self.pair(keyword)
            if size_mm is not None and size_mm.min() > 0:
                return size_mm
        return None

    def middle(self, elements_mm: FloatArray | None) -> FloatArray | None:
        """(2,) the detector's middle in elements from its corner, or None."""
        if elements_mm is None:
            return None
        whole_mm = self.pair("PhysicalDetectorSize")
        if whole_mm is not None and whole_mm.min() > 0:
            return whole_mm / elements_mm / 2
        active_mm, active = self._sides_mm("DetectorActiveDimensions"), self.pair("DetectorActiveOrigin")
        if active_mm is None:
            return None
        return (np.zeros(2) if active is None else active) + active_mm / elements_mm / 2

    def field_mm(self, side_mm: FloatArray, turn: ImageTurn) -> tuple[FloatArray, bool]:
        """(2,) sides of the Field of View on the detector, and whether the image is but a part of it."""
        for keyword in ("FieldOfViewDimensionsInFloat", "FieldOfViewDimensions"):
            stored_mm = self._sides_mm(keyword)
            if stored_mm is not None:
                field_mm = stored_mm[::-1] if turn.swaps_axes else stored_mm
                if np.abs(field_mm / side_mm - 1).max() <= SAME_LENGTH:
                    return side_mm, False
                if (field_mm >= side_mm * (1 - SAME_LENGTH)).all():
                    return field_mm, True
        return side_mm, False

    def _sides_mm(self, keyword: str) -> FloatArray | None:
        sides_mm = numbers_of_frame(self.dataset, keyword, self.frame, self.file_name, field=Field.CARM)
        if sides_mm is None or sides_mm.size > 2 or sides_mm.min() <= 0:
            return None
        return np.array(np.broadcast_to(sides_mm, 2))
