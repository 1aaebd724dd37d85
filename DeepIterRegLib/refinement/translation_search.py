"""Where to start: for many rotations at once, the in-plane translation that fits best, found by cross-correlation.

A translation along the detector hardly changes the DRR but shifts it, so one Fourier transform tries them all. That
takes two of six unknowns (the ones that are far off when a head lies elsewhere on the table) out of the random search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from DeepIterRegLib.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.refinement.target import binned, contrast_target
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.similarity.nonnegative import subsets

RIDGE = 1e-6
"""Relative; keeps two vessel groups that project alike from making a singular system."""


@dataclass(frozen=True)
class TranslationSearch:
    """How many rotations to try, and how far to look."""

    rotations: int = 96
    rotation_sd_deg: float = 10.0
    """Per axis, about the CTA's centre; the start pose's own rotation is always among them."""
    reach_mm: float = 80.0
    """Largest translation along each of the detector's axes, at the CTA's centre."""

    def sample_rotations(self, seed: int) -> FloatArray:
        """(rotations, 3) rotation vectors, rad; the first is none."""
        vectors = np.radians(np.random.default_rng(seed).normal(0, self.rotation_sd_deg, (self.rotations, 3)))
        vectors[0] = 0
        return vectors


def candidates(
    renderers: Sequence[Renderer],
    prepared: PreparedAngiogram,
    factor: int,
    start_pose: FloatArray,
    centre_mm: FloatArray,
    search: TranslationSearch,
    *,
    seed: int,
) -> FloatArray:
    """(rotations, 4, 4) poses: every rotation with the translation along the detector that fits one view best.

    renderers: of the vessel groups, on the run's detector binned by `factor`. centre_mm: (3,), patient frame, centre of
    the CTA.
    What is maximised is the correlation with the best non-negative mixture of the vessel groups, as in
    `FillingCorrelation`, except that a shift is taken to move the whole image and lose nothing at its border.
    """
    carm = renderers[0].carm
    correction = PivotedCorrection.about_patient_point(start_pose, centre_mm)
    rotations = search.sample_rotations(seed)
    poses = np.stack([correction.pose(np.concatenate([rotation, np.zeros(3)])) for rotation in rotations])

    weights = binned(prepared.angiogram.valid, factor)
    fixed = contrast_target(prepared.contrast, factor)
    fixed = weights * (fixed - (weights * fixed).sum() / weights.sum())
    images = np.stack([renderer.render(poses) for renderer in renderers], axis=1)
    images = images - images.mean(axis=(2, 3), keepdims=True)
    gram = np.einsum("bkrc,blrc->bkl", images, images, optimize=True)
    row_px, column_px = _best_shift(images, gram, fixed, *_reach_px(search.reach_mm, correction, carm))

    row_mm, column_mm = _step_mm(correction, carm)
    shifts = np.outer(column_px * column_mm, carm.column_direction) + np.outer(row_px * row_mm, carm.row_direction)
    return np.stack([
        correction.pose(np.concatenate([rotation, shift])) for rotation, shift in zip(rotations, shifts, strict=True)
    ])  # fmt: skip


def _step_mm(correction: PivotedCorrection, carm: CArm) -> tuple[float, float]:
    """Translation of the head that moves its centre by one row and by one column."""
    magnification = carm.sdd_mm / float(carm.normal @ (correction.pivot_mm - carm.source_mm))
    row_mm, column_mm = carm.pixel_spacing_mm
    return row_mm / magnification, column_mm / magnification


def _reach_px(reach_mm: float, correction: PivotedCorrection, carm: CArm) -> tuple[int, int]:
    row_mm, column_mm = _step_mm(correction, carm)
    return min(int(reach_mm / row_mm), carm.rows - 1), min(int(reach_mm / column_mm), carm.columns - 1)


def _best_shift(
    images: FloatArray, gram: FloatArray, fixed: FloatArray, rows: int, columns: int
) -> tuple[FloatArray, FloatArray]:
    """(B,) shifts along rows and columns, px, at which the mixtures of (B, K, rows, columns) images fit best.

    gram: (B, K, K) products of the images. rows, columns: the largest shifts.
    """
    size = [fft.next_fast_len(2 * length, real=True) for length in fixed.shape]
    spectrum = fft.rfft2(fixed, size) * np.conj(fft.rfft2(images, size))
    correlation = fft.irfft2(spectrum, size)
    row_shifts, column_shifts = np.arange(-rows, rows + 1), np.arange(-columns, columns + 1)
    correlation = correlation[:, :, row_shifts[:, None], column_shifts[None, :]]
    products = correlation.reshape(*correlation.shape[:2], -1).astype(np.float64)

    # The best mixture with non-negative gains is the best of the mixtures of every subset that come out positive.
    gram = gram.astype(np.float64)
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-12  # for rotations that leave nothing in view
    gram = gram + ridge * np.eye(gram.shape[1])
    explained = np.zeros(products[:, 0].shape)
    for subset in subsets(gram.shape[1])[1:]:
        chosen = products[:, subset]
        gains = np.linalg.solve(gram[:, subset][:, :, subset], chosen)
        better = (gains >= 0).all(axis=1)
        explained = np.where(better, np.maximum(explained, (gains * chosen).sum(axis=1)), explained)
    best = explained.argmax(axis=1)
    row, column = np.unravel_index(best, (len(row_shifts), len(column_shifts)))
    return row_shifts[row].astype(np.float64), column_shifts[column].astype(np.float64)
