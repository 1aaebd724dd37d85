"""One frame of a DSA behind the overlay, instead of the MinIP: on the same plane, in a hidden node of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.mrml.nodes.angiogram_node import is_loaded_angiogram
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array, put_voxels, voxels_of
from DeepIterRegLib.mrml.nodes.detector_plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, RegisteredView
from DeepIterRegLib.mrml.views.views import show_behind
from DeepIterRegLib.registration.report import reported_head_motion
from DeepIterRegLib.registration.shades import grey_window

FRAME_REFERENCE = PREFIX + "frame"
"""Reference from the image plane to the volume with the frame on show."""


def frame_count(dsa: Any) -> int:
    """How many frames a DSA's node holds: a sequence of slices, or a volume whose third axis is time."""
    if dsa.IsA("vtkMRMLSequenceNode"):
        return int(dsa.GetNumberOfDataNodes())
    return 0 if dsa.GetImageData() is None else int(dsa.GetImageData().GetDimensions()[2])


def frame_seconds(dsa: Any, index: int) -> float | None:
    """When a frame was taken, seconds from the first one; None where the node does not say."""
    if not dsa.IsA("vtkMRMLSequenceNode") or dsa.GetIndexUnit() != "s":
        return None
    try:
        return float(dsa.GetNthIndexValue(index)) - float(dsa.GetNthIndexValue(0))
    except ValueError:
        return None


def frame_pixels(dsa: Any, index: int) -> Any | None:
    """(rows, columns) of a frame, a view of the node's own memory; None where there is no such grey image."""
    sequence = dsa.IsA("vtkMRMLSequenceNode")
    node = dsa.GetNthDataNode(index) if sequence else dsa
    if node is None or not node.IsA("vtkMRMLVolumeNode") or node.GetImageData() is None:
        return None
    voxels = voxels_of(node)
    slice_index = 0 if sequence else index
    if voxels.ndim != 3 or not 0 <= slice_index < len(voxels) or not 0 <= index < frame_count(dsa):
        return None
    return voxels[slice_index]


def moving_frames(case: RegisteredCase, view: RegisteredView) -> FloatArray | None:
    """(T, 3) how the head lies in each frame of a DSA's node (`geometry/plane_motion.py`).

    None where that is unknown, or the same in all frames: those of a run that this project loaded were brought to one
    place.
    """
    motions = reported_head_motion(case.report, view.number)
    if motions is None or is_loaded_angiogram(view.dsa) or len(motions) != frame_count(view.dsa):
        return None
    return motions


def show_frame(view: RegisteredView, index: int | None) -> bool:
    """Show a frame of the DSA behind the overlay, None for the MinIP; False (and the MinIP) where it has no such frame.

    A run that this project loaded is subtracted and has the MinIP's window, so that vessels fill from frame to frame.
    What another reader loaded is shown as it is, between its own darkest and brightest pixels.
    """
    scene = view.plane.GetScene()
    pixels = None if index is None else frame_pixels(view.dsa, index)
    if pixels is None:
        show_behind(scene, view.drr, view.plane)
        return index is None
    node = view.plane.GetNodeReference(FRAME_REFERENCE)
    if node is None:
        name = f"{view.dsa.GetName()} frame"
        node = referenced_node(view.plane, FRAME_REFERENCE, "vtkMRMLScalarVolumeNode", name, "frame")
        node.SetHideFromEditors(True)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(False)
    put_voxels(node, pixels[None])
    node.SetIJKToRASMatrix(matrix_of_array(plane_ijk_to_ras(view.carm.resized(*pixels.shape))))
    node.GetDisplayNode().SetWindowLevelMinMax(*_window(view, pixels))
    show_behind(scene, view.drr, node)
    return True


def _window(view: RegisteredView, pixels: Any) -> tuple[float, float]:
    if is_loaded_angiogram(view.dsa):
        display = view.plane.GetDisplayNode()
        return display.GetWindowLevelMin(), display.GetWindowLevelMax()
    valid = view.valid
    valid = valid if valid.shape == pixels.shape else np.ones(pixels.shape, dtype=bool)
    return grey_window(pixels.astype(np.float32), valid)
