"""From the vessels' path lengths to a vein mask with the defects that masks of angiographic runs have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray

THRESHOLD_MM2 = 0.25
"""Contrast in a slice through one pixel from which the pixel counts as vein: that of a vein 0.6 mm thick."""
BROKEN, THICK, GHOST, OUTLINE, CLUTTER, SPECKS, HOLES = 0.4, 0.12, 0.05, 0.14, 0.08, 0.5, 0.1
"""Shares of the runs, set by eye beside the vein masks of simulated patients (seeds 0 to 93)."""
SHUTTER, ROUND, TURNED = 0.4, 0.2, 0.15

Floats = npt.NDArray[np.float32]


def mask_with_defects(
    path_mm: Floats, inside_detector: BoolArray, pixel_mm: float, rng: np.random.Generator, amount: float = 1.0
) -> tuple[BoolArray, BoolArray]:
    """A vein mask (H, W) as the preparation would draw it, and the pixels (H, W) that the detector saw.

    path_mm: (H, W) length of vessel along each ray. inside_detector: (H, W) pixels on the detector. pixel_mm: their
    size at the head. amount: 0 for a plain threshold without defects, 1 for what is seen in prepared runs; between
    them defects are rarer.
    """
    if amount <= 0:
        return (path_mm > THRESHOLD_MM2 / pixel_mm) & inside_detector, inside_detector.copy()
    chance = rng.random(9) / amount
    threshold = THRESHOLD_MM2 / pixel_mm * float(np.exp(rng.normal(0, 0.4 * amount)))
    image = path_mm
    if chance[0] < BROKEN:
        # Thin veins fall apart, thick ones do not.
        image = image * (1 + rng.uniform(0.3, 1.0) * (_patches(path_mm.shape, rng, 2) - 0.7))
    mask: BoolArray = image > threshold
    if chance[1] < THICK:
        mask = _blurred(image) > threshold
    else:
        # Where a thick vein's edge crosses a pixel there is contrast enough, yet the pixel lies outside for the most.
        mask &= path_mm > rng.uniform(0.5, 0.8) * _blurred(path_mm)
    if chance[2] < GHOST:
        down, right = rng.integers(-3, 4, 2)
        mask |= np.roll(mask, (int(down), int(right)), (0, 1))
    if chance[3] < HOLES:
        mask &= _patches(mask.shape, rng, int(rng.integers(4, 10))) > rng.uniform(0.01, 0.12)
    if chance[4] < OUTLINE:
        mask |= _skull_outline(mask, pixel_mm, rng)
    if chance[5] < CLUTTER:
        _add_clutter(mask, pixel_mm, rng)
    if chance[6] < SPECKS:
        _add_specks(mask, rng)
    seen = inside_detector.copy()
    if chance[7] < SHUTTER:
        _close_shutter(seen, pixel_mm, rng)
    return mask & seen, seen


def _blurred(image: Floats) -> Floats:
    """With 1-2-1 along rows and columns."""
    rows = image.copy()
    rows[1:-1] = 0.25 * (image[:-2] + image[2:]) + 0.5 * image[1:-1]
    both = rows.copy()
    both[:, 1:-1] = 0.25 * (rows[:, :-2] + rows[:, 2:]) + 0.5 * rows[:, 1:-1]
    return both


def _patches(shape: tuple[int, ...], rng: np.random.Generator, block_px: int) -> Floats:
    """(H, W) random numbers 0 to 1, the same within squares."""
    coarse = rng.random((-(-shape[0] // block_px), -(-shape[1] // block_px)), dtype=np.float32)
    return coarse.repeat(block_px, axis=0).repeat(block_px, axis=1)[: shape[0], : shape[1]]


def _skull_outline(mask: BoolArray, pixel_mm: float, rng: np.random.Generator) -> BoolArray:
    """(H, W) arcs a little outside the veins, as the skull's edges leave them where the head moved."""
    middle, half = _extent(mask, pixel_mm)
    row, column = np.ogrid[: mask.shape[0], : mask.shape[1]]
    y, x = row * pixel_mm - middle[0], column * pixel_mm - middle[1]
    heading, reach = rng.uniform(-np.pi, 0), rng.uniform(-0.3, 0.9)
    outline = np.zeros(mask.shape, dtype=bool)
    larger, thickness_mm = rng.uniform(1.02, 1.12), rng.uniform(1.0, 2.5)
    for _ in range(1 + int(rng.random() < 0.3)):
        beyond = np.sqrt((y / half[0]) ** 2 + (x / half[1]) ** 2) - larger
        outline |= np.abs(beyond) * float(half.mean()) < 0.5 * thickness_mm
        larger += rng.uniform(0.03, 0.08)
    outline &= _patches(mask.shape, rng, 5) > rng.uniform(0, 0.5)
    return outline & (np.cos(heading) * x / half[1] + np.sin(heading) * y / half[0] > reach)


def _extent(mask: BoolArray, pixel_mm: float) -> tuple[FloatArray, FloatArray]:
    """(2,) middle and (2,) half axes (rows, columns) mm of the brain as the veins above the neck show it."""
    middle, half = np.array(mask.shape) * pixel_mm / 2, np.array([72.0, 85.0])
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if len(columns) < 2:
        return middle, half
    half[1] = np.clip((columns[-1] - columns[0]) * pixel_mm / 2, 60, 95)
    return np.array([rows[0] * pixel_mm + half[0], (columns[0] + columns[-1]) * pixel_mm / 2]), half


def _add_clutter(mask: BoolArray, pixel_mm: float, rng: np.random.Generator) -> None:
    """Edges of the face and the neck where they moved: broken upright or level lines in some part of the image."""
    height, width = (min(size, int(rng.uniform(40, 110) / pixel_mm)) for size in mask.shape)
    top = int(rng.integers(mask.shape[0] // 3, mask.shape[0] + 1)) - height // 2
    left = int(rng.integers(0, mask.shape[1] - width + 1))
    part = mask[max(top, 0) : top + height, left : left + width]
    length = int(rng.integers(4, 14))
    upright = rng.random() < 0.5
    size = part.shape if upright else part.shape[::-1]
    lines = rng.random((-(-size[0] // length), size[1]), dtype=np.float32) < rng.uniform(0.03, 0.15)
    lines = lines.repeat(length, axis=0)[: size[0]]
    part |= lines if upright else lines.T


def _add_specks(mask: BoolArray, rng: np.random.Generator) -> None:
    """Dots and short dashes of noise."""
    count = int(rng.geometric(0.1))
    rows, columns = rng.integers(mask.shape[0], size=count), rng.integers(mask.shape[1], size=count)
    mask[rows, columns] = True
    longer = rng.random(count) < 0.3
    mask[rows[longer], np.minimum(columns[longer] + 1, mask.shape[1] - 1)] = True


def _close_shutter(seen: BoolArray, pixel_mm: float, rng: np.random.Generator) -> None:
    """Set `seen` False behind a round field's edge or behind blades, which may be turned."""
    inside = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not (len(inside[0]) and len(inside[1])):
        return
    (top, bottom), (left, right) = ((edge[0], edge[-1]) for edge in inside)
    row, column = np.ogrid[: seen.shape[0], : seen.shape[1]]
    y, x = row - (top + bottom) / 2, column - (left + right) / 2
    half = np.array([bottom - top, right - left]) / 2
    if rng.random() < ROUND:
        seen &= y * y + x * x < (rng.uniform(0.9, 1.1) * min(half.max(), 140 / pixel_mm)) ** 2
        return
    turned = rng.normal(0, 0.08) if rng.random() < TURNED / SHUTTER else 0.0
    for side, size in ((0, half[0]), (1, half[1]), (2, half[0]), (3, half[1])):
        if rng.random() < 0.5:
            cut = rng.uniform(0.3, 0.9) if rng.random() < 0.1 else rng.uniform(0.04, 0.3)
            angle = turned + side * np.pi / 2
            seen &= np.cos(angle) * y + np.sin(angle) * x < (1 - cut) * size
