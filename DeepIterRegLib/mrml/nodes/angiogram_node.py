"""A DSA run in the scene: a sequence of slices that lie on the detector, and what a scene can say about its C-arm."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_source import ReadyRun
from DeepIterRegLib.mrml.nodes.arrays import image_data, matrix_of_array, voxels_of
from DeepIterRegLib.mrml.nodes.detector_plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.nodes.new_node import new_node
from DeepIterRegLib.mrml.nodes.node_attributes import CARM, PATIENT_POSITION, ROLE, VALID_REFERENCE, WARNINGS


def add_angiogram(scene: Any, angiogram: Angiogram) -> Any:
    """A new vtkMRMLSequenceNode with the frames, at the detector, and everything else the Angiogram says.

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
    indices = (
        [str(index) for index in range(len(angiogram.frames))] if times_s is None else [repr(float(t)) for t in times_s]
    )
    for frame, index in zip(angiogram.frames, indices, strict=True):
        frame_node.SetAndObserveImageData(image_data(frame[None]))
        sequence.SetDataNodeAtValue(frame_node, index)
    sequence.SetAttribute(CARM, carm_to_json(angiogram.carm))
    sequence.SetAttribute(PATIENT_POSITION, angiogram.patient_position)
    sequence.SetAttribute(WARNINGS, json.dumps(angiogram.warnings, ensure_ascii=False))
    if not angiogram.valid.all():
        _add_valid(scene, sequence, angiogram, ijk_to_ras)
    return sequence


def is_loaded_angiogram(node: Any) -> bool:
    """Whether `add_angiogram` made the node."""
    return node.IsA("vtkMRMLSequenceNode") and node.GetAttribute(CARM) is not None


def ready_run_of(sequence: Any) -> ReadyRun:
    """What `add_angiogram` put into a sequence beside the frames. Raises InputError if its C-arm cannot be read."""
    count = sequence.GetNumberOfDataNodes()
    carm = carm_from_json(sequence.GetAttribute(CARM), "The DSA")
    times_s = None
    if sequence.GetIndexUnit() == "s":
        times_s = np.array([float(sequence.GetNthIndexValue(index)) for index in range(count)])
    valid_node = sequence.GetNodeReference(VALID_REFERENCE)
    return ReadyRun(
        carm,
        np.ones((carm.rows, carm.columns), dtype=bool) if valid_node is None else voxels_of(valid_node)[0] > 0,
        times_s,
        sequence.GetAttribute(PATIENT_POSITION) or HEAD_FIRST_SUPINE,
        sequence.GetName(),
        tuple(json.loads(sequence.GetAttribute(WARNINGS) or "[]")),
    )


def _add_valid(scene: Any, sequence: Any, angiogram: Angiogram, ijk_to_ras: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", f"{angiogram.name} valid")
    node.SetIJKToRASMatrix(ijk_to_ras)
    node.SetAndObserveImageData(image_data(angiogram.valid.astype(np.uint8)[None]))
    node.SetAttribute(ROLE, "valid")
    node.SetHideFromEditors(True)
    node.CreateDefaultDisplayNodes()
    sequence.SetNodeReferenceID(VALID_REFERENCE, node.GetID())
