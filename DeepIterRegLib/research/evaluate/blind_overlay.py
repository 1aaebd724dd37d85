"""The overlays that a reader compares: the MinIP in grey and, as layers of their own, the vessels at each pose."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.overlay_painting import Rgba, images_on, layer_of, overlay_pixels, resized_mask
from DeepIterRegLib.registration.shades import Greys, full_strength_mm, grey_image, grey_window
from DeepIterRegLib.render.vessel_images import VesselRenderer
from DeepIterRegLib.research.evaluate.case import Case

TWO_STAGE, THREE_STAGE, REFERENCE = "two-stage", "three-stage", "reference"
POSES = (TWO_STAGE, THREE_STAGE, REFERENCE)
"""What is compared, each with each (paper, "Manual assessment"). Here the reference standard is the true pose."""
MAX_PX = 1024
"""Longest side of an image in the page: fourteen patients shall not make it a hundred megabytes."""
JPEG_QUALITY = 92
LOOK = OverlayLook()
"""As the panel shows its pairs."""


@dataclass(frozen=True)
class BlindCase:
    """The images of one patient, as files in memory; all of one size in px."""

    name: str
    size_px: tuple[int, int]
    """Width and height, of square pixels."""
    grey: bytes
    """JPEG of the DSA's MinIP."""
    overlays: Mapping[str, bytes]
    """For each of POSES a PNG, RGBA: the vessels, to lie upon the MinIP."""


def blind_case(case: Case, poses: Mapping[str, FloatArray]) -> BlindCase:
    """Draw the first run of a patient with the DRR at each of `poses`: (4, 4), named by POSES, all three.

    Full strength is the same length of vessel for all three, so that nothing but the pose tells them apart.
    """
    if set(poses) != set(POSES):
        raise InputError(f"The blind test compares the poses {', '.join(POSES)}; {case.name} has others.")
    prepared = case.angiograms[0]
    angiogram, minip = prepared.angiogram, prepared.minip
    page = _page_carm(angiogram.carm)
    renderer = VesselRenderer(case.volume.cloud, angiogram.carm)
    drawn = {name: renderer.draw(poses[name]) for name in POSES}
    full_mm = full_strength_mm(np.stack([images.arteries + images.veins for images in drawn.values()]))
    valid = resized_mask(angiogram.valid, page.rows, page.columns)
    layers = {
        name: _png(layer_of(overlay_pixels(images_on(page, images), LOOK, full_mm, valid), LOOK))
        for name, images in drawn.items()
    }
    grey = grey_image(minip, angiogram.valid, grey_window(minip, angiogram.valid))
    size = page.columns, page.rows
    return BlindCase(case.name, size, _jpeg(grey, size), layers)


def _page_carm(carm: CArm) -> CArm:
    """The detector with square pixels, at most MAX_PX along a side."""
    row_mm, column_mm = carm.pixel_spacing_mm
    width_mm, height_mm = carm.columns * column_mm, carm.rows * row_mm
    px_per_mm = min(MAX_PX, max(carm.rows, carm.columns)) / max(width_mm, height_mm)
    return carm.resized(round(height_mm * px_per_mm), round(width_mm * px_per_mm))


def _jpeg(grey: Greys, size: tuple[int, int]) -> bytes:
    from PIL import Image

    image, file = Image.fromarray(grey), io.BytesIO()
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _png(layer: Rgba) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(layer).save(file, "PNG", optimize=True)
    return file.getvalue()
