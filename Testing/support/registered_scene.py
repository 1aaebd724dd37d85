"""A scene with a registered CTA, two DSAs and everything that the panel works on, made in a tenth of a second."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_case
from DeepIterRegLib.mrml.nodes.scene import new_scene
from Testing.support.small_registration import FRONTAL, LATERAL, FakeRegister, small_angiogram, small_volume


def registered_scene(views: int = 2, scene: Any = None) -> RegisteredCase:
    """The case: a lateral and (views=2) a frontal DSA, the lateral with a shutter at its left."""
    logic = DeepIterRegLogic(scene or new_scene(), FakeRegister())
    cta = logic.load_cta(small_volume())
    dsas = [logic.load_dsa(small_angiogram(LATERAL)), logic.load_dsa(small_angiogram(FRONTAL, frames=1, shutter_px=0))]
    logic.register(cta, dsas[:views])
    case = registered_case(cta)
    assert case is not None
    return case
