"""Where parts of an X-ray's edges would fit the CTA better: what is right fits everywhere at once.

A wrong pose, a wrong geometry and another patient's head have an optimum too, but not the same one in every part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from DeepIterRegLib.common.arrays import FloatArray

PART_MM, REACH_MM = 60.0, 6.0
"""Edge of the parts on the detector, which overlap by half, and how far they are moved. Smaller parts show one edge,
which slides along itself."""
RIDGE = 0.1
"""Of the mean energy: a part with much less has no edges, and says nothing."""
LEAST_SEEN = 0.7
"""Of a part, for it to count."""
LEAST_PARTS = 4


@dataclass(frozen=True)
class EdgeFields:
    """Edges of an X-ray and of its DRR."""

    fixed: FloatArray
    """(2, rows, columns) gradients of the X-ray."""
    moving: FloatArray
    """(2, rows, columns) gradients of the DRR."""
    weights: FloatArray
    """(rows, columns) 0 to 1."""
    pixel_mm: float


@dataclass(frozen=True)
class LocalShifts:
    """Of all parts, each weighted by the edges it has; NaN where too few have any."""

    median_mm: float
    """On the detector, to where a part fits best."""
    gain: float
    """Mean correlation that the parts would gain there."""
    systematic_mm: float
    """Root of the mean square of what an affine field of shifts explains: another size, another geometry."""


UNKNOWN = LocalShifts(float("nan"), float("nan"), float("nan"))


def local_shifts(fields: EdgeFields) -> LocalShifts:
    """Of the X-ray's parts against the DRR at one pose."""
    part = max(6, round(PART_MM / fields.pixel_mm))
    reach = max(2, round(REACH_MM / fields.pixel_mm))
    rows, columns = fields.weights.shape
    window = np.outer(*[np.hanning(part + 2)[1:-1]] * 2)
    fixed_ridge = _ridge(fields.fixed * fields.weights, window)
    moving_ridge = _ridge(fields.moving, window)
    padded = np.pad(fields.moving, ((0, 0), (reach, reach), (reach, reach)))
    places, found = [], []
    for top in range(0, rows - part + 1, max(1, part // 2)):
        for left in range(0, columns - part + 1, max(1, part // 2)):
            here = slice(top, top + part), slice(left, left + part)
            if fields.weights[here].mean() < LEAST_SEEN:
                continue
            around = padded[:, top : top + part + 2 * reach, left : left + part + 2 * reach]
            correlation, energy = _correlations(
                fields.fixed[:, here[0], here[1]], window * fields.weights[here], around, fixed_ridge, moving_ridge
            )
            down, right, best = _highest(correlation)
            places.append(((top + part / 2) / rows - 0.5, (left + part / 2) / columns - 0.5))
            found.append((down - reach, right - reach, best, best - correlation[reach, reach], energy))
    if len(found) < LEAST_PARTS:
        return UNKNOWN
    values = np.array(found)
    shifts, fits, gains, energies = fields.pixel_mm * values[:, :2], values[:, 2], values[:, 3], values[:, 4]
    if energies.sum() <= 0 or fits.max() <= 0:
        return UNKNOWN
    share = energies / (energies + fixed_ridge)
    certain = share * np.maximum(fits, 0)
    return LocalShifts(
        _weighted_median(np.linalg.norm(shifts, axis=1), certain),
        float((share * gains).sum() / share.sum()),
        _systematic(np.array(places), shifts, certain / certain.sum()),
    )


def _ridge(field: FloatArray, window: FloatArray) -> float:
    return RIDGE * float(window.sum()) * float((field**2).sum(axis=0).mean())


def _correlations(
    part: FloatArray, weights: FloatArray, around: FloatArray, fixed_ridge: float, moving_ridge: float
) -> tuple[FloatArray, float]:
    """(2 reach + 1, 2 reach + 1) of a part with the DRR moved, and the part's energy."""
    count = around.shape[1] - part.shape[1] + 1
    shape = [fft.next_fast_len(n, real=True) for n in around.shape[1:]]
    template = part * weights
    energy = float((part * template).sum())
    products = fft.irfft2((fft.rfft2(around, shape) * np.conj(fft.rfft2(template, shape))).sum(axis=0), shape)
    moved = fft.irfft2(fft.rfft2((around**2).sum(axis=0), shape) * np.conj(fft.rfft2(weights, shape)), shape)
    norm = (np.maximum(moved[:count, :count], 0) + moving_ridge) * (energy + fixed_ridge)
    return products[:count, :count] / np.sqrt(norm + 1e-24), energy


def _highest(correlation: FloatArray) -> tuple[float, float, float]:
    """Row and column of the maximum, by a parabola through its neighbours, and its value."""
    at = np.unravel_index(int(correlation.argmax()), correlation.shape)
    place = []
    for axis in (0, 1):
        line = correlation[:, at[1]] if axis == 0 else correlation[at[0]]
        index = int(at[axis])
        offset = 0.0
        if 0 < index < len(line) - 1:
            bend = float(line[index - 1] - 2 * line[index] + line[index + 1])
            offset = 0.5 * float(line[index - 1] - line[index + 1]) / bend if bend < 0 else 0.0
        place.append(index + offset)
    return place[0], place[1], float(correlation[at])


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])


def _systematic(places: FloatArray, shifts: FloatArray, weights: FloatArray) -> float:
    root = np.sqrt(weights)[:, None]
    design = np.column_stack([np.ones(len(places)), places]) * root
    explained = design @ np.linalg.lstsq(design, shifts * root, rcond=1e-6)[0]
    return float(np.sqrt((explained**2).sum()))
