"""The inner table of a real skull as radii over directions, and the template's ellipsoid fitted to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.preparation.cavity import find_cavity
from DeepIterRegLib.research.simulate.real_anatomy.template_fit import TEMPLATE

COARSE_MM = 3.0
BONE_HU = 250.0
STEP_MM = 0.5
SEARCH_MM = (-9.0, 8.0)
"""About the coarse cavity's border."""
THICKEST_MM = 20.0
VAULT_Z_MM = -22.0
"""Below this height (template, about the middle) the inner table is skull base but for the squama of the occiput."""
ORBIT_Y_MM, ORBIT_Z_MM = 22.0, 2.0
"""In front of this and below it are the roofs of the orbits."""
OCCIPUT_Y_MM, OCCIPUT_Z_MM = -40.0, -38.0
FEWEST_RAYS = 800
"""Of 4000; a whole vault is seen by some 2800."""
ROBUST_MM = 2.5
LANDMARK_PRIOR_DEG = 6.0


@dataclass(frozen=True, eq=False)
class InnerTable:
    """Where rays from a point inside the cavity meet bone."""

    origin_mm: FloatArray
    """(3,) in the scan's frame (RAS, mm)."""
    directions: FloatArray
    """(N, 3) unit vectors."""
    radii_mm: FloatArray
    """(N,) NaN where no bone was met."""
    thickness_mm: FloatArray
    """(N,) along the ray, NaN likewise."""

    @property
    def points_mm(self) -> FloatArray:
        """(N, 3)"""
        return self.origin_mm + self.directions * self.radii_mm[:, None]


def find_inner_table(hu: npt.NDArray[np.float32], ijk_to_ras: FloatArray) -> InnerTable | None:
    """The inner table of the head in a CT (K, J, I); None where there is no closed cranial cavity."""
    spacing_kji = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)[::-1]
    factor = np.maximum(np.round(COARSE_MM / spacing_kji), 1).astype(int)
    trimmed = hu[tuple(slice(0, size - size % f) for size, f in zip(hu.shape, factor, strict=True))]
    k, j, i = np.array(trimmed.shape) // factor
    coarse = trimmed.reshape(k, factor[0], j, factor[1], i, factor[2]).mean(axis=(1, 3, 5))
    cavity = find_cavity(coarse, spacing_kji * factor)
    if cavity is None:
        return None
    # The rays start in the deep brain above the base, from where they see the whole vault.
    where = np.argwhere(cavity.core).astype(np.float64)
    middle = where.mean(axis=0) * factor + (factor - 1) / 2
    origin = ijk_to_ras[:3, :3] @ middle[::-1] + ijk_to_ras[:3, 3]
    directions = _even_directions(4000)
    to_kji = np.linalg.inv(ijk_to_ras[:3, :3])[::-1]
    steps = directions @ to_kji.T
    coarse_reach = _reach(cavity.inside, (middle - (factor - 1) / 2) / factor, steps / factor)
    radii, thickness = _to_bone(hu, middle, steps, coarse_reach)
    return InnerTable(origin, directions, radii, thickness)


def _even_directions(count: int) -> FloatArray:
    n = np.arange(count) + 0.5
    z, turn = 1 - 2 * n / count, np.pi * (1 + np.sqrt(5)) * n
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def _reach(inside: BoolArray, middle_kji: FloatArray, steps_kji: FloatArray) -> FloatArray:
    """(N,) mm to the border of the coarse cavity."""
    s = np.arange(0, 140, 1.0)
    at = middle_kji[:, None, None] + steps_kji.T[:, :, None] * s
    value = ndimage.map_coordinates(inside.astype(np.float32), at.reshape(3, -1), order=1).reshape(len(steps_kji), -1)
    out = value < 0.5
    return np.where(out.any(axis=1), s[np.argmax(out, axis=1)], np.nan)


def _to_bone(
    hu: npt.NDArray[np.float32], middle_kji: FloatArray, steps_kji: FloatArray, coarse: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Radius at which HU rises to bone near the coarse border, and the bone's thickness along the ray."""
    s = np.arange(SEARCH_MM[0], SEARCH_MM[1] + THICKEST_MM, STEP_MM)
    along = np.nan_to_num(coarse, nan=0.0)[:, None] + s
    at = middle_kji[:, None, None] + steps_kji.T[:, :, None] * along
    value = ndimage.map_coordinates(hu, at.reshape(3, -1), order=1, mode="nearest").reshape(along.shape)
    bone = value > BONE_HU
    enters = bone & (s <= SEARCH_MM[1])
    first = np.argmax(enters, axis=1)
    found = enters.any(axis=1) & np.isfinite(coarse) & (first > 0)
    # The last bone within the search: diploe is no way out.
    last = bone.shape[1] - 1 - np.argmax(bone[:, ::-1], axis=1)
    rows = np.arange(len(along))
    radius = along[rows, first]
    return np.where(found, radius, np.nan), np.where(found, along[rows, last] - radius, np.nan)


@dataclass(frozen=True, eq=False)
class TableFit:
    """A rigid head frame and the scale of the template's ellipsoid in it."""

    head_to_scan: FloatArray
    """(4, 4) head frame (RAS, mm about the middle of the brain) to the scan's frame (RAS, mm)."""
    scale: tuple[float, float, float]
    used: BoolArray
    """(N,) rays that belong to the vault."""
    distance_mm: FloatArray
    """(N,) signed, along the ray from the middle: positive where the real table lies outside the fitted one."""


def fit_table(table: InnerTable) -> TableFit | None:
    """Position, rotation and scale per axis that bring the template's inner table onto the vault's; None: no vault."""
    from scipy.optimize import least_squares
    from scipy.spatial.transform import Rotation

    points, known = table.points_mm, np.isfinite(table.radii_mm)

    def to_template(p: FloatArray, where: FloatArray) -> FloatArray:
        rotation = Rotation.from_rotvec(p[:3]).as_matrix()
        return (where - table.origin_mm - p[3:6]) @ rotation / np.exp(p[6:9])

    parameters, used = np.zeros(9), known
    parameters[5] = -8.0
    for _ in range(4):
        at = to_template(parameters, points)
        roofs = (at[:, 1] > ORBIT_Y_MM) & (at[:, 2] < ORBIT_Z_MM)
        vault = (at[:, 2] > VAULT_Z_MM) & ~roofs
        squama = (at[:, 1] < OCCIPUT_Y_MM) & (at[:, 2] > OCCIPUT_Z_MM)
        used = known & (vault | squama)
        if used.sum() < FEWEST_RAYS:
            return None

        def residuals(p: FloatArray, rays: BoolArray = used) -> FloatArray:
            off = _outside(to_template(p, points[rays]))
            prior = np.concatenate([p[:3] / np.deg2rad([12.0, LANDMARK_PRIOR_DEG, LANDMARK_PRIOR_DEG]), p[6:9] / 0.06])
            return np.concatenate([off / np.sqrt(rays.sum()) * 20, prior])

        parameters = least_squares(residuals, parameters, loss="soft_l1", f_scale=ROBUST_MM, max_nfev=80).x
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(parameters[:3]).as_matrix()
    matrix[:3, 3] = table.origin_mm + parameters[3:6]
    scale = np.exp(parameters[6:9])
    distance = np.full(len(points), np.nan)
    distance[known] = _outside(to_template(parameters, points[known]))
    return TableFit(matrix, (float(scale[0]), float(scale[1]), float(scale[2])), used, distance)


def _outside(points: FloatArray) -> FloatArray:
    return -TEMPLATE.depth_below_table(points[:, 0], points[:, 1], points[:, 2])
