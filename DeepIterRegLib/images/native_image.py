"""What an angiographic file shows of the head without contrast: the picture that subtraction throws away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray

NativeSource = Literal["mask frame", "native image"]
TEXT_SHARE = 2e-3
"""Of the image: larger areas of the greatest or the least value are open air or a shutter, smaller ones are written."""
TEXT_MARGIN_PX = 3
LEAST_LEFT = 0.1
"""Of the image: a bright border that would leave less is no border."""


@dataclass(frozen=True, eq=False)
class NativeImage:
    """An X-ray of the head without contrast."""

    attenuation: npt.NDArray[np.float32]
    """(rows, columns) grows with what the X-rays had to pass, on a logarithmic scale (or the scanner's display curve);
    unit and offset are the scanner's."""
    valid: BoolArray
    """(rows, columns): False beneath shutters and burnt-in text. Where the sign is unknown, a bright border may be air
    or shutter, and is valid."""
    source: NativeSource
    sign_is_known: bool = True
    """False: nothing in the file proves whether bone is dark or bright, so `attenuation` may be its negative."""

    def facts(self) -> dict[str, Any]:
        """All but the pixels, as JSON: the keyword arguments that make it again."""
        return {"source": self.source, "sign_is_known": self.sign_is_known}


def native_image(
    logs: npt.NDArray[np.float32], valid: BoolArray, source: NativeSource, *, bone_is_bright: bool, sign_is_known: bool
) -> NativeImage:
    """Of one frame's (rows, columns) logarithms, as the file stores them.

    valid: less black borders.
    """
    attenuation = logs if bone_is_bright else -logs
    seen = valid & ~_written(logs)
    if bone_is_bright and sign_is_known:
        # Nothing attenuates more than bone: what is brighter is a shutter.
        seen = without_densest_border(attenuation, seen)
    return NativeImage(attenuation, seen, source, sign_is_known)


def without_densest_border(attenuation: npt.NDArray[np.float32], valid: BoolArray) -> BoolArray:
    """`valid` (rows, columns) less wide areas along the border that attenuate most: shutters, or air in a negative."""
    from DeepIterRegLib.images.shutter import BLACK_RAW, without_bright_border  # scipy, as below

    inner = without_bright_border(attenuation[None], valid, BLACK_RAW)
    return inner if inner.mean() >= LEAST_LEFT else valid


def _written(image: npt.NDArray[np.float32]) -> BoolArray:
    """(rows, columns) letters and marks: small areas of exactly the greatest or the least value, with their edges."""
    from scipy import ndimage  # The application, which only keeps such images, has no scipy loaded.

    written = np.zeros(image.shape, dtype=bool)
    for extreme in (image.max(), image.min()):
        labels, count = ndimage.label(image == extreme)
        if count:
            sizes = np.bincount(labels.ravel())
            small = sizes < TEXT_SHARE * image.size
            small[0] = False
            written |= small[labels]
    return ndimage.binary_dilation(written, iterations=TEXT_MARGIN_PX) if written.any() else written
