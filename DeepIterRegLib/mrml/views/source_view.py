"""The 3D view from the X-ray source, mirrored as long as it looks along the beam: it then shows what the DSA shows.

A DSA is seen from the detector's side, and from the source one sees its mirror image. The projection is mirrored, which
no node of the scene knows of. Turned away from the beam the view is not mirrored: a head seen from the side must not
have left and right swapped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.views.captions import INK, QUIET, Caption, ViewWindow

ALONG_BEAM_DEG = 30.0
"""Between the view's direction and the beam, up to which the view stands for the DSA."""


class SourceView:
    """Mirrors one 3D view, and says where the patient's sides are, until `close`."""

    def __init__(self, window: ViewWindow, camera: Any, carm: CArm, pose: Callable[[], FloatArray | None]) -> None:
        """camera: vtkMRMLCameraNode of the view. pose: of the head, None where there is none now."""
        self._window, self._camera, self._carm, self._pose = window, camera, carm, pose
        self._is_mirrored = False
        self._lights: list[Any] = []
        self._light: Any = None
        self._sides = SideLetters(window)
        self._tag = camera.AddObserver("ModifiedEvent", lambda *_: self.update())
        self.update()

    def stand_for(self, carm: CArm) -> None:
        """Show what another C-arm would show, as long as the view looks along its beam."""
        self._carm = carm
        self.update()

    @property
    def is_mirrored(self) -> bool:
        return self._is_mirrored

    def update(self) -> None:
        """Follow the camera."""
        towards = np.array(self._camera.GetFocalPoint()) - np.array(self._camera.GetPosition())
        cosine = towards @ self._carm.normal / max(float(np.linalg.norm(towards)), 1e-9)
        # Seldom, an image is stored as it is seen from the source.
        carm = self._carm
        dsa_is_mirrored = bool(np.cross(carm.column_direction, carm.row_direction) @ carm.normal < 0)
        self._mirror(dsa_is_mirrored and cosine > math.cos(math.radians(ALONG_BEAM_DEG)))
        right = np.cross(towards, self._camera.GetViewUp())
        length = float(np.linalg.norm(right))
        pose = self._pose()
        if pose is not None and length > 0:
            self._sides.show((-right if self._is_mirrored else right) / length, pose)

    def close(self) -> None:
        """Show the scene as it is."""
        self._camera.RemoveObserver(self._tag)
        self._mirror(False)
        self._sides.close()

    def _mirror(self, mirrored: bool) -> None:
        if mirrored == self._is_mirrored:
            return
        import vtk

        self._is_mirrored = mirrored
        renderer, camera = self._window.renderer, self._camera.GetCamera()
        if mirrored:
            flip = vtk.vtkTransform()
            flip.Scale(-1.0, 1.0, 1.0)
            camera.SetUserTransform(flip)
            # Mirrored triangles show their backs, whose normals VTK turns round: light them from behind.
            self._lights = [light for light in renderer.GetLights() if light.GetSwitch()]
            self._light = vtk.vtkLight()
            self._light.SetLightTypeToCameraLight()
            self._light.SetFocalPoint(0.0, 0.0, 0.0)
            self._light.SetPosition(0.0, 0.0, -1.0)
            renderer.AddLight(self._light)
        else:
            camera.SetUserTransform(None)
            renderer.RemoveLight(self._light)
        for light in self._lights:
            light.SetSwitch(not mirrored)
        self._window.draw()


class SideLetters:
    """R, L, A, P, H or F at the left and the right edge of a view."""

    def __init__(self, window: ViewWindow) -> None:
        self._captions = Caption(window, "left"), Caption(window, "right")

    @property
    def text(self) -> tuple[str, str]:
        """What is to be read at the left and the right."""
        return self._captions[0].text, self._captions[1].text

    def show(self, right: FloatArray, pose: FloatArray) -> None:
        """right: (3,) what points to the right on the screen, C-arm frame. pose: (4, 4) of the head."""
        direction = pose[:3, :3].T @ right
        for caption, towards in zip(self._captions, (-direction, direction), strict=True):
            letter = letter_of(towards)
            if caption.text != letter:
                caption.show(letter, QUIET, INK)

    def hide(self) -> None:
        for caption in self._captions:
            if caption.text:
                caption.show("", QUIET, INK)

    def close(self) -> None:
        for caption in self._captions:
            caption.close()


def letter_of(direction: FloatArray) -> str:
    """The side of the patient that a direction (3,) of the patient frame (RAS) points to most."""
    axis = int(np.argmax(np.abs(direction)))
    return ("LR", "PA", "FH")[axis][int(direction[axis] > 0)]
