"""Puts a registration into the scene: pose, image planes, DRR overlays, provenance and views, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from DeepIterRegLib.comparison import ViewComparison
from DeepIterRegLib.mrml.arrays import image_data, matrix_of_array
from DeepIterRegLib.mrml.drr_overlay import DRR_CLASS, place_drr
from DeepIterRegLib.mrml.plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.provenance import store_provenance
from DeepIterRegLib.mrml.roles import DRR_REFERENCE, PLANE_REFERENCE, REPORT_REFERENCE, ROLE, is_pose_node
from DeepIterRegLib.mrml.undo import SceneChange
from DeepIterRegLib.mrml.views import SLICE_VIEWS, look_from_source, show_in_slice_view
from DeepIterRegLib.mrml.volume_node import top_below_pose
from DeepIterRegLib.overlay import grey_window
from DeepIterRegLib.registration import Registration

POSE_NAME = "CTA to C-arm"
REPORT_NAME = "Registration report"


def show_registration(
    scene: Any, cta: Any, dsas: Sequence[Any], registration: Registration, views: Sequence[ViewComparison], report: str
) -> Any:
    """Write a registration into the scene, over an earlier one of the same nodes; returns the pose's transform node.

    cta: the volume node. dsas: the DSAs' nodes in the order of registration.angiograms. views: `compare_views` of
    the registration. report: JSON. If anything fails, the scene is as it was.
    """
    with SceneChange(scene) as change:
        pose_node = _place_cta(scene, change, cta, registration)
        for index, (dsa, view) in enumerate(zip(dsas, views, strict=True)):
            plane, drr = _place_view(scene, change, dsa, view)
            if index < len(SLICE_VIEWS):
                show_in_slice_view(scene, change, SLICE_VIEWS[index], plane, drr, view.prepared.angiogram.carm)
        look_from_source(scene, change, views[0].prepared.angiogram.carm)
        report_node = _reference(scene, change, pose_node, REPORT_REFERENCE, "vtkMRMLTextNode", REPORT_NAME, "report")
        store_provenance(pose_node, report_node, registration, report)
    return pose_node


def pose_node_of(cta: Any) -> Any | None:
    """The transform node with the pose that a CTA's node is under, or None before it was registered."""
    node = top_below_pose(cta).GetParentTransformNode()
    return node if node is not None and is_pose_node(node) else None


def drr_node_of(dsa: Any) -> Any | None:
    """The DRR over a DSA's image plane, or None before it was registered."""
    plane = dsa.GetNodeReference(PLANE_REFERENCE)
    return None if plane is None else plane.GetNodeReference(DRR_REFERENCE)


def _place_cta(scene: Any, change: SceneChange, cta: Any, registration: Registration) -> Any:
    pose_node = pose_node_of(cta)
    if pose_node is None:
        pose_node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", POSE_NAME)
        pose_node.SetAttribute(ROLE, "pose")
    change.remember(pose_node)
    pose_node.SetMatrixTransformToParent(matrix_of_array(registration.pose))
    pose_node.SetCenterOfTransformation(*map(float, registration.volume.volume.centre_mm))
    moved = change.remember(top_below_pose(cta))
    moved.SetAndObserveTransformNodeID(pose_node.GetID())
    return pose_node


def _place_view(scene: Any, change: SceneChange, dsa: Any, view: ViewComparison) -> tuple[Any, Any]:
    """The DSA's image plane and the DRR over it, found again or added."""
    prepared, name = view.prepared, dsa.GetName()
    plane = _reference(scene, change, dsa, PLANE_REFERENCE, "vtkMRMLScalarVolumeNode", f"{name} MinIP", "plane")
    plane.SetIJKToRASMatrix(matrix_of_array(plane_ijk_to_ras(prepared.angiogram.carm)))
    plane.SetAndObserveImageData(image_data(prepared.minip[None]))
    drr = _reference(scene, change, plane, DRR_REFERENCE, DRR_CLASS, f"{name} DRR", "drr")
    for node in (plane, drr):
        if node.GetDisplayNode() is None:
            node.CreateDefaultDisplayNodes()
        change.remember(node.GetDisplayNode())
    plane.GetDisplayNode().SetAutoWindowLevel(False)
    plane.GetDisplayNode().SetWindowLevelMinMax(*grey_window(prepared.minip, prepared.angiogram.valid))
    place_drr(drr, view.drr_after, view.renderer.carm)
    return plane, drr


def _reference(
    scene: Any, change: SceneChange, owner: Any, reference: str, class_name: str, name: str, role: str
) -> Any:
    """The node that `owner` refers to, remembered, or a new one that it refers to from now on."""
    node = owner.GetNodeReference(reference)
    if node is not None:
        return change.remember(node)
    change.remember(owner)
    node = scene.AddNewNodeByClass(class_name, name)
    node.SetAttribute(ROLE, role)
    owner.SetNodeReferenceID(reference, node.GetID())
    return node
