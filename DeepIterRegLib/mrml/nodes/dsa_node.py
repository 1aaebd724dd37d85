"""From whatever holds a DSA run in a scene to a `DsaSource`, and from there to an `Angiogram`.

Slicer loads an XA run as a sequence of slices without patient geometry, and shows a proxy volume of one frame. The
C-arm's tags are only in the DICOM file, which the node names by its instance UID.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_source import NAME, DsaSource, overridden, read_source
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.mrml.nodes.angiogram_node import is_loaded_angiogram, is_without_contrast, ready_run_of
from DeepIterRegLib.mrml.nodes.arrays import has_voxels, voxels_of
from DeepIterRegLib.mrml.nodes.node_attributes import CARM, PLANE_REFERENCE

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Attribute that Slicer's DICOM plugins set: UIDs separated by spaces."""

FileOfInstance = Callable[[str], str]
"""The path of a DICOM instance's file, or "" where it is not known: `slicer.dicomDatabase.fileForInstance`."""


def angiogram_of(node: Any, geometry: GeometryOptions | None, file_of_instance: FileOfInstance) -> Angiogram:
    """The DSA run in a sequence, in a sequence's proxy volume, or in a volume whose third axis is time.

    geometry: what the user says about the C-arm, over the tags of the DICOM file, where the node came from one. Raises
    InputError for a node without frames, or a run that cannot be registered.
    """
    return read_source(dsa_source_of(node, geometry, file_of_instance))


def dsa_source_of(node: Any, geometry: GeometryOptions | None, file_of_instance: FileOfInstance) -> DsaSource:
    """What `read_source` makes the run of a node from. Cheap: nothing is read, decoded or copied.

    Raises InputError for a node that can hold no run.
    """
    if node is None:
        raise InputError("There is no DSA; select an angiographic run for {dsa}.", field=Field.DSA)
    source = source_of(node)
    options = geometry or GeometryOptions()
    if is_loaded_angiogram(source):
        ready = ready_run_of(source)
        return DsaSource(options, () if is_without_contrast(source) else frames_of(source), ready)
    files = dicom_files(node, source, file_of_instance)
    if len(files) == 1:
        return DsaSource(options, frames_of(source, needed=False), file=files[0], file_is_whole=True)
    if not files and (carm := registered_carm_of(source)) is not None:
        options = GeometryOptions(carm=overridden(carm, options))
    return DsaSource(options, frames_of(source), file=files[0] if files else None)


def registered_carm_of(source: Any) -> CArm | None:
    """The C-arm that a DSA was registered with before, as a scene keeps it that is opened on another computer.

    source: `sequence_of` a node, or the node. Raises InputError where it cannot be read.
    """
    plane = source.GetNodeReference(PLANE_REFERENCE)
    text = None if plane is None else plane.GetAttribute(CARM)
    return None if text is None else carm_from_json(text, NAME)


def sequence_of(node: Any) -> Any | None:
    """The sequence that `node` is or stands for, None for a volume of its own."""
    if node.IsA("vtkMRMLSequenceNode"):
        return node
    scene = node.GetScene()
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        sequence = scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode").GetSequenceNode(node)
        if sequence is not None:
            return sequence
    return None


def source_of(dsa: Any) -> Any:
    """The node that stands for a DSA whatever was selected: its sequence, else the volume itself."""
    return sequence_of(dsa) or dsa


def sources_of(dsas: Sequence[Any]) -> list[Any]:
    """`source_of` each. Raises InputError for none, or where two of them are the same run."""
    if not dsas:
        raise InputError("There is no DSA; select an angiographic run for {dsa}.", field=Field.DSA)
    sources = [dsa if dsa is None else source_of(dsa) for dsa in dsas]
    if len({id(source) for source in sources}) < len(sources):
        raise InputError(
            "The same DSA was given twice; select two runs of the unmoved patient, or one.", field=Field.DSA
        )
    return sources


def dicom_files(node: Any, source: Any, file_of_instance: FileOfInstance) -> list[Path]:
    """The DICOM files that a node, its sequence or the sequence's first frame came from, as far as they exist."""
    candidates = [node, source]
    if source.IsA("vtkMRMLSequenceNode") and source.GetNumberOfDataNodes():
        candidates.append(source.GetNthDataNode(0))
    for candidate in candidates:
        paths = [file_of_instance(uid) for uid in (candidate.GetAttribute(INSTANCE_UIDS) or "").split()]
        if found := [Path(path) for path in paths if path and os.path.isfile(path)]:
            return found
    return []


def frames_of(source: Any, needed: bool = True) -> tuple[npt.NDArray[Any], ...]:
    """(n, rows, columns) pixels, not copied, of a sequence of slices, or of a volume whose third axis is time.

    Raises InputError for anything else; gives none instead where they are not needed.
    """
    if source.IsA("vtkMRMLSequenceNode"):
        nodes = [source.GetNthDataNode(index) for index in range(source.GetNumberOfDataNodes())]
    else:
        nodes = [source]
    if not nodes or not all(n.IsA("vtkMRMLVolumeNode") and has_voxels(n) for n in nodes):
        if not needed:
            return ()
        raise InputError("The DSA has no frames; select a loaded angiographic run for {dsa}.", field=Field.DSA)
    arrays = tuple(voxels_of(n) for n in nodes)
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 3 or (len(arrays) > 1 and len(arrays[0]) > 1):
        if not needed:
            return ()
        raise InputError(
            "The DSA is not a run of equal grey frames; select a sequence of 2D frames for {dsa}.", field=Field.DSA
        )
    return arrays


def slicer_file_of_instance(uid: str) -> str:
    """Asks Slicer's DICOM database, where there is one."""
    import slicer

    database = getattr(slicer, "dicomDatabase", None)
    # A closed database would answer with an error in Slicer's log.
    return "" if database is None or not database.isOpen else str(database.fileForInstance(uid))
