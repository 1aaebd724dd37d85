"""nanodrr behind the renderers' protocol, for the benchmark alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import invert
from DeepIterRegLib.render.diffdrr import first_order_motion
from DeepIterRegLib.render.protocol import Images


class NanoDrr:
    """Renders a volume with nanodrr's ray marching. Implements `Renderer`.

    density: (K, J, I). ijk_to_ras: (4, 4). Raises ImportError where nanodrr is not installed.
    """

    name = "nanodrr"

    def __init__(self, density: npt.NDArray[Any], ijk_to_ras: FloatArray, carm: CArm, device: str = "cpu") -> None:
        import torch
        from nanodrr.data import Subject

        self.carm = carm
        self._device = torch.device(device)
        voxels = torch.from_numpy(np.ascontiguousarray(density, np.float32))[None, None]
        sizes = np.array(density.shape[::-1], dtype=np.float64)
        grid = np.diag([*(2 / sizes), 1.0])
        grid[:3, 3] = 1 / sizes - 1
        to_world, to_voxel, to_grid = (
            torch.tensor(matrix, dtype=torch.float32) for matrix in (ijk_to_ras, np.linalg.inv(ijk_to_ras), grid)
        )
        self._subject = Subject(
            voxels, torch.zeros_like(voxels), to_world, to_voxel, to_grid,
            isocenter=torch.zeros(3), max_label=0, convert_to_mu=False,
        ).to(self._device)  # fmt: skip
        # nanodrr's pixel centres are at half integers, and its camera looks along +z with +y towards higher rows.
        column0, row0 = carm.principal_point_px
        row_mm, column_mm = carm.pixel_spacing_mm
        intrinsic = np.array(
            [[carm.sdd_mm / column_mm, 0, column0 + 0.5], [0, carm.sdd_mm / row_mm, row0 + 0.5], [0, 0, 1]]
        )
        self._k_inv = torch.tensor(np.linalg.inv(intrinsic)[None], dtype=torch.float32, device=self._device)
        self._sdd = torch.tensor([carm.sdd_mm], dtype=torch.float32, device=self._device)
        self._camera = np.eye(4)
        self._camera[:3, :3] = np.stack([carm.column_direction, carm.row_direction, carm.normal], axis=1)
        self._camera[:3, 3] = carm.source_mm

    def render(self, poses: FloatArray) -> Images:
        """See `Renderer.render`."""
        import torch

        with torch.no_grad():
            return np.stack([self._image(pose, None).cpu().numpy() for pose in poses])

    def backward(self, poses: FloatArray, image_gradients: Images) -> FloatArray:
        """See `Renderer.backward`: torch's autograd."""
        import torch

        twists = np.zeros((len(poses), 6))
        for pose, gradient, result in zip(poses, image_gradients, twists, strict=True):
            twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
            self._image(pose, twist).backward(torch.from_numpy(np.ascontiguousarray(gradient)).to(self._device))
            result[:] = torch.as_tensor(twist.grad).numpy()
        return twists

    def _image(self, pose: FloatArray, twist: Any) -> Any:
        import torch
        from nanodrr.drr import render

        camera = torch.from_numpy(invert(pose)) @ first_order_motion(twist) @ torch.from_numpy(self._camera)
        rt_inv = camera.to(self._device, torch.float32)[None]
        return render(self._subject, self._k_inv, rt_inv, self._sdd, self.carm.rows, self.carm.columns)[0, 0]
