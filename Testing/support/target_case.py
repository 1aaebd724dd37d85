"""The tubes of `overlay_case`, registered with a known uncertainty: a case in which targets can be drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from DeepIterRegLib.common.confidence import Confidence, Verdict
from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_case
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.registration.result import Registration
from Testing.support.overlay_case import RegisterTubes
from Testing.support.small_registration import FRONTAL, LATERAL, small_angiogram, small_volume

COVARIANCE = np.diag([0.01, 0.01, 0.01, 0.8, 0.8, 0.8]) ** 2


def sure(verdict: Verdict = "registered") -> Confidence:
    return Confidence(0.95, 0.9, verdict, 0.8, 0.8, 0.5, COVARIANCE, (), "ab" * 32)


class RegisterSurely(RegisterTubes):
    """Stands in for the registration, and knows how sure it is. confidence: None as for a start by hand."""

    def __init__(self, confidence: Confidence | None) -> None:
        super().__init__()
        self.confidence = confidence

    def __call__(self, images: Any, options: Any = None, progress: Any = None) -> Registration:
        return replace(super().__call__(images, options, progress), confidence=self.confidence)


def case_with_uncertainty(
    scene: Any = None, confidence: Confidence | None = None, known: bool = True
) -> RegisteredCase:
    """Two DSAs, a lateral and a frontal one. known: whether the report has a confidence."""
    register = RegisterSurely((confidence or sure()) if known else None)
    logic = DeepIterRegLogic(scene or new_scene(), register)
    cta = logic.load_cta(small_volume())
    logic.register(cta, [logic.load_dsa(small_angiogram(carm)) for carm in (LATERAL, FRONTAL)])
    case = registered_case(cta)
    assert case is not None
    return case
