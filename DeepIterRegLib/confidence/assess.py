"""How sure a registration is: one probability, its verdict, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.confidence import Confidence, Verdict
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.confidence.curvature import Curvature
from DeepIterRegLib.confidence.depth import with_depth
from DeepIterRegLib.confidence.measures import Measures, measure
from DeepIterRegLib.confidence.model import ConfidenceModel, load_model
from DeepIterRegLib.confidence.reasons import MOST, reasons
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.refinement.evidence import Evidence


class Found(Protocol):
    """What of a registration is assessed."""

    @property
    def pose(self) -> FloatArray: ...
    @property
    def stages(self) -> Sequence[Stage]: ...
    @property
    def volume(self) -> PreparedVolume: ...
    @property
    def angiograms(self) -> Sequence[PreparedAngiogram]: ...


def assess(
    found: Found,
    starts: Sequence[FloatArray],
    evidence: Evidence,
    doubts: Sequence[str] = (),
    model: ConfidenceModel | None = None,
) -> Confidence:
    """How sure a result may be, without the truth.

    starts: (4, 4) poses that the search began from. evidence: `evidence_of_result`. doubts: sentences on an image that
    had to be read otherwise than its file says; with one the verdict is "check" at best.
    """
    rivals = [rival for stage in found.stages for rival in stage.rivals]
    measures, bent = measure(found.volume, found.angiograms, found.pose, starts, rivals, evidence)
    # What of the skull was not compared says nothing of the depth.
    skulls = [view.skull if view in evidence.skull_views else None for view in found.angiograms]
    return confidence_of(measures, bent, skulls, doubts, model or load_model())


def confidence_of(
    measures: Measures,
    bent: Curvature,
    skulls: Sequence[SkullImage | None],
    doubts: Sequence[str],
    model: ConfidenceModel,
) -> Confidence:
    """What the model makes of the measures. skulls: of each view, as `depth.with_depth` takes them."""
    known = measures.as_dict()
    features = np.array([known[name] for name in model.features])
    probability = model.probability(model.within_5mm.log_odds(features))
    verdict: Verdict = "registered"
    if probability < model.check_below or doubts:
        verdict = "wrong" if probability < model.wrong_below else "check"
    across = np.eye(3) - np.outer(bent.beam, bent.beam)
    covariance = model.scale * bent.covariance * np.outer(bent.scale, bent.scale)
    covariance[3:, 3:] += (model.floor_mm / bent.magnification) ** 2 * across
    covariance = with_depth(covariance, bent.beams, skulls)
    rotation, shift = covariance[:3, :3], covariance[3:, 3:]
    return Confidence(
        probability=probability,
        probability_2mm=min(probability, model.probability(model.within_2mm.log_odds(features))),
        verdict=verdict,
        across_mm=float(np.sqrt(np.linalg.eigvalsh(across @ shift @ across)[-1])),
        along_mm=float(np.sqrt(bent.beam @ shift @ bent.beam)),
        rotation_deg=float(np.degrees(np.sqrt(np.linalg.eigvalsh(rotation)[-1]))),
        covariance=covariance,
        reasons=(*doubts, *reasons(measures, model, features, verdict != "registered"))[:MOST],
        model=model.sha256,
    )
