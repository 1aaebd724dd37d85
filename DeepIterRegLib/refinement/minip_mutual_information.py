"""The last stage's similarity: mutual information of the DRR with the DSA's minimum projection."""

from __future__ import annotations

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.refinement.pose_similarity import RenderedSimilarity
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.similarity.mutual_information import MutualInformation

HEADROOM = 1.25
"""Pixels may grow this much brighter than at the first pose before they count as the brightest bin."""


def mutual_information_with_minip(
    renderer: Renderer, prepared: PreparedAngiogram, factor: int, pose: FloatArray
) -> RenderedSimilarity:
    """Mutual information with the MinIP of one angiogram, on the renderer's detector, which is binned by `factor`.

    pose: (4, 4), at which `drr_range` is taken.
    """
    similarity = MutualInformation(
        binned(prepared.minip, factor),
        binned(prepared.angiogram.valid, factor),
        moving_range=drr_range(renderer, pose),
    )
    return RenderedSimilarity(renderer, similarity)


def drr_range(renderer: Renderer, pose: FloatArray) -> tuple[float, float]:
    """mm of the first and last bin of a DRR's histogram, by its image at `pose` (4, 4).

    A range that followed the pose would make mutual information jump from pose to pose.
    """
    brightest_mm = float(renderer.render(pose[None]).max())
    return 0.0, max(HEADROOM * brightest_mm, 1e-3)
