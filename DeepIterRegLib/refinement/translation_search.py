"""The poses to start from: for many rotations, the translation along the detector that fits best, by cross-correlation.

A translation along the detector shifts the DRR and changes little else, so one Fourier transform tries all of them.
That leaves only four of the six unknowns to the random search; the two that are far off when the head lies elsewhere
on the table are found exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import PivotedCorrection, apply
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.refinement.phases import log_likelihood, phases
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.saturation import saturated
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.similarity.nonnegative import subsets

RIDGE = 1e-6
"""Relative; keeps two vessel groups that project alike from making a singular system."""
PROBE_MM = 60.0
"""Distance from the head's centre of the six points by whose displacement two poses are told apart."""
DISTINCT_MM = 8.0
"""Two starts whose points are nearer than this (root mean square) would climb to the same optimum."""


@dataclass(frozen=True)
class TranslationSearch:
    """How many rotations to try, and how far to look."""

    rotations: int = 96
    rotation_sd_deg: float = 10.0
    """Per axis, about the head's centre; the start pose's own rotation is always among them."""
    reach_mm: float = 80.0
    """Largest translation along each of the detector's axes, at the head's centre."""

    def sample_rotations(self, seed: int) -> FloatArray:
        """(rotations, 3) rotation vectors, rad; the first is none."""
        vectors = np.radians(np.random.default_rng(seed).normal(0, self.rotation_sd_deg, (self.rotations, 3)))
        vectors[0] = 0
        return vectors


def candidate_poses(
    renderers: Sequence[Renderer],
    groups: Sequence[VesselCloud],
    prepared: PreparedAngiogram,
    *,
    factor: int,
    start_pose: FloatArray,
    centre_mm: FloatArray,
    search: TranslationSearch,
    prior: PosePrior,
    seed: int,
) -> FloatArray:
    """(rotations, 4, 4) poses: every rotation with the translation along the detector that fits one view best.

    renderers: of the vessel groups, on the run's detector binned by `factor`. centre_mm: (3,), patient frame, centre of
    the CTA. prior: about `start_pose` among others.
    What is maximised is the log posterior, as in `PhaseSimilarity`, except that a shift is taken to move the whole
    image and lose nothing at its border.
    """
    carm = renderers[0].carm
    correction = PivotedCorrection.about_patient_point(start_pose, centre_mm)
    rotations = search.sample_rotations(seed)
    poses = np.stack([correction.pose(np.concatenate([rotation, np.zeros(3)])) for rotation in rotations])

    weights = binned(prepared.angiogram.valid, factor)
    images = saturated(np.stack([renderer.render(poses) for renderer in renderers], axis=1))
    images -= images.mean(axis=(2, 3), keepdims=True)

    row_mm, column_mm = step_mm(correction, carm)
    rows, columns = _reach_px(search.reach_mm, correction, carm)
    row_shifts, column_shifts = np.arange(-rows, rows + 1), np.arange(-columns, columns + 1)
    down, along = np.meshgrid(row_shifts * row_mm, column_shifts * column_mm, indexing="ij")
    shifts = down[..., None] * carm.row_direction + along[..., None] * carm.column_direction

    posterior = prior.of_offset(rotations[:, None, None], shifts)
    for phase in phases(groups, prepared, factor):
        correlation = _correlations(images[:, phase.groups], phase.fixed, weights, row_shifts, column_shifts)
        posterior += log_likelihood(correlation, phase.observations)
    best_shifts = shifts.reshape(-1, 3)[posterior.reshape(len(poses), -1).argmax(axis=1)]
    return np.stack([
        correction.pose(np.concatenate([rotation, shift]))
        for rotation, shift in zip(rotations, best_shifts, strict=True)
    ])  # fmt: skip


def step_mm(correction: PivotedCorrection, carm: CArm) -> tuple[float, float]:
    """Translation of the head that moves its centre by one row and by one column."""
    magnification = carm.sdd_mm / float(carm.normal @ (correction.pivot_mm - carm.source_mm))
    row_mm, column_mm = carm.pixel_spacing_mm
    return row_mm / magnification, column_mm / magnification


def _reach_px(reach_mm: float, correction: PivotedCorrection, carm: CArm) -> tuple[int, int]:
    row_mm, column_mm = step_mm(correction, carm)
    return min(int(reach_mm / row_mm), carm.rows - 1), min(int(reach_mm / column_mm), carm.columns - 1)


def _correlations(
    images: FloatArray, fixed: FloatArray, weights: FloatArray, row_shifts: IntArray, column_shifts: IntArray
) -> FloatArray:
    """(B, R, C) correlations of the fixed image with the best mixtures of (B, K, rows, columns) images, mean 0.

    row_shifts (R,), column_shifts (C,): how far the images are moved, px.
    """
    fixed = weights * (fixed - (weights * fixed).sum() / weights.sum())
    size = [fft.next_fast_len(2 * length, real=True) for length in fixed.shape]
    correlation = fft.irfft2(fft.rfft2(fixed, size) * np.conj(fft.rfft2(images, size)), size)
    correlation = correlation[:, :, row_shifts[:, None], column_shifts[None, :]]
    products = correlation.reshape(*correlation.shape[:2], -1).astype(np.float64)

    # The best mixture with non-negative gains is the best of the mixtures of every subset that come out positive.
    gram = np.einsum("bkrc,blrc->bkl", images, images, optimize=True).astype(np.float64)
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-12  # for rotations that leave nothing in view
    gram = gram + ridge * np.eye(gram.shape[1])
    explained = np.zeros(products[:, 0].shape)
    for subset in subsets(gram.shape[1])[1:]:
        chosen = products[:, subset]
        gains = np.linalg.solve(gram[:, subset][:, :, subset], chosen)
        better = (gains >= 0).all(axis=1)
        explained = np.where(better, np.maximum(explained, (gains * chosen).sum(axis=1)), explained)
    energy = float((fixed.astype(np.float64) ** 2).sum())
    shape = len(images), len(row_shifts), len(column_shifts)
    return np.sqrt(explained / energy if energy > 0 else 0 * explained).reshape(shape)


def distinct_poses(
    poses: FloatArray, values: FloatArray, centre_mm: FloatArray, count: int, distinct_mm: float = DISTINCT_MM
) -> IntArray:
    """Indices of the at most `count` best (B, 4, 4) poses, best first, no two within `distinct_mm` of one another.

    values: (B,). centre_mm: (3,) the head's centre, patient frame. From poses that are alike one climb is enough.
    """
    probe = centre_mm + PROBE_MM * np.concatenate([np.eye(3), -np.eye(3)])
    probes_mm = np.stack([apply(pose, probe) for pose in poses])
    chosen: list[int] = []
    for index in np.argsort(-values, kind="stable"):
        distances = np.sqrt(((probes_mm[chosen] - probes_mm[index]) ** 2).sum(axis=-1).mean(axis=-1))
        if (distances > distinct_mm).all():
            chosen.append(int(index))
        if len(chosen) == count:
            break
    return np.array(chosen)
