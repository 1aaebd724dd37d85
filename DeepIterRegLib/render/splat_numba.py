"""The splat renderer compiled by numba: single-thread kernels that let other threads run, cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.camera import NEAR_MM, PAD_PX, SplatCamera
from DeepIterRegLib.render.protocol import Images

BLOCK = 512
"""Points handled at once: their intermediate values stay in the processor's first cache."""
# Everything but the flags that let LLVM assume there is no NaN or infinity.
FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}


def _compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Compile, with the cache on disk where numba finds a place to write (beside the module, else the user's cache).

    The environment variable NUMBA_CACHE_DIR names another place. Without any the kernel is compiled in every process.
    The cache knows this file's changes only: NEAR_MM, from another, is compiled in.
    """
    try:
        return numba.njit(kernel, nogil=True, fastmath=FASTMATH, cache=True)
    except RuntimeError:
        return numba.njit(kernel, nogil=True, fastmath=FASTMATH)


@_compiled
def project_kernel(points, weights, matrix, focal, principal, size, start, part, pixels, x, y, inverse):  # type: ignore[no-untyped-def] # pragma: no cover
    """Where the points from `start` on fall: a loop without branches, so that it becomes vector instructions.

    Fills `pixels` (flat index of the first of the four pixels), `x` and `y` (slopes) and `inverse` (1 / depth), and
    `part`: distance from that pixel along columns and rows, and the weight.
    """
    one, zero = np.float32(1), np.float32(0)
    near, scale = np.float32(NEAR_MM), focal[0] * focal[1]
    # Locals, because the compiler cannot know that what is written below is not the matrix.
    m00, m01, m02, m03 = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    m10, m11, m12, m13 = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    m20, m21, m22, m23 = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    focal_x, focal_y = focal[0], focal[1]
    column0, row0, width = principal[0], principal[1], np.int32(size[1])
    last_row, last_column = np.float32(size[0] - 2), np.float32(size[1] - 2)
    # Slices, because numba checks an index for a negative sign unless it is a plain loop counter.
    count = min(BLOCK, weights.size - start)
    px_all, py_all, pz_all = (
        points[0, start : start + count], points[1, start : start + count], points[2, start : start + count],
    )  # fmt: skip
    volume = weights[start : start + count]
    for i in range(count):
        px, py, pz = px_all[i], py_all[i], pz_all[i]
        depth = m20 * px + m21 * py + m22 * pz + m23
        inv = one / max(depth, near)
        xi = (m00 * px + m01 * py + m02 * pz + m03) * inv
        yi = (m10 * px + m11 * py + m12 * pz + m13) * inv
        column = min(max(focal_x * xi + column0, zero), last_column)
        row = min(max(focal_y * yi + row0, zero), last_row)
        j, k = np.int32(column), np.int32(row)
        part[0, i] = column - np.float32(j)
        part[1, i] = row - np.float32(k)
        weight = volume[i] * scale * inv * inv * np.sqrt(one + xi * xi + yi * yi)
        part[2, i] = weight if depth >= near else zero
        pixels[i] = k * width + j
        x[i], y[i], inverse[i] = xi, yi, inv


@_compiled
def splat_kernel(points, weights, matrix, focal, principal, padded):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add the points to the padded image. All float32; points (3, N), matrix (3, 4)."""
    width = padded.shape[1]
    image = padded.reshape(-1)
    pixels = np.empty(BLOCK, np.int32)
    part = np.empty((3, BLOCK), np.float32)
    x, y, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for start in range(0, weights.size, BLOCK):
        project_kernel(points, weights, matrix, focal, principal, padded.shape, start, part, pixels, x, y, inverse)
        for i in range(min(BLOCK, weights.size - start)):
            column, row = part[0, i], part[1, i]
            lower = part[2, i] * row
            upper = part[2, i] - lower
            upper_right, lower_right = upper * column, lower * column
            p = pixels[i]
            image[p] += upper - upper_right
            image[p + 1] += upper_right
            image[p + width] += lower - lower_right
            image[p + width + 1] += lower_right


@_compiled
def gather_kernel(points, weights, matrix, focal, principal, padded, total):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add the points to `total`, the (3, 4) float64 gradient by the camera matrix; `padded` is the image's gradient.

    Sums are single precision within a block and double across blocks.
    """
    one, zero, three = np.float32(1), np.float32(0), np.float32(3)
    width = padded.shape[1]
    image = padded.reshape(-1)
    pixels = np.empty(BLOCK, np.int32)
    part = np.empty((3, BLOCK), np.float32)
    x, y, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    values = np.empty(BLOCK, np.float32)
    for start in range(0, weights.size, BLOCK):
        count = min(BLOCK, weights.size - start)
        project_kernel(points, weights, matrix, focal, principal, padded.shape, start, part, pixels, x, y, inverse)
        for i in range(count):
            p = pixels[i]
            g00, g01, g10, g11 = image[p], image[p + 1], image[p + width], image[p + width + 1]
            column, row = part[0, i], part[1, i]
            upper, lower = g00 + column * (g01 - g00), g10 + column * (g11 - g10)
            by_row = lower - upper
            values[i] = upper + row * by_row
            part[0, i] = (g01 - g00 + row * (g11 - g10 - g01 + g00)) * focal[0]
            part[1, i] = by_row * focal[1]
        a00 = a01 = a02 = a03 = a10 = a11 = a12 = a13 = a20 = a21 = a22 = a23 = zero
        px_all, py_all, pz_all = (
            points[0, start : start + count], points[1, start : start + count], points[2, start : start + count],
        )  # fmt: skip
        for i in range(count):
            px, py, pz = px_all[i], py_all[i], pz_all[i]
            xi, yi, by_column, by_row, value = x[i], y[i], part[0, i], part[1, i], values[i]
            weight = part[2, i] * inverse[i]
            # The footprint moves with x/z and y/z; the weight goes as 1/z^2 sec(theta), hence the terms in `value`.
            radial = value / (one + xi * xi + yi * yi)
            force_x = weight * (by_column + radial * xi)
            force_y = weight * (by_row + radial * yi)
            force_z = weight * (radial - three * value - by_column * xi - by_row * yi)
            a00 += force_x * px
            a01 += force_x * py
            a02 += force_x * pz
            a03 += force_x
            a10 += force_y * px
            a11 += force_y * py
            a12 += force_y * pz
            a13 += force_y
            a20 += force_z * px
            a21 += force_z * py
            a22 += force_z * pz
            a23 += force_z
        total[0, 0] += a00
        total[0, 1] += a01
        total[0, 2] += a02
        total[0, 3] += a03
        total[1, 0] += a10
        total[1, 1] += a11
        total[1, 2] += a12
        total[1, 3] += a13
        total[2, 0] += a20
        total[2, 1] += a21
        total[2, 2] += a22
        total[2, 3] += a23


class SplatNumba:
    """Splats a cloud's points. Implements `Renderer`; formulas: `render/camera.py`.

    threads: poses rendered at the same time. One by default: on a machine with other work, waiting for a second thread
    costs more than it brings.
    """

    name = "splat-numba"

    def __init__(self, cloud: VesselCloud, carm: CArm, threads: int = 1) -> None:
        self.carm = carm
        self._camera = SplatCamera.of(cloud, carm)
        self._focal = np.array(self._camera.focal_px, dtype=np.float32)
        self._principal = np.array(self._camera.principal_px, dtype=np.float32)
        self._threads = threads

    def render(self, poses: FloatArray) -> Images:
        """See `Renderer.render`."""
        camera = self._camera
        matrices = camera.matrices(poses).astype(np.float32)
        images = np.empty((len(matrices), camera.rows, camera.columns), dtype=np.float32)

        def splat(index: int) -> None:
            padded = np.zeros(camera.padded_shape, dtype=np.float32)
            splat_kernel(camera.points, camera.weights, matrices[index], self._focal, self._principal, padded)
            images[index] = padded[PAD_PX:-PAD_PX, PAD_PX:-PAD_PX]

        self._for_each_pose(splat, len(matrices))
        return images

    def backward(self, poses: FloatArray, image_gradients: Images) -> FloatArray:
        """See `Renderer.backward`: one more sweep over the points that gathers the image's gradient."""
        camera = self._camera
        matrices = camera.matrices(poses).astype(np.float32)
        gradients = camera.require_images(poses, image_gradients)
        sums = np.zeros((len(matrices), 3, 4))

        def gather(index: int) -> None:
            padded = np.zeros(camera.padded_shape, dtype=np.float32)
            padded[PAD_PX:-PAD_PX, PAD_PX:-PAD_PX] = gradients[index]
            gather_kernel(
                camera.points, camera.weights, matrices[index], self._focal, self._principal, padded,
                sums[index],
            )  # fmt: skip

        self._for_each_pose(gather, len(matrices))
        return camera.twist_gradients(poses, sums)

    def _for_each_pose(self, work: Callable[[int], None], count: int) -> None:
        if self._threads <= 1 or count <= 1:
            for index in range(count):
                work(index)
        else:
            with ThreadPoolExecutor(min(self._threads, count)) as pool:
                list(pool.map(work, range(count)))
