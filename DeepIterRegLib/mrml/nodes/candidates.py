"""What in a scene can be a CTA or a DSA, each run once; and which of them the user most probably means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from DeepIterRegLib.mrml.nodes.angiogram_node import is_loaded_angiogram
from DeepIterRegLib.mrml.nodes.dsa_node import sequence_of, source_of
from DeepIterRegLib.mrml.nodes.node_attributes import KIND, role

VOLUME, SEQUENCE = "vtkMRMLScalarVolumeNode", "vtkMRMLSequenceNode"
CT_MODALITIES, XA_MODALITIES = ("CT", "MR", "PT"), ("XA", "RF", "DX", "CR")
"""Of volumes, which are no DSA, and of X-rays, which are no CTA. A reconstruction by the C-arm may be called XA."""
CTA_WORDS = re.compile(r"cta|angio|3dra|head|brain|carotid|kopf|neuro|h(ä|ae)m|cow", re.IGNORECASE)
DSA_WORDS = re.compile(r"dsa|angio|xa|carotid|ica|cca|vert|head|brain|cerebr|kopf|neuro|lat|frontal|ap", re.IGNORECASE)
"""What series of the head are called, in part."""


def can_be_cta(node: Any) -> bool:
    """Whether a node may be offered as CTA: a volume of several slices that is nothing of ours and no run's frame.

    Whether it is one, its grey values say later.
    """
    if node.GetClassName() != VOLUME or role(node) is not None:
        return False
    size = _size(node)
    return size is not None and min(size) > 1


def can_be_dsa(node: Any) -> bool:
    """Whether a node may be offered as DSA: a sequence of single grey slices (or of nothing yet), or a volume that is
    not known to be a CT.

    Not the volume that shows a sequence's frame: it is the same run once more.
    """
    if role(node) is not None or node.GetAttribute(KIND) is not None:
        return False
    if node.IsA(SEQUENCE):
        if node.GetNumberOfDataNodes() == 0:
            return True
        first = node.GetNthDataNode(0)
        size = _size(first) if first is not None and first.GetClassName() == VOLUME else None
        return size is not None and size[2] == 1
    if node.GetClassName() != VOLUME or sequence_of(node) is not None:
        return False
    return _size(node) is not None and _modality(node) not in CT_MODALITIES


def all_nodes(scene: Any) -> Iterator[Any]:
    """Every volume and sequence of a scene, in its order."""
    for class_name in (VOLUME, SEQUENCE):
        for index in range(scene.GetNumberOfNodesByClass(class_name)):
            yield scene.GetNthNodeByClass(index, class_name)


def likeliest_cta(scene: Any) -> Any | None:
    """The CTA to propose; None where there is none."""
    nodes = [node for node in all_nodes(scene) if can_be_cta(node)]
    return _best(nodes, [_cta_points(node) for node in nodes])


def likeliest_dsa(scene: Any, cta: Any) -> Any | None:
    """The DSA to propose beside a CTA (or None); None where there is none that is known to be a run."""
    nodes = [node for node in all_nodes(scene) if can_be_dsa(node) and node is not cta]
    # A volume that nothing is known of may be anything, and most are not runs.
    nodes = [node for node in nodes if node.IsA(SEQUENCE) or _modality(node) in XA_MODALITIES]
    return _best(nodes, [_dsa_points(node) for node in nodes])


def _cta_points(node: Any) -> int:
    known = node.GetAttribute(KIND) is not None or _modality(node) == "CT"
    return 2 * known + bool(CTA_WORDS.search(node.GetName() or "")) - 4 * (_modality(node) in XA_MODALITIES)


def _dsa_points(node: Any) -> int:
    known = is_loaded_angiogram(node) or _modality(node) in XA_MODALITIES
    frames = node.GetNumberOfDataNodes() if node.IsA(SEQUENCE) else 1
    return 2 * known + bool(DSA_WORDS.search(node.GetName() or "")) + (frames > 1) - 4 * (frames == 0)


def _best(nodes: Sequence[Any], points: Sequence[int]) -> Any | None:
    """The one with most points; of several the one that was loaded last."""
    if not nodes:
        return None
    return nodes[max(range(len(nodes)), key=lambda index: (points[index], index))]


def _size(node: Any) -> tuple[int, int, int] | None:
    image = node.GetImageData()
    return None if image is None else tuple(image.GetDimensions())


def _modality(node: Any) -> str:
    """As Slicer's subject hierarchy has it of a DICOM series, "" where it has none."""
    import slicer

    scene = node.GetScene()
    hierarchy = None if scene is None else scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    if hierarchy is None:
        return ""
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    for owner in (node, source_of(node)):
        item = hierarchy.GetItemByDataNode(owner)
        if item != slicer.vtkMRMLSubjectHierarchyNode.GetInvalidItemID():
            modality = hierarchy.GetItemAttribute(item, constants.GetDICOMSeriesModalityAttributeName())
            if modality:
                return str(modality)
    return ""
