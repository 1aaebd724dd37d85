"""Keys, and the mouse in the views of the DSAs, as moves of the head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.drag import Drag
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose, viewer_axes
from DeepIterRegLib.mrml.adjust.pose_editor import PoseEditor
from DeepIterRegLib.mrml.nodes.arrays import array_of_matrix

MOUSE = "mouse"
ALIGNED = 0.999
"""Cosine between a slice and a detector that counts as parallel: 2.5 degrees."""
ON_DETECTOR_MM = 2.0
KEYS = {
    "Left": ("right_mm", -1), "Right": ("right_mm", +1), "Up": ("up_mm", +1), "Down": ("up_mm", -1),
    "PgUp": ("toward_you_mm", +1), "PgDown": ("toward_you_mm", -1),
}  # fmt: skip
"""By Qt's names: what a key moves, and which way. Left is a counter-clockwise turn: what is at the top goes left."""
SHIFT_KEYS = {
    "Left": ("turn_deg", +1), "Right": ("turn_deg", -1), "Up": ("tip_deg", +1), "Down": ("tip_deg", -1),
    "PgUp": ("swing_deg", +1), "PgDown": ("swing_deg", -1),
}  # fmt: skip
QT_NAME_OF_VTK_KEY = {"Prior": "PgUp", "Next": "PgDown", "Page_Up": "PgUp", "Page_Down": "PgDown"}


class HandInput:
    """Moves the head of a `PoseEditor`. Implements `SliceInput`.

    wants_keys, wants_mouse: whether keys and dragging mean the head now. steps: how far a key moves (mm) and turns
    (degrees). What is moved and turned is the head as it is seen in the view that has the mouse or the key.
    """

    def __init__(
        self,
        editor: PoseEditor,
        wants_keys: Callable[[], bool],
        wants_mouse: Callable[[], bool],
        steps: Callable[[], tuple[float, float]],
    ) -> None:
        self._editor = editor
        self._wants_keys = wants_keys
        self._wants_mouse = wants_mouse
        self._steps = steps
        self._drag: Drag | None = None

    def nudge(self, key: str, shift: bool, carm: CArm) -> bool:
        """One press of a key, by Qt's name for it; False if it means nothing here."""
        case = self._editor.case
        meaning = (SHIFT_KEYS if shift else KEYS).get(key)
        if meaning is None or case is None or not self._editor.ready or not self._wants_keys():
            return False
        control, direction = meaning
        step = direction * self._steps()[1 if shift else 0]
        pose = adjusted_pose(HandAdjustment(**{control: step}), self._editor.pose, case.centre_mm, carm)
        self._editor.move(pose, control)
        return True

    def press(self, slice_node: Any, point_mm: FloatArray, shift: bool) -> bool:
        """See `SliceInput`."""
        case, carm = self._editor.case, self._carm_of(slice_node)
        if case is None or carm is None or not self._editor.ready or not self._wants_mouse():
            return False
        self._drag = Drag(self._editor.pose, case.centre_mm, carm, point_mm, turning=shift)
        self._editor.history.begin_gesture(MOUSE)
        return True

    def move(self, point_mm: FloatArray) -> None:
        """See `SliceInput`."""
        if self._drag is not None and self._editor.ready:
            self._editor.move(self._drag.pose(point_mm), MOUSE)

    def release(self) -> None:
        """See `SliceInput`."""
        self._drag = None
        self._editor.history.end_gesture()

    def key(self, slice_node: Any, name: str, shift: bool) -> bool:
        """See `SliceInput`."""
        carm = self._carm_of(slice_node)
        return carm is not None and self.nudge(QT_NAME_OF_VTK_KEY.get(name, name), shift, carm)

    def _carm_of(self, slice_node: Any) -> CArm | None:
        """The C-arm of the DSA that a slice view shows, None where it shows none.

        By where the slice lies, not by the volumes in it: the overlay's owner may show a frame, the MinIP or neither.
        """
        slice_to_world = array_of_matrix(slice_node.GetSliceToRAS())
        for view in () if self._editor.case is None else self._editor.case.views:
            towards = viewer_axes(view.carm)[:, 2]
            distance_mm = towards @ (slice_to_world[:3, 3] - view.carm.detector_origin_mm)
            cosine = towards @ slice_to_world[:3, 2] / np.linalg.norm(slice_to_world[:3, 2])
            if cosine > ALIGNED and abs(distance_mm) < ON_DETECTOR_MM:
                return view.carm
        return None
