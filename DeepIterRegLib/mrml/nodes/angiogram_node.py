"""A DSA run in the scene: a sequence of slices that lie on the detector, and what a scene can say about its C-arm.

The head without contrast, where the file shows it, is a hidden volume beside it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_source import ReadyRun
from DeepIterRegLib.images.native_image import NativeImage, NativeSource
from DeepIterRegLib.mrml.nodes.arrays import has_voxels, image_data, matrix_of_array, voxels_of
from DeepIterRegLib.mrml.nodes.detector_plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.nodes.new_node import new_node
from DeepIterRegLib.mrml.nodes.node_attributes import (
    ASSUMED,
    CARM,
    HEAD_MOTION,
    NATIVE_REFERENCE,
    NATIVE_SOURCE,
    PATIENT_POSITION,
    ROLE,
    SIGN_IS_KNOWN,
    VALID_REFERENCE,
    WARNINGS,
    WITHOUT_CONTRAST,
)


def add_angiogram(scene: Any, angiogram: Angiogram) -> Any:
    """A new vtkMRMLSequenceNode with the frames, at the detector, and everything else the Angiogram says.

    Of an X-ray without contrast the one frame is the X-ray, bone dark, so that there is something to see.
    `dsa_node.angiogram_of` gives the Angiogram back, from the scene's file too.
    """
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", scene.GenerateUniqueName(angiogram.name))
    times_s = angiogram.frame_times_s
    sequence.SetIndexName("frame" if times_s is None else "time")
    sequence.SetIndexUnit("" if times_s is None else "s")
    ijk_to_ras = matrix_of_array(plane_ijk_to_ras(angiogram.carm))
    frame_node = new_node(scene, "vtkMRMLScalarVolumeNode")
    frame_node.SetName(angiogram.name)
    frame_node.SetIJKToRASMatrix(ijk_to_ras)
    frames = angiogram.frames
    if not angiogram.shows_contrast:
        frames = _shown_xray(angiogram)
        sequence.SetAttribute(WITHOUT_CONTRAST, "yes")
    indices = [str(index) for index in range(len(frames))] if times_s is None else [repr(float(t)) for t in times_s]
    for frame, index in zip(frames, indices, strict=True):
        frame_node.SetAndObserveImageData(image_data(frame[None]))
        sequence.SetDataNodeAtValue(frame_node, index)
    sequence.SetAttribute(CARM, carm_to_json(angiogram.carm))
    sequence.SetAttribute(PATIENT_POSITION, angiogram.patient_position)
    sequence.SetAttribute(WARNINGS, json.dumps(angiogram.warnings, ensure_ascii=False))
    if angiogram.assumed:
        sequence.SetAttribute(ASSUMED, json.dumps(angiogram.assumed, ensure_ascii=False))
    if angiogram.head_motion is not None:
        sequence.SetAttribute(HEAD_MOTION, json.dumps(angiogram.head_motion.tolist()))
    _add_valid(scene, sequence, angiogram.valid, f"{angiogram.name} valid", ijk_to_ras)
    if angiogram.native is not None:
        _add_native(scene, sequence, angiogram.native, f"{angiogram.name} native", ijk_to_ras)
    return sequence


def is_loaded_angiogram(node: Any) -> bool:
    """Whether `add_angiogram` made the node."""
    return node.IsA("vtkMRMLSequenceNode") and node.GetAttribute(CARM) is not None


def is_without_contrast(sequence: Any) -> bool:
    """Whether the sequence's one frame is an X-ray, and no frame of a run."""
    return sequence.GetAttribute(WITHOUT_CONTRAST) is not None


def native_nodes_of(sequence: Any) -> list[Any]:
    """The volume with the head without contrast and the label map of its pixels that count, as far as there are any."""
    native = sequence.GetNodeReference(NATIVE_REFERENCE)
    if native is None or not has_voxels(native):
        return []
    valid = native.GetNodeReference(VALID_REFERENCE)
    return [native] if valid is None else [native, valid]


def ready_run_of(sequence: Any) -> ReadyRun:
    """What `add_angiogram` put into a sequence beside the frames. Raises InputError if its C-arm cannot be read, or the
    X-ray of one without contrast is gone."""
    count = sequence.GetNumberOfDataNodes()
    carm = carm_from_json(sequence.GetAttribute(CARM), "The DSA")
    times_s = None
    if sequence.GetIndexUnit() == "s":
        times_s = np.array([float(sequence.GetNthIndexValue(index)) for index in range(count)])
    motion = sequence.GetAttribute(HEAD_MOTION)
    native = _native_of(sequence, carm)
    if native is None and is_without_contrast(sequence):
        raise InputError("The X-ray for {dsa} is missing from the scene; load it again.", field=Field.DSA)
    return ReadyRun(
        carm,
        _valid_of(sequence, carm),
        times_s,
        sequence.GetAttribute(PATIENT_POSITION) or HEAD_FIRST_SUPINE,
        sequence.GetName(),
        tuple(json.loads(sequence.GetAttribute(WARNINGS) or "[]")),
        native,
        None if motion is None else np.array(json.loads(motion), dtype=np.float64),
        tuple(json.loads(sequence.GetAttribute(ASSUMED) or "[]")),
    )


def _shown_xray(angiogram: Angiogram) -> npt.NDArray[np.float32]:
    """(1, rows, columns) bone dark, as contrast is in a DSA; nothing where there is no X-ray either."""
    if angiogram.native is None:
        return np.zeros((1, *angiogram.valid.shape), dtype=np.float32)
    return -angiogram.native.attenuation[None]


def _add_native(scene: Any, sequence: Any, native: NativeImage, name: str, ijk_to_ras: Any) -> None:
    node = _add_hidden(scene, "vtkMRMLScalarVolumeNode", name, native.attenuation.astype(np.float32), ijk_to_ras)
    node.SetAttribute(ROLE, "native")
    node.SetAttribute(NATIVE_SOURCE, native.source)
    node.SetAttribute(SIGN_IS_KNOWN, "yes" if native.sign_is_known else "no")
    sequence.SetNodeReferenceID(NATIVE_REFERENCE, node.GetID())
    _add_valid(scene, node, native.valid, f"{name} valid", ijk_to_ras)


def _native_of(sequence: Any, carm: CArm) -> NativeImage | None:
    """None where there is none, or somebody put an image of another size in its place."""
    nodes = native_nodes_of(sequence)
    if not nodes or voxels_of(nodes[0]).shape != (1, carm.rows, carm.columns):
        return None
    source: NativeSource = "mask frame" if nodes[0].GetAttribute(NATIVE_SOURCE) == "mask frame" else "native image"
    sign_is_known = nodes[0].GetAttribute(SIGN_IS_KNOWN) != "no"
    return NativeImage(voxels_of(nodes[0])[0], _valid_of(nodes[0], carm), source, sign_is_known)


def _add_valid(scene: Any, owner: Any, valid: BoolArray, name: str, ijk_to_ras: Any) -> None:
    """The label map of the owner's pixels that count, only where some do not."""
    if valid.all():
        return
    node = _add_hidden(scene, "vtkMRMLLabelMapVolumeNode", name, valid.astype(np.uint8), ijk_to_ras)
    node.SetAttribute(ROLE, "valid")
    owner.SetNodeReferenceID(VALID_REFERENCE, node.GetID())


def _valid_of(owner: Any, carm: CArm) -> BoolArray:
    node = owner.GetNodeReference(VALID_REFERENCE)
    return np.ones((carm.rows, carm.columns), dtype=bool) if node is None else voxels_of(node)[0] > 0


def _add_hidden(scene: Any, class_name: str, name: str, pixels: npt.NDArray[Any], ijk_to_ras: Any) -> Any:
    """A volume of (rows, columns) pixels at the detector, which no list of nodes shows."""
    node = scene.AddNewNodeByClass(class_name, name)
    node.SetIJKToRASMatrix(ijk_to_ras)
    node.SetAndObserveImageData(image_data(pixels[None]))
    node.SetHideFromEditors(True)
    node.CreateDefaultDisplayNodes()
    return node
