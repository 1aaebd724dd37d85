"""Text, marks and scale bars that a console wrote into the pixels of a run: they are no vessels.

What X-rays show is blurred over a pixel or two and carries their noise; what is written has sharp strokes, and most of
it is the same in every frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.robust_statistics import robust_sigma
from DeepIterRegLib.images.subtraction import local_background

Frames = npt.NDArray[np.float32]

LEAST_FRAMES = 4
"""From how many on a vessel is known to fill and to empty."""
CHANGES = 0.1
"""Of a written stroke's contrast: by how much it may vary over the frames (lossy compression)."""
STILLER, STILLER_ANNOUNCED = 0.25, 0.5
"""Than the rest of the picture, whose noise a filled vessel has too."""
STANDS_OUT = 8.0
"""Standard deviations of the picture around it."""
GREY_LEVEL_NOISE = 0.5
"""Of whole numbers, whose noise may be less than they can show."""
NEAR_EXTREME = 0.3
"""Of the run's range: text is written in white or black, its smooth edges aside."""
SHARP = 0.5
"""Part of a stroke's contrast that is lost within two pixels to either side of it."""
MOST = 0.15
"""Of the image: more than this is no text."""
STROKE_SHARE = 2e-3
"""Of the image: what is written in one piece is smaller."""
LEAST_PIXELS = 12
"""A letter has more."""
BESIDE = 0.05
"""Of the image's side: letters that change are this near to some that do not."""
JOINED_PX, MARGIN_PX = 4, 2
"""Letters of a word are this near to each other; their smooth edges reach so far."""


def burnt_in(pixels: Frames, valid: BoolArray, announced: bool = False) -> BoolArray:
    """(rows, columns) where something is written, with the gaps between letters and a margin.

    pixels: (T, rows, columns) as stored, subtracted. valid: (rows, columns) what no shutter covers. announced: the
    header says that there is text. It is what never changes, and letters beside it that change from frame to frame;
    of fewer frames than tell what changes, nothing.
    """
    none = np.zeros(valid.shape, dtype=bool)
    if not valid.any() or len(pixels) < LEAST_FRAMES:
        return none
    written = _unchanging(pixels, valid, announced)
    if np.count_nonzero(written) < LEAST_PIXELS:
        return none
    beside = ndimage.distance_transform_edt(~written) <= BESIDE * min(valid.shape)
    written |= _black_or_white(pixels, valid) & beside
    across = ndimage.generate_binary_structure(2, 2)
    padded = np.pad(written, JOINED_PX)
    joined = ndimage.binary_closing(padded, across, iterations=JOINED_PX)[JOINED_PX:-JOINED_PX, JOINED_PX:-JOINED_PX]
    grown = ndimage.binary_dilation(joined | written, across, iterations=MARGIN_PX)
    return grown if grown.mean() <= MOST else none


def _black_or_white(pixels: Frames, valid: BoolArray) -> BoolArray:
    """(rows, columns) what is near the greatest or the least value of the run in any frame, in small pieces."""
    found = np.zeros(valid.shape, dtype=bool)
    for shown, extreme in zip(*_extremes(pixels, valid), strict=True):
        contrast = shown - local_background(shown)
        labels, count = ndimage.label(extreme & (np.abs(contrast) > STANDS_OUT * _noise(contrast, valid, pixels)))
        small = np.bincount(labels.ravel(), minlength=count + 1) < STROKE_SHARE * shown.size
        small[0] = False
        found |= small[labels]
    return found & valid


def _unchanging(pixels: Frames, valid: BoolArray, announced: bool) -> BoolArray:
    """(rows, columns) sharp, black or white, and the same in all frames."""
    middle = np.median(pixels[:: max(1, len(pixels) // 9)], axis=0).astype(np.float32)
    contrast = middle - local_background(middle)
    (brightest, darkest), (white, black) = _extremes(pixels, valid)
    strong = valid & (white | black) & (np.abs(contrast) > STANDS_OUT * _noise(contrast, valid, pixels))
    changes = brightest - darkest
    strong &= changes <= CHANGES * np.abs(contrast)
    strong &= changes <= (STILLER_ANNOUNCED if announced else STILLER) * np.median(changes[valid])
    return strong & _is_sharp(middle, contrast) if strong.any() else strong


def _extremes(
    pixels: Frames, valid: BoolArray
) -> tuple[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], tuple[BoolArray, BoolArray]]:
    """The greatest and the least value of every pixel over the frames, and where they are near those of the run."""
    brightest, darkest = pixels.max(axis=0), pixels.min(axis=0)
    high, low = float(brightest[valid].max()), float(darkest[valid].min())
    near = NEAR_EXTREME * (high - low)
    return (brightest, darkest), (brightest >= high - near, darkest <= low + near)


def _noise(contrast: npt.NDArray[np.float32], valid: BoolArray, pixels: Frames) -> float:
    whole = bool((pixels[0] == np.rint(pixels[0])).all())
    return max(robust_sigma(contrast[valid]), GREY_LEVEL_NOISE if whole else 0.0)


def _is_sharp(image: npt.NDArray[np.float32], contrast: npt.NDArray[np.float32]) -> BoolArray:
    """(rows, columns) whether most of a pixel's contrast is gone two pixels on, on both sides of it along some line."""
    sharp = np.zeros(image.shape, dtype=bool)
    padded = np.pad(image, 2, mode="edge")
    rows, columns = image.shape
    for down, right in ((0, 2), (2, 0), (2, 2), (2, -2)):
        sides = [padded[2 + s * down : 2 + s * down + rows, 2 + s * right : 2 + s * right + columns] for s in (-1, 1)]
        drops = [np.sign(contrast) * (image - side) for side in sides]
        sharp |= np.minimum(*drops) > SHARP * np.abs(contrast)
    return sharp
