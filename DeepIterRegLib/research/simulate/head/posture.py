"""How mouth and neck are held: a patient opens the one and bends the other between two examinations.

The skull is rigid, and its frame is the head's; what hangs on it moves. All points are in the head's frame (RAS, mm
about the middle of the brain) of an average head: a person's scale, a few percent, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray

JOINT_MM = (0.0, 0.0, -57.0)
"""The mandible turns about the line between its condyles."""
NECK_MM = (0.0, -20.0, -82.0)
"""The neck bends about the upper two vertebrae."""
BEND_WITHIN_MM = 32.0
"""From the skull base to where the neck is bent entirely: the first two vertebrae share the bend."""
MASTOID_MM = 16.0
"""How much lower the skull reaches at its sides."""
JAW_DEG, NECK_DEG = (5.0, 15.0), (5.0, 15.0)
"""Least and largest difference of a mouth's opening and of a neck's nodding between two examinations."""
BEHIND_TISSUE_MM, BEHIND_BONE_MM = 28.0, 12.0
"""From the neck to the mandible: soft tissue shares out what the ramus takes as a whole."""
CHIN_ON_CHEST = 0.6
"""Degrees of bending forward that are lost for one of an open mouth."""
STILL_ABOVE_MM = -45.0
"""Higher up nothing moves."""


@dataclass(frozen=True)
class Posture:
    """Against the template's: mouth closed, neck straight."""

    jaw_deg: float = 0.0
    """How far the mouth is open."""
    neck_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Rotation vector of the neck against the skull, about R (positive: the chin comes nearer to the chest), A, S."""

    def tissue_at_rest(self, points_mm: FloatArray) -> FloatArray:
        """(..., 3) points of soft tissue -> where the same tissue lies in the template's posture."""
        return self._at_rest(points_mm, with_jaw=True)

    def bone_at_rest(self, points_mm: FloatArray) -> FloatArray:
        """(..., 3) likewise for bone, but for the mandible, which turns by itself (`jaws`): teeth do not stretch."""
        return self._at_rest(points_mm, with_jaw=False)

    def moved(self, points_mm: FloatArray) -> FloatArray:
        """(N, 3) points of tissue in the template's posture -> where they lie in this one."""
        moved = np.array(points_mm, dtype=np.float64)
        low = moved[:, 2] < STILL_ABOVE_MM
        target, found = moved[low], moved[low]
        # The map differs from the identity by a smooth field: half steps come together everywhere.
        for _ in range(40):
            found = found + 0.6 * (target - self.tissue_at_rest(found))
        moved[low] = found
        return moved

    def _at_rest(self, points_mm: FloatArray, with_jaw: bool) -> FloatArray:
        points = np.asarray(points_mm)
        x, y, z = (points[..., axis] for axis in range(3))
        jaw = _jaw_share(np.abs(x), y, z, self.jaw_deg, BEHIND_TISSUE_MM if with_jaw else BEHIND_BONE_MM)
        change = _turned_back(points, NECK_MM, self.neck_deg)
        change *= (_neck_share(np.abs(x), y, z) * (1 - jaw))[..., None]
        if with_jaw and self.jaw_deg:
            change += _turned_back(points, JOINT_MM, (-self.jaw_deg, 0.0, 0.0)) * jaw[..., None]
        return (points + change).astype(points.dtype, copy=False)


def draw_postures(
    jaw: bool, neck: bool, jaw_rng: np.random.Generator, neck_rng: np.random.Generator
) -> tuple[Posture, Posture]:
    """The CTA's posture and the runs': the mouth is opened in one of them, the neck bent either way in the runs."""
    opened = float(jaw_rng.uniform(*JAW_DEG)) if jaw else 0.0
    in_ct = bool(jaw_rng.random() < 0.5)
    bent = (0.0, 0.0, 0.0)
    if neck:
        nod = float(neck_rng.uniform(*NECK_DEG)) * float(neck_rng.choice([-1.0, 1.0]))
        nod = min(nod, NECK_DEG[1] - (0.0 if in_ct else CHIN_ON_CHEST * opened))
        lean, turn = neck_rng.normal(0, (3.0, 4.0))
        bent = (nod, float(lean), float(turn))
    return Posture(opened if in_ct else 0.0), Posture(0.0 if in_ct else opened, bent)


def _turned_back(points: FloatArray, pivot_mm: tuple[float, float, float], turn_deg: tuple[float, ...]) -> FloatArray:
    """(..., 3) how points change when a rotation about the pivot is undone."""
    back = Rotation.from_rotvec(-np.radians(turn_deg)).as_matrix() - np.eye(3)
    return (points - np.array(pivot_mm)) @ back.T


def _smooth(value: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(value, 0, 1)
    return t * t * (3 - 2 * t)


def _neck_share(ax: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """0 in the skull to 1 in the neck, whose border falls towards the front, below palate and upper teeth."""
    border = -66 - MASTOID_MM * _smooth((ax - 32) / 10) * _smooth((y + 52) / 10) - 1.3 * np.maximum(y - 2, 0)
    return _smooth((border - z) / BEND_WITHIN_MM)


def _jaw_share(ax: FloatArray, y: FloatArray, z: FloatArray, opened_deg: float, behind_mm: float) -> FloatArray:
    """1 in the mandible and the tissue upon it; the border lies between the teeth and rises along the ramus."""
    # As wide as the gap that opens, and half again: what stretches in it must not fold.
    within_mm = 12 + 1.6 * np.sin(np.radians(opened_deg)) * np.maximum(y, 0)
    border = -101 + 0.9 * np.clip(40 - y, 0, 40) * _smooth((ax - 30) / 12)
    below_chin = -151 + 0.36 * (82 - y)
    share = _smooth((border - z) / within_mm) * _smooth((y + 8) / behind_mm)
    return share * (1 - _smooth((below_chin - z) / 28))
