"""A registered case in a real scene for the tests of "Adjust by hand", and its services without an application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import se3_exp
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_case
from DeepIterRegLib.mrml.nodes.result_nodes import show_registration
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_volume
from DeepIterRegLib.registration.result import Outcome, OutcomeView
from Testing.support.small_registration import LATERAL, POSE, small_angiogram, small_cloud, small_volume

INITIAL_POSE = se3_exp(np.array([0.0, 0.1, 0.0, 5.0, 5.0, 5.0])) @ POSE


@cache
def angiogram_of(carm: CArm) -> Angiogram:
    return small_angiogram(carm)


class Clock:
    """Stands still unless a test turns it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def wait(self, seconds: float = 1.0) -> None:
        self.seconds += seconds


class HandCase:
    """A scene with one CTA that is registered to DSAs, as a registration leaves it."""

    def __init__(self, carms: Sequence[CArm] = (LATERAL,)) -> None:
        self.scene = new_scene()
        self.volume = small_volume()
        self.cta = add_volume(self.scene, self.volume)
        self.angiograms = [angiogram_of(carm) for carm in carms]
        self.dsas = [add_angiogram(self.scene, angiogram) for angiogram in self.angiograms]
        self.register()

    def register(self, pose: FloatArray = POSE, initial_pose: FloatArray = INITIAL_POSE) -> RegisteredCase:
        """Put a (or another) result into the scene."""
        views = tuple(
            OutcomeView(angiogram.carm, angiogram.frames.min(axis=0), angiogram.valid) for angiogram in self.angiograms
        )
        report = {"method": "default", "device": "cpu", "version": "0", "stages": [], "warnings": []}
        show_registration(
            self.scene, self.cta, self.dsas, Outcome(pose, initial_pose, small_cloud(self.volume), views, report)
        )
        return self.case

    @property
    def case(self) -> RegisteredCase:
        case = registered_case(self.cta)
        assert case is not None
        return case


class FakeView:
    """A slice view without a window: a real interactor, and Slicer's own use of it, which is counted."""

    def __init__(self, scene: Any, name: str, size: tuple[int, int] = (400, 300)) -> None:
        import vtk

        self.node = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        width_mm, _, depth = self.node.GetFieldOfView()
        self.node.SetDimensions(*size, 1)
        self.node.SetFieldOfView(width_mm, width_mm * size[1] / size[0], depth)
        self.node.UpdateMatrices()
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.seen_by_slicer: list[str] = []
        for event in ("LeftButtonPressEvent", "MouseMoveEvent", "LeftButtonReleaseEvent", "KeyPressEvent"):
            self.interactor.AddObserver(event, lambda _, name: self.seen_by_slicer.append(name))

    def send(self, event: str, xy: FloatArray | tuple[float, float] = (0, 0), **keys: bool) -> None:
        control, shift, alt = keys.get("control", False), keys.get("shift", False), keys.get("alt", False)
        self.interactor.SetEventInformation(round(xy[0]), round(xy[1]), control, shift, "\0", 0, None)
        self.interactor.SetAltKey(alt)
        self.interactor.InvokeEvent(event)

    def drag(self, *points: FloatArray | tuple[float, float], **keys: bool) -> None:
        self.send("LeftButtonPressEvent", points[0], **keys)
        for point in points[1:]:
            self.send("MouseMoveEvent", point, **keys)
        self.send("LeftButtonReleaseEvent", points[-1], **keys)

    def press_key(self, name: str, **keys: bool) -> None:
        self.interactor.SetEventInformation(0, 0, keys.get("control", False), keys.get("shift", False), "\0", 0, name)
        self.interactor.SetAltKey(keys.get("alt", False))
        self.interactor.InvokeEvent("KeyPressEvent")

    def xy_of(self, point_mm: FloatArray) -> FloatArray:
        """(2,) position in the view of a point on its plane."""
        from DeepIterRegLib.mrml.nodes.arrays import array_of_matrix

        return (np.linalg.inv(array_of_matrix(self.node.GetXYToRAS())) @ np.append(point_mm, 1.0))[:2]


class FakeShortcut:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.enabled = False
        self._callback = callback

    def press(self) -> None:
        if self.enabled:
            self._callback()
