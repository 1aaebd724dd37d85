"""What a CT scanner makes of attenuation: the kernel's blur or sharpening, correlated noise, whole numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan
from DeepIterRegLib.research.simulate.head.head_tissue import parallel

SLAB = 24
"""Slices per piece of work and per stream of noise, whatever the number of threads."""
LOWEST_HU, HIGHEST_HU = -1024, 3071


def detect(hu: FloatArray, plan: CtPlan, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """(K, J, I) attenuation -> the scan. Equal generators give equal scans on any number of threads."""
    scan = np.empty(hu.shape, dtype=np.int16)
    within = _taps(plan.blur_mm / plan.voxel_mm)
    across = _taps(plan.slice_blur_mm / plan.slice_mm)
    shading = _noise_level(hu.shape[1:], plan.voxel_mm)
    firsts = range(0, hu.shape[0], SLAB)

    def one_slab(item: tuple[int, np.random.Generator]) -> None:
        first, own = item
        last = min(first + SLAB, hu.shape[0])
        planes = [np.clip(k, 0, hu.shape[0] - 1) for k in range(first - 2, last + 2)]
        blurred: dict[int, FloatArray] = {}
        for number, k in enumerate(range(first, last)):
            for plane in planes[number : number + 5]:
                if plane not in blurred:
                    blurred[plane] = _blurred(hu[plane], within, plan.sharpening)
            total = across[0] * blurred[k]
            for offset in (1, 2):
                pair = blurred[planes[number + 2 - offset]] + blurred[planes[number + 2 + offset]]
                pair *= across[offset]
                total += pair
            total += _noise(own, total.shape, plan.noise_hu) * shading
            np.rint(total, out=total)
            np.clip(total, LOWEST_HU, HIGHEST_HU, out=total)
            scan[k] = total
            blurred.pop(planes[number], None) if planes[number] < k - 1 else None

    parallel(one_slab, zip(firsts, rng.spawn(len(firsts)), strict=True))
    return scan


def _taps(sigma_voxels: float) -> tuple[np.float32, np.float32, np.float32]:
    """Middle, next and outer weight of five taps with the variance of a Gaussian (at most 1.4 voxels wide)."""
    variance = min(sigma_voxels, 1.4) ** 2
    weights = np.exp(-np.array([0.0, 1.0, 4.0]) / (2 * max(variance, 1e-3)))
    weights /= weights[0] + 2 * weights[1:].sum()
    return np.float32(weights[0]), np.float32(weights[1]), np.float32(weights[2])


def _blurred(plane: FloatArray, taps: tuple[np.float32, np.float32, np.float32], sharpening: float) -> FloatArray:
    """One slice through the kernel."""
    smooth = _along_rows(_along_rows(plane, taps).T, taps).T
    if sharpening:
        wide = _along_rows(_along_rows(smooth, _taps(1.2)).T, _taps(1.2)).T
        smooth = smooth + np.float32(sharpening) * (smooth - wide)
    return np.ascontiguousarray(smooth)


def _along_rows(plane: FloatArray, taps: tuple[np.float32, np.float32, np.float32]) -> FloatArray:
    padded = np.pad(plane, ((2, 2), (0, 0)), mode="edge")
    total = padded[2:-2] * taps[0]
    for offset in (1, 2):
        pair = padded[2 - offset : len(padded) - 2 - offset] + padded[2 + offset : len(padded) - 2 + offset]
        pair *= taps[offset]
        total += pair
    return total


def _noise(rng: np.random.Generator, shape: tuple[int, ...], sigma_hu: float) -> FloatArray:
    """One slice of noise, correlated over about two voxels as a soft kernel leaves it."""
    noise = rng.standard_normal((shape[0] + 2, shape[1] + 2), dtype=np.float32)
    noise = noise[:-1] + noise[1:]
    noise = noise[:-1] + noise[1:]
    noise = noise[:, :-1] + noise[:, 1:]
    noise = noise[:, :-1] + noise[:, 1:]
    # The binomial's weights 1 2 1 squared add up to 6 along each axis.
    noise *= np.float32(sigma_hu / 6)
    return noise


def _noise_level(shape: tuple[int, ...], voxel_mm: float) -> FloatArray:
    """(J, I) noise relative to the middle: rays through the head's middle are the weakest."""
    j, i = ((np.arange(size, dtype=np.float32) - size / 2) * np.float32(voxel_mm) for size in shape)
    return np.float32(0.45) + np.float32(0.55) * np.exp(-((j / 75) ** 2)[:, None] - (i / 70) ** 2)
