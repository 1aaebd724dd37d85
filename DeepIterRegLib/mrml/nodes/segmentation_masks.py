"""Segmentations and label maps that the user made, as masks on the grids of the CTA and the DSA."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.mrml.nodes.arrays import array_of_matrix, ijk_to_ras_of, matrix_of_array, voxels_of
from DeepIterRegLib.mrml.nodes.dsa_node import source_of
from DeepIterRegLib.mrml.nodes.mask_node import mask_key
from DeepIterRegLib.mrml.nodes.volume_node import patient_from_node
from DeepIterRegLib.mrml.worker_client.request import ArrayMaker, GivenMask
from DeepIterRegLib.worker.payload import key_of

VEIN = re.compile(r"vein|venous|vena\b|sinus|jugular", re.IGNORECASE)
"""Segments of veins, where one segmentation holds arteries and veins."""


def given_cta_masks(vessels: Any, veins: Any, cta: Any) -> tuple[GivenMask | None, GivenMask | None]:
    """(vessels, veins) of the CTA, ready to be sent; None where nothing is selected.

    vessels, veins: vtkMRMLSegmentationNode, of which the visible segments count, or label maps; they may lie on another
    grid. Where both are the same segmentation, the segments whose names say so are the veins. Raises InputError where
    none does; what is wrong with the voxels is raised when they are made.
    """
    names = _vein_names(veins) if vessels is not None and vessels is veins else None
    return _given(vessels, cta, Field.CTA_VESSELS), _given(veins, cta, Field.CTA_VEINS, names)


def given_detector_masks(nodes: Sequence[Any], dsas: Sequence[Any], field: Field) -> tuple[GivenMask | None, ...]:
    """Masks of the DSAs, one or None for each. field: DSA_VESSELS or DSA_VEINS."""
    return tuple(
        None
        if node is None
        else GivenMask(mask_key(node, first_frame(dsa)), _maker(detector_mask, node, first_frame(dsa), field))
        for node, dsa in zip(nodes, dsas, strict=True)
    )


def _given(node: Any, cta: Any, field: Field, names: Sequence[str] | None = None) -> GivenMask | None:
    if node is None:
        return None
    segments = segments_of(node, field, names)
    return GivenMask(key_of(mask_key(node, cta), segments), _maker(mask_on, node, cta, field, segments))


def _maker(make: Callable[..., BoolArray], *arguments: Any) -> ArrayMaker:
    return lambda: make(*arguments).astype(np.uint8)


def _vein_names(segmentation: Any) -> list[str]:
    if not segmentation.IsA("vtkMRMLSegmentationNode"):
        raise InputError(
            "The vessels and the veins of the CTA are the same label map; select two, or leave out {cta_veins}.",
            field=Field.CTA_VEINS,
        )
    names = [name for name in segment_names(segmentation) if VEIN.search(name)]
    if not names:
        raise InputError(
            "The segmentation has no segment whose name says that it is a vein; rename it, for example to "
            "veins, or select another segmentation for {cta_veins}.",
            field=Field.CTA_VEINS,
        )
    return names


def mask_on(node: Any, volume: Any, field: Field, segments: Sequence[str] = ()) -> BoolArray:
    """(K, J, I) mask of a segmentation or label map on a volume's grid, by nearest neighbour.

    segments: IDs of those that count, of a segmentation. field: which mask it is.
    Raises InputError for a mask without a voxel on the grid, but for one of the veins: there are none, then.
    """
    shape = voxels_of(volume).shape[:3]
    # Both are compared in the patient frame: the pose of an earlier registration moves neither against the other.
    volume_to_patient = patient_from_node(volume) @ ijk_to_ras_of(volume)
    try:
        node_to_patient = patient_from_node(node)
    except InputError as error:
        raise InputError(
            "{field} is under a transform that is not linear; take it out from under it.", field=field
        ) from error
    mask = np.zeros(shape, dtype=bool)
    for image, image_to_node in _images(node, field, segments):
        to_image = np.linalg.solve(node_to_patient @ image_to_node, volume_to_patient)
        mask |= _resampled(image, to_image, shape)
    if not mask.any() and field != Field.CTA_VEINS:
        raise InputError("{field} marks nothing in the CTA; select one that was drawn on it, or none.", field=field)
    return mask


def first_frame(dsa: Any) -> Any:
    """A volume node of the DSA's size."""
    source = source_of(dsa)
    return source.GetNthDataNode(0) if source.IsA("vtkMRMLSequenceNode") else source


def detector_mask(node: Any, frame: Any, field: Field) -> BoolArray:
    """(rows, columns) of an image of the DSA's size, above 0 where there are vessels.

    field: which mask it is. Raises InputError for another size or an image without a mark.
    """
    if node.GetImageData() is None:
        raise InputError("{field} has no image in it; select another one, or none.", field=field)
    marked = voxels_of(node)
    rows, columns = voxels_of(frame).shape[1:3]
    if marked.shape != (1, rows, columns):
        raise InputError(
            "{field} has {size} pixels, but the DSA has {columns} x {rows}; select one of the DSA's size, or none.",
            field=field,
            size=marked.shape[:0:-1],
            columns=columns,
            rows=rows,
        )
    mask: BoolArray = marked[0] > 0
    if not mask.any():
        raise InputError("{field} marks no pixel; select another one, or none.", field=field)
    return mask


def segment_names(segmentation: Any) -> list[str]:
    """Names of the segments, in their order."""
    segments = segmentation.GetSegmentation()
    return [segments.GetNthSegment(index).GetName() for index in range(segments.GetNumberOfSegments())]


def segments_of(node: Any, field: Field, names: Sequence[str] | None = None) -> list[str]:
    """IDs of a segmentation's segments with these names, or of the visible ones; none of a label map.

    Raises InputError where no segment is visible.
    """
    if not node.IsA("vtkMRMLSegmentationNode"):
        return []
    segments, display = node.GetSegmentation(), node.GetDisplayNode()
    ids = [segments.GetNthSegmentID(index) for index in range(segments.GetNumberOfSegments())]
    if names is not None:
        return [segment_id for segment_id in ids if segments.GetSegment(segment_id).GetName() in names]
    found = [segment_id for segment_id in ids if display is None or display.GetSegmentVisibility(segment_id)]
    if not found:
        raise InputError("{field} has no visible segment; show those that count, or select none.", field=field)
    return found


def _images(node: Any, field: Field, segments: Sequence[str]) -> list[tuple[Any, FloatArray]]:
    """vtkImageData of each part of a mask with its (4, 4) index to the node's frame."""
    if node.IsA("vtkMRMLSegmentationNode"):
        return [_segment_image(node, segment_id, field) for segment_id in segments]
    if node.GetImageData() is None:
        raise InputError("{field} has no voxels; select another one, or none.", field=field)
    return [(node.GetImageData(), ijk_to_ras_of(node))]


def _segment_image(node: Any, segment_id: str, field: Field) -> tuple[Any, FloatArray]:
    import slicer
    import vtk

    image = slicer.vtkOrientedImageData()
    # A segmentation that was imported as surfaces gets its voxels first.
    has_voxels = node.GetBinaryLabelmapRepresentation(segment_id, image) or (
        node.CreateBinaryLabelmapRepresentation() and node.GetBinaryLabelmapRepresentation(segment_id, image)
    )
    if not has_voxels:
        raise InputError(
            "{field} cannot be turned into voxels; make a label map of it in the Segmentations module.", field=field
        )
    to_node = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(to_node)
    return image, array_of_matrix(to_node)


def _resampled(image: Any, to_image: FloatArray, shape: tuple[int, ...]) -> BoolArray:
    """(K, J, I) where `image` is above 0. to_image: (4, 4) index of the wanted grid to index of the image."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    if image.IsA("vtkImageData") and min(image.GetDimensions()) < 1:
        return np.zeros(shape, dtype=bool)
    # Indices are all the coordinates that vtkImageReslice gets to see: both grids have spacing 1 and origin 0.
    plain = vtk.vtkImageData()
    plain.DeepCopy(image)
    plain.SetSpacing(1, 1, 1)
    plain.SetOrigin(0, 0, 0)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(plain)
    reslice.SetResliceAxes(matrix_of_array(to_image))
    reslice.SetInterpolationModeToNearestNeighbor()
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputExtent(0, shape[2] - 1, 0, shape[1] - 1, 0, shape[0] - 1)
    reslice.SetBackgroundLevel(0)
    reslice.Update()
    found: BoolArray = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars()).reshape(shape) > 0
    return found
