"""The last stage's similarity: mutual information of the DRR with the DSA's minimum projection."""

from __future__ import annotations

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.refinement.fixed_image import binned
from DeepIterRegLib.refinement.pose_similarity import RenderedSimilarity
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.similarity.mutual_information import MutualInformation

HEADROOM = 1.25
"""Pixels may grow this much brighter than at the first pose before they count as the brightest bin."""


def minip_view(renderer: Renderer, prepared: PreparedAngiogram, factor: int, pose: FloatArray) -> RenderedSimilarity:
    """Mutual information with the MinIP of one angiogram, on the renderer's detector, which is binned by `factor`.

    The DRR's range is fixed by its image at `pose` (4, 4): a range that followed the pose would make the measure jump.
    """
    brightest_mm = float(renderer.render(pose[None]).max())
    similarity = MutualInformation(
        binned(prepared.minip, factor),
        binned(prepared.angiogram.valid, factor),
        moving_range=(0.0, max(HEADROOM * brightest_mm, 1e-3)),
    )
    return RenderedSimilarity(renderer, similarity)
