"""Puts a registration into the scene: pose, image planes, DRR overlays, vessels, provenance, views; all or nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm_json import carm_to_json
from DeepIterRegLib.mrml.nodes.arrays import image_data, matrix_of_array
from DeepIterRegLib.mrml.nodes.cloud_node import CLOUD_CLASS, fill_cloud_node
from DeepIterRegLib.mrml.nodes.detector_plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import (
    AUTOMATIC_POSE,
    BONES_REFERENCE,
    CARM,
    CENTRE_MM,
    CLOUD_REFERENCE,
    CTA_REFERENCE,
    DRR_REFERENCE,
    DSA_REFERENCE,
    INITIAL_POSE,
    PLANE_REFERENCE,
    POSE_REFERENCE,
    REPORT_REFERENCE,
    ROLE,
    VALID_REFERENCE,
)
from DeepIterRegLib.mrml.nodes.pose_json import pose_to_json
from DeepIterRegLib.mrml.nodes.provenance import store_provenance
from DeepIterRegLib.mrml.nodes.registered_case import pose_node_of
from DeepIterRegLib.mrml.nodes.scene_transaction import SceneTransaction
from DeepIterRegLib.mrml.nodes.volume_node import top_below_pose
from DeepIterRegLib.mrml.overlay.drr_overlay import DRR_CLASS, draw_drr
from DeepIterRegLib.mrml.views.views import SLICE_VIEWS, look_from_source, show_in_slice_view
from DeepIterRegLib.registration.report import bones_come_first, shows_skull
from DeepIterRegLib.registration.result import Outcome, OutcomeView
from DeepIterRegLib.registration.shades import grey_window
from DeepIterRegLib.render.vessel_images import Detail

POSE_NAME = "CTA to C-arm"
CLOUD_NAME, SKULL_NAME = "CTA vessel points", "CT skull points"
REPORT_NAME = "Registration report"


def show_registration(scene: Any, cta: Any, dsas: Sequence[Any], outcome: Outcome, detail: Detail = "fine") -> Any:
    """Write a registration into the scene, over an earlier one of the same nodes; returns the pose's transform node.

    cta: the volume node. dsas: the DSAs' nodes in the order of outcome.views. detail: of the DRRs, "quick" where they
    are drawn finely soon. If anything fails, the scene is as it was.
    """
    with SceneTransaction(scene) as transaction:
        pose_node = _place_cta(scene, transaction, cta, outcome)
        pose_node.RemoveNodeReferenceIDs(DSA_REFERENCE)
        for index, (dsa, view) in enumerate(zip(dsas, outcome.views, strict=True)):
            plane, drr = _place_view(transaction, dsa, view, outcome, detail)
            pose_node.SetNthNodeReferenceID(DSA_REFERENCE, index, dsa.GetID())
            if index < len(SLICE_VIEWS):
                show_in_slice_view(scene, transaction, SLICE_VIEWS[index], plane=plane, drr=drr, carm=view.carm)
        look_from_source(scene, transaction, outcome.views[0].carm)
        report_node = _reference(
            transaction, pose_node, REPORT_REFERENCE, class_name="vtkMRMLTextNode", name=REPORT_NAME, role="report"
        )
        store_provenance(pose_node, report_node, outcome.report)
    return pose_node


def _place_cta(scene: Any, transaction: SceneTransaction, cta: Any, outcome: Outcome) -> Any:
    transaction.remember(cta)
    pose_node = pose_node_of(cta)
    if pose_node is None:
        pose_node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", POSE_NAME)
        pose_node.SetAttribute(ROLE, "pose")
    transaction.remember(pose_node)
    pose_node.SetCenterOfTransformation(*map(float, outcome.cloud.centre_mm))
    pose_node.SetAttribute(CENTRE_MM, json.dumps(np.asarray(outcome.cloud.centre_mm).tolist()))
    pose_node.SetAttribute(AUTOMATIC_POSE, pose_to_json(outcome.pose))
    pose_node.SetAttribute(INITIAL_POSE, pose_to_json(outcome.initial_pose))
    _place_points(transaction, pose_node, outcome)
    pose_node.SetNodeReferenceID(CTA_REFERENCE, cta.GetID())
    cta.SetNodeReferenceID(POSE_REFERENCE, pose_node.GetID())
    moved = transaction.remember(top_below_pose(cta))
    moved.SetAndObserveTransformNodeID(pose_node.GetID())
    # Last: whoever observes the pose finds everything else in place.
    pose_node.SetMatrixTransformToParent(matrix_of_array(outcome.pose))
    return pose_node


def _place_points(transaction: SceneTransaction, pose_node: Any, outcome: Outcome) -> None:
    """Vessels and skull; of a CT without contrast its skull in the vessels' place."""
    cloud, bones, name = outcome.cloud, outcome.bones, CLOUD_NAME
    if bones is not None and shows_skull(outcome.report):
        cloud, bones, name = bones, None, SKULL_NAME
    cloud_node = _reference(
        transaction, pose_node, CLOUD_REFERENCE, class_name=CLOUD_CLASS, name=name, role="cloud"
    )  # fmt: skip
    fill_cloud_node(cloud_node, cloud)
    if bones is None:
        pose_node.RemoveNodeReferenceIDs(BONES_REFERENCE)
        return
    bones_node = _reference(
        transaction, pose_node, BONES_REFERENCE, class_name=CLOUD_CLASS, name=SKULL_NAME, role="bones"
    )
    fill_cloud_node(bones_node, bones)


def _place_view(
    transaction: SceneTransaction, dsa: Any, view: OutcomeView, outcome: Outcome, detail: Detail
) -> tuple[Any, Any]:
    """The DSA's image plane and the DRR over it, found again or added."""
    name, ijk_to_ras = dsa.GetName(), plane_ijk_to_ras(view.carm)
    plane = _reference(
        transaction, dsa, PLANE_REFERENCE, class_name="vtkMRMLScalarVolumeNode", name=f"{name} MinIP", role="plane"
    )
    plane.SetIJKToRASMatrix(matrix_of_array(ijk_to_ras))
    plane.SetAndObserveImageData(image_data(view.minip[None]))
    plane.SetAttribute(CARM, carm_to_json(view.carm))
    _place_valid(transaction, plane, view.valid, ijk_to_ras)
    drr = _reference(transaction, plane, DRR_REFERENCE, class_name=DRR_CLASS, name=f"{name} DRR", role="drr")
    for node in (plane, drr):
        if node.GetDisplayNode() is None:
            node.CreateDefaultDisplayNodes()
        transaction.remember(node.GetDisplayNode())
    plane.GetDisplayNode().SetAutoWindowLevel(False)
    plane.GetDisplayNode().SetWindowLevelMinMax(*grey_window(view.minip, view.valid))
    bones_first = bones_come_first(outcome.report)
    draw_drr(drr, outcome.cloud, view.carm, outcome.pose, detail, bones=outcome.bones if bones_first else None)
    return plane, drr


def _place_valid(transaction: SceneTransaction, plane: Any, valid: BoolArray, ijk_to_ras: FloatArray) -> None:
    """The label map of what no shutter covers, only where there is a shutter."""
    if valid.all():
        plane.RemoveNodeReferenceIDs(VALID_REFERENCE)
        return
    name = f"{plane.GetName()} valid"
    node = _reference(
        transaction, plane, VALID_REFERENCE, class_name="vtkMRMLLabelMapVolumeNode", name=name, role="valid"
    )
    node.SetIJKToRASMatrix(matrix_of_array(ijk_to_ras))
    node.SetAndObserveImageData(image_data(valid.astype(np.uint8)[None]))
    node.SetHideFromEditors(True)


def _reference(
    transaction: SceneTransaction, owner: Any, reference: str, *, class_name: str, name: str, role: str
) -> Any:
    """`referenced_node`, what it changes remembered."""
    if owner.GetNodeReference(reference) is None:
        transaction.remember(owner)
    return transaction.remember(referenced_node(owner, reference, class_name, name, role))
