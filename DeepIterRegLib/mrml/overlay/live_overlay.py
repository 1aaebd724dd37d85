"""The overlay of a registered case that follows its pose, whoever moves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_json import carm_to_json
from DeepIterRegLib.geometry.plane_motion import pose_in_frame
from DeepIterRegLib.mrml.adjust.debounce import CallLater, Debounced
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, RegisteredView
from DeepIterRegLib.mrml.overlay.drr_overlay import OverlayPainter
from DeepIterRegLib.mrml.overlay.look_attribute import keep_look, look_of
from DeepIterRegLib.mrml.views.frames_view import moving_frames
from DeepIterRegLib.mrml.views.grey_levels import brightness_of
from DeepIterRegLib.mrml.views.views import set_overlay_opacity
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.overlay_painting import opacity_of
from DeepIterRegLib.render.vessel_images import Detail

DEBOUNCE_MS = 100
"""How long the pose has to stay before the overlay is drawn finely."""


class LiveOverlay:
    """Redraws the DRRs of a case when its pose moves: quickly while it does, finely when it rests.

    Where a raw frame is on show, in which the head lay elsewhere, the DRR is drawn there.

    call_later: calls back once, in so many ms; without it every picture is drawn finely. on_look: told when the look
    changes by itself: a pose that moves is not looked at from before. button_is_down: while the mouse
    still drags nothing rests. Raises InputError where the scene lacks the vessels. Call `close` when done.
    """

    def __init__(
        self,
        case: RegisteredCase,
        call_later: CallLater | None = None,
        on_look: Callable[[OverlayLook], None] | None = None,
        button_is_down: Callable[[], bool] = lambda: False,
    ) -> None:
        import slicer

        self._case = case
        self._look = look_of(case.pose_node)
        self._painters = [
            OverlayPainter(
                view.drr, case.vessels, view.carm, view.valid, brightness_of(view),
                bones=case.bones, bones_first=case.bones_first,
            )
            for view in case.views
        ]  # fmt: skip
        self._motions = [moving_frames(case, view) for view in case.views]
        self._on_look = on_look
        self._drawn_from = _ingredients(case)
        self._painted: list[int] = []
        self._debounced = (
            None if call_later is None else Debounced(self.redraw, call_later, DEBOUNCE_MS, button_is_down)
        )
        self._observer: int | None = case.pose_node.AddObserver(
            slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._pose_moved
        )

    @property
    def look(self) -> OverlayLook:
        return self._look

    def draws(self, case: RegisteredCase) -> bool:
        """Whether this is the overlay of that case: the same nodes with the same vessels, DSAs and DRRs in them."""
        return self._drawn_from == _ingredients(case) and self._painted == self._image_times()

    def take_up_look(self) -> None:
        """Draw in the look that the scene has now, as after an undo."""
        look = look_of(self._case.pose_node)
        if look != self._look:
            self.set_look(look)

    def set_look(self, look: OverlayLook) -> None:
        """Draw in another look, and keep it with the scene."""
        before, self._look = self._look, look
        if look.is_opaque and not before.is_opaque:
            self.refresh_background()
        keep_look(self._case.pose_node, look)
        self.apply_opacity()
        moves = look.frame != before.frame and any(motions is not None for motions in self._motions)
        if moves or _pixels_of(before) != _pixels_of(look):
            self.redraw_soon()

    def apply_opacity(self, visible: bool = True) -> None:
        """Show the overlay in the slice views as opaque as the look says; not at all while it flickers away."""
        opacity = opacity_of(self._look)
        for view in self._case.views:
            set_overlay_opacity(view.drr, opacity if visible else 0.0)

    def redraw_soon(self) -> None:
        """Draw quickly now, and finely when nothing has changed for DEBOUNCE_MS."""
        if self._debounced is None:
            self.redraw()
            return
        self._debounced.changed()
        self.redraw("quick")

    def redraw(self, detail: Detail = "fine") -> None:
        """Draw the DRRs at the pose in use, or at the one the registration started from. A pose that is no rigid
        motion leaves them as they are."""
        pose = self._pose()
        if pose is not None:
            for painter, view, motions in zip(self._painters, self._case.views, self._motions, strict=True):
                painter.paint(self._pose_on_show(pose, view, motions), self._look, detail)
            self._painted = self._image_times()

    def refresh_background(self) -> None:
        """The windows of the DSAs may have changed: look again how bright they are."""
        for painter, view in zip(self._painters, self._case.views, strict=True):
            painter.background = brightness_of(view)

    def close(self) -> None:
        """Observe the pose no longer."""
        if self._observer is not None:
            self._case.pose_node.RemoveObserver(self._observer)
            self._observer = None
        if self._debounced is not None:
            self._debounced.stop()

    def _image_times(self) -> list[int]:
        return [_time(view.drr.GetImageData()) for view in self._case.views]

    def _pose(self) -> FloatArray | None:
        if self._look.moment == "before":
            return self._case.initial_pose
        try:
            return self._case.pose
        except InputError:
            return None

    def _pose_on_show(self, pose: FloatArray, view: RegisteredView, motions: FloatArray | None) -> FloatArray:
        """(4, 4) of the head in the frame behind the overlay. motions: (T, 3) of the DSA's frames."""
        frame = self._look.frame
        if frame is None or motions is None:
            return pose
        return pose_in_frame(pose, motions[min(frame, len(motions) - 1)], self._case.centre_mm, view.carm)

    def _pose_moved(self, _node: Any, _event: str) -> None:
        if self._observer is None:
            return
        if self._look.moment == "before":
            self._look = replace(self._look, moment="after")
            keep_look(self._case.pose_node, self._look)
            if self._on_look is not None:
                self._on_look(self._look)
        self.redraw_soon()


def _ingredients(case: RegisteredCase) -> tuple[object, ...]:
    """What a case's overlay is made of, to be compared."""
    clouds = [node for node in (case.cloud_node, case.bones_node) if node is not None]
    vessels = (case.pose_node.GetID(), *((node.GetID(), _time(node.GetPolyData())) for node in clouds))
    views = [(view.drr.GetID(), _time(view.plane.GetImageData()), carm_to_json(view.carm)) for view in case.views]
    return (*vessels, *views, case.initial_pose.tobytes())


def _time(data: Any) -> int:
    """When a data object was last changed; 0 where there is none."""
    return 0 if data is None else int(data.GetMTime())


def _pixels_of(look: OverlayLook) -> tuple[object, ...]:
    """What of a look changes the overlay's pixels."""
    return (
        look.arteries, look.veins, look.bones, look.artery_colour, look.vein_colour, look.bone_colour, look.style,
        look.moment,
        look.comparison if look.is_opaque else "none", look.swipe if look.comparison == "swipe" else 0,
        look.tile_mm if look.comparison == "checkerboard" else 0,
    )  # fmt: skip
