"""A registered head of two arteries and a vein, as tubes with a known course, for tests of the overlay."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_case
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.views.layout import layout_node
from DeepIterRegLib.mrml.views.surfaces import Vessels, surface_of
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.result import Registration
from Testing.support.small_registration import LATERAL, POSE, FakeRegister, small_angiogram, small_volume

CELL_MM = 1.0
ARTERY_RADIUS_MM, VEIN_RADIUS_MM = 2.5, 4.0


def artery_mm() -> FloatArray:
    """(N, 3) a helix that climbs."""
    turn = np.linspace(0, 3 * np.pi, 400)
    return np.column_stack([18 * np.cos(turn), 18 * np.sin(turn), -30 + 5 * turn])


def vein_mm() -> FloatArray:
    """(N, 3) an arc over the top, in the sagittal plane."""
    turn = np.linspace(0.15 * np.pi, 0.95 * np.pi, 400)
    return np.column_stack([np.zeros_like(turn), 45 * np.cos(turn), -45 + 45 * np.sin(turn)])


@functools.cache
def tubes_cloud() -> VesselCloud:
    """Points of a 1 mm grid within the tubes."""
    artery, vein = _tube(artery_mm(), ARTERY_RADIUS_MM), _tube(vein_mm(), VEIN_RADIUS_MM)
    positions = np.concatenate([artery, vein]).astype(np.float32)
    is_vein = np.arange(len(positions)) >= len(artery)
    weights = np.full(len(positions), CELL_MM**3, dtype=np.float32)
    return VesselCloud(positions, weights, is_vein, CELL_MM, small_volume().centre_mm)


class RegisterTubes(FakeRegister):
    """Stands in for the registration, and finds the tubes in whatever it is given."""

    def __call__(self, images: Any, options: Any = None, progress: Any = None) -> Registration:
        found = super().__call__(images, options, progress)
        return replace(found, images=replace(found.images, volume=replace(found.volume, cloud=tubes_cloud())))


def registered_tubes(
    carms: Sequence[CArm] = (LATERAL,), scene: Any = None, pose: FloatArray = POSE, angiograms: Any = None
) -> RegisteredCase:
    """The tubes, registered to one DSA for each C-arm, in a scene of their own or a given one.

    The DSAs show another vessel: what of the tubes is seen was drawn by the overlay.
    """
    logic = DeepIterRegLogic(new_scene() if scene is None else scene, RegisterTubes(pose))
    angiograms = angiograms or [small_angiogram(carm) for carm in carms]
    dsas = [logic.load_dsa(angiogram) for angiogram in angiograms]
    cta = logic.load_cta(small_volume())
    logic.register(cta, dsas)
    case = registered_case(cta)
    assert case is not None
    # The scene lives as long as somebody has it.
    object.__setattr__(case, "scene", logic.scene)
    return case


def surface(case: RegisteredCase, vessels: Vessels) -> Any:
    """The model of a case's arteries or veins, which has to be there."""
    node = surface_of(case, vessels)
    assert node is not None
    return node


def layout(scene: Any) -> Any:
    """The layout node, which has to be there."""
    node = layout_node(scene)
    assert node is not None
    return node


def empty_angiogram(carm: CArm, frames: int = 3) -> Angiogram:
    """A run on which no vessel ever fills: light, with three dark rows at the top, and a shutter of six columns."""
    angiogram = small_angiogram(carm, frames)
    light = np.full_like(angiogram.frames, 1000.0)
    light[:, :3] = 0.0
    return replace(angiogram, frames=light)


def _tube(course_mm: FloatArray, radius_mm: float) -> FloatArray:
    low, high = np.floor(course_mm.min(axis=0)) - radius_mm - 1, np.ceil(course_mm.max(axis=0)) + radius_mm + 1
    axes = [np.arange(np.floor(a), b, CELL_MM) for a, b in zip(low, high, strict=True)]
    inside = np.zeros([len(axis) for axis in axes], dtype=bool)
    for point in course_mm:
        near = [np.flatnonzero(np.abs(axis - at) <= radius_mm) for axis, at in zip(axes, point, strict=True)]
        offsets = [axis[where] - at for axis, where, at in zip(axes, near, point, strict=True)]
        x, y, z = np.ix_(*offsets)
        inside[np.ix_(*near)] |= x**2 + y**2 + z**2 <= radius_mm**2
    return np.stack([axis[where] for axis, where in zip(axes, np.nonzero(inside), strict=True)], axis=1)
