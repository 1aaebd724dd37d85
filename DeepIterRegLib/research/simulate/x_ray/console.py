"""What a console and an archive make of subtracted frames before anyone exports them: seldom less than this."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.research.simulate.x_ray.block_coding import coded

Frames = npt.NDArray[np.float32]
HARMONISED_PX = 24.0
"""Width of the blur whose slow shades are taken out."""
EDGE_PX = 1.6
"""Width of the unsharp mask."""


@dataclass(frozen=True)
class Console:
    """One machine's treatment, in the order of the fields."""

    recursive: float = 1.0
    """Share of the new frame in what is shown; 1: no filter over time."""
    edges: float = 0.0
    """Positive: share of the fine detail that is added. Negative: width in px of a smoothing."""
    harmonised: float = 0.0
    """Share of the slow shades that is taken out."""
    window: float = 1600.0
    """Range of 12-bit values that is shown, about the middle."""
    bits: int = 8
    coding: Literal["none", "jpeg", "film"] = "none"
    """Of the 8-bit frames: each by itself, or predicted from the last one."""
    quality: int = 90

    @classmethod
    def random(cls, rng: np.random.Generator) -> Console:
        """A quarter keeps 10 bits without loss; of the others nine in ten are coded with loss."""
        bits = 10 if rng.random() < 0.25 else 8
        kind = rng.random()
        coding: Literal["none", "jpeg", "film"] = "none" if bits > 8 or kind < 0.1 else "jpeg" if kind < 0.6 else "film"
        drawn = rng.random()
        edges = float(rng.uniform(0.1, 0.6)) if drawn < 0.5 else float(-rng.uniform(0.4, 1.0)) if drawn < 0.8 else 0.0
        return cls(
            recursive=float(rng.uniform(0.3, 0.7)),
            edges=edges,
            harmonised=float(rng.uniform(0.2, 0.8)) if rng.random() < 0.5 else 0.0,
            window=float(rng.uniform(900, 2400)),
            bits=bits,
            coding=coding,
            quality=int(rng.integers(75, 96)),
        )

    def treated(self, subtracted: npt.NDArray[np.uint16], hidden: BoolArray, middle: float) -> npt.NDArray[np.uint16]:
        """(T, rows, columns) of 12 bits, `middle` where nothing changed -> what is exported, 0 to 2^bits - 1.

        hidden: (rows, columns) what a shutter covers, which stays black.
        """
        most = np.float32(2**self.bits - 1)
        shown = np.empty(subtracted.shape, dtype=np.float32)
        last: Frames | None = None
        for number, frame in enumerate(subtracted):
            image = frame.astype(np.float32) - np.float32(middle)
            image[hidden] = 0
            last = image if last is None else last + np.float32(self.recursive) * (image - last)
            shown[number] = self._still(last)
        shown *= most / np.float32(self.window)
        shown += most / 2
        np.clip(np.rint(shown, out=shown), 0, most, out=shown)
        shown[:, hidden] = 0
        if self.coding != "none":
            shown = coded(shown, self.quality, predicted=self.coding == "film")
        return shown.astype(np.uint16)

    def _still(self, image: Frames) -> Frames:
        """One frame's treatment in space."""
        if self.edges > 0:
            image = image + np.float32(self.edges) * (image - ndimage.gaussian_filter(image, EDGE_PX))
        elif self.edges < 0:
            image = ndimage.gaussian_filter(image, -self.edges)
        if self.harmonised:
            image = image - np.float32(self.harmonised) * ndimage.uniform_filter(image, round(2 * HARMONISED_PX))
        return image

    def as_json(self) -> dict[str, Any]:
        """For truth.json."""
        return asdict(self)
