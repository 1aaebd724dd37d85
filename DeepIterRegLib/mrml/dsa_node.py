"""From whatever holds a DSA run in a scene to an `Angiogram`.

Slicer loads an XA run as a sequence of slices without patient geometry, and shows a proxy volume of one frame. The
C-arm's tags are only in the DICOM file, which the node names by its instance UID.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.run import RawRun, subtracted_run
from DeepIterRegLib.images.xa import read_header
from DeepIterRegLib.images.xa_geometry import carm_from_tags
from DeepIterRegLib.mrml.angiogram_node import is_loaded_angiogram, loaded_angiogram
from DeepIterRegLib.mrml.arrays import voxels_of

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Attribute that Slicer's DICOM plugins set: UIDs separated by spaces."""
NAME = "The DSA"
"""In messages; a node's or file's own name may be the patient's."""

FileOfInstance = Callable[[str], str]
"""The path of a DICOM instance's file, or "" where it is not known: `slicer.dicomDatabase.fileForInstance`."""


def angiogram_of(node: Any, geometry: GeometryOptions | None, file_of_instance: FileOfInstance) -> Angiogram:
    """The DSA run in a sequence, in a sequence's proxy volume, or in a volume whose third axis is time.

    geometry: what the user says about the C-arm, over the tags of the DICOM file, where the node came from one. Raises
    InputError for a node without frames, or a run that cannot be registered.
    """
    if node is None:
        raise InputError("There is no DSA; select an angiographic run as the DSA.")
    source = sequence_of(node) or node
    options = geometry or GeometryOptions()
    if is_loaded_angiogram(source):
        angiogram = loaded_angiogram(source)
        return replace(angiogram, carm=overridden(angiogram.carm, options))
    files = dicom_files(node, source, file_of_instance)
    if len(files) == 1:
        read = read_angiogram(files[0], options)
        return replace(read, warnings=tuple(warning.replace(files[0].name, NAME) for warning in read.warnings))
    frames = frames_of(source)
    warnings: list[str] = []
    if files:
        carm, warnings = carm_from_tags(read_header(files[0]), options, NAME)
    else:
        _, rows, columns = frames.shape
        carm = options.carm_without_tags(rows, columns, NAME)
    brightest = 255.0 if frames.dtype == np.uint8 else None
    shown = np.ones(frames.shape[1:], dtype=bool)
    run = subtracted_run(RawRun(frames.astype(np.float32), shown, brightest=brightest), NAME)
    return Angiogram(run.frames, carm, run.valid, warnings=(*warnings, *run.warnings))


def overridden(carm: CArm, options: GeometryOptions) -> CArm:
    """A C-arm with what the user gave in place of its own numbers. Raises InputError where they make no C-arm."""
    names = [field.name for field in fields(options) if field.name != "carm"]
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.carm is None and not given:
        return carm
    own = {} if options.carm is not None else {name: getattr(carm, name) for name in names}
    complete = GeometryOptions(**{"carm": options.carm, **own, **given})
    return complete.carm_without_tags(carm.rows, carm.columns, NAME)


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


def frames_of(source: Any) -> npt.NDArray[Any]:
    """(T, rows, columns) pixels of a sequence of slices, or of a volume whose third axis is time. Raises InputError."""
    if source.IsA("vtkMRMLSequenceNode"):
        nodes = [source.GetNthDataNode(index) for index in range(source.GetNumberOfDataNodes())]
    else:
        nodes = [source]
    if not nodes or not all(n.IsA("vtkMRMLVolumeNode") and n.GetImageData() is not None for n in nodes):
        raise InputError("The DSA has no frames; select a loaded angiographic run as the DSA.")
    arrays = [voxels_of(n) for n in nodes]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 3 or (len(arrays) > 1 and len(arrays[0]) > 1):
        raise InputError("The DSA is not a run of equal grey frames; select a sequence of 2D frames as the DSA.")
    return np.concatenate(arrays)


def slicer_file_of_instance(uid: str) -> str:
    """Asks Slicer's DICOM database, where there is one."""
    import slicer

    database = getattr(slicer, "dicomDatabase", None)
    return "" if database is None else str(database.fileForInstance(uid))
