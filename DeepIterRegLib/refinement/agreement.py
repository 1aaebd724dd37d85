"""How well CTA and angiograms agree at a pose, term by term. Whether that is enough, the confidence says."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.terms import TERMS, Term, TermAgreement
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.default import LEVELS, mixture_similarity
from DeepIterRegLib.refinement.evidence import Evidence

SIZE_PX = 128
SKULL_SIZES_PX = tuple(level.skull_px for level in LEVELS)


def evidence_of_result(
    volume: PreparedVolume, angiograms: Sequence[PreparedAngiogram], terms: Sequence[Term] = TERMS
) -> Evidence:
    """What a result is judged by: vessels at 128 px, the skull at the method's resolutions."""
    return Evidence(volume, angiograms, terms, vessel_sizes_px=(SIZE_PX,), skull_sizes_px=SKULL_SIZES_PX)


def agreements(
    evidence: Evidence, angiograms: Sequence[PreparedAngiogram], pose: FloatArray, terms: Sequence[Term] = TERMS
) -> tuple[TermAgreement, ...]:
    """How well each of the terms agrees in each angiogram that shows it, at a pose (4, 4), at 128 px.

    evidence: of these angiograms. Vessels: NCC of the run's contrast with the vessel groups' best mixture. Skull: tiled
    gradient correlation.
    """
    numbers = {id(prepared): number for number, prepared in enumerate(angiograms)}
    found = []
    for view, prepared in enumerate(evidence.vessel_views if "vessels" in terms else ()):
        ncc = float(mixture_similarity(evidence.vessels, prepared, view, SIZE_PX).value(pose[None])[0])
        found.append(TermAgreement("vessels", numbers[id(prepared)], "NCC", ncc, "contrast", 1.0))
    for view, prepared in enumerate(evidence.skull_views if "skull" in terms else ()):
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
