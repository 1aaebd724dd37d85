"""A head shape that follows a real inner table: the template's ellipsoid, pushed out or in direction by direction."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.inner_table import InnerTable, TableFit
from DeepIterRegLib.research.simulate.real_anatomy.template_fit import TEMPLATE

GRID_DEG = 3.0
SMOOTH_DEG = 5.0
"""Of the directions: gyral impressions of the table (1 to 2 mm) are no shape of a head."""
RIGID_SHARE = 0.35
"""Inside this share of the way to the table nothing is displaced: the brain's middle is no matter of the vault."""
LIMITS = (0.8, 1.2)


@dataclass(frozen=True, eq=False)
class RealShape(HeadShape):
    """`HeadShape` with a radius over the template's for each direction."""

    ratio: npt.NDArray[np.float32] | None = None
    """(elevations, azimuths) real over ellipsoidal radius, every `GRID_DEG` from -90 and from -180 degrees."""

    def to_template(self, points_mm: FloatArray) -> FloatArray:
        """As `HeadShape.to_template`."""
        scaled = super().to_template(points_mm)
        excess, share = self._excess(scaled)
        # scaled = q (1 + e f(|q| / R)): the share of the template's point follows from its own by a few rounds.
        own = share
        for _ in range(12):
            own = share / (1 + excess * _ease(own))
        return (scaled * (own / np.maximum(share, 1e-6))[..., None]).astype(scaled.dtype, copy=False)

    def from_template(self, points_mm: FloatArray) -> FloatArray:
        """As `HeadShape.from_template`, the inverse of `to_template`."""
        target = np.asarray(points_mm, dtype=np.float64)
        excess, share = self._excess(target)
        # Not super(): its rounds would call this class's `to_template`.
        plain = HeadShape(**{field.name: getattr(self, field.name) for field in fields(HeadShape)})
        return plain.from_template(target * (1 + excess * _ease(share))[..., None])

    def _excess(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """For points of the template: relative excess of the table's radius that way, and their share of the radius."""
        length = np.linalg.norm(points, axis=-1)
        if self.ratio is None:
            return np.zeros_like(length), np.ones_like(length)
        depth = TEMPLATE.depth_below_table(points[..., 0], points[..., 1], points[..., 2])
        share = length / np.maximum(length + depth, 1e-3)
        z = np.clip(points[..., 2] / np.maximum(length, 1e-6), -1, 1)
        row = (np.degrees(np.arcsin(z)) + 90) / GRID_DEG
        column = (np.degrees(np.arctan2(points[..., 1], points[..., 0])) + 180) / GRID_DEG
        ratio = ndimage.map_coordinates(self.ratio, np.stack([row, column]), order=1, mode="nearest")
        return ratio.astype(length.dtype) - 1, share


def _ease(share: FloatArray) -> FloatArray:
    """0 in the middle, 1 at the table and outside."""
    t = np.clip((share - RIGID_SHARE) / (1 - RIGID_SHARE), 0, 1)
    return t * t * (3 - 2 * t)


def real_shape(table: InnerTable, fit: TableFit) -> RealShape:
    """The shape of the head that the fit describes; directions without a vault take over from their neighbours."""
    head = (table.points_mm - fit.head_to_scan[:3, 3]) @ fit.head_to_scan[:3, :3]
    template = head / np.array(fit.scale)
    length = np.linalg.norm(template, axis=1)
    ratio = length / np.maximum(length - fit.distance_mm, 1.0)
    used = fit.used & np.isfinite(ratio) & (ratio > LIMITS[0]) & (ratio < LIMITS[1])
    bearing = template[used] / length[used, None]
    elevation = np.radians(np.arange(-90, 90 + GRID_DEG / 2, GRID_DEG))
    azimuth = np.radians(np.arange(-180, 180 + GRID_DEG / 2, GRID_DEG))
    el, az = np.meshgrid(elevation, azimuth, indexing="ij")
    axes = np.stack([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)], axis=-1)
    cosine = np.clip(axes @ bearing.T, -1, 1)
    weight = np.exp(-0.5 * (np.degrees(np.arccos(cosine)) / SMOOTH_DEG) ** 2)
    total = weight.sum(axis=-1)
    # A weak pull towards 1 decides where no ray of the vault is near.
    grid = (weight @ ratio[used] + 0.3) / (total + 0.3)
    thickness = float(np.nanmedian(table.thickness_mm[fit.used]))
    return RealShape(fit.scale, vault_thickness_mm=thickness, ratio=grid.astype(np.float32))
