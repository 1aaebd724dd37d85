"""Which voxels a node holds, as a key that changes when they do."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.mrml.nodes.arrays import ijk_to_ras_of
from DeepIterRegLib.worker.payload import key_of


def content_key(node: Any) -> str:
    """Key of the voxels of a volume node and where the node puts them, the transforms above it left out.

    Made of the node's id and modification times, so it costs nothing. VTK's times are unique in a process, as is the
    worker that remembers the key. Voxels that were changed in place are noticed after `Modified()` of the scalars or
    the image (`slicer.util.arrayFromVolumeModified` does that), and not before.
    """
    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars()
    times = [image.GetMTime(), 0 if scalars is None else scalars.GetMTime()]
    return key_of(node.GetID(), times, ijk_to_ras_of(node).tolist())
