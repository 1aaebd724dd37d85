"""The poses to start from by the skull: for many rotations, the shift along the detector that fits its edges best."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft, ndimage
from scipy.special import ndtri

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.refinement.phases import log_likelihood
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.skull_similarity import OBSERVATIONS, skull_factor, tile_mm
from DeepIterRegLib.refinement.translation_search import step_mm
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.sampling import gathered, pixel_at_isocentre_mm
from DeepIterRegLib.similarity.filters import sobel, window_weights

EVEN_STEPS = 1.2207440846057596 ** -np.arange(1.0, 4.0)
"""Powers of the root of x^4 = x + 1: multiples of them fill a cube evenly (Roberts 2018, "The unreasonable
effectiveness of quasirandom sequences")."""
WIDER_ROTATIONS, WIDER_DEG, WIDER_KEPT = 2, 1.3, 2
REACH_MM = 130.0
"""Least reach on the detector: half of a zoomed one would be less than heads are off."""
MAX_THREADS = 2
"""More do not help: Python's lock is held between two transforms."""
RIDGE = 0.1
"""Of the mean energy: where an image has hardly any edges, their direction says nothing."""


@dataclass(frozen=True)
class SkullSearch:
    """How many rotations to try, and how far to look."""

    rotations: int = 192
    rotation_sd_deg: float = 12.0
    """Per axis, about the head's centre; the start pose's own rotation is always among them."""
    size_px: int = 64
    kept: int = 12
    """Candidates for each start pose."""

    def wider(self) -> SkullSearch:
        """For a head that is not found nearby."""
        return replace(
            self,
            rotations=WIDER_ROTATIONS * self.rotations,
            rotation_sd_deg=WIDER_DEG * self.rotation_sd_deg,
            kept=WIDER_KEPT * self.kept,
        )

    def sample_rotations(self, seed: int) -> FloatArray:
        """(rotations, 3) rotation vectors, rad, evenly spread for a normal density; the first is none."""
        first = np.random.default_rng(seed).random(3)
        even = (first + np.arange(self.rotations)[:, None] * EVEN_STEPS) % 1.0
        vectors = np.radians(self.rotation_sd_deg) * ndtri(np.clip(even, 1e-4, 1 - 1e-4))
        vectors[0] = 0
        return vectors


def skull_candidates(
    cloud: VesselCloud,
    image: SkullImage,
    carm: CArm,
    *,
    start_pose: FloatArray,
    search: SkullSearch,
    prior: PosePrior,
    seed: int,
    device: str = "cpu",
) -> tuple[FloatArray, FloatArray]:
    """(kept, 4, 4) poses and their (kept,) log posteriors, the likeliest first: rotations, each with its best shift
    along one view's detector.

    cloud: the skull. carm: of the view, not binned. prior: about `start_pose` among others. What is maximised is about
    the posterior of `SkullSimilarity` with `prior`: tiles are replaced by a local normalisation, which a shift moves
    along.
    """
    factor = skull_factor(carm, cloud, search.size_px)
    correction = PivotedCorrection.about_patient_point(start_pose, cloud.centre_mm)
    rotations = search.sample_rotations(seed)
    poses = np.stack([correction.pose(np.concatenate([rotation, np.zeros(3)])) for rotation in rotations])

    fixed, weights = image.binned(factor)
    binned = carm.binned(factor)
    reach = _reach_px(binned)
    # Padded, so that what a shift brings into view has been drawn.
    wide = binned.padded(*reach)
    tile_px = max(3, round(tile_mm(search.size_px) / max(binned.pixel_spacing_mm)))
    renderer = splat_renderer(gathered(cloud, pixel_at_isocentre_mm(binned)), wide, device, resample=False)
    inner = window_weights(weights.astype(np.float32))
    template = _normalized(sobel(fixed[None]), inner, tile_px)[:, 0]
    correlator = _Correlator(template, inner, reach)

    row_mm, column_mm = step_mm(correction, binned)
    down, along = np.meshgrid(
        np.arange(-reach[0], reach[0] + 1) * row_mm, np.arange(-reach[1], reach[1] + 1) * column_mm, indexing="ij"
    )
    shifts = down[..., None] * carm.row_direction + along[..., None] * carm.column_direction

    def likeliest(number: int) -> tuple[FloatArray, float]:
        drr = sobel(renderer.render(poses[number][None]))
        correlation = correlator.of(_normalized(drr, None, tile_px)[:, 0])
        posterior = log_likelihood(np.maximum(correlation, 0), OBSERVATIONS * image.trust)
        posterior = posterior + prior.of_offset(rotations[number], shifts)
        best = np.unravel_index(int(posterior.argmax()), posterior.shape)
        return correction.pose(np.concatenate([rotations[number], shifts[best]])), float(posterior[best])

    threads = 1 if device != "cpu" else min(MAX_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(likeliest, range(len(poses))))
    values = np.array([value for _, value in found])
    order = np.argsort(-values, kind="stable")[: search.kept]
    return np.stack([pose for pose, _ in found])[order], values[order]


def _reach_px(carm: CArm) -> tuple[int, int]:
    """How far a view's image is moved down and right: half a detector, and no less than `REACH_MM`."""
    row_mm, column_mm = carm.pixel_spacing_mm
    return max(carm.rows // 2, round(REACH_MM / row_mm)), max(carm.columns // 2, round(REACH_MM / column_mm))


def _normalized(gradient: FloatArray, weights: FloatArray | None, tile_px: int) -> FloatArray:
    """(2, B, rows, columns) gradient fields, in each neighbourhood of about the same energy."""
    energy = np.einsum("xbrc,xbrc->brc", gradient, gradient)
    if weights is not None:
        gradient = gradient * weights
        energy = energy * weights
    local = ndimage.uniform_filter(energy, (0, tile_px, tile_px), mode="constant")
    ridge = RIDGE * energy.mean(axis=(1, 2), keepdims=True) + 1e-12
    return gradient / np.sqrt(local + ridge)


class _Correlator:
    """Normalised correlation of a template of two components with every part of a wider image of them."""

    def __init__(self, template: FloatArray, weights: FloatArray, reach: tuple[int, int]) -> None:
        self._counts = 2 * reach[0] + 1, 2 * reach[1] + 1
        shape = [n + 2 * r for n, r in zip(weights.shape, reach, strict=True)]
        self._size = [fft.next_fast_len(n, real=True) for n in shape]
        self._template = np.conj(fft.rfft2(template, self._size))
        self._weights = np.conj(fft.rfft2(weights, self._size))
        self._norm = float(np.sqrt((template.astype(np.float64) ** 2).sum()))

    def of(self, image: FloatArray) -> FloatArray:
        """(R, C) correlations of a (2, rows, columns) image, which is moved down and right by -reach to reach."""
        products = fft.irfft2((fft.rfft2(image, self._size) * self._template).sum(axis=0), self._size)
        energy = fft.irfft2(fft.rfft2((image**2).sum(axis=0), self._size) * self._weights, self._size)
        rows, columns = self._counts
        # A part of the image that begins further down is the image moved up.
        products, energy = (part[:rows, :columns][::-1, ::-1] for part in (products, energy))
        norm = self._norm * np.sqrt(np.maximum(energy, 1e-3 * float(energy.max()) + 1e-12))
        return products / norm if self._norm > 0 else 0 * products
