"""The splat renderer in torch: the same code on CPU and CUDA, differentiable for training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.camera import NEAR_MM, PAD_PX, SplatCamera
from DeepIterRegLib.render.protocol import Images

POINTS_AT_ONCE = 1 << 24
"""Points times poses whose dozen temporaries exist at the same time: bounds the memory at about 1 GiB."""


def splat(
    matrices: torch.Tensor,
    points: torch.Tensor,
    weights: torch.Tensor,
    focal: torch.Tensor,
    principal: torch.Tensor,
    shape: tuple[int, int],
) -> torch.Tensor:
    """Images (B, rows, columns), differentiable by `matrices`. Formulas: `render/camera.py`.

    matrices: (B, 3, 4), points to camera coordinates. points: (3, N) mm; weights: (N,) mm3. focal, principal (in
    the padded image): (2,), columns first. Each of these may have a leading batch dimension, so that every image of
    a training batch shows another patient on another C-arm; clouds of different size are filled up with weights of 0.
    shape: (rows, columns). All float32 on one device. On CUDA the sums are made in no fixed order, so images differ by
    rounding from run to run.
    """
    result: torch.Tensor = _Splat.apply(matrices, points, weights, focal, principal, shape)
    return result


class _Splat(torch.autograd.Function):
    """The scatter and, as its gradient, the gather; the projection is done again in the latter to save memory."""

    @staticmethod
    def forward(
        ctx: Any, matrices: torch.Tensor, points: torch.Tensor, weights: torch.Tensor, focal: torch.Tensor,
        principal: torch.Tensor, shape: tuple[int, int],
    ) -> torch.Tensor:  # fmt: skip
        count = len(matrices)
        points, weights = points.expand(count, *points.shape[-2:]), weights.expand(count, weights.shape[-1])
        focal, principal = (value.expand(count, 2)[:, :, None] for value in (focal, principal))
        ctx.save_for_backward(matrices, points, weights, focal, principal)
        height, width = shape[0] + 2 * PAD_PX, shape[1] + 2 * PAD_PX
        padded = torch.zeros(count, height * width, dtype=torch.float32, device=matrices.device)
        for part in _parts(count, weights.shape[-1]):
            _, _, _, weight, pixel, distance = _project(
                matrices[part], points[part], weights[part], focal[part], principal[part], (height, width)
            )
            lower = weight * distance[:, 1]
            upper = weight - lower
            upper_right, lower_right = upper * distance[:, 0], lower * distance[:, 0]
            image = padded[part]
            image.scatter_add_(1, pixel, upper - upper_right)
            image.scatter_add_(1, pixel + 1, upper_right)
            image.scatter_add_(1, pixel + width, lower - lower_right)
            image.scatter_add_(1, pixel + (width + 1), lower_right)
        return padded.reshape(count, height, width)[:, PAD_PX:-PAD_PX, PAD_PX:-PAD_PX].contiguous()

    @staticmethod
    def backward(ctx: Any, image_gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        matrices, points, weights, focal, principal = ctx.saved_tensors
        padded = torch.nn.functional.pad(image_gradients, (PAD_PX,) * 4)
        height, width = padded.shape[-2:]
        flat = padded.reshape(len(padded), height * width)
        result = torch.empty_like(matrices)
        for part in _parts(len(matrices), weights.shape[-1]):
            slopes, inverse, secant2, weight, pixel, distance = _project(
                matrices[part], points[part], weights[part], focal[part], principal[part], (height, width)
            )
            gradient = flat[part]
            g00, g01 = gradient.gather(1, pixel), gradient.gather(1, pixel + 1)
            g10, g11 = gradient.gather(1, pixel + width), gradient.gather(1, pixel + (width + 1))
            column, row = distance.unbind(1)
            upper, lower = g00 + column * (g01 - g00), g10 + column * (g11 - g10)
            value = upper + row * (lower - upper)
            by_pixel = torch.stack([g01 - g00 + row * (g11 - g10 - g01 + g00), lower - upper], 1) * focal[part]
            # The footprint moves with x/z and y/z; the weight goes as 1/z^2 sec(theta), hence the terms in `value`.
            radial = value / secant2
            force = (
                torch.cat(
                    [by_pixel + radial[:, None] * slopes, (radial - 3 * value - (by_pixel * slopes).sum(1))[:, None]], 1
                )
                * (weight * inverse)[:, None]
            )
            result[part, :, :3] = force @ points[part].mT
            result[part, :, 3] = force.sum(-1)
        return result, None, None, None, None, None


def _parts(count: int, points: int) -> list[slice]:
    step = max(POINTS_AT_ONCE // max(points, 1), 1)
    return [slice(start, start + step) for start in range(0, count, step)]


def _project(
    matrices: torch.Tensor, points: torch.Tensor, weights: torch.Tensor, focal: torch.Tensor, principal: torch.Tensor,
    padded_shape: tuple[int, int],
) -> tuple[torch.Tensor, ...]:  # fmt: skip
    """Where the points fall.

    Returns slopes (B, 2, N); 1/z, squared secant of the obliquity, weight and flat index of the first of the four
    pixels (B, N); distances from that pixel (B, 2, N).
    """
    camera = matrices[:, :, :3] @ points + matrices[:, :, 3:]
    depth = camera[:, 2]
    inverse = depth.clamp(min=NEAR_MM).reciprocal()
    slopes = camera[:, :2] * inverse[:, None]
    secant2 = slopes.square().sum(1) + 1
    weight = weights * (focal[:, 0] * focal[:, 1]) * inverse.square() * secant2.sqrt()
    weight = torch.where(depth >= NEAR_MM, weight, 0)
    position = torch.addcmul(principal.expand_as(slopes), slopes, focal.expand_as(slopes))
    column = position[:, 0].clamp(0, padded_shape[1] - 2)
    row = position[:, 1].clamp(0, padded_shape[0] - 2)
    position = torch.stack([column, row], 1)
    first = position.to(torch.int64)
    return slopes, inverse, secant2, weight, first[:, 1] * padded_shape[1] + first[:, 0], position - first


class SplatTorch:
    """Splats a cloud's points with torch on `device`. Implements `Renderer`.

    Raises torch.OutOfMemoryError when the device's memory does not suffice.
    """

    def __init__(self, cloud: VesselCloud, carm: CArm, device: str = "cpu") -> None:
        self.name = f"splat-torch-{device}"
        self.carm = carm
        self.device = torch.device(device)
        self._camera = camera = SplatCamera.of(cloud, carm)
        self._points, self._weights, self._focal, self._principal = (
            torch.as_tensor(np.asarray(value, dtype=np.float32), device=self.device)
            for value in (camera.points, camera.weights, camera.focal_px, camera.principal_px)
        )
        # Double: the middle of the cloud may be far from the scanner's origin.
        self._middle, self._basis, self._source = (
            torch.tensor(np.array(value), dtype=torch.float64, device=self.device)
            for value in (camera.middle_mm, camera.basis, camera.source_mm)
        )

    def render_tensor(self, poses: torch.Tensor) -> torch.Tensor:
        """(B, rows, columns) images on the device, differentiable by the (B, 4, 4) poses."""
        poses = poses.to(self.device, torch.float64)
        rotations = poses[:, :3, :3]
        shift = rotations @ self._middle + poses[:, :3, 3] - self._source
        matrices = torch.cat([self._basis @ rotations, (shift @ self._basis.mT)[:, :, None]], 2)
        return self._splatted(matrices)

    def render(self, poses: FloatArray) -> Images:
        """See `Renderer.render`."""
        with torch.no_grad():
            return self._splatted(torch.from_numpy(self._camera.matrices(poses))).cpu().numpy()

    def backward(self, poses: FloatArray, image_gradients: Images) -> FloatArray:
        """See `Renderer.backward`."""
        gradients = torch.from_numpy(self._camera.require_images(poses, image_gradients)).to(self.device)
        matrices = torch.from_numpy(self._camera.matrices(poses)).to(self.device, torch.float32).requires_grad_()
        images = self._splatted(matrices)
        (by_matrix,) = torch.autograd.grad(images, matrices, gradients)
        return self._camera.twist_gradients(poses, by_matrix.cpu().numpy().astype(np.float64))

    def _splatted(self, matrices: torch.Tensor) -> torch.Tensor:
        matrices = matrices.to(self.device, torch.float32)
        shape = self.carm.rows, self.carm.columns
        return splat(matrices, self._points, self._weights, self._focal, self._principal, shape)
