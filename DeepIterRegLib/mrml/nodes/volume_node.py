"""The CTA between a scalar volume node and `Volume`."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.volume import Volume, VolumeKind
from DeepIterRegLib.images.volume_source import VolumeSource, read_volume_source
from DeepIterRegLib.mrml.nodes.arrays import (
    array_of_matrix,
    has_voxels,
    ijk_to_ras_of,
    image_data,
    matrix_of_array,
    voxels_of,
)
from DeepIterRegLib.mrml.nodes.node_attributes import KIND, WARNINGS, is_pose_node

CTA_WINDOW_HU = (-100.0, 600.0)
"""Shows brain, vessels and bone apart."""


def add_volume(scene: Any, volume: Volume) -> Any:
    """A new vtkMRMLScalarVolumeNode that holds a copy of `volume`."""
    node = add_image(scene, volume.name, volume.voxels, volume.ijk_to_ras)
    node.SetAttribute(KIND, volume.kind)
    node.SetAttribute(WARNINGS, json.dumps(volume.warnings, ensure_ascii=False))
    if volume.kind != "3dra":
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevelMinMax(*CTA_WINDOW_HU)
    return node


def add_image(scene: Any, name: str, voxels: Any, ijk_to_ras: FloatArray) -> Any:
    """A new scalar volume node of (K, J, I) voxels, with its display node."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(matrix_of_array(ijk_to_ras))
    node.SetAndObserveImageData(image_data(voxels))
    node.CreateDefaultDisplayNodes()
    return node


def volume_of(node: Any, vessels_given: bool = False) -> Volume:
    """The CTA in a scalar volume node, where the transforms that the user put it under have it.

    Voxels are not copied where their type allows. vessels_given: masks say what vessels and veins are. Raises
    InputError as `volume_source_of` does, and for values that no CTA or 3DRA has.
    """
    return read_volume_source(volume_source_of(node), vessels_given)


def volume_source_of(node: Any) -> VolumeSource:
    """What `read_volume_source` makes the volume of a node from. Cheap: voxels are neither copied nor looked at.

    This project's own pose transform is left out: the patient frame is what lies below it. Raises InputError for a node
    without voxels, one that is no 3D scalar volume, or one under a transform that is not linear.
    """
    if node is None or not node.IsA("vtkMRMLScalarVolumeNode") or not has_voxels(node):
        raise InputError("The CTA has no voxels; select a loaded scalar volume for {cta}.", field=Field.CTA)
    voxels = voxels_of(node)
    if voxels.ndim != 3 or min(voxels.shape) < 2:
        raise InputError(
            "The CTA is not a 3D scalar volume; select the CT angiogram for {cta}, and the run for {dsa}.",
            field=Field.CTA,
        )
    warnings = tuple(json.loads(node.GetAttribute(WARNINGS) or "[]"))
    ijk_to_ras = patient_from_node(node) @ ijk_to_ras_of(node)
    return VolumeSource(voxels, ijk_to_ras, cast("VolumeKind | None", node.GetAttribute(KIND)), warnings)


def patient_from_node(node: Any) -> FloatArray:
    """(4, 4) product of the transforms between a node and the pose transform (or the world, where there is none).

    Raises InputError where one of them is not linear.
    """
    import vtk

    product = np.eye(4)
    transform = node.GetParentTransformNode()
    while transform is not None and not is_pose_node(transform):
        matrix = vtk.vtkMatrix4x4()
        if not transform.IsLinear() or not transform.GetMatrixTransformToParent(matrix):
            raise InputError(
                "The CTA is under {transform!r}, which is not a linear transform; take it out from under it.",
                field=Field.CTA,
                transform=transform.GetName(),
            )
        product = array_of_matrix(matrix) @ product
        transform = transform.GetParentTransformNode()
    return product


def top_below_pose(node: Any) -> Any:
    """What the pose transform is put above: the outermost transform of the user's, or the volume itself."""
    while True:
        parent = node.GetParentTransformNode()
        if parent is None or is_pose_node(parent):
            return node
        node = parent
