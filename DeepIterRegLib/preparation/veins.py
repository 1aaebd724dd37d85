"""The large veins that follow the skull: sagittal, transverse and sigmoid sinuses, and the straight sinus they meet."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.preparation.components import label_components, touching
from DeepIterRegLib.preparation.distance import dilated, eroded, opened

ALONG_SKULL_MM = 12.0
"""Depth below the inner table to which a sinus reaches; the first large arteries of the convexity are thinner."""
SINUS_RADIUS_MM = 1.5
"""A ball that fits into a sinus, not into a cortical artery or vein (1 to 2 mm across)."""
RIM_MM = 1.5
"""The opening takes off the rim of a sinus; this much of it comes back."""
SMALLEST_SINUS_ML = 1.0
FRONT_BASE_MM = (-12.0, 12.0)
"""Anterior (more than the first, A) and low (less than the second, S) of the cavity's centre lie carotids, circle of
Willis and basilar artery, along the skull base, and no large vein but the cavernous sinus."""
SINUS_SIDE_MM = 25.0
"""A sinus system comes this far behind the centre, or above it; arteries that thick do not."""
STRAIGHT_HALF_WIDTH_MM = 12.0
STRAIGHT_LOWEST_MM = -15.0
STRAIGHT_RADIUS_MM = 1.0


def find_veins(vessels: BoolArray, inside: BoolArray, to_head: FloatArray, spacing_kji: FloatArray) -> BoolArray:
    """(k, j, i) veins, a subset of `vessels`.

    inside: (k, j, i) the cavity. to_head: (3, 3) columns turn a step along k, j, i into mm along the head's right,
    front and top. The paper's recipe, "a combination of morphology and connected components ... to isolate the larger
    veins that surround the skull", with the anatomy that keeps the arteries of the skull base out.
    """
    none = np.zeros_like(vessels)
    if not vessels.any() or not inside.any():
        return none
    right, anterior, superior = to_head @ (np.argwhere(vessels) - np.argwhere(inside).mean(axis=0)).T
    front_base = _marked(vessels, (anterior > FRONT_BASE_MM[0]) & (superior < FRONT_BASE_MM[1]))
    shell = vessels & ~eroded(inside, ALONG_SKULL_MM, spacing_kji) & ~front_base
    thick = opened(shell, SINUS_RADIUS_MM, spacing_kji)
    body = shell & dilated(thick, RIM_MM, spacing_kji)
    labels, sizes = label_components(body)
    far = body & _marked(vessels, (anterior < -SINUS_SIDE_MM) | (superior > SINUS_SIDE_MM))
    keep = sizes * float(np.prod(spacing_kji)) / 1000 >= SMALLEST_SINUS_ML
    keep &= np.bincount(labels[far], minlength=len(sizes)) > 0
    keep[0] = False
    sinuses = keep[labels]
    if not sinuses.any():
        return none
    middle = _marked(
        vessels, (np.abs(right) < STRAIGHT_HALF_WIDTH_MM) & (anterior < 0) & (superior > STRAIGHT_LOWEST_MM)
    )
    straight = opened(middle, STRAIGHT_RADIUS_MM, spacing_kji)
    return sinuses | touching(straight | (sinuses & middle), sinuses)


def _marked(mask: BoolArray, chosen: BoolArray) -> BoolArray:
    """(k, j, i) those voxels of `mask` that are `chosen` (N,), in their order."""
    marked = np.zeros_like(mask)
    marked[mask] = chosen
    return marked
