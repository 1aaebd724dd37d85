"""What the views show of a registered scene: DSA with DRR in slice views, the C-arm seen from its source in 3D."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.nodes.arrays import ijk_to_ras_of, matrix_of_array
from DeepIterRegLib.mrml.nodes.detector_plane import plane_centre_mm, plane_size_mm, plane_slice_to_ras
from DeepIterRegLib.mrml.nodes.new_node import new_node
from DeepIterRegLib.mrml.nodes.node_attributes import role
from DeepIterRegLib.mrml.nodes.scene_transaction import SceneTransaction
from DeepIterRegLib.registration.overlay_look import OverlayLook

SLICE_VIEWS = ("Red", "Yellow")
"""The first DSA goes to the first, the second to the second."""
THREE_D_VIEW = "1"
SLICE_VIEW_LABELS = {
    "Red": ("R", (0.952941, 0.290196, 0.2)),
    "Yellow": ("Y", (0.929412, 0.835294, 0.298039)),
}
"""Slicer's own letters and colours: a scene that lacked them would repaint the views' bars grey."""
VIEW_MARGIN = 1.02
PLANE_IN_3D_PX = 512
"""Longer side of the DSA as the 3D view shows it: fewer pixels than the image may have, so that it follows quickly."""


def show_in_slice_view(
    scene: Any, transaction: SceneTransaction, view: str, *, plane: Any, drr: Any, carm: CArm
) -> None:
    """Show a DSA plane with its DRR over it, frontally and as a whole, in the slice view called `view`.

    Nothing else lies over it: a CTA that was there is taken out. In 3D the plane is as large as the detector, whatever
    part of it the slice view is zoomed to.
    """
    slice_node = transaction.remember(view_node(scene, "vtkMRMLSliceNode", view))
    composite = transaction.remember(view_node(scene, "vtkMRMLSliceCompositeNode", view))
    _lay_over(composite, plane.GetID(), drr.GetID())
    composite.SetForegroundOpacity(OverlayLook().opacity)
    fit_slice_view(slice_node, carm)
    slice_node.SetSliceVisible(True)


def fit_slice_view(slice_node: Any, carm: CArm) -> None:
    """Let the slice view show the whole detector, frontally, in whatever size it has now."""
    modified = slice_node.StartModify()
    slice_node.GetSliceToRAS().DeepCopy(matrix_of_array(plane_slice_to_ras(carm)))
    slice_node.UpdateMatrices()
    slice_node.SetSliceOrigin(0.0, 0.0, 0.0)
    width_mm, height_mm = plane_size_mm(carm)
    _fit(slice_node, width_mm, height_mm)
    scale = min(1.0, PLANE_IN_3D_PX / max(carm.rows, carm.columns))
    slice_node.SetSliceResolutionMode(slice_node.SliceResolutionCustom)
    slice_node.SetUVWExtents(width_mm, height_mm, 1.0)
    slice_node.SetUVWDimensions(max(round(scale * carm.columns), 1), max(round(scale * carm.rows), 1), 1)
    slice_node.SetUVWOrigin(0.0, 0.0, 0.0)
    slice_node.EndModify(modified)


def show_alone(scene: Any, view: str, volume: Any) -> None:
    """Show one volume in a slice view, and nothing over it."""
    _lay_over(view_node(scene, "vtkMRMLSliceCompositeNode", view), volume.GetID(), None)


def fit_volume_slice(scene: Any, view: str, volume: Any) -> None:
    """Let a slice view show the middle slice of a volume frontally, its first row at the top, and all of it."""
    ijk_to_ras = ijk_to_ras_of(volume)
    size = np.array(volume.GetImageData().GetDimensions())
    edges_mm = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    slice_to_ras = np.eye(4)
    right, down = ijk_to_ras[:3, 0] / edges_mm[0], ijk_to_ras[:3, 1] / edges_mm[1]
    slice_to_ras[:3, :3] = np.column_stack([right, -down, np.cross(right, -down)])
    middle = [(size[0] - 1) / 2, (size[1] - 1) / 2, (size[2] - 1) // 2, 1]
    slice_to_ras[:3, 3] = (ijk_to_ras @ middle)[:3]
    slice_node = view_node(scene, "vtkMRMLSliceNode", view)
    modified = slice_node.StartModify()
    slice_node.GetSliceToRAS().DeepCopy(matrix_of_array(slice_to_ras))
    slice_node.UpdateMatrices()
    slice_node.SetSliceOrigin(0.0, 0.0, 0.0)
    _fit(slice_node, *(size * edges_mm)[:2])
    slice_node.EndModify(modified)


def look_from_source(scene: Any, transaction: SceneTransaction, carm: CArm) -> None:
    """Put the camera of the first 3D view where the X-ray source is, the detector filling the view's height.

    What it shows is the mirror image of the one in the slice view, which is seen from the detector's far side:
    `SourceView` mirrors it.
    """
    view_node(scene, "vtkMRMLViewNode", THREE_D_VIEW)
    camera = transaction.remember(view_node(scene, "vtkMRMLCameraNode", THREE_D_VIEW))
    camera.SetPosition(*carm.source_mm)
    camera.SetFocalPoint(*plane_centre_mm(carm))
    camera.SetViewUp(*-carm.row_direction)
    camera.SetViewAngle(_view_angle_deg(carm))
    camera.GetCamera().SetClippingRange(1.0, 2 * carm.sdd_mm)


def fit_three_d_view(scene: Any, carm: CArm, width: float, height: float) -> None:
    """Let the first 3D view, of that size, show the whole detector in its width, too.

    Nothing happens when somebody has moved the camera away from the source.
    """
    camera = scene.GetSingletonNode(THREE_D_VIEW, "vtkMRMLCameraNode")
    if camera is not None and np.allclose(camera.GetPosition(), carm.source_mm, atol=1e-3):
        camera.SetViewAngle(_view_angle_deg(carm, width / height))


def _view_angle_deg(carm: CArm, aspect: float = math.inf) -> float:
    """Of the view's height: from the source, a view of that width over height shows all of the detector."""
    width_mm, height_mm = plane_size_mm(carm)
    return 2 * math.degrees(math.atan2(max(height_mm, width_mm / aspect) / 2, carm.sdd_mm))


def calm_three_d_view(scene: Any, transaction: SceneTransaction) -> None:
    """Take the box and its letters out of the 3D view, and give it the slice views' black background."""
    view = transaction.remember(view_node(scene, "vtkMRMLViewNode", THREE_D_VIEW))
    view.SetBoxVisible(False)
    view.SetAxisLabelsVisible(False)
    view.SetBackgroundColor(0.0, 0.0, 0.0)
    view.SetBackgroundColor2(0.0, 0.0, 0.0)


def show_behind(scene: Any, drr: Any, volume: Any) -> None:
    """Let the slice views that show `drr` have `volume` behind it."""
    for composite in _composites_with(scene, drr):
        composite.SetBackgroundVolumeID(volume.GetID())


def set_overlay_opacity(drr: Any, opacity: float) -> None:
    """Of the DRR in the slice views that show it."""
    for composite in _composites_with(drr.GetScene(), drr):
        composite.SetForegroundOpacity(opacity)


def slice_shows(scene: Any, view: str, volume: Any) -> bool:
    """Whether a volume lies in front, or alone, in a slice view."""
    composite = scene.GetSingletonNode(view, "vtkMRMLSliceCompositeNode")
    if composite is None:
        return False
    return volume.GetID() == (composite.GetForegroundVolumeID() or composite.GetBackgroundVolumeID())


def shows_role(composite: Any, *roles: str) -> bool:
    """Whether a slice view shows an image of ours that is for one of these, in front or behind."""
    scene = composite.GetScene()
    ids = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
    nodes = [scene.GetNodeByID(node_id) for node_id in ids if node_id]
    return any(node is not None and role(node) in roles for node in nodes)


def view_node(scene: Any, class_name: str, layout_name: str) -> Any:
    """The view, composite or camera node of the view called `layout_name`; added where the scene has none yet."""
    node = scene.GetSingletonNode(layout_name, class_name)
    if node is None:
        node = new_node(scene, class_name)
        node.SetLayoutName(layout_name)
        node.SetName(layout_name)
        if class_name == "vtkMRMLSliceNode":
            label, color = SLICE_VIEW_LABELS[layout_name]
            node.SetLayoutLabel(label)
            node.SetLayoutColor(*color)
        node = scene.AddNode(node)
    return node


def _lay_over(composite: Any, background_id: str, foreground_id: str | None) -> None:
    modified = composite.StartModify()
    composite.SetBackgroundVolumeID(background_id)
    composite.SetForegroundVolumeID(foreground_id)
    composite.SetLabelVolumeID(None)
    composite.SetCompositing(composite.Alpha)
    composite.EndModify(modified)


def _fit(slice_node: Any, width_mm: float, height_mm: float) -> None:
    columns, rows, _ = slice_node.GetDimensions()
    mm_per_px = VIEW_MARGIN * max(width_mm / max(columns, 1), height_mm / max(rows, 1))
    slice_node.SetFieldOfView(columns * mm_per_px, rows * mm_per_px, 1.0)


def _composites_with(scene: Any, drr: Any) -> list[Any]:
    if scene is None:
        return []
    nodes = (
        scene.GetNthNodeByClass(index, "vtkMRMLSliceCompositeNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode"))
    )
    return [node for node in nodes if node.GetForegroundVolumeID() == drr.GetID()]
