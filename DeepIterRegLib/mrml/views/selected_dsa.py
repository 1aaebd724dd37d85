"""A DSA that was selected, and is not registered yet, in its slice view: whoever presses Register has seen it."""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.mrml.nodes.arrays import ijk_to_ras_of, matrix_of_array, put_voxels
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.mrml.views.frames_view import frame_count, frame_pixels
from DeepIterRegLib.mrml.views.views import fit_volume_slice, show_alone

SHOWN_REFERENCE = PREFIX + "shown"
"""Reference from a sequence that no browser shows to the volume with one of its frames."""


def show_selected_dsa(scene: Any, view: str, dsa: Any) -> bool:
    """Show a DSA's node as it was loaded, frontally and as a whole, in a slice view; False where there is no image.

    Of a sequence the volume that its browser plays, so that the run can be played before it is registered.
    """
    volume = _volume_of(scene, dsa)
    if volume is None or volume.GetImageData() is None:
        return False
    show_alone(scene, view, volume)
    fit_volume_slice(scene, view, volume)
    return True


def _volume_of(scene: Any, dsa: Any) -> Any | None:
    if not dsa.IsA("vtkMRMLSequenceNode"):
        return dsa
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        proxy = scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode").GetProxyNode(dsa)
        if proxy is not None:
            return proxy
    middle = frame_count(dsa) // 2
    pixels = frame_pixels(dsa, middle)
    if pixels is None:
        return None
    node = referenced_node(dsa, SHOWN_REFERENCE, "vtkMRMLScalarVolumeNode", f"{dsa.GetName()} (frame)", "frame")
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    put_voxels(node, np.asarray(pixels)[None])
    node.SetIJKToRASMatrix(matrix_of_array(ijk_to_ras_of(dsa.GetNthDataNode(middle))))
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetSaveWithScene(False)
    return node
