"""What is kept of a CT scan: slices averaged into thicker ones, a field that ends at the vertex or the skull base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.ct.ct_angiogram import CtScan
from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan

FEWEST_SLICES = 16
THICK_MM = (1.0, 3.0)
NOISE_HU = (15.0, 30.0)
KERNEL_BLUR_MM = (0.3, 0.9)
SHARPENING = (0.0, 1.2)
VERTEX_CUT_MM = (15.0, 45.0)
"""How much of the head above is missing, from the skin downwards."""
BASE_CUT_MM = (-62.0, -40.0)
"""Where the field begins without face and neck: head's frame, between petrous bones and orbits' roofs."""


def noisy(plan: CtPlan, rng: np.random.Generator) -> CtPlan:
    """Another dose and kernel: from soft and blurred to sharp and noisy."""
    sharp = float(rng.uniform(*SHARPENING))
    blur_mm = float(rng.uniform(*KERNEL_BLUR_MM))
    return replace(plan, noise_hu=float(rng.uniform(*NOISE_HU)), blur_mm=blur_mm, sharpening=sharp)


def draw_thickness(plan: CtPlan, rng: np.random.Generator) -> int:
    """How many slices are averaged into one."""
    return max(2, round(float(rng.uniform(*THICK_MM)) / plan.slice_mm))


def thickened(scan: CtScan, slices: int) -> CtScan:
    """Slices averaged in groups; a rest at the top is dropped. `plain_head` stays as it was."""
    count = len(scan.volume.voxels) // slices
    if count < FEWEST_SLICES:
        return scan
    grouped = scan.volume.voxels[: count * slices].reshape(count, slices, *scan.volume.voxels.shape[1:])
    voxels = np.empty((count, *grouped.shape[2:]), dtype=np.int16)
    for k, group in enumerate(grouped):
        voxels[k] = np.rint(group.mean(axis=0, dtype=np.float32))
    matrix: FloatArray = scan.volume.ijk_to_ras.copy()
    matrix[:3, 3] += matrix[:3, 2] * (slices - 1) / 2
    matrix[:3, 2] *= slices

    def mostly(mask: BoolArray) -> BoolArray:
        filled = mask[: count * slices].reshape(count, slices, *mask.shape[1:]).sum(axis=1)
        return np.asarray(2 * filled >= slices)

    return _with(scan, voxels, matrix, mostly, {"slices averaged": slices})


def cut(scan: CtScan, first: int, last: int) -> CtScan:
    """The slices from `first` to before `last`. `plain_head` stays whole: the X-ray sees all of the head."""
    matrix: FloatArray = scan.volume.ijk_to_ras.copy()
    matrix[:3, 3] += matrix[:3, 2] * first
    voxels = np.ascontiguousarray(scan.volume.voxels[first:last], dtype=np.int16)
    return _with(
        scan, voxels, matrix, lambda mask: np.ascontiguousarray(mask[first:last]), {"slices kept": [first, last]}
    )


def slice_at(scan: CtScan, head_to_patient: FloatArray, z_mm: float) -> int:
    """Index of the slice through a height of the head's frame, on the head's own axis."""
    at = np.linalg.inv(scan.volume.ijk_to_ras) @ head_to_patient @ np.array([0.0, 0.0, z_mm, 1.0])
    return int(np.clip(round(float(at[2])), 0, len(scan.volume.voxels)))


def _with(
    scan: CtScan, voxels: npt.NDArray[np.int16], matrix: FloatArray, mask: Callable[[BoolArray], BoolArray],
    told: dict[str, Any],
) -> CtScan:  # fmt: skip
    """The scan with other slices. mask: makes the masks' slices from theirs."""
    return replace(
        scan,
        volume=Volume(voxels, matrix, scan.volume.kind, scan.volume.name),
        artery_mask=mask(scan.artery_mask),
        vein_mask=mask(scan.vein_mask),
        skull_vein_mask=mask(scan.skull_vein_mask),
        defects={**scan.defects, **told},
    )
