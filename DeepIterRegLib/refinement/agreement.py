"""How well CTA and DSA agree at the result, and the warnings where they agree poorly. Not a confidence."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.default import mixture_similarity
from DeepIterRegLib.refinement.groups import vessel_groups
from DeepIterRegLib.refinement.pose_similarity import MeanSimilarity
from DeepIterRegLib.refinement.pyramid import VesselPyramid

SIZE_PX = 128
POOR_NCC = 0.55
"""Below it a registration is suspect: docs/refinement.md, "When to doubt a result"."""
LITTLE_IN_VIEW = 0.25
"""Below it as well; 0.9 to 1 in heads, 0.12 where a head was put beside a coronary run."""


def agreement_ncc(volume: PreparedVolume, angiograms: Sequence[PreparedAngiogram], pose: FloatArray) -> float:
    """NCC at a pose (4, 4) of the runs' contrast with the vessel groups' best mixture, mean of the runs, at 128 px.

    The same measure for every method, whatever its own similarity is.
    """
    pyramid = VesselPyramid(vessel_groups(volume.cloud), angiograms, [SIZE_PX], "cpu")
    views = [mixture_similarity(pyramid, prepared, view, SIZE_PX) for view, prepared in enumerate(angiograms)]
    return float(MeanSimilarity(views).value(pose[None])[0])


def poor_agreement_warning(ncc: float) -> str | None:
    """One sentence where an agreement is poor, else None."""
    if ncc >= POOR_NCC:
        return None
    return (
        f"CTA and DSA agree poorly at the result (NCC {ncc:.2f}, good results have {POOR_NCC:g} and more): look at the"
        " overlay before you rely on it, and check the C-arm's geometry and the vessel masks."
    )


def share_in_view(volume: PreparedVolume, angiograms: Sequence[PreparedAngiogram], pose: FloatArray) -> float:
    """How much of the CTA's vessels, by volume, lies on the detector at a pose (4, 4); of the run that shows least."""
    cloud = volume.cloud
    shares = []
    for prepared in angiograms:
        carm = prepared.angiogram.carm
        column, row = project(apply(pose, cloud.positions_mm), carm).T
        on = (column > -0.5) & (column < carm.columns - 0.5) & (row > -0.5) & (row < carm.rows - 0.5)
        shares.append(float(cloud.weights_mm3[on].sum() / cloud.weights_mm3.sum()))
    return min(shares)


def little_in_view_warning(share: float) -> str | None:
    """One sentence where hardly any of the CTA is in view, else None: a few vessels at an edge resemble anything."""
    if share >= LITTLE_IN_VIEW:
        return None
    return (
        f"Only {100 * share:.0f} % of the CTA's vessels lie on the DSA at the result: look at the overlay before you"
        " rely on it, and check that both show the same part of the body."
    )
