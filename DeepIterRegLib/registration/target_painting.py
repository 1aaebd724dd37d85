"""Targets drawn into a picture of a DSA: crosses, ways and ellipses. numpy alone, for Slicer saves pictures by it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.guidance.targets import Mark
from DeepIterRegLib.registration.overlay_painting import Rgb

TARGET_RGB = (0, 230, 118)
"""Neither red, blue nor grey."""
LINE_PX, RIM_PX = 1.5, 1.2
"""Width of a line, and of the dark rim on either side, of pictures of 900 columns or fewer; more of larger ones."""
CROSS_PX = 5.0
"""Half the length of a cross's lines, likewise."""
COLUMNS = 900


def with_targets(picture: Rgb, marks: Sequence[Mark]) -> Rgb:
    """(rows, columns, 3) a picture, of as many pixels as the detector, with targets over it."""
    if not marks:
        return picture
    zoom = max(1.0, picture.shape[1] / COLUMNS)
    distance = np.full(picture.shape[:2], np.inf, dtype=np.float32)
    reach = (LINE_PX / 2 + RIM_PX + 1) * zoom
    for line in (line for mark in marks for line in _lines(mark, CROSS_PX * zoom)):
        for begin, end in pairwise(line):
            _approach(distance, begin, end, reach)
    half = LINE_PX * zoom / 2
    line_share = np.clip(half + 0.5 - distance, 0, 1)[..., None]
    rim_share = 0.6 * np.clip(half + RIM_PX * zoom + 0.5 - distance, 0, 1)[..., None]
    drawn = (1 - rim_share) * picture
    drawn = (1 - line_share) * drawn + line_share * np.array(TARGET_RGB, dtype=np.float32)
    return np.rint(drawn).astype(np.uint8)


def _lines(mark: Mark, cross_px: float) -> list[FloatArray]:
    """(N, 2) columns and rows of the lines that a target is drawn by."""
    outlines = [ellipse.outline_px() for ellipse in mark.ellipses]
    lines = [np.concatenate([outline, outline[:1]]) for outline in outlines]
    if mark.is_path:
        return [*lines, mark.pixels]
    arms = cross_px * np.array([[[-1, 0], [1, 0]], [[0, -1], [0, 1]]])
    return [*lines, *(mark.pixels[0] + arms)]


def _approach(distance: npt.NDArray[np.float32], begin: FloatArray, end: FloatArray, reach: float) -> None:
    """Lower the distances of the pixels near a straight line, from (2,) to (2,), to that from it."""
    low = np.floor(np.minimum(begin, end) - reach).astype(int)
    high = np.ceil(np.maximum(begin, end) + reach).astype(int) + 1
    (left, top), (right, bottom) = np.maximum(low, 0), np.minimum(high, distance.shape[::-1])
    if left >= right or top >= bottom:
        return
    columns, rows = np.arange(left, right)[None] - begin[0], np.arange(top, bottom)[:, None] - begin[1]
    along = end - begin
    share = np.clip((columns * along[0] + rows * along[1]) / max(float(along @ along), 1e-12), 0, 1)
    near = np.hypot(columns - share * along[0], rows - share * along[1]).astype(np.float32)
    part = distance[top:bottom, left:right]
    np.minimum(part, near, out=part)
