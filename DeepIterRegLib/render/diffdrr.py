"""DiffDRR as the reference renderer: rays through a volume, correct, general, and slow on a CPU.

DiffDRR (Gopalakrishnan & Golland, "Fast Auto-Differentiable Digitally Reconstructed Radiographs", 2022) puts its source
at the origin of a camera that looks along +z. Pixel (row r, column c) of an image of H x W lies, in camera
coordinates, at

    x = (c - (W - 1) / 2) delx + x0        y = ((H - 1) / 2 - r) dely + y0        z = SDD

(with reverse_x_axis=False). With x along our columns `u`, y against our rows `v` and z along `n` the camera is
right-handed for our mirrored images, and no axis has to be reversed. Its pose takes camera coordinates to those of the
volume: the inverse of ours times that camera.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, invert, rigid
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.protocol import Images

Method = Literal["siddon", "trilinear"]


class DiffDrr:
    """Renders a volume of vessel fractions with DiffDRR. Implements `Renderer`.

    density: (K, J, I), 1 where a voxel is all vessel (a mask will do). ijk_to_ras: (4, 4). method: DiffDRR's
    "siddon" (exact through voxels) or "trilinear" (`n_points` samples per ray). supersample: rays per pixel along each
    edge, averaged; one ray per pixel, as DiffDRR has it, is aliased. rays_per_tile: rays traced at once, which bounds
    the memory; all of them if left out. skip_empty: trace only the pixels that a voxel with vessel in it may reach,
    which changes nothing but the time. device: torch's name. Raises ImportError where diffdrr is not installed.
    """

    def __init__(
        self,
        density: npt.NDArray[Any],
        ijk_to_ras: FloatArray,
        carm: CArm,
        *,
        method: Method = "siddon",
        supersample: int = 1,
        rays_per_tile: int | None = None,
        skip_empty: bool = False,
        n_points: int = 500,
        device: str = "cpu",
    ) -> None:
        import torch
        from diffdrr.drr import DRR

        self.name = f"diffdrr-{method}"
        self.carm = carm
        self._supersample = supersample
        self._rays_per_tile = rays_per_tile
        self._kwargs = {"n_points": n_points} if method == "trilinear" else {}
        # DiffDRR works in single precision: put its origin at the middle of the volume.
        middle_ijk = (np.array(density.shape[::-1]) - 1) / 2
        self._middle_mm = apply(ijk_to_ras, middle_ijk)
        affine = rigid(None, -self._middle_mm) @ ijk_to_ras
        fine = carm.resized(carm.rows * supersample, carm.columns * supersample)
        column0, row0 = fine.principal_point_px
        row_mm, column_mm = fine.pixel_spacing_mm
        # DiffDRR reads no more of a torchio.Subject than this.
        voxels = torch.from_numpy(np.ascontiguousarray(density.transpose(2, 1, 0), np.float32))
        subject: Any = SimpleNamespace(
            reorient=torch.eye(4),
            volume=SimpleNamespace(affine=affine),
            density=SimpleNamespace(data=voxels),
            mask=None,
        )
        self._drr = DRR(
            subject, fine.sdd_mm, fine.rows, column_mm, fine.columns, row_mm,
            x0=((fine.columns - 1) / 2 - column0) * column_mm, y0=(row0 - (fine.rows - 1) / 2) * row_mm,
            reverse_x_axis=False, renderer=method,
        ).to(device)  # fmt: skip
        self._camera = np.eye(4)
        self._camera[:3, :3] = np.stack([carm.column_direction, -carm.row_direction, carm.normal], axis=1)
        self._camera[:3, 3] = carm.source_mm
        self._occupied_mm: FloatArray | None = None
        if skip_empty:
            self._occupied_mm = apply(ijk_to_ras, np.argwhere(density)[:, ::-1].astype(np.float64))
            # Half a voxel's diagonal for siddon; trilinear reaches a whole voxel further than the centre.
            reach = 0.5 if method == "siddon" else 1.0
            self._reach_mm = reach * float(np.linalg.norm(np.abs(ijk_to_ras[:3, :3]).sum(axis=1)))

    @classmethod
    def of_cloud(cls, cloud: VesselCloud, carm: CArm, **options: Any) -> DiffDrr:
        """DiffDRR on the voxels of `cloud`; `options` as for the constructor."""
        return cls(*voxelised(cloud), carm, **options)

    def render(self, poses: FloatArray) -> Images:
        """See `Renderer.render`."""
        import torch

        images = np.zeros((len(poses), self.carm.rows, self.carm.columns), dtype=np.float32)
        with torch.no_grad():
            for pose, image in zip(np.asarray(poses, dtype=np.float64), images, strict=True):
                for pixels, values in self._traced(pose, None):
                    image.reshape(-1)[pixels] = values.cpu().numpy()
        return images

    def backward(self, poses: FloatArray, image_gradients: Images) -> FloatArray:
        """See `Renderer.backward`: torch's autograd, tile by tile."""
        import torch

        twists = np.zeros((len(poses), 6))
        for pose, gradient, result in zip(np.asarray(poses, dtype=np.float64), image_gradients, twists, strict=True):
            twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
            flat = torch.from_numpy(np.ascontiguousarray(gradient, np.float32).reshape(-1)).to(self._drr.device)
            for pixels, values in self._traced(pose, twist):
                values.backward(flat[torch.from_numpy(pixels).to(flat.device)])
            if twist.grad is not None:
                result[:] = twist.grad.numpy()
        return twists

    def _traced(self, pose: FloatArray, twist: Any) -> Iterator[tuple[npt.NDArray[np.int64], Any]]:
        """Flat indices of some pixels and their values (a tensor), until every pixel has had its turn.

        twist: (6,) tensor of zeros to differentiate by, or None.
        """
        import torch

        n = self._supersample
        # In double precision until source and detector are in the volume's frame.
        world = torch.from_numpy(rigid(None, -self._middle_mm) @ invert(pose))
        camera = torch.from_numpy(self._camera)
        pixels = self._pixels(pose)
        count = max(self._rays_per_tile // n**2, 1) if self._rays_per_tile else max(len(pixels), 1)
        detector = self._drr.detector
        for start in range(0, len(pixels), count):
            part = pixels[start : start + count]
            rows, columns = np.divmod(part, self.carm.columns)
            fine = np.arange(n)
            rays = (rows[:, None, None] * n + fine[:, None]) * (self.carm.columns * n) + (
                columns[:, None, None] * n + fine
            )
            camera_to_world = (world @ first_order_motion(twist) @ camera).to(self._drr.device, torch.float32)
            target = detector.calibration(detector.target[:, torch.from_numpy(rays.reshape(-1))])
            target = target @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]
            source = camera_to_world[:3, 3].reshape(1, 1, 3)
            values = self._drr.render(self._drr.density, source, target, **self._kwargs)
            yield part, values.reshape(len(part), n * n).mean(dim=1)

    def _pixels(self, pose: FloatArray) -> npt.NDArray[np.int64]:
        """Flat indices of the pixels to trace."""
        shape = self.carm.rows, self.carm.columns
        if self._occupied_mm is None:
            return np.arange(shape[0] * shape[1])
        from scipy.ndimage import binary_dilation

        seen = apply(pose, self._occupied_mm)
        depth = (seen - self.carm.source_mm) @ self.carm.normal
        reach_px = self._reach_mm * self.carm.sdd_mm / max(depth.min(), 1.0) / min(self.carm.pixel_spacing_mm)
        margin = int(np.ceil(reach_px)) + 1
        pixel = np.rint(project(seen, self.carm)) + margin
        reached: BoolArray = np.zeros((shape[0] + 2 * margin, shape[1] + 2 * margin), dtype=bool)
        inside = ((pixel >= 0) & (pixel <= np.array(reached.shape)[::-1] - 1)).all(axis=1)
        column, row = pixel[inside].astype(np.int64).T
        reached[row, column] = True
        reached = binary_dilation(reached, np.ones((3, 3)), iterations=margin)
        return np.flatnonzero(reached[margin:-margin, margin:-margin])


def first_order_motion(twist: Any) -> Any:
    """(4, 4) double tensor 1 - twist^: how the C-arm moves relative to a patient moved by `twist` (6,), a tensor.

    First order only, which is exact for the derivative at zero, where it is taken. None stands for no motion.
    """
    import torch

    identity = torch.eye(4, dtype=torch.float64)
    if twist is None:
        return identity
    zero = torch.zeros((), dtype=torch.float64)
    a, b, c, x, y, z = twist
    hat = torch.stack([zero, -c, b, x, c, zero, -a, y, -b, a, zero, z, zero, zero, zero, zero])
    return identity - hat.reshape(4, 4)


def voxelised(cloud: VesselCloud) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """(K, J, I) vessel fraction and (4, 4) ijk_to_ras of a cloud, on cubes of its own cell's edge.

    Every point goes to the cube it lies in, and one cube is centred on the lowest point: exact for the voxels of a
    volume whose axes are the patient's.
    """
    positions = np.asarray(cloud.positions_mm, dtype=np.float64)
    origin = positions.min(axis=0)
    index = np.rint((positions - origin) / cloud.cell_mm).astype(np.int64)
    shape = index.max(axis=0) + 1
    flat = (index[:, 2] * shape[1] + index[:, 1]) * shape[0] + index[:, 0]
    mm3 = np.bincount(flat, cloud.weights_mm3, int(np.prod(shape)))
    ijk_to_ras = np.diag([cloud.cell_mm, cloud.cell_mm, cloud.cell_mm, 1.0])
    ijk_to_ras[:3, 3] = origin
    return (mm3 / cloud.cell_mm**3).astype(np.float32).reshape(shape[::-1]), ijk_to_ras
