"""How the head moved between the mask frame and another one, from the edges of its bones.

Only edges say where a head lies: a few thousand pixels of the mask, the steepest ones of each part of the picture, are
sought again in the other frame. Their motion is fitted by Gauss-Newton from coarse to fine (Lucas and Kanade 1981):
an affine one first, then a smooth field, as the near and the far side of a skull that turns move apart, then the jaw's
own. Pixels that contrast has changed lose their weight (Tukey's biweight).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.displacement import SMOOTH_NODES, Displacement, node_points
from DeepIterRegLib.images.edge_points import (
    LEAST_POINTS,
    Level,
    affine_basis,
    affine_fit,
    edge_points,
    places_of,
    residual_of,
    scale_of,
    weights_of,
)
from DeepIterRegLib.images.jaw_motion import jaw_motion
from DeepIterRegLib.images.rigid_fit import rigid_motion

Image = npt.NDArray[np.float32]

FINEST_PX, LEVELS = 512, 3
"""About the detector's longer side at the finest level of the pyramid; it is halved from level to level."""
MARGIN = 0.015
"""Of the longer side: no nearer to the border or a shutter, which do not move with the head."""
BLUR_PX, BACKGROUND_PX = 0.8, 9
"""Level's pixels. The mean over a box is taken off: contrast in tissue and the dose's flicker are wider than edges."""
FIELD_STEPS = 4
KNOTS = 8
"""Of the field's cubic splines along either side."""
STIFFNESS = 0.05
"""Of the field against bending, relative to how well edges hold a knot on the average."""
LEAST_GAIN = 0.02
"""A motion is believed if it takes this share from the residual."""


class HeadMotion:
    """Measures where the mask's edges lie in other frames."""

    def __init__(self, mask: Image, valid: BoolArray) -> None:
        """mask: (rows, columns), proportional to the logarithm of the intensity. valid: (rows, columns)."""
        self.shape = (mask.shape[0], mask.shape[1])
        self._finest = max(1, round(max(self.shape) / FINEST_PX))
        inner = ndimage.distance_transform_edt(np.pad(valid, 1))[1:-1, 1:-1] > MARGIN * max(self.shape)
        self._levels = [edge_points(image, factor, inner) for image, factor in self._pyramid(mask)]
        self._mask = self._pyramid(mask)[-1][0]
        self._splines = _splines(self._levels[-1].affine[:, 1:].T)
        places = places_of(node_points(self.shape).reshape(2, -1), self.shape)
        self._at_nodes = affine_basis(places), _splines(places)

    @property
    def has_edges(self) -> bool:
        """Whether there is enough of a head to follow."""
        return all(level.points.shape[1] >= LEAST_POINTS for level in self._levels)

    def to(self, frame: Image, start: FloatArray | None = None) -> tuple[Displacement, FloatArray]:
        """Where the mask's points lie in another frame.

        frame: (rows, columns). start: where to begin, the affine part that came with the frame before. Returns the
        displacement, none where it would not explain the frame better, and its affine part (2, 3).
        """
        images = [image for image, _ in self._pyramid(frame)]
        motion = np.zeros((2, 3)) if start is None else start
        for level, image in zip(self._levels, images, strict=True):
            motion = affine_fit(level, image, motion)
        finest, image = self._levels[-1], images[-1]
        knots, moved = self._field_fit(finest, image, motion @ finest.affine.T)
        if moved > (1 - LEAST_GAIN) * scale_of(residual_of(finest, image, np.zeros_like(finest.points))):
            return Displacement.none(self.shape), np.zeros((2, 3))
        affine, splines = self._at_nodes
        nodes = (motion @ affine.T + knots @ splines.T).reshape(2, SMOOTH_NODES, SMOOTH_NODES)
        found = Displacement(nodes, self.shape)
        return jaw_motion(self._levels, self._mask, images, motion, found), motion

    def edge_motion_px(self, displacement: Displacement) -> float:
        """Root mean square of a displacement at the followed pixels."""
        return float(np.sqrt((displacement.at(self._edges_px) ** 2).sum(axis=0).mean()))

    def rigid_motion(self, displacement: Displacement) -> FloatArray:
        """(3,) px down, px right, degrees: what most followed pixels share of a displacement, which elsewhere is only
        continued."""
        return rigid_motion(self._edges_px, displacement.at(self._edges_px), self.shape)

    @property
    def _edges_px(self) -> FloatArray:
        """(2, N) rows and columns of the followed pixels."""
        finest = self._levels[-1]
        return (finest.points + 0.5) * finest.factor - 0.5

    def _pyramid(self, image: Image) -> list[tuple[Image, int]]:
        """Filtered images, coarse to fine, with their binning."""
        factor = self._finest
        image = mean_of_blocks(image, factor)
        result: list[tuple[Image, int]] = []
        for _ in range(LEVELS):
            smooth = ndimage.gaussian_filter(image, BLUR_PX, truncate=3)
            result.append((smooth - ndimage.uniform_filter(smooth, BACKGROUND_PX), factor))
            image, factor = mean_of_blocks(image, 2), 2 * factor
        return result[::-1]

    def _field_fit(self, level: Level, image: Image, motion_px: FloatArray) -> tuple[FloatArray, float]:
        """Knots (2, KNOTS squared) of the field beyond a motion (2, N) of the followed pixels, and the misfit left."""
        count = self._splines.shape[1]
        jacobian = np.concatenate([self._splines * axis[:, None] for axis in level.slopes.astype(np.float32)], axis=1)
        knots = np.zeros((2, count))
        residual = residual_of(level, image, motion_px)
        # The matrix hardly changes from step to step: the weights of the first one serve for all.
        weights = weights_of(residual)
        normal = (jacobian.T @ (jacobian * weights[:, None].astype(np.float32))).astype(np.float64)
        held = float(np.trace(normal)) / (2 * count)
        inverse = np.linalg.inv(normal + held * (STIFFNESS * np.kron(np.eye(2), _bending()) + 1e-4 * np.eye(2 * count)))
        for _ in range(FIELD_STEPS):
            pull = jacobian.T @ (weights * residual).astype(np.float32)
            bend = held * STIFFNESS * (knots @ _bending()).ravel()
            step = -(inverse @ (pull + bend))
            knots += step.reshape(2, count)
            residual = residual_of(level, image, motion_px + knots @ self._splines.T)
            weights = weights_of(residual)
        return knots, scale_of(residual)


def mean_of_blocks(image: Image, factor: int) -> Image:
    """(rows, columns) binned by a whole factor; what is left over at the far edges is dropped."""
    if factor == 1:
        return image
    rows, columns = (n // factor * factor for n in image.shape)
    total = np.zeros((rows // factor, columns // factor), dtype=np.float32)
    for i in range(factor):
        for j in range(factor):
            total += image[i:rows:factor, j:columns:factor]
    total /= factor**2
    return total


def _splines(places: FloatArray) -> npt.NDArray[np.float32]:
    """(N, KNOTS squared) products of cubic B-splines at (2, N) places."""
    from scipy.interpolate import BSpline  # Half a second, and only runs that move need it.

    step = 2 / (KNOTS - 3)
    vector = -1 + step * np.arange(-3, KNOTS + 1)
    if places.shape[1] == 0:
        return np.zeros((0, KNOTS**2), dtype=np.float32)
    down, across = (BSpline.design_matrix(np.clip(axis, -1, 1), vector, 3).toarray() for axis in places)
    return (down[:, :, None] * across[:, None, :]).reshape(len(down), KNOTS**2).astype(np.float32)


def _bending() -> FloatArray:
    """(KNOTS squared, KNOTS squared) quadratic form: squared second differences of the knots; 0 for affine fields."""
    second = np.diff(np.eye(KNOTS), n=2, axis=0)
    first = np.diff(np.eye(KNOTS), axis=0)
    curved, sloped, one = second.T @ second, first.T @ first, np.eye(KNOTS)
    return np.kron(curved, one) + 2 * np.kron(sloped, sloped) + np.kron(one, curved)
