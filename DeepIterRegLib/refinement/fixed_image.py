"""The fixed images: what is compared with the DRR, at the resolution of a pyramid's level."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned

CONTRAST_POWER = 0.7
"""Exponent of the DSA's contrast. It lifts thin vessels, which fix the pose best, against the carotid's trunk, and
undoes part of the scanners' display curve. On `cases/rotational-head` it took the median error from 0.56 to 0.46 mm and
the successes from (10 deg, 20 mm) from 69 to 70 of 70 (docs/measurements/real_patient.md)."""


def fixed_contrast(contrast: FloatArray, factor: int) -> FloatArray:
    """Fixed image of a flattened contrast image (`PreparedAngiogram.contrast`), binned, thin vessels lifted."""
    return np.maximum(binned(contrast, factor), 0) ** np.float32(CONTRAST_POWER)
