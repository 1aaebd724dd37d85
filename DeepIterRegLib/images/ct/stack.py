"""A stack of parallel slices: even spacing, missing slices, and the shear that a tilted gantry leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.common.errors import Field, InputError

if TYPE_CHECKING:
    import SimpleITK as sitk

MIN_SLICES = 20
"""Of a volume; less is a localizer or a piece."""
OFF_PLACE_STEPS, OFF_PLACE_MM = 0.25, 0.55
"""Of a step, and at most: a slice may lie off its place in an even stack by as much. A missing slice shifts its
neighbours by half a step and more, positions that were rounded to a millimetre by half of one."""
OFF_LINE_MM = 0.5
"""A slice may be shifted by as much within its plane."""
MAX_SHEAR_MM = 0.5
"""A stack whose last slice is shifted by less against its first has straight edges."""
SAME_PLACE_MM = 1e-3
AIR_HU = -1024.0
WATER_ABOVE_HU = -500.0
"""A volume without anything darker is not in Hounsfield units: its darkest value stands for air."""

MOST_TILT_DEG = 45.0
"""Gantries tilt by up to 30."""


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Where the slices of a series are, LPS mm, as in the files."""

    origin_mm: FloatArray
    """(3,) centre of the first voxel of the first slice."""
    direction: FloatArray
    """(3, 3) columns: along a row of pixels, down a column, and the normal to the slices."""
    spacing_mm: FloatArray
    """(3,) along those columns."""
    drift_mm: FloatArray
    """(3,) how much each slice is shifted within its plane against the one before: zero without gantry tilt."""
    count: int

    @classmethod
    def from_positions(
        cls, positions_mm: FloatArray, orientation: FloatArray, pixel_spacing_mm: FloatArray, file_name: str
    ) -> tuple[SliceStack, IntArray]:
        """From Image Position (N, 3), Image Orientation (6,) and Pixel Spacing (2,) of N slices in any order.

        Returns the stack and the (N,) order of the slices along its normal. Raises InputError for slices that are
        missing, doubled, unevenly spaced or shifted against each other. file_name: of the file or folder.
        """
        along_row, down_column = orientation[:3], orientation[3:]
        normal = np.cross(along_row, down_column)
        if not np.isfinite(positions_mm).all() or abs(np.linalg.norm(normal) - 1) > 1e-2:
            raise InputError(
                "The slices in {file} have an Image Orientation (0020,0037) that is not two "
                "orthogonal unit vectors; export the series again.",
                field=Field.CTA,
                file=file_name,
            )
        normal = normal / np.linalg.norm(normal)
        along_row = along_row / np.linalg.norm(along_row)
        down_column = np.cross(normal, along_row)
        height_mm = positions_mm @ normal
        order = np.argsort(height_mm, kind="stable")
        steps_mm = np.diff(height_mm[order])
        step_mm = float(np.median(steps_mm))
        if steps_mm.min() < SAME_PLACE_MM or step_mm < SAME_PLACE_MM:
            raise InputError(
                "The series in {file} holds several slices at the same position (time points or reconstructions); "
                "give one of them alone for {cta}.",
                field=Field.CTA,
                file=file_name,
            )
        off_mm = _off_line_mm(positions_mm[order])
        along_mm = np.abs(off_mm @ normal)
        mean_step_mm = float(steps_mm.mean())
        if along_mm.max() > min(OFF_PLACE_STEPS * mean_step_mm, OFF_PLACE_MM):
            raise _uneven(steps_mm, step_mm, file_name)
        if np.linalg.norm(off_mm - np.outer(off_mm @ normal, normal), axis=1).max() > OFF_LINE_MM:
            raise InputError(
                "The slices in {file} are shifted against each other (their Image Position (0020,0032) does "
                "not lie on a line); export one series with one field of view.",
                field=Field.CTA,
                file=file_name,
            )
        first, last = positions_mm[order[0]], positions_mm[order[-1]]
        mean_step = (last - first) / (len(order) - 1)
        drift = mean_step - (mean_step @ normal) * normal
        stack = cls(
            first,
            np.column_stack([along_row, down_column, normal]),
            np.array([pixel_spacing_mm[1], pixel_spacing_mm[0], mean_step @ normal]),
            drift,
            len(order),
        )
        if stack.tilt_deg > MOST_TILT_DEG:
            raise InputError(
                "The slices in {file} are shifted against each other as by a gantry tilted by {tilt_deg:.0f} degrees, "
                "which none can be; export the series again.",
                field=Field.CTA,
                file=file_name,
                tilt_deg=stack.tilt_deg,
            )
        return stack, order

    @property
    def tilt_deg(self) -> float:
        """Of the gantry that leaves such a shift."""
        return float(np.degrees(np.arctan2(np.linalg.norm(self.drift_mm), self.spacing_mm[2])))


def _off_line_mm(positions_mm: FloatArray) -> FloatArray:
    """(N, 3) how far each of N positions, in their order, lies from its place in an even stack (least squares)."""
    number = np.arange(len(positions_mm)) - (len(positions_mm) - 1) / 2
    middle = positions_mm.mean(axis=0)
    step = number @ positions_mm / (number @ number)
    return positions_mm - middle - np.outer(number, step)


def _uneven(steps_mm: FloatArray, step_mm: float, file_name: str) -> InputError:
    worst = int(np.abs(steps_mm - step_mm).argmax())
    where: dict[str, Any] = {
        "gap_mm": steps_mm[worst], "slice": worst + 1, "count": len(steps_mm) + 1, "step_mm": step_mm,
    }  # fmt: skip
    if steps_mm[worst] > 1.5 * step_mm:
        return InputError(
            "The series in {file} is missing slices: {gap_mm:.2f} mm after slice {slice} of "
            "{count} where the others are {step_mm:.2f} mm apart; export the whole series again.",
            field=Field.CTA,
            file=file_name,
            **where,
        )
    return InputError(
        "The series in {file} has unevenly spaced slices: {gap_mm:.2f} mm after slice {slice} "
        "of {count} where the others are {step_mm:.2f} mm apart; export the whole series again.",
        field=Field.CTA,
        file=file_name,
        **where,
    )


def orthogonal(image: sitk.Image, stack: SliceStack) -> tuple[sitk.Image, list[str]]:
    """Undo the shear of a tilted gantry by resampling; without one the image comes back as it is.

    image: the slices stacked as if they were aligned. Returns the image with every slice where it belongs, on a grid
    with straight edges that holds all of them (air where there is nothing), and a warning. Linear interpolation, within
    the slices only.
    """
    import SimpleITK as sitk

    shift_mm = stack.drift_mm * (stack.count - 1)
    if np.linalg.norm(shift_mm) <= MAX_SHEAR_MM:
        return image, []
    # A point of the patient at height h above the first slice lies in the stacked image at p - drift * h / step.
    normal, step_mm = stack.direction[:, 2], stack.spacing_mm[2]
    shear = np.outer(stack.drift_mm, normal) / step_mm
    to_stacked = sitk.AffineTransform(3)
    to_stacked.SetMatrix((np.eye(3) - shear).ravel().tolist())
    to_stacked.SetTranslation((shear @ stack.origin_mm).tolist())
    in_plane_px = (stack.direction[:, :2].T @ shift_mm) / stack.spacing_mm[:2]
    before_px = np.ceil(np.maximum(-in_plane_px, 0)).astype(int)
    after_px = np.ceil(np.maximum(in_plane_px, 0)).astype(int)
    size = np.array(image.GetSize())
    size[:2] += before_px + after_px
    origin = stack.origin_mm - stack.direction[:, :2] @ (before_px * stack.spacing_mm[:2])
    lowest = float(np.min(sitk.GetArrayViewFromImage(image)))
    straight = sitk.Resample(
        image, [int(n) for n in size], to_stacked, sitk.sitkLinear, origin.tolist(), image.GetSpacing(),
        image.GetDirection(), lowest if lowest > WATER_ABOVE_HU else AIR_HU, image.GetPixelID(),
    )  # fmt: skip
    return straight, [
        f"The CTA was taken with the gantry tilted by {stack.tilt_deg:.1f} degrees; it was resampled onto a grid with"
        " straight edges."
    ]
