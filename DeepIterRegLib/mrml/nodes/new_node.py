"""Nodes that are not in a scene yet, or only for a while, or that another one refers to."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.mrml.nodes.node_attributes import ROLE


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


def referenced_node(owner: Any, reference: str, class_name: str, name: str, role: str) -> Any:
    """The node that `owner` refers to, or a new one with that role in its scene, which it refers to from now on."""
    node = owner.GetNodeReference(reference)
    if node is None:
        node = owner.GetScene().AddNewNodeByClass(class_name, name)
        node.SetAttribute(ROLE, role)
        owner.SetNodeReferenceID(reference, node.GetID())
    return node
