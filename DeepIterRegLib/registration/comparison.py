"""The DRR beside the DSA it was registered to, before and after: what the overlay shows and the report counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.registration.what_is_shown import shows_vessels
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.sampling import hole_free_binning
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation


@dataclass(frozen=True, eq=False)
class ViewComparison:
    """One DSA and the DRRs of the pose the registration started from and of the one it found."""

    prepared: PreparedAngiogram
    renderer: Renderer
    """Of the DRRs: on the DSA's detector, its pixels put together until the points of the cloud leave no holes."""
    drr_before: npt.NDArray[np.float32]
    """(rows, columns) of the renderer's C-arm, mm of vessel along the ray."""
    drr_after: npt.NDArray[np.float32]
    ncc_before: float | None
    """Normalised cross-correlation of the DRR with the DSA's contrast over the pixels that no shutter covers; None
    where CTA and DSA do not both show vessels."""
    ncc_after: float | None
    cloud: VesselCloud
    """The CTA's vessels, of which the DRRs are drawn; the skull of a CT without contrast."""
    shows_skull: bool
    """Whether that cloud is the skull."""
    pose_before: FloatArray
    """(4, 4)."""
    pose_after: FloatArray
    vessels: VesselCloud
    """The CTA's vessels for the overlay; empty of a CT without contrast."""
    bones: VesselCloud | None
    """Its skull, None where it has none."""
    bones_first: bool
    """Whether the overlay begins with the bones: CTA and DSAs do not both show vessels."""


def compare_views(registration: Registration) -> tuple[ViewComparison, ...]:
    """One comparison per angiogram, in their order."""
    volume = registration.volume
    poses = np.stack([registration.initial_pose, registration.pose])
    bones_first = not shows_vessels(registration.images)
    return tuple(_compare(prepared, volume, poses, bones_first) for prepared in registration.angiograms)


def _compare(
    prepared: PreparedAngiogram, volume: PreparedVolume, poses: FloatArray, bones_first: bool
) -> ViewComparison:
    cloud = volume.shown_cloud
    factor = hole_free_binning(prepared.angiogram.carm, cloud.cell_mm)
    renderer = splat_renderer(cloud, prepared.angiogram.carm.binned(factor))
    drrs = renderer.render(poses)
    before = after = None
    if prepared.shows_vessels and not volume.shows_skull:
        valid = binned(prepared.angiogram.valid, factor) > 0.5
        before, after = map(float, NormalizedCrossCorrelation(binned(prepared.contrast, factor), valid).value(drrs))
    return ViewComparison(
        prepared, renderer, drrs[0], drrs[1], before, after, cloud, volume.shows_skull, poses[0], poses[1],
        volume.cloud, volume.skull, bones_first,
    )  # fmt: skip
