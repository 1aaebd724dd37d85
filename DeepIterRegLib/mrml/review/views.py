"""Two poses side by side on the same DSA, in slice views of their own, without names.

One row for each DSA. The two views of a row are linked: zooming one zooms the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.mrml.nodes.new_node import add_passing_node, new_node
from DeepIterRegLib.mrml.nodes.node_attributes import FULL_RED_MM
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, RegisteredView
from DeepIterRegLib.mrml.overlay.drr_overlay import DRR_CLASS, OverlayPainter, no_vessels, scale_of
from DeepIterRegLib.mrml.views.layout import layout_node
from DeepIterRegLib.mrml.views.views import fit_slice_view
from DeepIterRegLib.registration.overlay_look import OverlayLook

SIDES = ("left", "right")
LETTERS = {"left": "A", "right": "B"}
"""Of the views. L and R are the patient's sides to whoever reads images."""
LOOK = OverlayLook()
"""The same for all, whatever the reader has chosen for the overlay."""
GREY = (0.5, 0.5, 0.5)
"""Of the views' bars: no side looks like the other views, or better than the other."""

VIEW = """<item><view class="vtkMRMLSliceNode" singletontag="{name}">
 <property name="orientation" action="default">Axial</property>
 <property name="viewlabel" action="default">{label}</property>
 <property name="viewcolor" action="default">#808080</property>
 <property name="viewgroup" action="default">{group}</property>
</view></item>"""


def view_name(row: int, side: str) -> str:
    """Layout name of the slice view of a DSA, counted from 0, and a side."""
    return f"Review{side.capitalize()}{'' if row == 0 else row + 1}"


def _group(row: int) -> int:
    """Of linked views: not one that Slicer's own views are in."""
    return 7321 + row


def _row(row: int) -> str:
    views = "".join(VIEW.format(name=view_name(row, side), label=LETTERS[side], group=_group(row)) for side in SIDES)
    return f'<layout type="horizontal" split="true">{views}</layout>'


LAYOUTS = {
    1: (732101, _row(0)),
    2: (732102, f'<layout type="vertical" split="true"><item>{_row(0)}</item><item>{_row(1)}</item></layout>'),
}
"""Number and description by how many DSAs are shown."""


def register_review_layouts(scene: Any) -> None:
    """Make the arrangements known; done again, it does nothing."""
    node = layout_node(scene)
    if node is None:
        return
    for number, description in LAYOUTS.values():
        if not node.IsLayoutDescription(number):
            node.AddLayoutDescription(number, description)


class ReviewViews:
    """Shows pairs of poses of a case until `close`, which brings back the views as they were."""

    def __init__(self, case: RegisteredCase, equalize: Callable[[], None] = lambda: None) -> None:
        """equalize: gives the views of a layout the same size. Raises InputError where the vessels are missing from
        the scene."""
        self._scene = case.pose_node.GetScene()
        self._views = case.views[: max(LAYOUTS)]
        vessels, bones = case.vessels, case.bones
        self._added: list[Any] = []
        self._painters: dict[str, list[OverlayPainter]] = {
            side: [
                OverlayPainter(
                    self._add_overlay(row, side, view),
                    vessels,
                    view.carm,
                    view.valid,
                    bones=bones,
                    bones_first=case.bones_first,
                )
                for row, view in enumerate(self._views)
            ]
            for side in SIDES
        }
        self._before: int | None = None
        layout = layout_node(self._scene)
        if layout is not None:
            register_review_layouts(self._scene)
            self._before = layout.GetViewArrangement()
            layout.SetViewArrangement(LAYOUTS[len(self._views)][0])
            equalize()
        self.fit()

    def show(self, left_pose: FloatArray, right_pose: FloatArray) -> None:
        """Draw the vessels at a pose on each side."""
        for side, pose in zip(SIDES, (left_pose, right_pose), strict=True):
            for painter in self._painters[side]:
                painter.paint(pose, LOOK)

    def show_vessels(self, visible: bool) -> None:
        """Let the reader see what is below them, too."""
        for composite in self._nodes("vtkMRMLSliceCompositeNode"):
            composite.SetForegroundOpacity(LOOK.opacity if visible else 0.0)

    def fit(self) -> None:
        """Show the whole of each DSA, in whatever size the views have now."""
        for row, view in enumerate(self._views):
            for side in SIDES:
                fit_slice_view(self._scene.GetSingletonNode(view_name(row, side), "vtkMRMLSliceNode"), view.carm)

    def close(self) -> None:
        """Bring back the views as they were. Our views' nodes stay, empty: the application owns their windows."""
        for composite in self._nodes("vtkMRMLSliceCompositeNode"):
            composite.SetBackgroundVolumeID(None)
            composite.SetForegroundVolumeID(None)
        for node in self._added:
            if self._scene.IsNodePresent(node):
                self._scene.RemoveNode(node)
        self._added = []
        layout = layout_node(self._scene)
        ours = {number for number, _ in LAYOUTS.values()}
        if layout is not None and self._before is not None and layout.GetViewArrangement() in ours:
            layout.SetViewArrangement(self._before)
        self._before = None

    def _add_overlay(self, row: int, side: str, view: RegisteredView) -> Any:
        drr = self._add(DRR_CLASS, side)
        # Both sides in the strengths of the case's own overlay.
        drr.SetAttribute(FULL_RED_MM, repr(scale_of(view.drr)))
        drr.SetAndObserveImageData(no_vessels(view.carm))
        drr.CreateDefaultDisplayNodes()
        drr.GetDisplayNode().SetSaveWithScene(False)
        self._added.append(drr.GetDisplayNode())
        name = view_name(row, side)
        slice_node = self._view_node("vtkMRMLSliceNode", name)
        slice_node.SetLayoutLabel(LETTERS[side])
        slice_node.SetLayoutColor(*GREY)
        slice_node.SetViewGroup(_group(row))
        slice_node.SetSliceVisible(False)
        composite = self._view_node("vtkMRMLSliceCompositeNode", name)
        composite.SetBackgroundVolumeID(view.plane.GetID())
        composite.SetForegroundVolumeID(drr.GetID())
        composite.SetLabelVolumeID(None)
        composite.SetForegroundOpacity(LOOK.opacity)
        composite.SetCompositing(composite.Alpha)
        composite.SetLinkedControl(True)
        composite.SetHotLinkedControl(True)
        return drr

    def _add(self, class_name: str, name: str) -> Any:
        node = add_passing_node(self._scene, class_name, name)
        self._added.insert(0, node)
        return node

    def _view_node(self, class_name: str, name: str) -> Any:
        node = self._scene.GetSingletonNode(name, class_name)
        if node is None:
            node = new_node(self._scene, class_name)
            node.SetLayoutName(name)
            node.SetName(name)
            node = self._scene.AddNode(node)
        node.SetSaveWithScene(False)
        return node

    def _nodes(self, class_name: str) -> list[Any]:
        names = [view_name(row, side) for row in range(len(self._views)) for side in SIDES]
        nodes = [self._scene.GetSingletonNode(name, class_name) for name in names]
        return [node for node in nodes if node is not None]
