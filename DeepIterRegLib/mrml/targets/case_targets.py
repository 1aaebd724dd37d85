"""The targets of a registered case: on its vessels, and on its DSAs as long as the pose's uncertainty is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.plane_motion import pose_in_frame
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.guidance.targets import Mark, Target, mark_of, placed_on
from DeepIterRegLib.mrml.adjust.place_mode import placing_kept
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, RegisteredView
from DeepIterRegLib.mrml.overlay.look_attribute import look_of
from DeepIterRegLib.mrml.targets.centreline_node import kept_centreline
from DeepIterRegLib.mrml.targets.mark_nodes import show_marks
from DeepIterRegLib.mrml.targets.target_nodes import placed_targets
from DeepIterRegLib.mrml.views.frames_view import moving_frames
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.targets import reported_covariance, reported_pivot_mm

UNTOUCHED = 1e-6
"""Of a pose's numbers (mm): nearer to the computed one it has been through a file, not through a hand."""


def targets_in(case: RegisteredCase, centreline: Centreline | None = None) -> tuple[Target, ...]:
    """The targets in the scene, on the vessels. centreline: the one in the scene where left out."""
    placed = placed_targets(case.pose_node)
    if not placed:
        return ()
    if centreline is None:
        try:
            centreline = kept_centreline(case.pose_node, case.vessels)
        except InputError:
            centreline = None
    return placed_on(centreline or Centreline.empty(), placed)


def covariance_in_use(case: RegisteredCase) -> FloatArray | None:
    """(6, 6) of the pose in use; None where it is not known: it was moved by hand, is most probably wrong, or nobody
    registered."""
    try:
        pose = case.pose
    except InputError:
        return None
    if np.abs(pose - case.automatic_pose).max() > UNTOUCHED:
        return None
    return reported_covariance(case.report)


def marks_in(
    case: RegisteredCase,
    view: RegisteredView,
    targets: Sequence[Target],
    covariance: FloatArray | None,
    look: OverlayLook,
) -> tuple[Mark, ...]:
    """The targets on one DSA, in the frame that a look shows; none at the pose that a registration started from."""
    if covariance is None or look.moment == "before":
        return ()
    pose, motions = case.pose, moving_frames(case, view)
    if look.frame is not None and motions is not None:
        pose = pose_in_frame(pose, motions[min(look.frame, len(motions) - 1)], case.centre_mm, view.carm)
    pivot_mm = reported_pivot_mm(case.report)
    found = (mark_of(target, pose, view.carm, covariance, pivot_mm) for target in targets)
    return tuple(mark for mark in found if mark is not None)


def show_targets_on_dsas(case: RegisteredCase, targets: Sequence[Target]) -> None:
    """Draw the targets on every DSA, or take them away where it is not known how sure the pose is."""
    covariance, look = covariance_in_use(case), look_of(case.pose_node)
    with placing_kept(case.pose_node.GetScene()):
        for view in case.views:
            show_marks(view.plane, view.carm, marks_in(case, view, targets, covariance, look))
