"""Lays a generated head over a scanned one: the similarity that brings its sinuses onto those of the CTA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray

ROUNDS = 30
MOST_POINTS = 1500
"""Of either head: sinuses are thick, and their points many."""
FIRST_REACH_MM, LAST_REACH_MM = 40.0, 12.0
"""Farther than this a point has no partner: a CTA shows but some of the sinuses."""
LEAST_SCALE, MOST_SCALE = 0.85, 1.18


@dataclass(frozen=True, eq=False)
class Similarity:
    """x -> scale x turn @ x + shift_mm."""

    scale: float
    turn: FloatArray
    """(3, 3) rotation."""
    shift_mm: FloatArray
    """(3,) where the origin goes."""

    def __call__(self, points_mm: FloatArray) -> FloatArray:
        """(N, 3) -> (N, 3)."""
        return self.scale * points_mm @ self.turn.T + self.shift_mm


def fit_head(generated_mm: FloatArray, scanned_mm: FloatArray) -> Similarity:
    """The similarity from a generated head's sinuses (N, 3) onto those (M, 3) that a CTA shows, both RAS.

    Iterative closest points, in both directions so that neither head shrinks into the other. It begins with the heads
    upright and their vertices and occiputs together, and is deterministic. Both need at least a point.
    """
    generated, scanned = _thinned(generated_mm), _thinned(scanned_mm)
    fit = Similarity(1.0, np.eye(3), _top_and_back(scanned) - _top_and_back(generated))
    tree = cKDTree(scanned)
    for reach_mm in np.geomspace(FIRST_REACH_MM, LAST_REACH_MM, ROUNDS):
        moved = fit(generated)
        far, nearest = cKDTree(moved).query(scanned)
        far_back, nearest_back = tree.query(moved)
        there, back = far < reach_mm, far_back < reach_mm
        if there.sum() + back.sum() < 10:
            break
        fit = _least_squares(
            np.concatenate([generated[nearest[there]], generated[back]]),
            np.concatenate([scanned[there], scanned[nearest_back[back]]]),
        )
    return fit


def _thinned(points_mm: FloatArray) -> FloatArray:
    return np.asarray(points_mm, dtype=np.float64)[:: max(1, len(points_mm) // MOST_POINTS)]


def _top_and_back(points_mm: FloatArray) -> FloatArray:
    """(3,) where a head's midline, occiput and vertex are, by its sinuses."""
    return np.array([np.median(points_mm[:, 0]), np.percentile(points_mm[:, 1], 2), np.percentile(points_mm[:, 2], 98)])


def _least_squares(source_mm: FloatArray, target_mm: FloatArray) -> Similarity:
    """Umeyama 1991, IEEE Trans PAMI 13:376, with the scale kept to that of heads."""
    from_middle, to_middle = source_mm.mean(axis=0), target_mm.mean(axis=0)
    source, target = source_mm - from_middle, target_mm - to_middle
    left, singular, right = np.linalg.svd(target.T @ source)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = (left * signs) @ right
    scale = float(np.clip((singular * signs).sum() / (source**2).sum(), LEAST_SCALE, MOST_SCALE))
    return Similarity(scale, turn, to_middle - scale * turn @ from_middle)
