"""A pose from pairs of landmarks: points of the CTA, and the pixels where the DSAs show them.

Needs no good start, and finds all of the up to four poses at which three landmarks fit. Runs in Slicer's own process,
hence numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.projection import cube_corners_mm, project
from DeepIterRegLib.geometry.resection import LandmarkView, resect
from DeepIterRegLib.geometry.rigid import apply

MIN_LANDMARKS = 3
MIN_WIDTH_MM = 8.0
"""Landmarks that lie within a tube of this diameter leave the turn about it open: a click is off by a millimetre."""
POOR_FIT_MM = 3.0
"""Root mean square distance on the detector (2 mm at the head) beyond which a pair is wrong rather than inexact."""
AS_GOOD_MM = 0.3
"""Poses whose fits differ by less on the detector are equally good: clicks are not more exact than that."""


@dataclass(frozen=True, eq=False)
class LandmarkPose:
    """The pose at which landmarks fit best."""

    pose: FloatArray
    """(4, 4)"""
    distances_px: tuple[FloatArray, ...]
    """For each view, (N,) distance between a landmark's projection and its pixel."""
    rms_px: float
    rms_mm: float
    """On the detector."""
    equally_good: int
    """Number of poses that fit as well as this one, itself included."""
    spread_mm: float
    """Root mean square distance of the landmarks from the line that fits them best: small when they are in a row."""

    @property
    def nearly_in_a_row(self) -> bool:
        return self.spread_mm < MIN_WIDTH_MM / 2

    @property
    def fits_poorly(self) -> bool:
        return self.rms_mm > POOR_FIT_MM


def pose_from_landmarks(views: Sequence[LandmarkView], start_pose: FloatArray, centre_mm: FloatArray) -> LandmarkPose:
    """The pose at which three or more landmarks fit best.

    views: the same landmark may be in several. start_pose: (4, 4), need not be near; of poses that fit equally well,
    the one that moves the head least from it is taken. centre_mm: (3,) the CTA's centre, patient frame.
    Raises InputError for fewer than three landmarks, or when no pose in front of the source fits.
    """
    views = [view for view in views if len(view.points_mm)]
    points_mm = np.unique(np.concatenate([view.points_mm for view in views]), axis=0) if views else np.empty((0, 3))
    if len(points_mm) < MIN_LANDMARKS:
        raise InputError(
            "There are {count} different landmarks; place at least {least} in both CTA and DSA.",
            count=len(points_mm),
            least=MIN_LANDMARKS,
        )
    poses, rms_mm = resect(views, start_pose[:3, :3])
    if len(poses) == 0:
        raise InputError(
            "The landmarks fit at no pose between source and detector; check that the pairs belong together."
        )
    as_good = rms_mm <= rms_mm.min() + AS_GOOD_MM
    good = _different(poses[as_good], rms_mm[as_good], centre_mm)
    corners = cube_corners_mm(centre_mm)
    moved_mm = [np.linalg.norm(apply(pose, corners) - apply(start_pose, corners), axis=1).mean() for pose in good]
    pose = good[int(np.argmin(moved_mm))]
    offsets_px = [project(apply(pose, view.points_mm), view.carm) - view.pixels for view in views]
    offsets_mm = [px * view.carm.pixel_spacing_mm[::-1] for px, view in zip(offsets_px, views, strict=True)]
    return LandmarkPose(
        pose=pose,
        distances_px=tuple(np.linalg.norm(px, axis=1) for px in offsets_px),
        rms_px=_root_mean_square(offsets_px),
        rms_mm=_root_mean_square(offsets_mm),
        equally_good=len(good),
        spread_mm=_spread_mm(points_mm),
    )


def _root_mean_square(offsets: Sequence[FloatArray]) -> float:
    """Of the lengths of (N, 2) offsets of several views."""
    return float(np.sqrt((np.concatenate(offsets) ** 2).sum(axis=1).mean()))


def _different(poses: FloatArray, rms_mm: FloatArray, centre_mm: FloatArray) -> list[FloatArray]:
    """The best of every group of (S, 4, 4) poses that are the same to a few millimetres."""
    corners = cube_corners_mm(centre_mm)
    kept: list[FloatArray] = []
    for pose in poses[np.argsort(rms_mm)]:
        there = apply(pose, corners)
        if all(np.linalg.norm(there - apply(other, corners), axis=1).mean() > MIN_WIDTH_MM for other in kept):
            kept.append(pose)
    return kept


def _spread_mm(points_mm: FloatArray) -> float:
    offsets = points_mm - points_mm.mean(axis=0)
    return float(np.linalg.norm(np.linalg.svd(offsets, compute_uv=False)[1:]) / np.sqrt(len(points_mm)))
