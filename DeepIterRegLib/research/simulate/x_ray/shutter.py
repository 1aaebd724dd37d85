"""The collimator's blades, and what the scanner says of them in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray

PENUMBRA_PX = 1.2


@dataclass(frozen=True)
class Shutter:
    """What part of the detector the beam reaches, in parts of its width and height from the upper left corner."""

    shape: Literal["none", "rectangular", "circular"] = "none"
    left: float = 0.0
    right: float = 1.0
    upper: float = 0.0
    lower: float = 1.0
    """Of the blades before they are turned; of a circle only the smallest distance from the centre counts."""
    turned_deg: float = 0.0
    tagged: bool = True
    """Whether the file describes it."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> Shutter:
        """Mostly none or blades at one or two sides; now and then turned ones, or the round edge of an intensifier."""
        kind, tagged = rng.random(), bool(rng.random() < 0.6)
        if kind < 0.45:
            return cls()
        if kind < 0.53:
            out = float(rng.uniform(0.0, 0.03))
            return cls("circular", out, 1 - out, out, 1 - out, 0.0, tagged)
        blades = [float(rng.uniform(0.02, 0.12)) if rng.random() < 0.5 else 0.0 for _ in range(4)]
        turned = float(rng.normal(0, 4)) if rng.random() < 0.2 else 0.0
        return cls("rectangular", blades[0], 1 - blades[1], blades[2], 1 - blades[3], turned, tagged)

    def inside_px(self, rows: int, columns: int) -> npt.NDArray[np.float32]:
        """(rows, columns) distance in px from the nearest edge, positive in the beam."""
        if self.shape == "none":
            return np.full((rows, columns), np.inf, dtype=np.float32)
        y = (np.arange(rows, dtype=np.float32) + 0.5)[:, None] - rows / 2
        x = (np.arange(columns, dtype=np.float32) + 0.5)[None, :] - columns / 2
        if self.shape == "circular":
            return np.float32(self._radius_px(rows, columns)) - np.sqrt(x * x + y * y)
        turn = np.radians(self.turned_deg)
        across, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        edges = [
            distance
            for wanted, distance in (
                (self.left > 0, across + columns * (0.5 - self.left)),
                (self.right < 1, columns * (self.right - 0.5) - across),
                (self.upper > 0, down + rows * (0.5 - self.upper)),
                (self.lower < 1, rows * (self.lower - 0.5) - down),
            )
            if wanted
        ]
        if not edges:
            return np.full((rows, columns), np.inf, dtype=np.float32)
        return np.min(np.broadcast_arrays(*edges), axis=0).astype(np.float32)

    def transmission(self, rows: int, columns: int) -> npt.NDArray[np.float32]:
        """(rows, columns) share of the beam that the blades let through; their edge is blurred by the focal spot."""
        return (1 / (1 + np.exp(-np.clip(self.inside_px(rows, columns) / PENUMBRA_PX, -30, 30)))).astype(np.float32)

    def visible(self, rows: int, columns: int) -> BoolArray:
        """(rows, columns) pixels that the scanner shows; it blackens the others."""
        return self.inside_px(rows, columns) > -1.5 * PENUMBRA_PX

    def tags(self, rows: int, columns: int) -> dict[str, Any]:
        """DICOM's X-Ray Collimator attributes (PS3.3, C.8.7.3) by keyword; empty where the file says nothing."""
        if self.shape == "none" or not self.tagged:
            return {}
        if self.shape == "circular":
            radius = round(self._radius_px(rows, columns))
            return {"CollimatorShape": "CIRCULAR", "CenterOfCircularCollimator": [rows // 2, columns // 2],
                    "RadiusOfCircularCollimator": radius}  # fmt: skip
        if self.turned_deg:
            corners = self._corners_px(rows, columns)
            flat = [round(value) for corner in corners for value in corner]
            return {"CollimatorShape": "POLYGONAL", "VerticesOfThePolygonalCollimator": flat}
        return {
            "CollimatorShape": "RECTANGULAR",
            "CollimatorLeftVerticalEdge": round(columns * self.left) + 1,
            "CollimatorRightVerticalEdge": round(columns * self.right),
            "CollimatorUpperHorizontalEdge": round(rows * self.upper) + 1,
            "CollimatorLowerHorizontalEdge": round(rows * self.lower),
        }

    def _radius_px(self, rows: int, columns: int) -> float:
        return (0.5 - max(self.left, self.upper)) * min(rows, columns)

    def _corners_px(self, rows: int, columns: int) -> list[FloatArray]:
        """Corners as (row, column), counted from 1; where there is no blade, well outside the detector."""
        far = 0.25
        left, upper = self.left or -far, self.upper or -far
        right, lower = (self.right if self.right < 1 else 1 + far), (self.lower if self.lower < 1 else 1 + far)
        turn = np.radians(self.turned_deg)
        corners = []
        for down, across in ((upper, left), (upper, right), (lower, right), (lower, left)):
            x, y = columns * (across - 0.5), rows * (down - 0.5)
            corners.append(np.array([y * np.cos(turn) + x * np.sin(turn) + rows / 2 + 0.5,
                                     x * np.cos(turn) - y * np.sin(turn) + columns / 2 + 0.5]))  # fmt: skip
        return corners
