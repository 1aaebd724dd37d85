"""Connected components, on SimpleITK: several times faster and leaner than scipy's on a whole head."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.preparation.boxes import Box, bounding_box


def label_components(mask: BoolArray) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """26-connected components of `mask` (K, J, I): labels (K, J, I), 0 outside, and sizes in voxels, [0] of label 0."""
    labels = np.zeros(mask.shape, dtype=np.uint32)
    if not mask.any():
        return labels, np.array([mask.size])
    box = bounding_box(mask, margin=0)  # most masks leave much of the volume out, and labels are four times as large
    labels[box], sizes = _labelled(mask[box])
    sizes[0] += mask.size - mask[box].size
    return labels, sizes


def _labelled(mask: BoolArray) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    image = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.view(np.uint8)), True)
    labels = sitk.GetArrayFromImage(image)
    sizes = np.bincount(labels[mask], minlength=1)  # of the mask alone: most of a head is outside of most masks
    sizes[0] = mask.size - sizes.sum()
    return labels, sizes


def component_boxes(labels: npt.NDArray[np.uint32]) -> list[Box]:
    """The box of component 1, 2, ..., at index 0, 1, ...; no number is left out."""
    boxes: list[Box] = ndimage.find_objects(labels.view(np.int32))
    return boxes


def largest_component(mask: BoolArray) -> BoolArray:
    """The largest component of `mask`; empty where `mask` is."""
    labels, sizes = label_components(mask)
    if len(sizes) < 2:
        return np.zeros_like(mask)
    return labels == 1 + int(np.argmax(sizes[1:]))


def touching(mask: BoolArray, seeds: BoolArray, smallest: int = 1) -> BoolArray:
    """Components of `mask` that contain a voxel of `seeds` and have at least `smallest` voxels."""
    found = np.zeros_like(mask)
    if not mask.any():
        return found
    box = bounding_box(mask, margin=0)
    labels, sizes = _labelled(mask[box])
    keep = np.zeros(len(sizes), dtype=bool)
    keep[labels[seeds[box]]] = True
    keep &= sizes >= smallest
    keep[0] = False
    found[box] = keep[labels]
    return found
