"""Whether what was found looks like what was sought: a plain warning, not yet a confidence."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.arrays import FloatArray
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.default import filled_similarity
from DeepIterRegLib.refinement.groups import vessel_groups
from DeepIterRegLib.refinement.pyramid import VesselPyramid
from DeepIterRegLib.refinement.view import MeanSimilarity

SIZE_PX = 128
POOR_NCC = 0.55
"""Below it a registration is suspect: docs/refinement.md, "When to doubt a result"."""


def agreement_ncc(volume: PreparedVolume, angiograms: Sequence[PreparedAngiogram], pose: FloatArray) -> float:
    """NCC at a pose (4, 4) of the runs' contrast with the vessel groups' best mixture, mean of the runs, at 128 px.

    The same measure for every method, whatever its own similarity is.
    """
    pyramid = VesselPyramid(vessel_groups(volume.cloud), angiograms, [SIZE_PX], "cpu")
    views = [filled_similarity(pyramid, prepared, view, SIZE_PX) for view, prepared in enumerate(angiograms)]
    return float(MeanSimilarity(views).value(pose[None])[0])


def poor_agreement_warning(ncc: float) -> str | None:
    """One sentence where an agreement is poor, else None."""
    if ncc >= POOR_NCC:
        return None
    return (
        f"CTA and DSA agree poorly at the result (NCC {ncc:.2f}, good results have {POOR_NCC:g} and more): look at the"
        " overlay before you rely on it, and check the C-arm's geometry and the vessel masks."
    )
