"""The head's shadow: line integrals of a CT volume, fast enough for a detector of a million pixels.

Shear-warp (Lacroute and Levoy 1994): slabs of voxels across the beam are scaled, as perspective demands, onto one
plane and added up there; what that plane shows is then seen by the detector through a homography. When the head moves
a little only the homography changes. Two planes, in the near and the far half of the head, keep the parallax between
its two sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.ct.ct_slabs import jaw_share, materials, occupied, sampling, slabs
from DeepIterRegLib.research.simulate.x_ray.doubling import doubled

Image = npt.NDArray[np.float32]
SLAB_MM, COARSE_SLAB_MM = 1.4, 2.2
NECK_BELOW_MM = 60.0
"""The neck goes on below the volume as its lowest slice."""
LOOK_PX = 16
COARSE_VOXEL_MM, VOXEL_PX = 0.85, 1.5
"""Voxels larger than the first, and than so many pixels as the isocentre sees them, have no edges worth every pixel."""


@dataclass(frozen=True, eq=False)
class Plane:
    """What one group of slabs adds up to, on a plane of the volume's index space."""

    axis: int
    """Main axis of the beam: 0, 1, 2 for i, j, k."""
    at: float
    """Index of the plane along it."""
    origin: tuple[float, float]
    step: tuple[float, float]
    """Index of the first sample, and between samples, along the two other axes (the slower in memory first)."""
    water_mm: Image
    """Samples along the two other axes: path through soft tissue in mm of water, per unit of cosine (see `seen`)."""
    bone_mm: Image
    """Excess over water in 1000 HU times mm."""
    moves_with_jaw: bool = False


@dataclass(frozen=True, eq=False)
class HeadShadow:
    """The planes of one volume as seen from one C-arm position, and the volume's place."""

    planes: tuple[Plane, ...]
    ijk_to_ras: FloatArray

    @classmethod
    def of(cls, volume: Volume, pose: FloatArray, carm: CArm, patient_to_head: FloatArray | None = None) -> HeadShadow:
        """Add up a volume in HU for the beam of a C-arm.

        pose: (4, 4), patient frame to C-arm frame. patient_to_head: (4, 4), given where the jaw shall be able to move
        by itself.
        """
        to_index = np.linalg.inv(pose @ volume.ijk_to_ras)
        source = to_index[:3, :3] @ carm.source_mm + to_index[:3, 3]
        size = np.array(volume.voxels.shape[::-1])
        axis = int(np.abs((size - 1) / 2 - source).argmax())
        others = tuple(a for a in (2, 1, 0) if a != axis)
        spacing = volume.spacing_mm
        slab_mm = COARSE_SLAB_MM if spacing.max() > COARSE_VOXEL_MM else SLAB_MM
        step = max(1, round(slab_mm / float(spacing[axis])))
        below = round(NECK_BELOW_MM / float(spacing[2]))
        low, high = occupied(volume, axis)
        middle = (low + high) / 2
        grids = []
        for part in (0, 1):
            at = middle + (part - 0.5) * (high - low) / 2
            # The plane is sampled as finely as the slabs nearest to the source need.
            scales = [(edge - source[axis]) / (at - source[axis]) for edge in (low, high)]
            ends = []
            for other in others:
                first = -below if other == 2 else 0
                edges = np.array([first, size[other] - 1]) - source[other]
                corners = [source[other] + edge / scale for edge in edges for scale in scales]
                ends.append((min(corners), max(corners)))
            fine = 1.0 / max(scales)
            counts = [int(np.ceil((b - a) / fine)) + 2 for a, b in ends]
            grids.append((at, (ends[0][0], ends[1][0]), (fine, fine), counts))
        names = 2 if patient_to_head is not None else 1
        sums = [[[np.zeros(counts, dtype=np.float32) for _ in "wb"] for _ in range(names)] for *_, counts in grids]
        for start, block in slabs(volume, axis, low, high, step):
            slab_at = start + (step - 1) / 2
            part = int(slab_at > middle)
            at, origin, fine_step, counts = grids[part]
            scale = (slab_at - source[axis]) / (at - source[axis])
            rows = [
                sampling(source[other] + (origin[n] + fine_step[n] * np.arange(counts[n]) - source[other]) * scale,
                          int(size[other]), repeat_first=other == 2)
                for n, other in enumerate(others)
            ]  # fmt: skip
            water, bone = materials(block)
            shares: list[Image | None] = [None]
            if patient_to_head is not None:
                jaw = jaw_share(patient_to_head @ volume.ijk_to_ras, axis, others, slab_at, water.shape)
                shares = [1 - jaw, jaw] if jaw.any() else [None]
            for name, share in enumerate(shares):
                for target, image in zip(sums[part][name], (water, bone), strict=True):
                    if image is None:
                        continue
                    values = image if share is None else image * share
                    target += rows[1].dot(rows[0].dot(values).T).T
        thickness = np.float32(spacing[axis])
        planes = tuple(
            Plane(axis, at, origin, fine_step, water * thickness, bone * thickness, name == 1)
            for part, (at, origin, fine_step, _) in enumerate(grids)
            for name, (water, bone) in enumerate(sums[part])
        )
        return cls(planes, volume.ijk_to_ras)

    def seen(self, pose: FloatArray, carm: CArm, jaw: FloatArray | None = None) -> tuple[Image, Image]:
        """(rows, columns) mm of water and of 1000 HU of bone along the rays to the detector's pixels.

        pose: (4, 4), near the one that the planes were made for. jaw: (4, 4) motion of the jaw, patient frame.
        """
        # Soft tissue has no edges worth a full resolution.
        half = carm.binned(2) if carm.rows % 2 == 0 and carm.columns % 2 == 0 else carm
        for_bone = half if self._is_coarse_for(carm) else carm
        water = np.zeros((half.rows, half.columns), dtype=np.float32)
        bone = np.zeros((for_bone.rows, for_bone.columns), dtype=np.float32)
        for plane in self.planes:
            moved = pose @ jaw if jaw is not None and plane.moves_with_jaw else pose
            to_index = np.linalg.inv(moved @ self.ijk_to_ras)
            if plane.water_mm.any():
                _add(water, plane.water_mm, plane, to_index, half)
            if plane.bone_mm.any():
                _add(bone, plane.bone_mm, plane, to_index, for_bone)
        slant = _per_cosine(self.planes[0].axis, pose @ self.ijk_to_ras, half)
        if half is carm:
            return water * slant, bone * slant
        bone = doubled(bone * slant) if for_bone is half else bone * doubled(slant)
        return doubled(water * slant), bone

    def _is_coarse_for(self, carm: CArm) -> bool:
        voxel_mm = float(np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0).max())
        pixel_mm = max(carm.pixel_spacing_mm) * carm.sid_mm / carm.sdd_mm
        return voxel_mm > COARSE_VOXEL_MM and voxel_mm >= VOXEL_PX * pixel_mm


def _rays(to_index: FloatArray, carm: CArm) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Index-space source (3,), first pixel (3,), and steps (3,) to the next column and row."""
    rotate, shift = to_index[:3, :3], to_index[:3, 3]
    row_mm, column_mm = carm.pixel_spacing_mm
    return (
        rotate @ carm.source_mm + shift,
        rotate @ carm.detector_origin_mm + shift,
        rotate @ carm.column_direction * column_mm,
        rotate @ carm.row_direction * row_mm,
    )


def _add(target: Image, image: Image, plane: Plane, to_index: FloatArray, carm: CArm) -> None:
    """Add what the detector's pixels see of a plane's image."""
    rows, columns = np.arange(carm.rows), np.arange(carm.columns)
    # A coarse look first: much of an image is empty, of the jaw's almost all.
    coarse = _seen_at(plane, to_index, carm, rows[::LOOK_PX], columns[::LOOK_PX])
    filled = [np.flatnonzero(image.any(axis=1 - axis)) for axis in (0, 1)]
    near = np.ones(coarse.shape[1:], dtype=bool)
    for at, index in zip(coarse, filled, strict=True):
        margin = 2 + np.abs(np.diff(at, axis=0)).max(initial=0) + np.abs(np.diff(at, axis=1)).max(initial=0)
        near &= (at > index[0] - margin) & (at < index[-1] + margin)
    if not near.any():
        return
    part = []
    for axis, count in ((1, carm.rows), (0, carm.columns)):
        hit = np.flatnonzero(near.any(axis=axis)) * LOOK_PX
        part.append(slice(max(int(hit[0]) - LOOK_PX, 0), min(int(hit[-1]) + 2 * LOOK_PX, count)))
    window = (part[0], part[1])
    at = _seen_at(plane, to_index, carm, rows[window[0]], columns[window[1]])
    target[window] += ndimage.map_coordinates(image, at, order=1, mode="constant", prefilter=False)


def _seen_at(
    plane: Plane, to_index: FloatArray, carm: CArm, rows: npt.NDArray[np.int_], columns: npt.NDArray[np.int_]
) -> Image:
    """(2, rows, columns) places in a plane's image, in samples, that pixels of the detector see."""
    source, first, by_column, by_row = _rays(to_index, carm)
    others = [a for a in (2, 1, 0) if a != plane.axis]

    def along(axis: int) -> Image:
        # Single precision: these are a third of the work.
        by_columns = (first[axis] - source[axis] + by_column[axis] * columns).astype(np.float32)
        return by_columns + (by_row[axis] * rows).astype(np.float32)[:, None]

    reach = np.float32(plane.at - source[plane.axis]) / along(plane.axis)
    at = np.empty((2, len(rows), len(columns)), dtype=np.float32)
    for n, other in enumerate(others):
        np.multiply(along(other), reach, out=at[n])
        at[n] += np.float32(source[other] - plane.origin[n])
        at[n] *= np.float32(1 / plane.step[n])
    return at


def _per_cosine(axis: int, index_to_carm: FloatArray, carm: CArm) -> Image:
    """(rows, columns) mm of ray per mm along the main axis."""
    main = index_to_carm[:3, axis] / np.linalg.norm(index_to_carm[:3, axis])
    row_mm, column_mm = carm.pixel_spacing_mm
    start = carm.detector_origin_mm - carm.source_mm
    columns, rows = np.arange(carm.columns)[None, :] * column_mm, np.arange(carm.rows)[:, None] * row_mm

    ray = start[:, None, None] + np.multiply.outer(carm.column_direction, columns + 0 * rows)
    ray = ray + np.multiply.outer(carm.row_direction, rows + 0 * columns)
    return (np.linalg.norm(ray, axis=0) / np.abs(np.tensordot(main, ray, 1))).astype(np.float32)
