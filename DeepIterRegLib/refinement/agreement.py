"""How well CTA and angiograms agree at the result, term by term, and the warnings where they agree poorly.

Not a confidence.
"""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.terms import TERMS, Term, TermAgreement
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.default import mixture_similarity
from DeepIterRegLib.refinement.evidence import Evidence

SIZE_PX = 128
POOR_NCC = 0.55
"""Below it a registration is suspect: docs/refinement.md, "When to doubt a result"."""
POOR_SKULL = 0.25
"""The same for the skull's tiled gradient correlation."""
LITTLE_IN_VIEW = 0.25
"""Below it as well; 0.9 to 1 in heads, 0.12 where a head was put beside a coronary run."""


def agreements(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    pose: FloatArray,
    terms: Sequence[Term] = TERMS,
) -> tuple[TermAgreement, ...]:
    """How well each term agrees in each angiogram that shows it, at a pose (4, 4).

    Vessels: NCC of the run's contrast with the vessel groups' best mixture. Skull: tiled gradient correlation.
    """
    evidence = Evidence(volume, angiograms, terms, vessel_sizes_px=[SIZE_PX], skull_sizes_px=[SIZE_PX])
    numbers = {id(prepared): number for number, prepared in enumerate(angiograms)}
    found = []
    for view, prepared in enumerate(evidence.vessel_views):
        ncc = float(mixture_similarity(evidence.vessels, prepared, view, SIZE_PX).value(pose[None])[0])
        found.append(TermAgreement("vessels", numbers[id(prepared)], "NCC", ncc, "contrast", 1.0))
    for view, prepared in enumerate(evidence.skull_views):
        similarity = evidence.skull_similarity(SIZE_PX, view)
        image = prepared.skull
        assert image is not None
        found.append(
            TermAgreement(
                "skull", numbers[id(prepared)], similarity.correlation_name,
                float(similarity.correlation(pose[None])[0]), image.source, image.trust,
            )
        )  # fmt: skip
    return tuple(found)


def poor_agreement_warnings(found: Sequence[TermAgreement]) -> list[str]:
    """A sentence for each term that agrees poorly."""
    warnings = []
    vessels = [one.similarity for one in found if one.term == "vessels"]
    if vessels and (ncc := sum(vessels) / len(vessels)) < POOR_NCC:
        warnings.append(
            f"CTA and DSA agree poorly at the result (NCC {ncc:.2f}, good results have {POOR_NCC:g} and more): look at"
            " the overlay before you rely on it, and check the C-arm's geometry and the vessel masks."
        )
    skulls = [one.similarity for one in found if one.term == "skull"]
    if skulls and (correlation := min(skulls)) < POOR_SKULL:
        warnings.append(
            f"The skull of the CTA does not fit the one in the X-ray at the result (similarity {correlation:.2f}, good"
            f" results have {POOR_SKULL:g} and more): look at the overlay before you rely on it, and check that both"
            " are of the same patient."
        )
    return warnings


def share_in_view(volume: PreparedVolume, angiograms: Sequence[PreparedAngiogram], pose: FloatArray) -> float:
    """How much of the CTA's vessels (of its skull, where it has none), by volume, lies on the detector at a pose (4,
    4); of the run that shows least."""
    cloud = volume.shown_cloud
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
