"""The overlays that a reader compares: the MinIP in grey and, as a layer of its own, the DRR at each pose in red."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.registration.overlay_image import tint_opacity
from DeepIterRegLib.registration.shades import RED, full_red_length_mm, grey_image
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.sampling import hole_free_binning
from DeepIterRegLib.research.evaluate.case import Case

TWO_STAGE, THREE_STAGE, REFERENCE = "two-stage", "three-stage", "reference"
POSES = (TWO_STAGE, THREE_STAGE, REFERENCE)
"""What is compared, each with each (paper, "Manual assessment"). Here the reference standard is the true pose."""
MAX_PX = 1024
"""Longest side of an image in the page: fourteen patients shall not make it a hundred megabytes."""
JPEG_QUALITY = 92


@dataclass(frozen=True)
class BlindCase:
    """The images of one patient, as files in memory; all of one size in px."""

    name: str
    size_px: tuple[int, int]
    """Width and height, of square pixels."""
    grey: bytes
    """JPEG of the DSA's MinIP."""
    tints: Mapping[str, bytes]
    """For each of POSES a PNG, red of varying transparency, to lie upon the MinIP."""


def blind_case(case: Case, poses: Mapping[str, FloatArray]) -> BlindCase:
    """Draw the first run of a patient with the DRR at each of `poses`: (4, 4), named by POSES, all three.

    The strongest tint is the same for all three, so that nothing but the pose tells them apart.
    """
    if set(poses) != set(POSES):
        raise InputError(f"The blind test compares the poses {', '.join(POSES)}; {case.name} has others.")
    prepared = case.angiograms[0]
    carm = prepared.angiogram.carm
    renderer = splat_renderer(case.volume.cloud, carm.binned(hole_free_binning(carm, case.volume.cloud.cell_mm)))
    drrs = renderer.render(np.stack([poses[name] for name in POSES]))
    full_red_mm = full_red_length_mm(drrs)
    grey = grey_image(prepared.minip, prepared.angiogram.valid)
    row_mm, column_mm = carm.pixel_spacing_mm
    width_mm, height_mm = carm.columns * column_mm, carm.rows * row_mm
    px_per_mm = min(MAX_PX, max(grey.shape)) / max(width_mm, height_mm)
    size = round(width_mm * px_per_mm), round(height_mm * px_per_mm)
    tints = {name: tint_opacity(drr, grey.shape, full_red_mm) for name, drr in zip(POSES, drrs, strict=True)}
    return BlindCase(case.name, size, _jpeg(grey, size), {name: _tint_png(tint, size) for name, tint in tints.items()})


def _jpeg(grey: FloatArray, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    _resized(grey, size).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _tint_png(opacity: FloatArray, size: tuple[int, int]) -> bytes:
    """One byte per pixel, which chooses a transparency of red."""
    image = _resized(opacity, size)
    red = np.round(255 * RED).astype(np.uint8)
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(np.tile(red, 256).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, transparency=bytes(range(256)))
    return file.getvalue()


def _resized(values: FloatArray, size: tuple[int, int]) -> Image.Image:
    """8-bit grey of values 0 to 1."""
    image = Image.fromarray(np.round(255 * np.clip(values, 0, 1)).astype(np.uint8))
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
