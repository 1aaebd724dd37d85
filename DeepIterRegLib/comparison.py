"""The DRR beside the DSA it was registered to, before and after: what the overlay shows and the report counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.registration import Registration
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.sampling import pixel_at_isocentre_mm
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation


@dataclass(frozen=True, eq=False)
class ViewComparison:
    """One DSA and the DRRs of the pose the registration started from and of the one it found."""

    prepared: PreparedAngiogram
    carm: CArm
    """Of the DRRs: the DSA's detector, its pixels put together until the points of the cloud leave no holes."""
    drr_before: npt.NDArray[np.float32]
    """(rows, columns) of `carm`, mm of vessel along the ray."""
    drr_after: npt.NDArray[np.float32]
    ncc_before: float
    """Normalised cross-correlation of the DRR with the DSA's contrast over the pixels that no shutter covers."""
    ncc_after: float


def compare_views(registration: Registration) -> tuple[ViewComparison, ...]:
    """One comparison per angiogram, in their order."""
    cloud = registration.volume.cloud
    poses = np.stack([registration.initial_pose, registration.pose])
    return tuple(_compare(prepared, cloud, poses) for prepared in registration.angiograms)


def _compare(prepared: PreparedAngiogram, cloud: VesselCloud, poses: FloatArray) -> ViewComparison:
    factor = hole_free_binning(prepared.angiogram.carm, cloud.cell_mm)
    carm = prepared.angiogram.carm.binned(factor)
    drrs = splat_renderer(cloud, carm).render(poses)
    contrast = block_means(prepared.contrast, factor)
    valid = block_means(prepared.angiogram.valid.astype(np.float32), factor) > 0.5
    ncc = NormalizedCrossCorrelation(contrast, valid).value(drrs)
    return ViewComparison(prepared, carm, drrs[0], drrs[1], float(ncc[0]), float(ncc[1]))


def hole_free_binning(carm: CArm, cell_mm: float) -> int:
    """The least number of pixels to put together so that a cell of the cloud, projected, is no wider than one.

    A finer DRR would show nothing more, and cost a multiple of the points. Source: DESIGN.md, sampling rule.
    """
    factor = math.ceil(cell_mm / pixel_at_isocentre_mm(carm) - 0.05)
    return int(np.clip(factor, 1, max(1, min(carm.rows, carm.columns) // 16)))


def block_means(image: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """Means over blocks of factor x factor pixels, dropping what does not fill a block, as `CArm.binned` does."""
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    return image[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor).mean(axis=(1, 3))
