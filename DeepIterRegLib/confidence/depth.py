"""What a pose's covariance lacks along the beam: curvature and corners on the detector say little of depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

DEPTH_MM, OTHER_DEPTH_MM = 2.0, 0.3
"""Standard deviations along the first view's beam: of a single view, and where another one looks from elsewhere
(docs/measurements/targets.md)."""
ELSEWHERE = 0.5
"""Sine of the angle between two beams."""


def with_depth(covariance: FloatArray, beams: Sequence[FloatArray]) -> FloatArray:
    """(6, 6) a pose's covariance, rotation (rad) and translation (mm), with the uncertainty of the depth added.

    beams: (3,) normals of the detectors that were registered, the first one first.
    """
    beam = np.asarray(beams[0])
    elsewhere = any(float(np.linalg.norm(np.cross(beam, other))) > ELSEWHERE for other in beams[1:])
    widened = np.array(covariance, dtype=np.float64)
    widened[3:, 3:] += (OTHER_DEPTH_MM if elsewhere else DEPTH_MM) ** 2 * np.outer(beam, beam)
    return widened
