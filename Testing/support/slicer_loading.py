"""Files into nodes as Slicer's own modules do it: DICOM's image sequence and scalar volume plugins, and Add Data.

The readers are Slicer's (vtkITK, on GDCM); the plugins, Python of a running Slicer, are followed step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def load_xa(scene: Any, path: Path, database: Any, name: str = "5: XA DSA [3]") -> tuple[Any, Any]:
    """A DICOM file as DICOMImageSequencePlugin loads it: a sequence of single-slice frames and its proxy volume.

    database: `slicer.dicomDatabase` of the adapter. Raises ValueError where Slicer's reader cannot read the file.
    """
    import slicer
    import vtk

    uid, grey = _uid_and_grey(path)
    database.files[uid] = str(path)
    image = _read(path, grey)
    frame_ms = image.GetSpacing()[2]
    frame = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode" if grey else "vtkMRMLVectorVolumeNode")
    turned = vtk.vtkMatrix4x4()
    turned.SetElement(0, 0, -1.0)
    turned.SetElement(1, 1, -1.0)
    frame.SetIJKToRASMatrix(turned)
    spacing = image.GetSpacing()
    image.SetSpacing(1.0, 1.0, 1.0)
    frame.SetSpacing(spacing[0], spacing[1], 1.0)
    frame.SetAttribute("DICOM.instanceUIDs", uid)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("frame" if frame_ms == 1.0 else "time")
    sequence.SetIndexUnit("" if frame_ms == 1.0 else "s")
    extent = image.GetExtent()
    for number in range(extent[5] - extent[4] + 1):
        crop = vtk.vtkImageClip()
        crop.SetInputData(image)
        crop.SetOutputWholeExtent(*extent[:4], extent[4] + number, extent[4] + number)
        crop.ClipDataOn()
        crop.Update()
        cropped = crop.GetOutput()
        cropped.SetExtent(*extent[:4], 0, 0)
        cropped.SetOrigin(0.0, 0.0, 0.0)
        frame.SetAndObserveImageData(cropped)
        value = str(number) if frame_ms == 1.0 else f"{number * frame_ms * 0.001:.3f}"
        sequence.SetDataNodeAtValue(frame, value)
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    scene.AddNode(storage)
    sequence.SetAndObserveStorageNodeID(storage.GetID())
    scene.RemoveNode(frame)
    browser = slicer.vtkMRMLSequenceBrowserNode()
    browser.SetName(scene.GenerateUniqueName(f"{name} browser"))
    scene.AddNode(browser)
    browser.AddSynchronizedSequenceNode(sequence)
    return sequence, browser.GetProxyNode(sequence)


def load_volume(scene: Any, path: Path, name: str = "CTA") -> Any:
    """A volume file as Add Data loads it."""
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    kind = slicer.vtkMRMLNRRDStorageNode if path.suffix == ".nrrd" else slicer.vtkMRMLVolumeArchetypeStorageNode
    _read_data(scene, kind(), [path], node)
    return node


def load_ct_series(scene: Any, paths: Sequence[Path], database: Any, name: str = "4: CTA head") -> Any:
    """The slices of a series, in their order, as DICOMScalarVolumePlugin loads them."""
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetSingleFile(False)
    _read_data(scene, storage, paths, node)
    uids = [_uid_and_grey(path)[0] for path in paths]
    database.files.update({uid: str(path) for uid, path in zip(uids, paths, strict=True)})
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    return node


def _read_data(scene: Any, storage: Any, paths: Sequence[Path], node: Any) -> None:
    scene.AddNode(storage)
    storage.SetFileName(str(paths[0]))
    storage.ResetFileNameList()
    for path in paths:
        storage.AddFileName(str(path))
    if not storage.ReadData(node):
        raise ValueError(f"Slicer cannot read {paths[0]}")
    node.SetAndObserveStorageNodeID(storage.GetID())
    node.CreateDefaultDisplayNodes()


def _read(path: Path, grey: bool) -> Any:
    import slicer
    import vtk

    reader = (
        slicer.vtkITKArchetypeImageSeriesScalarReader() if grey else slicer.vtkITKArchetypeImageSeriesVectorReaderFile()
    )
    reader.SetArchetype(str(path))
    reader.AddFileName(str(path))
    reader.SetSingleFile(True)
    reader.SetOutputScalarTypeToNative()
    reader.SetDesiredCoordinateOrientationToNative()
    reader.SetUseNativeOriginOn()
    reader.SetDICOMImageIOApproachToGDCM()
    reader.Update()
    if reader.GetErrorCode() != vtk.vtkErrorCode.NoError:
        raise ValueError(f"Slicer cannot read {path}")
    return reader.GetOutput()


def _uid_and_grey(path: Path) -> tuple[str, bool]:
    """What the DICOM database knows."""
    from pydicom import dcmread

    header = dcmread(path, force=True, stop_before_pixels=True)
    return str(header.SOPInstanceUID), "MONOCHROME" in header.get("PhotometricInterpretation", "")
