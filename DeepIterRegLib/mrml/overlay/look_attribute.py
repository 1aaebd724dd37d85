"""The look of a registration's overlay, kept on the pose's node with the scene."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.registration.overlay_look import OverlayLook, look_from_json, look_to_json

LOOK = PREFIX + "overlay-look"
"""Attribute of the pose: an OverlayLook as JSON."""


def look_of(pose_node: Any) -> OverlayLook:
    """The look kept on a pose's node; the default where there is none, or none that can be read: it is only a look."""
    try:
        return look_from_json(pose_node.GetAttribute(LOOK) or "{}")
    except ValueError:
        return OverlayLook()


def keep_look(pose_node: Any, look: OverlayLook) -> None:
    """Keep a look with the scene."""
    pose_node.SetAttribute(LOOK, look_to_json(look))
