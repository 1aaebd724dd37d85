"""Otsu's threshold: the brightness that separates two classes."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray


def otsu_threshold(values: FloatArray, bins: int = 256) -> float:
    """The threshold that best separates `values` (any shape) into two classes (Otsu 1979: variance between classes)."""
    counts, edges = np.histogram(values, bins)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1].astype(float)
    total = float(counts.sum())
    moment = np.cumsum(counts * centres)
    weight = below * (total - below)
    between = np.zeros_like(weight)
    mixed = weight > 0
    between[mixed] = (moment[-1] * below[mixed] / total - moment[:-1][mixed]) ** 2 / weight[mixed]
    if not mixed.any():
        return float(edges[0])
    # Between two far-apart peaks the variance is flat: take the middle of the plateau, not its first bin.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float((edges[1 + best[0]] + edges[1 + best[-1]]) / 2)
