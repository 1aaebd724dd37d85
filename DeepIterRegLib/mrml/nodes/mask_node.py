"""Whether a mask of vessels that the user drew, a segmentation or a label map, has changed."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.mrml.nodes.content_key import content_key
from DeepIterRegLib.mrml.nodes.volume_node import patient_from_node
from DeepIterRegLib.worker.payload import key_of


def mask_key(node: Any, image: Any) -> str:
    """A key that changes when the mask of `node` on the grid of `image` does, see `content_key`."""
    if node.IsA("vtkMRMLSegmentationNode"):
        own = [node.GetID(), _segment_times(node), patient_from_node(node).tolist()]
    else:
        own = [content_key(node)]
    return key_of(own, content_key(image), patient_from_node(image).tolist())


def _segment_times(node: Any) -> list[int]:
    """When a segment, or the list of them, was last changed."""
    segmentation = node.GetSegmentation()
    times = [segmentation.GetMTime()]
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        times.append(segment.GetMTime())
        image = segment.GetRepresentation("Binary labelmap")
        times.append(0 if image is None else image.GetMTime())
    return times
