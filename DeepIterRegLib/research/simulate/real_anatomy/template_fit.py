"""Where a real arterial tree lies in the template: similarity from landmarks, midline and the brain's envelope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.head.head_shape import (
    TEMPLATE_DEPTH_MM,
    TEMPLATE_HALF_LENGTH_MM,
    TEMPLATE_HALF_WIDTH_MM,
    TEMPLATE_HEIGHT_MM,
)
from DeepIterRegLib.research.simulate.head.skull import Skull
from DeepIterRegLib.research.simulate.veins.given_veins import GivenVein
from DeepIterRegLib.research.simulate.veins.venous_tree import DURA_MM

TEMPLATE = Skull(TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_LENGTH_MM, TEMPLATE_HEIGHT_MM, TEMPLATE_DEPTH_MM)
CAROTID_TERMINUS_MM = (11.0, 10.0, -20.0)
"""On the right; mirrored on the left. With `BASILAR_TOP_MM` where the generated arteries have it."""
BASILAR_TOP_MM = (0.0, -3.0, -27.0)
CORTEX_DEPTH_MM = 5.0
"""How far below the inner table the outermost arteries of a direction lie: dura, subarachnoid space."""
LEAST_DEPTH_MM = 2.0
"""No artery of the brain is nearer to the table."""
DIRECTIONS = 400
SINUS_EVERY = 10
"""Points of the sinus: one in 4 mm."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points of a tree (RAS, mm, any origin, roughly upright) that have a known place in the template."""

    terminus_right: FloatArray
    terminus_left: FloatArray
    basilar_top: FloatArray
    midline: FloatArray
    """(M, 3) points of arteries that run in the midsagittal plane."""


@dataclass(frozen=True, eq=False)
class Placement:
    """A rotation, a scale per axis and a shift; source frame to template."""

    matrix: FloatArray
    """(3, 3) diag(scale) @ rotation."""
    shift_mm: FloatArray

    def __call__(self, points_mm: FloatArray) -> FloatArray:
        """(N, 3) points of the source -> (N, 3) of the template."""
        return points_mm @ self.matrix.T + self.shift_mm


def fit_to_template(
    points_mm: FloatArray, landmarks: Landmarks, envelope: bool = True, sinus: GivenVein | None = None
) -> Placement:
    """The placement that brings landmarks home, the midline onto x = 0 and the outermost arteries under the table.

    points_mm: (N, 3) of all arteries above the skull base. envelope: False where they do not reach the cortex (the size
    is then the landmarks' and the sinus's alone, near 1). sinus: the superior sagittal sinus, whose wall lies on the
    table. Scales far from 1 and large turns are penalised: sources are upright, in mm.
    """
    from scipy.optimize import least_squares
    from scipy.spatial.transform import Rotation

    source = np.stack([landmarks.terminus_right, landmarks.terminus_left, landmarks.basilar_top])
    right = np.array(CAROTID_TERMINUS_MM)
    goal = np.stack([right, right * [-1, 1, 1], np.array(BASILAR_TOP_MM)])
    centre = source.mean(axis=0)
    midline = landmarks.midline[:: max(1, len(landmarks.midline) // 60)] - centre
    points = points_mm - centre
    axes = _directions()
    every = slice(None, None, SINUS_EVERY)
    along = np.zeros((0, 3)) if sinus is None else sinus.points_mm[every] - centre
    to_wall = np.zeros(0) if sinus is None else sinus.radii_mm[every] + DURA_MM

    def placement(parameters: FloatArray) -> Placement:
        scale = np.exp(parameters[3:6])
        matrix = scale[:, None] * Rotation.from_rotvec(parameters[:3]).as_matrix()
        return Placement(matrix, goal.mean(axis=0) + parameters[6:] - matrix @ centre)

    parameters = np.zeros(9)
    for _ in range(4):
        now = placement(parameters)(points_mm)
        outer = points[_outermost(now, axes)] if envelope else points[:0]

        def residuals(p: FloatArray, outer: FloatArray = outer) -> FloatArray:
            place = placement(p)
            home = (place(source) - goal).ravel() / 3.0
            middle = place(midline + centre)[:, 0] * (3.0 / np.sqrt(len(midline))) if len(midline) else np.zeros(0)
            prior = np.concatenate([p[:3] / np.deg2rad([10, 4, 4]), p[3:6] / 0.08, (p[3:6] - p[3:6].mean()) / 0.03])
            depth = _depth(place(outer + centre)) - CORTEX_DEPTH_MM
            # Redescending: deep may be a gap between two branches, far outside a stray one.
            off = np.where(depth < 0, 1.2, 1.0) * np.tanh(depth / 8.0) * (10.0 / np.sqrt(max(len(outer), 1)))
            above = np.tanh((_depth(place(along + centre)) - to_wall) / 12.0) * (20.0 / np.sqrt(max(len(along), 1)))
            return np.concatenate([home, middle, prior, off, above])

        parameters = least_squares(residuals, parameters, max_nfev=60).x
    return placement(parameters)


def _depth(points: FloatArray) -> FloatArray:
    return TEMPLATE.depth_below_table(points[:, 0], points[:, 1], points[:, 2])


def _directions() -> FloatArray:
    """(DIRECTIONS, 3) unit vectors, even over the sphere (Fibonacci's spiral)."""
    n = np.arange(DIRECTIONS) + 0.5
    z, turn = 1 - 2 * n / DIRECTIONS, np.pi * (1 + np.sqrt(5)) * n
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def _outermost(points: FloatArray, axes: FloatArray) -> np.ndarray:
    """Indices of the point nearest to the table in each direction above the skull base that has any."""
    bearing = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    bin_of = np.argmax(bearing.astype(np.float32) @ axes.T.astype(np.float32), axis=1)
    depth = _depth(points)
    order = np.argsort(-depth)
    nearest = np.full(len(axes), -1, dtype=np.intp)
    nearest[bin_of[order]] = order
    found = nearest[(nearest >= 0) & (axes[:, 2] > -0.2)]
    return found[depth[found] < 25]


def inside_table(points_mm: FloatArray) -> BoolArray:
    """(N,) whether points of the template lie inside its inner table."""
    return _depth(points_mm) > 0


def drawn_in(points_mm: FloatArray) -> FloatArray:
    """Points of the template, moved towards its middle where they come too close to the inner table or lie outside.

    Smooth and monotone in the depth, so that branches keep their order; what lies deeper than 8 mm hardly moves.
    """
    depth = _depth(points_mm)
    soft = 2.0
    wanted = LEAST_DEPTH_MM + soft * np.logaddexp(0.0, (depth - LEAST_DEPTH_MM) / soft)
    length = np.linalg.norm(points_mm, axis=1)
    return points_mm * (1 - np.minimum((wanted - depth) / np.maximum(length, 1e-6), 0.5))[:, None]
