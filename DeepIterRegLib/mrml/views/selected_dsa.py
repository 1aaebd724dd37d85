"""A DSA that was selected, and is not registered yet, in its slice view: whoever presses Register has seen it."""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.mrml.nodes.arrays import has_voxels, ijk_to_ras_of, matrix_of_array, put_voxels, voxels_of
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.mrml.views.frames_view import frame_count, frame_pixels
from DeepIterRegLib.mrml.views.views import fit_volume_slice, show_alone
from DeepIterRegLib.registration.shades import grey_window

STEP_PX = 4
"""Pixels that are looked at, in rows and columns: enough to find when the vessels are full."""
VESSEL_PERCENT = 98
SHOWN_REFERENCE = PREFIX + "shown"
"""Reference from a sequence that no browser shows to the volume with one of its frames."""


def show_selected_dsa(scene: Any, view: str, dsa: Any) -> bool:
    """Show a DSA's node as it was loaded, frontally and as a whole, in a slice view; False where there is no image.

    Of a sequence the volume that its browser plays, so that the run can be played before it is registered; at the frame
    with most contrast, unless somebody has chosen one.
    """
    volume = _volume_of(scene, dsa)
    if volume is None or volume.GetImageData() is None:
        return False
    show_alone(scene, view, volume)
    fit_volume_slice(scene, view, volume)
    return True


def fullest_frame(dsa: Any) -> int:
    """Index of the frame that differs most from the first one, in which no vessel is filled yet."""
    frames = [frame_pixels(dsa, index) for index in range(frame_count(dsa))]
    first = frames[0] if frames else None
    if first is None:
        return 0
    differences = []
    for frame in frames:
        if frame is None or frame.shape != first.shape:
            differences.append(0.0)
            continue
        near = frame[::STEP_PX, ::STEP_PX].astype(np.float32) - first[::STEP_PX, ::STEP_PX]
        # Of the vessels: the blush of the brain is later, and everywhere.
        differences.append(float(np.percentile(np.abs(near), VESSEL_PERCENT)))
    return int(np.argmax(differences))


def _volume_of(scene: Any, dsa: Any) -> Any | None:
    if not dsa.IsA("vtkMRMLSequenceNode"):
        return dsa
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        browser = scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode")
        proxy = browser.GetProxyNode(dsa)
        if proxy is not None:
            if browser.GetSelectedItemNumber() <= 0 and browser.GetMasterSequenceNode() is dsa:
                browser.SetSelectedItemNumber(fullest_frame(dsa))
                _fit_window(proxy)
            return proxy
    fullest = fullest_frame(dsa)
    pixels = frame_pixels(dsa, fullest)
    if pixels is None:
        return None
    node = referenced_node(dsa, SHOWN_REFERENCE, "vtkMRMLScalarVolumeNode", f"{dsa.GetName()} (frame)", "frame")
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    put_voxels(node, np.asarray(pixels)[None])
    node.SetIJKToRASMatrix(matrix_of_array(ijk_to_ras_of(dsa.GetNthDataNode(fullest))))
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetSaveWithScene(False)
    _fit_window(node)
    return node


def _fit_window(volume: Any) -> None:
    """Window and level of the frame on show: Slicer chose them by the first one, which may be empty."""
    display = volume.GetDisplayNode()
    if display is None or not has_voxels(volume):
        return
    pixels = voxels_of(volume)[0].astype(np.float32)
    low, high = grey_window(pixels, np.ones(pixels.shape, dtype=bool))
    if high > low:
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(low, high)
