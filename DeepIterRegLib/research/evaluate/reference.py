"""Reference poses that somebody found by hand: read from transform files either way round, and not simply believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.rigid import invert
from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.initializer.in_view import in_view
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.refinement.agreement import share_in_view

Direction = Literal["carm-to-cta", "cta-to-carm"]
"""Where the transform in an ITK file takes a point. "carm-to-cta": as Slicer saves a linear transform node whose matrix
is the pose, and as `deepiterreg register` does (docs/DESIGN.md, "Frames"); "cta-to-carm": the pose itself."""
OTHER: dict[Direction, Direction] = {"carm-to-cta": "cta-to-carm", "cta-to-carm": "carm-to-cta"}
LEAST_SHARE = 0.1
"""Of the CTA's vessels, by volume, that a right pose puts on the detector: a run of one artery, close up, of a CTA from
the arch of the aorta shows more. The wrong direction of a scan with its origin far from the head shows nothing."""


class NoTruth(InputError):
    """Nobody can tell how well a patient is registered: no reference pose, or none that can be right.

    Such a patient is left out and told of. It is no failure of a registration.
    """


@dataclass(frozen=True)
class Place:
    """Where in a cohort's table a reference is named."""

    table: Path
    row: int
    column: str


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference pose, and where it comes from."""

    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame."""
    file: Path
    direction: Direction
    """As which the file was read."""
    place: Place

    def require_plausible(self, images: PreparedImages) -> None:
        """Raises NoTruth for a pose at which the head is not on the detector, and says whether the other direction
        puts it there."""
        if not images.volume.shown_cloud.weights_mm3.sum() > 0 or _plausible(self.pose, images):
            return
        told: dict[str, Any] = {
            "table": self.place.table.name, "row": self.place.row, "column": self.place.column,
            "direction": self.direction, "other": OTHER[self.direction],
        }  # fmt: skip
        if _plausible(invert(self.pose), images):
            raise NoTruth(
                "Row {row}, column {column} of {table}: read as {direction}, {file} does not project the head onto the"
                " detector; read as {other} it would. Give the direction in which the file was saved.",
                file=self.file, **told,
            )  # fmt: skip
        raise NoTruth(
            "Row {row}, column {column} of {table}: {file} does not project the head onto the detector, neither read as"
            " {direction} nor as {other}; give a transform between this CTA and the C-arm's frame.",
            file=self.file, **told,
        )  # fmt: skip


def read_reference(file: Path, direction: Direction, place: Place) -> Reference:
    """Read a transform file that holds a reference pose in this direction.

    Raises NoTruth, naming row, column and file, for a file that is missing or damaged, or whose transform is not rigid:
    it turns and shifts, and does not scale, shear or mirror.
    """
    try:
        pose = read_transform(file, Field.REFERENCE_POSE)
    except InputError as error:
        raise NoTruth(
            "Row {row}, column {column} of {table}: {reason}",
            row=place.row, column=place.column, table=place.table.name, reason=error,
        ) from error  # fmt: skip
    # A transform file holds the pose's inverse, and `read_transform` turns it round.
    return Reference(pose if direction == "carm-to-cta" else invert(pose), file, direction, place)


def _plausible(pose: FloatArray, images: PreparedImages) -> bool:
    volume, angiograms = images.volume, images.angiograms
    return share_in_view(volume, angiograms, pose) >= LEAST_SHARE and in_view(pose, volume, angiograms)
