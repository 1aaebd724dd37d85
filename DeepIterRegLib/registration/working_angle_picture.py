"""The working angle to be looked at: the map in colours, and what the C-arm would see from an angle.

numpy alone, for the panel draws them too; uint8, and the same for the same input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.guidance.segment import Segment, resampled
from DeepIterRegLib.guidance.working_angle import WorkingAngles
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.overlay_painting import Rgb, drr_picture
from DeepIterRegLib.registration.shades import full_strength_mm
from DeepIterRegLib.render.vessel_images import VesselRenderer

SHADES = np.array([(48, 18, 59), (62, 73, 137), (38, 130, 142), (53, 183, 121), (180, 222, 44), (253, 231, 37)])
"""Of nothing to all of the vessel seen: dark to light, told apart by the colour-blind and in grey."""
SEGMENT_COLOUR = (255, 120, 0)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
DIGITS = {
    1: ("010", "110", "010", "010", "111"),
    2: ("110", "001", "010", "100", "111"),
    3: ("110", "001", "110", "001", "110"),
}
"""Of three columns and five rows."""
CELL_PX = 4
"""A position of the map is as wide and as high."""


def map_colours(visible: npt.NDArray[np.float32]) -> Rgb:
    """(B, A, 3) of shares (B, A), 0 to 1."""
    place = np.clip(visible, 0, 1) * (len(SHADES) - 1)
    stops = np.arange(len(SHADES))
    return np.rint(np.stack([np.interp(place, stops, channel) for channel in SHADES.T], axis=-1)).astype(np.uint8)


def map_picture(angles: WorkingAngles) -> Rgb:
    """(rows, columns, 3) the map, RAO at the left and cranial at the top; a cross at today's angle, where the map has
    it, and the numbers of the best ones."""
    cells = map_colours(angles.visible)[::-1]
    picture = np.repeat(np.repeat(cells, CELL_PX, axis=0), CELL_PX, axis=1)
    _draw_zero_lines(picture, angles)
    today = _pixel(angles, angles.today.primary_deg, angles.today.secondary_deg)
    if today is not None:
        _draw_cross(picture, *today)
    for number, sight in enumerate(angles.best, start=1):
        pixel = _pixel(angles, sight.primary_deg, sight.secondary_deg)
        if pixel is not None:
            _draw_digit(picture, *pixel, number)
    return picture


def expected_picture(cloud: VesselCloud, segment: Segment, pose: FloatArray, carm: CArm) -> Rgb:
    """(rows, columns, 3) the DRR of the vessels of the segment's kind, dark on white, the segment in orange over it."""
    shown = cloud.subset(cloud.is_vein == segment.of_veins)
    images = VesselRenderer(shown, carm).draw(pose)
    drr = images.arteries + images.veins
    picture = np.repeat(drr_picture(images, full_strength_mm(drr))[..., None], 3, axis=-1)
    step_mm = 0.25
    for limb in segment.limbs:
        points = project(apply(pose, resampled(limb.points_mm, step_mm)), images.carm)
        _draw_dots(picture, points[np.isfinite(points).all(axis=1)], SEGMENT_COLOUR, 1.2)
    return picture


def _pixel(angles: WorkingAngles, primary_deg: float, secondary_deg: float) -> tuple[int, int] | None:
    """Column and row of a position in the map's picture, None where it lies outside."""
    columns, rows = angles.primary_deg, angles.secondary_deg
    step_deg = float(columns[1] - columns[0]) if len(columns) > 1 else 1.0
    column = (primary_deg - columns[0]) / step_deg
    row = (rows[-1] - secondary_deg) / step_deg
    if not (-0.5 <= column < len(columns) - 0.5 and -0.5 <= row < len(rows) - 0.5):
        return None
    return int((column + 0.5) * CELL_PX), int((row + 0.5) * CELL_PX)


def _draw_zero_lines(picture: Rgb, angles: WorkingAngles) -> None:
    """Dotted, at 0 degrees: where frontal and neither cranial nor caudal is."""
    for pixel, along in (
        (_pixel(angles, 0.0, float(angles.secondary_deg[0])), 0),
        (_pixel(angles, float(angles.primary_deg[0]), 0.0), 1),
    ):
        if pixel is not None:
            line = picture[:, pixel[0]] if along == 0 else picture[pixel[1]]
            line[::4] = WHITE


def _draw_cross(picture: Rgb, column: int, row: int) -> None:
    reach = 2 * CELL_PX
    steps = np.arange(-reach, reach + 1)
    for colour, shift in ((BLACK, 1), (WHITE, 0)):
        for offset in (-shift, 0, shift):
            _set(picture, column + steps, np.full_like(steps, row + offset), colour)
            _set(picture, np.full_like(steps, column + offset), row + steps, colour)


def _draw_digit(picture: Rgb, column: int, row: int, number: int) -> None:
    scale = 3
    glyph = np.array([[int(bit) for bit in line] for line in DIGITS[number]])
    glyph = np.repeat(np.repeat(glyph, scale, axis=0), scale, axis=1)
    rows, columns = np.nonzero(np.pad(glyph, 3) >= 0)
    height, width = glyph.shape
    column = int(np.clip(column, width // 2 + 3, picture.shape[1] - width // 2 - 4))
    row = int(np.clip(row, height // 2 + 3, picture.shape[0] - height // 2 - 4))
    _set(picture, column - width // 2 - 3 + columns, row - height // 2 - 3 + rows, WHITE)
    rows, columns = np.nonzero(glyph)
    _set(picture, column - width // 2 + columns, row - height // 2 + rows, BLACK)


def _draw_dots(picture: Rgb, points: FloatArray, colour: tuple[int, int, int], radius_px: float) -> None:
    reach = int(np.ceil(radius_px))
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            if np.hypot(down, right) <= radius_px:
                _set(
                    picture, np.rint(points[:, 0]).astype(int) + right, np.rint(points[:, 1]).astype(int) + down, colour
                )


def _set(picture: Rgb, columns: npt.NDArray[np.int_], rows: npt.NDArray[np.int_], colour: tuple[int, int, int]) -> None:
    inside = (columns >= 0) & (columns < picture.shape[1]) & (rows >= 0) & (rows < picture.shape[0])
    picture[rows[inside], columns[inside]] = colour
