"""How much every pixel looks like part of a dark line, and how strong noise and motion ghosts are there.

At each of a dozen orientations the flattened image is averaged along the line. A vessel's middle is then darker than
both its flanks and no flank is brighter than the background; a ghost, the trace of a bone's edge that moved between
mask and frame, is a dark line beside a bright one. Whatever is bright is noise or ghost, as contrast only darkens:
the bright lines of a neighbourhood therefore say how dark a line must be to count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from DeepIterRegLib.preparation.background import binned, enlarged

ORIENTATIONS = 12
SIGMA_ACROSS_PX, SIGMA_ALONG_PX = 1.2, 4.5
FLANK_PX = 3.2
"""Distance from a line's middle to where its flanks are read."""
OPENING_PX = 5
"""Narrower lines are left to the finer image: there they are up to six pixels wide."""
PAD_PX = 16
GHOST_PENALTY = 1.0
"""How much of a flank's brightness above background is taken from the response."""
LEAST_DEPTH = 0.15
"""Of the widest lines, relative to the deepest line of the image."""
NEIGHBOURHOOD = 0.022
"""Standard deviation, as a fraction of the detector's longer side, of the neighbourhood that tells the noise."""


@dataclass(frozen=True, eq=False)
class LineResponse:
    """(rows, columns) images in the unit of the flattened contrast, at the width that shows a line deepest."""

    dark: npt.NDArray[np.float32]
    """Depth of the dark line a pixel lies on; 0 where there is none."""
    ratio: npt.NDArray[np.float32]
    """Depth over that of the neighbourhood's bright lines, in the mean: above about 5 is no accident."""
    factor: npt.NDArray[np.float32]
    """How much the image was binned where the line showed deepest; lines are about three times as wide, px."""


def line_response(contrast: npt.NDArray[np.float32]) -> LineResponse:
    """Response to lines from about 2 pixels to a twentieth of the detector wide.

    contrast: (rows, columns), background 0, vessels positive. Wider lines are sought in binned images.
    """
    rows, columns = contrast.shape
    longest = max(rows, columns)
    levels = max(1, round(np.log2(longest / 128)) + 1)
    image = contrast
    responses = []
    finest = 0.0
    for level in range(levels):
        factor = 2**level
        if level:
            # What is narrow goes before the image is binned: a bundle of thin vessels would look like a wide one.
            smooth = ndimage.gaussian_filter(image, 0.7 if level > 1 else 1.0)
            image = binned(ndimage.grey_opening(smooth, size=(OPENING_PX, OPENING_PX)), 2)
            image -= np.median(image)
        dark, bright = _at_one_width(image)
        # A power mean lies between mean and maximum: a few bright lines must weigh, a single pixel must not.
        power = bright**4
        overall = float(power.mean())
        finest = finest or overall**0.25
        local = ndimage.gaussian_filter(power, NEIGHBOURHOOD * longest / factor, truncate=2.5)
        # Averaging cannot have made the noise smaller than white noise becomes.
        noise = np.maximum(np.maximum(local, 0.25 * overall) ** 0.25, 0.5 * finest / factor + 1e-12)
        ratio = dark / noise
        if factor > 1:
            dark, ratio = enlarged(dark, factor)[:rows, :columns], enlarged(ratio, factor)[:rows, :columns]
        responses.append((dark, ratio))
    reference = max(float(np.percentile(dark, 99.9)) for dark, _ in responses)
    best_dark, best_ratio = np.zeros_like(contrast), np.zeros_like(contrast)
    best_factor = np.ones_like(contrast)
    for level, (dark, ratio) in enumerate(responses):
        # Depth goes with width, as both come from the same blood: a wide, faint band is no vessel.
        enough = dark > LEAST_DEPTH * reference * 2.0 ** (level + 1 - levels)
        better = enough & (dark > best_dark)
        np.copyto(best_dark, dark, where=better)
        np.copyto(best_ratio, ratio, where=better)
        best_factor[better] = 2**level
    return LineResponse(best_dark, best_ratio, best_factor)


def _at_one_width(image: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Responses (dark, bright) over all orientations at the filter's own width."""
    padded = np.pad(image, PAD_PX, mode="symmetric")
    shape = [fft.next_fast_len(n, real=True) for n in padded.shape]
    spectrum = fft.rfft2(padded, s=shape, workers=2)
    fy = np.fft.fftfreq(shape[0]).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(shape[1]).astype(np.float32)[None, :]
    rows, columns = image.shape
    best_dark, best_bright = np.zeros_like(image), np.zeros_like(image)
    for angle in np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS:
        along = np.cos(angle) * fx + np.sin(angle) * fy
        across = -np.sin(angle) * fx + np.cos(angle) * fy
        kernel = np.exp(-2 * np.pi**2 * ((SIGMA_ALONG_PX * along) ** 2 + (SIGMA_ACROSS_PX * across) ** 2))
        smooth = fft.irfft2(spectrum * kernel.astype(np.float32), s=shape, workers=2)
        dy, dx = round(FLANK_PX * np.cos(angle)), round(-FLANK_PX * np.sin(angle))

        def window(
            shift: int, image: npt.NDArray[np.float32] = smooth, step: tuple[int, int] = (dy, dx)
        ) -> npt.NDArray[np.float32]:
            top, left = PAD_PX + shift * step[0], PAD_PX + shift * step[1]
            return image[top : top + rows, left : left + columns]

        middle, one, other = window(0), window(1), window(-1)
        lower, higher = np.minimum(one, other), np.maximum(one, other)
        # Dark is positive: `lower` is the brighter flank.
        dark = np.minimum(middle, middle - higher) + GHOST_PENALTY * np.minimum(lower, 0)
        bright = np.minimum(-middle, lower - middle)
        np.maximum(best_dark, dark, out=best_dark)
        np.maximum(best_bright, bright, out=best_bright)
    # Averaging along the line carries it past its own end; there the pixel itself is not dark.
    itself = ndimage.gaussian_filter(image, 1.3)
    return np.clip(best_dark, 0, 1.5 * np.maximum(itself, 0)), best_bright
