"""What an angiogram shows of the skull, whatever it was taken from, and how far that is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.images.native_image import without_densest_border

Source = Literal["mask frame", "native image", "noise"]
CLIP_SPREADS = 2.0
"""How far below the head's median attenuation everything counts as air, in distances between its quartiles. Skin, hair
and the air's own noise would make stronger edges than the vault does."""
LEAST_COVERED = 0.99
"""Of a binned pixel, for it to count."""


@dataclass(frozen=True, eq=False)
class SkullImage:
    """One image of the head's attenuation on the angiogram's detector."""

    values: npt.NDArray[np.float32]
    """(rows, columns) attenuation up to a scale and an offset, or what its exponential is proportional to."""
    is_exponential: bool
    """Whether the attenuation is the logarithm of `values`: a noise's variance, which is averaged before that."""
    valid: BoolArray
    """(rows, columns) where there is an image of the head: no shutter, no text."""
    source: Source
    trust: float = 1.0
    """0 to 1: how much of a clear image's worth it has."""
    sign_is_known: bool = True
    """False: it may be the negative, bone where air is."""

    def readings(self) -> list[SkullImage]:
        """What it may show: itself where its sign is known, else both signs, and a thin border as air and as shutter.

        A border that attenuates most is a shutter: bone does not end straight.
        """
        if self.sign_is_known:
            return [self]
        found = []
        for image in (replace(self, sign_is_known=True), self.negative()):
            image = replace(image, valid=without_densest_border(image.values, image.valid))
            found.append(image)
            inner = without_densest_border(-image.values, image.valid)
            if (inner != image.valid).any():
                found.append(replace(image, valid=inner))
        return found

    def negative(self) -> SkullImage:
        """The other reading of an image whose sign is not known; not of an exponential."""
        return replace(self, values=-self.values, sign_is_known=True)

    def binned(self, factor: int, clip_spreads: float = CLIP_SPREADS) -> tuple[FloatArray, BoolArray]:
        """Attenuation (rows // factor, columns // factor) with air and skin clipped off, and where it is valid.

        clip_spreads: how far below the head's median, as `CLIP_SPREADS`; of noise, whose air is none, no farther than
        that.
        """
        weights = binned(self.valid.astype(np.float32), factor)
        values = binned(np.where(self.valid, self.values, np.float32(0)), factor)
        values /= np.maximum(weights, np.float32(1e-6))
        counts = weights >= LEAST_COVERED
        if not counts.any():
            return np.zeros_like(values), np.ones_like(counts)
        if self.is_exponential:
            positive = values[counts & (values > 0)]
            least = float(np.percentile(positive, 0.1)) if positive.size else 1.0
            values = np.log(np.maximum(values, np.float32(least)))
            clip_spreads = min(clip_spreads, CLIP_SPREADS)
        return np.where(counts, _without_air(values, counts, clip_spreads), np.float32(0)), counts


def _without_air(values: npt.NDArray[np.float32], counts: BoolArray, clip_spreads: float) -> npt.NDArray[np.float32]:
    """Attenuation no lower than what still belongs to the inside of the head."""
    inside = values[counts]
    # Open air saturates: it is no part of the head, however much of the picture it takes.
    head = inside[inside > inside.min() + 0.02 * np.ptp(inside)]
    if head.size < 16:
        return values
    low, middle, high = np.percentile(head, [25, 50, 75])
    return np.maximum(values, np.float32(middle - clip_spreads * (high - low)))
