"""One DSA run as the scanner stores it, with what only a simulation knows about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm

PIXEL_BITS = 12


@dataclass(frozen=True, eq=False, kw_only=True)
class XRayRun:
    """One run as the scanner stores it, with what only a simulation knows."""

    frames: npt.NDArray[np.uint16]
    """(T, rows, columns), 12 bits, proportional to the logarithm of the beam; the first is the mask frame."""
    subtracted_frames: npt.NDArray[np.uint16]
    """(T - 1, rows, columns) what the scanner shows: contrast frames minus mask, 2048 where nothing changed."""
    carm: CArm
    frame_time_ms: float
    arteries_mm: npt.NDArray[np.float32]
    """(rows, columns) greatest path of contrast through arteries over the frames: the truth of the artery mask."""
    veins_mm: npt.NDArray[np.float32]
    """(rows, columns) likewise of the veins."""
    arrival_s: tuple[FloatArray, ...]
    """For each vessel of the anatomy (N,) when contrast arrives at its points, after the start of the injection; inf:
    never."""
    fraction: tuple[FloatArray, ...]
    """For each vessel (N,) how much of its blood comes from the catheter, 0 to 1."""
    first_pose: FloatArray = field(default_factory=lambda: np.eye(4))
    """(4, 4) patient frame to C-arm frame in the first frame, before the head moved: the truth of a native image."""
    collimator_tags: Mapping[str, Any] = field(default_factory=dict)
    """DICOM's X-Ray Collimator attributes by keyword, where the file tells them."""
    defects: Mapping[str, Any] = field(default_factory=dict)
    """What makes the run differ from a perfect one, as JSON."""
