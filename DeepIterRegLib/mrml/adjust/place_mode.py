"""Slicer's mode in which a click in a view places a point into a list of markups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def start_placing(scene: Any, markups_node: Any) -> None:
    """Let clicks place points into a list until `stop_placing`, or until the user ends it with the right button."""
    selection, interaction = _selection(scene), interaction_node(scene)
    if selection is not None and interaction is not None:
        selection.SetReferenceActivePlaceNodeClassName(markups_node.GetClassName())
        selection.SetActivePlaceNodeID(markups_node.GetID())
        interaction.SetPlaceModePersistence(1)
        interaction.SetCurrentInteractionMode(interaction.Place)


def stop_placing(scene: Any) -> None:
    """The mouse does what it usually does."""
    if is_placing(scene):
        interaction_node(scene).SwitchToViewTransformMode()


def is_placing(scene: Any) -> bool:
    """Whether a click places a point, into whatever list."""
    interaction = interaction_node(scene)
    return interaction is not None and interaction.GetCurrentInteractionMode() == interaction.Place


def is_placing_into(scene: Any, markups_node: Any) -> bool:
    """Whether a click places a point into that list; into none for None."""
    selection = _selection(scene)
    if markups_node is None or selection is None or not is_placing(scene):
        return False
    return bool(selection.GetActivePlaceNodeID() == markups_node.GetID())


@contextmanager
def placing_kept(scene: Any) -> Iterator[None]:
    """Lists that are added in the block are not what the next click places into: Slicer would take the latest one."""
    selection = _selection(scene)
    before = None if selection is None else selection.GetActivePlaceNodeID()
    class_name = None if selection is None else selection.GetActivePlaceNodeClassName()
    try:
        yield
    finally:
        if selection is not None and before and selection.GetActivePlaceNodeID() != before:
            selection.SetReferenceActivePlaceNodeClassName(class_name)
            selection.SetActivePlaceNodeID(before)


def observe_placing(scene: Any, on_change: Callable[[Any, str], None]) -> tuple[Any, int] | None:
    """Be told when placing begins or ends; (node, tag) to remove the observer with."""
    interaction = interaction_node(scene)
    if interaction is None:
        return None
    return interaction, interaction.AddObserver(interaction.InteractionModeChangedEvent, on_change)


def interaction_node(scene: Any) -> Any:
    """The scene's vtkMRMLInteractionNode, None where the scene has no application."""
    return scene.GetFirstNodeByClass("vtkMRMLInteractionNode")


def _selection(scene: Any) -> Any:
    return scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
