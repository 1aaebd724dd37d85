"""What "Adjust by hand" says about where the head is and how it got there."""

from __future__ import annotations

import math
from collections.abc import Callable

from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment
from DeepIterRegLib.geometry.rigid import rotation_angle_deg
from DeepIterRegLib.mrml.adjust.hand_input import MOUSE
from DeepIterRegLib.mrml.adjust.handles import HANDLES
from DeepIterRegLib.mrml.adjust.pose_editor import COMPUTED, ELSEWHERE, RESET, PoseEditor
from DeepIterRegLib.mrml.adjust.pose_history import Step
from DeepIterRegLib.mrml.panel.landmarks import LANDMARKS

Translate = Callable[[str], str]


def state_sentence(editor: PoseEditor, adjustment: HandAdjustment, translate: Translate) -> str:
    """How far the head is from the computed pose."""
    _ = translate
    if editor.case is None:
        return _("Register first, or start by hand.")
    if editor.problem is not None:
        return _("The transform bends or scales the CTA; press Undo to take that back.")
    if not editor.is_adjusted:
        return _("As found automatically.")
    shift_mm = math.hypot(adjustment.right_mm, adjustment.up_mm, adjustment.toward_you_mm)
    angle_deg = rotation_angle_deg(editor.pose[:3, :3] @ editor.case.automatic_pose[:3, :3].T)
    return _("Moved by hand: {shift:.1f} mm, turned by {angle:.1f}°.").format(shift=shift_mm, angle=angle_deg)


def undo_tip(step: Step | None, translate: Translate) -> str:
    """What Undo takes back: the step that the head is at."""
    _ = translate
    return "" if step is None else _("Takes the last change back: {change}.").format(change=_change(step, translate))


def redo_tip(step: Step | None, translate: Translate) -> str:
    """What Redo does again."""
    _ = translate
    return "" if step is None else _("Does again what was undone: {change}.").format(change=_change(step, translate))


def _change(step: Step, translate: Translate) -> str:
    _ = translate
    words = {
        "right_mm": _("right"), "up_mm": _("up"), "toward_you_mm": _("toward you"),
        "turn_deg": _("turn"), "tip_deg": _("tip"), "swing_deg": _("swing"),
        MOUSE: _("mouse"), HANDLES: _("handles in 3D"), LANDMARKS: _("landmarks"), RESET: _("reset to automatic"),
        COMPUTED: _("automatic result"), ELSEWHERE: _("moved outside of this panel"),
    }  # fmt: skip
    return words.get(step.control, step.control)
