"""A registered CTA as the scene holds it: what every part of the panel works on, after re-opening too.

The scene is the truth: nothing here is kept beside it, and whatever moves the head sets the pose's node.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json
from DeepIterRegLib.geometry.rigid import apply, require_rigid
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array, to_parent_of, voxels_of
from DeepIterRegLib.mrml.nodes.cloud_node import cloud_of
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
    VALID_REFERENCE,
    is_pose_node,
)
from DeepIterRegLib.mrml.nodes.pose_json import pose_from_json
from DeepIterRegLib.mrml.nodes.volume_node import top_below_pose, volume_source_of
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.report import bones_come_first, shows_skull

CTA_MOVED_MM = 0.1
"""More than what writing a scene rounds."""


@dataclass(frozen=True, eq=False)
class RegisteredView:
    """One DSA of a registration, by its nodes."""

    dsa: Any
    """The node that the user selected, or the sequence behind it."""
    plane: Any
    """Scalar volume: the MinIP, at the detector."""
    drr: Any
    """RGBA vector volume: the DRR over the plane."""
    carm: CArm
    number: int
    """Of the DSA in the report's list, from 0."""

    @property
    def valid(self) -> BoolArray:
        """(rows, columns) what no shutter covers."""
        node = self.plane.GetNodeReference(VALID_REFERENCE)
        if node is None or node.GetImageData() is None:
            return np.ones((self.carm.rows, self.carm.columns), dtype=bool)
        return voxels_of(node)[0] > 0


@dataclass(frozen=True, eq=False)
class RegisteredCase:
    """A CTA, the DSAs that it was registered to, and how the registration came out."""

    cta: Any
    """Scalar volume node."""
    pose_node: Any
    """Linear transform node "CTA to C-arm"; its to-parent matrix is the pose in use."""
    views: tuple[RegisteredView, ...]
    automatic_pose: FloatArray
    """(4, 4) what the last computation (Register or Refine) found, whatever a hand did since."""
    initial_pose: FloatArray
    """(4, 4) where that computation started."""
    centre_mm: FloatArray
    """(3,) centre of the CTA, patient frame: the pivot of adjustments."""
    report: Mapping[str, Any]
    """The registration's report, docs/report.md."""
    cloud_node: Any
    bones_node: Any = None
    """The skull's points where `cloud_node` has vessels; None in scenes of earlier versions."""

    @cached_property
    def cloud(self) -> VesselCloud:
        """The CTA's vessels, patient frame; the skull of a CT without contrast. Raises InputError where they are
        missing from the scene."""
        return cloud_of(self.cloud_node, self.centre_mm)

    @property
    def vessels(self) -> VesselCloud:
        """The CTA's vessels, none of a CT without contrast. Raises InputError as `cloud`."""
        cloud = self.cloud
        return VesselCloud.empty(cloud.cell_mm, cloud.centre_mm) if shows_skull(self.report) else cloud

    @cached_property
    def bones(self) -> VesselCloud | None:
        """The CTA's skull, None where the scene has none. Raises InputError as `cloud`."""
        if shows_skull(self.report):
            return self.cloud
        try:
            return None if self.bones_node is None else cloud_of(self.bones_node, self.centre_mm)
        except InputError:
            return None

    @property
    def bones_first(self) -> bool:
        """Whether CTA and DSAs do not both show vessels: then the overlay begins with the bones."""
        return bones_come_first(self.report)

    @property
    def pose(self) -> FloatArray:
        """(4, 4) the pose in use. Raises InputError where somebody made it something else than a rigid motion."""
        if not self.pose_node.IsLinear():
            raise InputError("The transform of the CTA is not linear; give a rigid (rotation and translation) one.")
        return require_rigid(to_parent_of(self.pose_node), "The transform of the CTA")

    def set_pose(self, pose: FloatArray) -> None:
        """Move the CTA: everything that shows the pose follows its node."""
        self.pose_node.SetMatrixTransformToParent(matrix_of_array(pose))

    @property
    def is_applied(self) -> bool:
        """Whether the CTA is shown under the pose."""
        return top_below_pose(self.cta).GetParentTransformNode() is self.pose_node

    @property
    def cta_has_moved(self) -> bool:
        """Whether the CTA lies elsewhere in the patient frame than where it was registered: it was hardened, or the
        user's own transform was changed. The overlay shows it where it was."""
        try:
            source = volume_source_of(self.cta)
        except InputError:
            return True
        centre_mm = apply(source.ijk_to_ras, (np.array(source.voxels.shape[::-1]) - 1) / 2)
        return bool(np.linalg.norm(centre_mm - self.centre_mm) > CTA_MOVED_MM)

    def apply_to_cta(self, applied: bool) -> None:
        """Put the CTA (with the transforms that the user put it under) under the pose, or take it out."""
        node_id = self.pose_node.GetID() if applied else None
        top_below_pose(self.cta).SetAndObserveTransformNodeID(node_id)


def registered_case(cta: Any, pose_node: Any = None) -> RegisteredCase | None:
    """The registration of a CTA's node that is in use, None where there is none (any more) in the scene.

    pose_node: of another one of its registrations (`pose_nodes_of`). Raises InputError where the scene holds one that
    cannot be read.
    """
    if pose_node is None and cta is not None:
        pose_node = pose_node_of(cta)
    if pose_node is None or pose_node.GetAttribute(AUTOMATIC_POSE) is None:
        return None
    dsas = [
        pose_node.GetNthNodeReference(DSA_REFERENCE, index)
        for index in range(pose_node.GetNumberOfNodeReferences(DSA_REFERENCE))
    ]
    views = [view for number, dsa in enumerate(dsas) if dsa is not None and (view := _view(dsa, number)) is not None]
    report, cloud = pose_node.GetNodeReference(REPORT_REFERENCE), pose_node.GetNodeReference(CLOUD_REFERENCE)
    if not views or report is None or cloud is None:
        return None
    try:
        fields = json.loads(report.GetText() or "")
    except ValueError as error:
        raise InputError("The registration's report cannot be read from the scene; register again.") from error
    return RegisteredCase(
        cta=cta,
        pose_node=pose_node,
        views=tuple(views),
        automatic_pose=pose_from_json(pose_node.GetAttribute(AUTOMATIC_POSE), "The automatic pose"),
        initial_pose=pose_from_json(pose_node.GetAttribute(INITIAL_POSE), "The starting pose"),
        centre_mm=np.array(json.loads(pose_node.GetAttribute(CENTRE_MM))),
        report=fields,
        cloud_node=cloud,
        bones_node=pose_node.GetNodeReference(BONES_REFERENCE),
    )


def registered_cases(scene: Any) -> list[RegisteredCase]:
    """All registrations in a scene; of a CTA that has several, the one in use first."""
    found = [(node, node.GetNodeReference(CTA_REFERENCE)) for node in _pose_nodes(scene)]
    pairs = [(node, cta) for node, cta in found if cta is not None]
    pairs.sort(key=lambda pair: pose_node_of(pair[1]) is not pair[0])
    cases = [registered_case(cta, node) for node, cta in pairs]
    return [case for case in cases if case is not None]


def pose_nodes_of(cta: Any) -> list[Any]:
    """The transform nodes with the poses of a CTA's node: a pose that was carried to another run has one of its own."""
    return [node for node in _pose_nodes(cta.GetScene()) if node.GetNodeReference(CTA_REFERENCE) is cta]


def _pose_nodes(scene: Any) -> list[Any]:
    nodes = (
        scene.GetNthNodeByClass(index, "vtkMRMLLinearTransformNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode"))
    )
    return [node for node in nodes if is_pose_node(node)]


def pose_node_of(cta: Any) -> Any | None:
    """The transform node with the pose of a CTA's node, or None before it was registered.

    A copy of a registered CTA refers to the pose of its original, and is under it, but was not registered.
    """
    node = cta.GetNodeReference(POSE_REFERENCE)
    if node is None:
        node = top_below_pose(cta).GetParentTransformNode()
    if node is None or not is_pose_node(node):
        return None
    return node if node.GetNodeReference(CTA_REFERENCE) in (None, cta) else None


def drr_node_of(dsa: Any) -> Any | None:
    """The DRR over a DSA's image plane, or None before it was registered."""
    plane = dsa.GetNodeReference(PLANE_REFERENCE)
    return None if plane is None else plane.GetNodeReference(DRR_REFERENCE)


def _view(dsa: Any, number: int) -> RegisteredView | None:
    plane, drr = dsa.GetNodeReference(PLANE_REFERENCE), drr_node_of(dsa)
    carm = None if plane is None else plane.GetAttribute(CARM)
    if drr is None or carm is None:
        return None
    return RegisteredView(dsa, plane, drr, carm_from_json(carm, "The DSA"), number)
