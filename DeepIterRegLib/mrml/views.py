"""What the views show when a registered scene is opened: DSA with DRR in a slice view, the C-arm in the 3D view."""

from __future__ import annotations

import math
from typing import Any

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.arrays import matrix_of_array
from DeepIterRegLib.mrml.plane import plane_centre_mm, plane_size_mm, plane_slice_to_ras
from DeepIterRegLib.mrml.undo import SceneChange

SLICE_VIEWS = ("Red", "Yellow")
"""The first DSA goes to the first, the second to the second."""
SLICE_VIEW_LABELS = {"Red": ("R", (0.952941, 0.290196, 0.2)), "Yellow": ("Y", (0.929412, 0.835294, 0.298039))}
"""Slicer's own letters and colours: a scene that lacked them would repaint the views' bars grey."""
DRR_OPACITY = 0.7
VIEW_MARGIN = 1.02


def show_in_slice_view(scene: Any, change: SceneChange, view: str, plane: Any, drr: Any, carm: CArm) -> None:
    """Show a DSA plane with its DRR over it, frontally and as a whole, in the slice view called `view`."""
    slice_node = change.remember(view_node(scene, "vtkMRMLSliceNode", view))
    slice_node.GetSliceToRAS().DeepCopy(matrix_of_array(plane_slice_to_ras(carm)))
    slice_node.UpdateMatrices()
    width_mm, height_mm = plane_size_mm(carm)
    columns, rows, _ = slice_node.GetDimensions()
    mm_per_px = VIEW_MARGIN * max(width_mm / columns, height_mm / rows)
    slice_node.SetFieldOfView(columns * mm_per_px, rows * mm_per_px, 1.0)
    slice_node.SetSliceVisible(True)
    composite = change.remember(view_node(scene, "vtkMRMLSliceCompositeNode", view))
    composite.SetBackgroundVolumeID(plane.GetID())
    composite.SetForegroundVolumeID(drr.GetID())
    composite.SetForegroundOpacity(DRR_OPACITY)
    composite.SetCompositing(composite.Alpha)


def look_from_source(scene: Any, change: SceneChange, carm: CArm) -> None:
    """Put the camera of the first 3D view where the X-ray source is, the detector filling the view's height.

    The image in the 3D view is the mirror of the one in the slice view, which is seen from the detector's far side.
    """
    view_node(scene, "vtkMRMLViewNode", "1")
    camera = change.remember(view_node(scene, "vtkMRMLCameraNode", "1"))
    camera.SetPosition(*carm.source_mm)
    camera.SetFocalPoint(*plane_centre_mm(carm))
    camera.SetViewUp(*-carm.row_direction)
    _, height_mm = plane_size_mm(carm)
    camera.SetViewAngle(2 * math.degrees(math.atan2(height_mm / 2, carm.sdd_mm)))
    camera.GetCamera().SetClippingRange(1.0, 2 * carm.sdd_mm)


def view_node(scene: Any, class_name: str, layout_name: str) -> Any:
    """The view, composite or camera node of the view called `layout_name`; added where the scene has none yet."""
    node = scene.GetSingletonNode(layout_name, class_name)
    if node is None:
        node = scene.CreateNodeByClass(class_name)
        node.SetLayoutName(layout_name)
        node.SetName(layout_name)
        if class_name == "vtkMRMLSliceNode":
            label, color = SLICE_VIEW_LABELS[layout_name]
            node.SetLayoutLabel(label)
            node.SetLayoutColor(*color)
        node = scene.AddNode(node)
    return node
