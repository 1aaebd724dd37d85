"""What a pose's covariance lacks along the beam: curvature and corners on the detector say little of depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.skull.image import SkullImage

CLEAR_MM, USUAL_MM, UNCLEAR_MM = 1.0, 2.0, 4.0
"""Standard deviations along the beam of a single view: by the skull in a mask frame or a native image, by its noise or
by vessels alone, and by noise that an archive has damaged (docs/measurements/skull.md, "Depth")."""
CLEAR_TRUST = 0.5
"""From which on a skull image is trusted to say how large the head is."""
TWO_VIEWS_MM = 0.3
"""Where another view looks from elsewhere."""
ELSEWHERE = 0.5
"""Sine of the angle between two beams."""


def depth_sd_mm(skull: SkullImage | None) -> float:
    """Along the beam of a view by itself. skull: what was compared of it, None where nothing was."""
    if skull is None:
        return USUAL_MM
    if skull.trust < CLEAR_TRUST:
        return UNCLEAR_MM
    return USUAL_MM if skull.source == "noise" else CLEAR_MM


def with_depth(covariance: FloatArray, beams: Sequence[FloatArray], skulls: Sequence[SkullImage | None]) -> FloatArray:
    """(6, 6) a pose's covariance, rotation (rad) and translation (mm), with the uncertainty of the depth added.

    beams: (3,) normals of the detectors that were registered, the first one first. skulls: as in `depth_sd_mm`, of
    each.
    """
    beam = np.asarray(beams[0])
    elsewhere = any(float(np.linalg.norm(np.cross(beam, other))) > ELSEWHERE for other in beams[1:])
    sd_mm = TWO_VIEWS_MM if elsewhere else min(map(depth_sd_mm, skulls))
    widened = np.array(covariance, dtype=np.float64)
    widened[3:, 3:] += sd_mm**2 * np.outer(beam, beam)
    return widened
