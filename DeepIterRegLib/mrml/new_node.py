"""Nodes that are not in a scene yet, or only for a while."""

from __future__ import annotations

from typing import Any


def new_node(scene: Any, class_name: str) -> Any:
    """A node of a class with the scene's defaults, in no scene, which goes with the last reference to it."""
    node = scene.CreateNodeByClass(class_name)
    # The scene has counted a reference for the caller, whom Python's own does not know of: it would never go.
    node.UnRegister(None)
    return node


def add_passing_node(scene: Any, class_name: str, name: str) -> Any:
    """A node that is shown for a while: hidden from editors, not saved with the scene. Whoever adds it removes it."""
    node = new_node(scene, class_name)
    node.SetName(name)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    return scene.AddNode(node)
