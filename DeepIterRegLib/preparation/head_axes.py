"""Where a head's right, front and top point in a CT, from the deep brain and the bones around it."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.rigid import rotation_angle_deg
from DeepIterRegLib.preparation.cavity import SOFT_HU, Cavity
from DeepIterRegLib.preparation.distance import dilated
from DeepIterRegLib.preparation.midline import find_midline

LONG_AXIS_DEG = 16.0
"""By which the deep brain's longest axis rises towards the forehead: 14.4 to 16.7 in simulated heads, whose axes are
known, 16 in a real one (over orbit and ear canal, which lie level by definition). Without vertex or skull base within
a degree of that in the former, 11 in the latter."""
TYPICAL_DEPTH, TYPICAL_BACK = 0.2, 0.26
"""Third moments of the deep brain (standardised): long x long x high, negative, since its floor is lower than its roof
is high, 0.17 to 0.28 measured; and long x long x long less long x high x high, since the forehead is narrow and the
occiput high, 0.23 to 0.62."""
TYPICAL_BELOW_MM = 85.0
"""How far below the brain the bones outside of the vault lie on average."""
BESIDE_MM = 14.0
"""From the cavity: beyond the vault, so that face, skull base and vertebrae are left."""
AROUND_MM = 125.0
USUAL_DEG, UNSURE_DEG = 18.0, 22.0
"""Heads lie askew by 5 degrees of pitch, 3 of roll and turn (standard deviations). Farther is no usual posture, and
more than the axes found here err: 3 degrees, 15 where the scan ends above the skull base and cuts the brain."""
CUT = 0.004
"""Share of the deep brain's voxels in the outermost layer of a grid that cuts it; 0 where a scan ends beyond it."""
SURE_SIGN = 0.5
"""Share of what is typical from which the anatomy overrules the patient frame about top and bottom, front and back."""


def head_axes(hu: FloatArray, kji_to_ras: FloatArray, cavity: Cavity) -> FloatArray:
    """(3, 3) the axes to go by (`find_axes`): the patient frame's where the head lies as heads do, or nobody can tell.

    They are known exactly, and what posture is left is what a registration corrects anyway.
    """
    axes = find_axes(hu, kji_to_ras, cavity)
    if axes is None:
        return np.eye(3)
    usual_deg = UNSURE_DEG if _base_is_cut(cavity.core, kji_to_ras, axes[:, 2]) else USUAL_DEG
    return np.eye(3) if rotation_angle_deg(axes) <= usual_deg else axes


def _base_is_cut(core: BoolArray, kji_to_ras: FloatArray, top: FloatArray) -> bool:
    """Whether the grid's border cuts the deep brain below its middle. top: (3,) the head's."""
    border = core.copy()
    border[1:-1, 1:-1, 1:-1] = False
    if np.count_nonzero(border) < CUT * np.count_nonzero(core):
        return False
    outwards = places_mm(border, kji_to_ras).mean(axis=0) - places_mm(core, kji_to_ras).mean(axis=0)
    return bool(outwards @ top < 0)


def find_axes(hu: FloatArray, kji_to_ras: FloatArray, cavity: Cavity) -> FloatArray | None:
    """(3, 3) columns: the head's right, front and top in the patient frame; None where the bones have no midline.

    hu: (k, j, i) the cavity's grid. kji_to_ras: (4, 4) its index (k, j, i, 1) to the patient frame, mm.
    The plane of symmetry gives right and left. In it the deep brain's longest axis rises towards the forehead by
    `LONG_AXIS_DEG`. What is up and what is in front follows from the brain's shape and from where the other bones
    are, or from the patient frame where they do not tell. Right follows from both: a head looks like its mirror image.
    """
    places = places_mm(cavity.core, kji_to_ras)
    centre = places.mean(axis=0)
    midline = find_midline(hu, kji_to_ras, centre, likely=np.array([1.0, 0.0, 0.0]), usual_deg=USUAL_DEG)
    if midline is None:
        return None
    in_plane = (places - centre) - np.outer((places - centre) @ midline.normal, midline.normal)
    long = np.linalg.eigh(np.cov(in_plane.T))[1][:, 2]
    high = np.cross(midline.normal, long)
    x, y = (places - centre) @ long, (places - centre) @ high
    x, y = x / x.std(), y / y.std()
    depth, back = float(np.mean(-x * x * y)), float(np.mean(x * x * x - x * y * y))
    below_mm = -float(_other_bones_mm(hu, kji_to_ras, cavity, centre) @ high)
    top = _sign(0.5 * depth / TYPICAL_DEPTH + 0.5 * below_mm / TYPICAL_BELOW_MM, high[2])
    front = _sign(back / TYPICAL_BACK, long[1])
    return _rotation(front * long, top * high)


def _sign(evidence: float, in_patient_frame: float) -> float:
    """1 or -1: as the anatomy has it where it is clear (1: as in any head), else as the patient frame has it."""
    return float(np.copysign(1.0, evidence if abs(evidence) >= SURE_SIGN else in_patient_frame))


def _rotation(long: FloatArray, high: FloatArray) -> FloatArray:
    """The axes of a head whose deep brain is long and high along these unit vectors."""
    rise = np.radians(LONG_AXIS_DEG)
    front = np.cos(rise) * long - np.sin(rise) * high
    top = np.sin(rise) * long + np.cos(rise) * high
    return np.stack([np.cross(front, top), front, top], axis=1)


def _other_bones_mm(hu: FloatArray, kji_to_ras: FloatArray, cavity: Cavity, centre_mm: FloatArray) -> FloatArray:
    """(3,) from the brain's centre to the middle of the bones outside of the vault; zeros where there are none."""
    bones = (hu >= SOFT_HU[1]) & ~dilated(cavity.inside, BESIDE_MM, cavity.spacing_kji)
    places = places_mm(bones, kji_to_ras) - centre_mm
    places = places[(places**2).sum(axis=1) < AROUND_MM**2]
    return places.mean(axis=0) if len(places) else np.zeros(3)


def places_mm(mask: BoolArray, kji_to_ras: FloatArray) -> FloatArray:
    """(N, 3) where the voxels of `mask` (k, j, i) lie, patient frame. kji_to_ras: (4, 4), mm."""
    return np.argwhere(mask) @ kji_to_ras[:3, :3].T + kji_to_ras[:3, 3]
