"""The DRR over the DSA: an RGBA image on the detector, whose opacity grows with the length of vessel.

An RGBA vector volume, because a slice view blends a scalar volume with one opacity for all of it: whatever opacities
its colour table has are cut to 0 and 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.nodes.arrays import ijk_to_ras_of, image_data, matrix_of_array, put_voxels
from DeepIterRegLib.mrml.nodes.detector_plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.nodes.node_attributes import FULL_RED_MM, PREFIX
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.overlay_painting import Rgba, overlay_pixels, resized_mask
from DeepIterRegLib.registration.shades import full_strength_mm
from DeepIterRegLib.render.vessel_images import Detail, VesselImages, VesselRenderer

ROUGH_SCALE = PREFIX + "scale-is-rough"
"""Attribute of a DRR whose scale was chosen by a coarse picture."""
DRR_CLASS = "vtkMRMLVectorVolumeNode"


def draw_drr(
    node: Any,
    cloud: VesselCloud,
    carm: CArm,
    pose: FloatArray,
    detail: Detail = "fine",
    bones: VesselCloud | None = None,
) -> None:
    """Draw a cloud at a pose (4, 4) into the node, on the detector, in the default look, and choose its scale.

    bones: where they are to be seen, too.

    Its pixels may be larger than the DSA's: as large as the points of the cloud are apart. detail: "quick" where
    somebody draws it finely soon, who then chooses the scale again.
    """
    images = VesselRenderer(cloud, carm, bones).draw(pose, detail, bones=True)
    choose_scale(node, images, is_rough=detail == "quick")
    valid = np.ones(images.arteries.shape, dtype=bool)
    rgba = overlay_pixels(images, OverlayLook(), scale_of(node), valid)
    # A new image: whoever undoes the registration keeps the one before. Never none: views may show the node.
    node.SetAndObserveImageData(image_data(rgba[None]))
    put_image(node, rgba, images.carm)


def choose_scale(node: Any, images: VesselImages, is_rough: bool = False) -> None:
    """Let what is strong in these images be drawn strongly from now on, at every pose; until a fine picture is drawn,
    where these are rough."""
    if is_rough:
        node.SetAttribute(ROUGH_SCALE, "yes")
    else:
        node.RemoveAttribute(ROUGH_SCALE)
    node.SetAttribute(FULL_RED_MM, repr(full_strength_mm(images.arteries + images.veins)))


def scale_of(node: Any) -> float:
    """Length of vessel, mm, that is drawn most strongly; 10 where no scale was chosen."""
    try:
        scale_mm = float(node.GetAttribute(FULL_RED_MM) or "")
    except ValueError:
        return 10.0
    return scale_mm if scale_mm > 0 else 10.0


def put_image(node: Any, rgba: Rgba, carm: CArm) -> None:
    """Show (rows, columns, 4) pixels of `carm` in the node: in place, where the one before had the same size."""
    _show_values_as_they_are(node)
    put_voxels(node, rgba[None])
    ijk_to_ras = plane_ijk_to_ras(carm)
    if np.abs(ijk_to_ras_of(node) - ijk_to_ras).max() > 1e-9:
        node.SetIJKToRASMatrix(matrix_of_array(ijk_to_ras))


def _show_values_as_they_are(node: Any) -> None:
    """Slicer applies window and level to colours and opacity, and chooses them by the first image it sees."""
    display = node.GetDisplayNode()
    if display is not None and (display.GetAutoWindowLevel() or display.GetWindow() != 255):
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, 255.0)


def no_vessels(carm: CArm) -> Any:
    """vtkImageData of an overlay that shows nothing: a view that is given a node without an image complains."""
    return image_data(np.zeros((1, carm.rows, carm.columns, 4), dtype=np.uint8))


class OverlayPainter:
    """Draws one DSA's overlay: its vessels and bones at a pose, in a look, into a node."""

    def __init__(
        self,
        node: Any,
        cloud: VesselCloud,
        carm: CArm,
        valid: BoolArray,
        background: float = 1.0,
        *,
        bones: VesselCloud | None = None,
        bones_first: bool = False,
    ) -> None:
        """node: DRR_CLASS. valid: (rows, columns) of `carm`. background: 0 to 1, brightness of the DSA without
        vessels. bones_first: shown where the look does not say, `OverlayLook.settled`."""
        self.node = node
        self.background = background
        self._renderer = VesselRenderer(cloud, carm, bones)
        self._bones_first = bones_first
        self._valid = valid
        self._last: tuple[tuple[object, ...], VesselImages] | None = None
        self._resized: dict[tuple[int, int], BoolArray] = {}

    def paint(self, pose: FloatArray, look: OverlayLook, detail: Detail = "fine") -> None:
        """Draw the head at a pose (4, 4)."""
        look = look.settled(self._bones_first)
        images = self._drawn(pose, look, detail)
        rough = self.node.GetAttribute(ROUGH_SCALE) is not None
        if self.node.GetAttribute(FULL_RED_MM) is None or (rough and detail == "fine"):
            choose_scale(self.node, images)
        rgba = overlay_pixels(images, look, scale_of(self.node), self._valid_as(images.arteries.shape), self.background)
        put_image(self.node, rgba, images.carm)

    def _drawn(self, pose: FloatArray, look: OverlayLook, detail: Detail) -> VesselImages:
        """The vessels at a pose; those of before where only their colours have changed."""
        wanted = (np.asarray(pose).tobytes(), detail, look.arteries, look.veins, bool(look.bones))
        if self._last is None or self._last[0] != wanted:
            self._last = wanted, self._renderer.draw(pose, detail, look.arteries, look.veins, bool(look.bones))
        return self._last[1]

    def _valid_as(self, shape: tuple[int, ...]) -> BoolArray:
        rows, columns = shape
        if (rows, columns) not in self._resized:
            self._resized[rows, columns] = resized_mask(self._valid, rows, columns)
        return self._resized[rows, columns]
