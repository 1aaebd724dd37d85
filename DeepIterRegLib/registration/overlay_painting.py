"""The one painter of overlays: arteries, veins and bones as a tint, as outlines, or as a synthetic DSA in squares.

overlay.png, the panel's image, the pictures it saves and the blind comparison are all made here. numpy alone, for it
paints in Slicer while a hand moves the head; uint8, and the same for the same input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.registration.overlay_look import Colour, OverlayLook
from DeepIterRegLib.registration.shades import Greys, full_strength_mm
from DeepIterRegLib.render.vessel_images import VesselImages

Rgba = npt.NDArray[np.uint8]
Rgb = npt.NDArray[np.uint8]
Strength = npt.NDArray[np.float32]

OUTLINE_LEVEL = 0.17
"""Strength (see `strength`) at which the outline runs: low, for thin vessels have outlines, too."""
OUTLINE_PX = 1.6
"""Width of an outline, pixels of the image."""
DARKEST = 0.85
"""How far a synthetic DSA's thickest vessel goes from the background towards its dark colour."""
DARK = 0.35
"""Brightness of that colour: a share of the look's."""
SWIPE_LINE = (255, 214, 64)
"""Colour of the line at the edge of the swipe."""


def overlay_pixels(
    images: VesselImages, look: OverlayLook, full_mm: float, valid: BoolArray, background: float = 1.0
) -> Rgba:
    """(rows, columns, 4) what lies over the DSA, to be shown with the look's opacity (`opacity_of`).

    full_mm: length of vessel that is drawn most strongly; of bones it follows from their image. Bones are drawn where
    `images` have them, below the vessels. valid: (rows, columns) of `images`: outside nothing opaque
    is drawn. background: 0 to 1, how bright the DSA is shown where there is no vessel.
    """
    arteries = strength(images.arteries if look.arteries else np.zeros_like(images.arteries), full_mm)
    veins = strength(images.veins if look.veins else np.zeros_like(images.veins), full_mm)
    bones = _bone_strength(images)
    if look.is_opaque:
        shown = valid & (swiped(images.carm, look.swipe) if look.comparison == "swipe" else tiled(images.carm, look))
        image = synthetic_dsa(arteries, veins, bones, look, background, shown)
        if look.comparison == "swipe":
            _draw_swipe_line(image, look.swipe, valid)
        return image
    if look.style == "outline":
        rgba = tinted(outline(arteries), outline(veins), look, arteries_win=True)
        return rgba if bones is None else upon_bones(rgba, outline(np.sqrt(bones)), look)
    rgba = tinted(arteries, veins, look)
    return rgba if bones is None else upon_bones(rgba, bones, look)


def opacity_of(look: OverlayLook) -> float:
    """0 to 1, of the whole overlay over the DSA."""
    return 1.0 if look.is_opaque else look.opacity


def laid_over(grey: Greys, overlay: Rgba, look: OverlayLook) -> Rgb:
    """(rows, columns, 3) the DSA with the overlay, both of the same size, as a slice view puts them together.

    grey: `shades.grey_image`. overlay: `overlay_pixels`.
    """
    alpha = overlay[..., 3:].astype(np.float32) / 255 * np.float32(opacity_of(look))
    return np.rint((1 - alpha) * grey[..., None] + alpha * overlay[..., :3]).astype(np.uint8)


def layer_of(overlay: Rgba, look: OverlayLook) -> Rgba:
    """The overlay with the look's opacity in it, for a viewer that lays it over the DSA itself."""
    layer = overlay.copy()
    layer[..., 3] = np.rint(opacity_of(look) * overlay[..., 3].astype(np.float32))
    return layer


def drr_picture(images: VesselImages, full_mm: float) -> Greys:
    """(rows, columns) all vessels, dark on white, whatever a look hides; bones where `images` have them."""
    total = strength(images.arteries + images.veins, full_mm)
    bones = _bone_strength(images)
    if bones is not None:
        total = np.minimum(total + bones, 1)
    return np.rint(255 * (1 - DARKEST * total)).astype(np.uint8)


def images_on(carm: CArm, images: VesselImages) -> VesselImages:
    """The images with the pixels of `carm`, another one of the same detector; interpolated."""
    size = carm.rows, carm.columns
    bones = None if images.bones is None else _resized(images.bones, *size)
    return VesselImages(carm, _resized(images.arteries, *size), _resized(images.veins, *size), bones)


def strength(lengths_mm: Strength, full_mm: float) -> Strength:
    """0 to 1: the square root lets thin vessels show beside a carotid ten times as thick."""
    result = lengths_mm * np.float32(1 / full_mm)
    np.minimum(result, 1, out=result)
    return np.sqrt(result, out=result)


def tinted(arteries: Strength, veins: Strength, look: OverlayLook, arteries_win: bool = False) -> Rgba:
    """Colours whose alpha is the strength; where both are, they mix, or the arteries lie on top."""
    rgba = np.empty((*arteries.shape, 4), dtype=np.uint8)
    rgba[..., :3] = _bytes(look.artery_colour)
    rgba[..., 3] = 0
    # Slicer interpolates colour and alpha apart: the pixels beside a vein have to be of its colour.
    near_vein = _grown(veins > 0) & ~_grown(arteries > 0)
    rgba[near_vein, :3] = _bytes(look.vein_colour)
    place = np.flatnonzero((arteries > 0) | (veins > 0))
    a, v = arteries.reshape(-1)[place], veins.reshape(-1)[place]
    if arteries_win:
        v = v * (1 - a)
    share = (v / (a + v))[:, None]
    colour = (1 - share) * _floats(look.artery_colour) + share * _floats(look.vein_colour)
    pixels = rgba.reshape(-1, 4)
    pixels[place, :3] = np.rint(255 * colour)
    pixels[place, 3] = np.rint(255 * (1 - (1 - a) * (1 - v)))
    return rgba


def upon_bones(vessels: Rgba, bones: Strength, look: OverlayLook) -> Rgba:
    """What `tinted` made, with bones below it. bones: (rows, columns) 0 to 1."""
    above = vessels[..., 3].astype(np.float32) / 255
    below = (1 - above) * bones
    alpha = above + below
    share = np.divide(above, alpha, out=(above > 0).astype(np.float32), where=alpha > 0)[..., None]
    # As beside a vein: pixels in which nothing is have the colour of the bone beside them.
    share[(alpha == 0) & ~_grown(above > 0)] = 0
    share[(alpha == 0) & _grown(above > 0)] = 1
    rgba = np.empty_like(vessels)
    rgba[..., :3] = np.rint(share * vessels[..., :3] + (1 - share) * 255 * _floats(look.bone_colour))
    rgba[..., 3] = np.rint(255 * alpha)
    return rgba


def outline(strengths: Strength) -> Strength:
    """0 to 1: lines of OUTLINE_PX around what is stronger than OUTLINE_LEVEL, with soft edges.

    The distance to the level is, to first order, the difference over the slope.
    """
    if not strengths.any():
        return strengths
    smooth = _smoothed(_smoothed(strengths))
    by_row, by_column = np.gradient(smooth)
    slope = np.sqrt(by_row * by_row + by_column * by_column)
    # Where the image is flat there is no edge nearby: the constant keeps noise there from making one.
    distance = np.abs(smooth - np.float32(OUTLINE_LEVEL)) / (slope + np.float32(0.02))
    return np.clip(np.float32((OUTLINE_PX + 1) / 2) - distance, 0, 1).astype(np.float32)


def synthetic_dsa(
    arteries: Strength,
    veins: Strength,
    bones: Strength | None,
    look: OverlayLook,
    background: float,
    shown: BoolArray,
) -> Rgba:
    """Dark vessels and bones, tinted, on the DSA's own light grey; opaque where `shown`."""
    total = np.minimum(arteries + veins, 1)
    share = np.divide(veins, arteries + veins, out=np.zeros_like(veins), where=total > 0)[..., None]
    dark = DARK * ((1 - share) * _floats(look.artery_colour) + share * _floats(look.vein_colour))
    if bones is not None:
        both = total + bones
        share = np.divide(bones, both, out=np.zeros_like(bones), where=both > 0)[..., None]
        dark = (1 - share) * dark + share * DARK * _floats(look.bone_colour)
        total = np.minimum(both, 1)
    depth = np.float32(DARKEST) * total[..., None]
    rgba = np.empty((*arteries.shape, 4), dtype=np.uint8)
    rgba[..., :3] = np.rint(255 * ((1 - depth) * np.float32(background) + depth * dark))
    rgba[..., 3] = np.where(shown, 255, 0)
    return rgba


def _bone_strength(images: VesselImages) -> Strength | None:
    """(rows, columns) of the vessels' images, 0 to 1: not the root, for the vault would veil the whole brain."""
    if images.bones is None:
        return None
    bones = _resized(images.bones, *images.arteries.shape) / np.float32(full_strength_mm(images.bones))
    return np.minimum(bones, 1, out=bones)


def swiped(carm: CArm, share: float) -> BoolArray:
    """(rows, columns) the columns left of the swipe."""
    columns = (np.arange(carm.columns) + 0.5) / carm.columns < share
    return np.broadcast_to(columns, (carm.rows, carm.columns))


def tiled(carm: CArm, look: OverlayLook) -> BoolArray:
    """(rows, columns) every other square of a checkerboard, one corner of which is the detector's centre."""
    row_mm, column_mm = carm.pixel_spacing_mm
    rows = np.floor((np.arange(carm.rows) - (carm.rows - 1) / 2) * row_mm / look.tile_mm).astype(int)
    columns = np.floor((np.arange(carm.columns) - (carm.columns - 1) / 2) * column_mm / look.tile_mm).astype(int)
    return (rows[:, None] + columns) % 2 == 0


def resized_mask(mask: BoolArray, rows: int, columns: int) -> BoolArray:
    """The nearest pixels of a mask of the same area."""
    picked = [
        np.minimum(((np.arange(count) + 0.5) * size / count).astype(int), size - 1)
        for count, size in zip((rows, columns), mask.shape, strict=True)
    ]
    return mask[np.ix_(*picked)]


def _resized(image: Strength, rows: int, columns: int) -> Strength:
    """Bilinear, of the same area: the edges of the first and last pixels fall together."""
    for axis, count in enumerate((rows, columns)):
        size = image.shape[axis]
        if size == count:
            continue
        at = np.clip((np.arange(count) + 0.5) * size / count - 0.5, 0, size - 1)
        before = np.minimum(at.astype(int), max(size - 2, 0))
        share = (at - before).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        after = np.minimum(before + 1, size - 1)
        image = (1 - share) * image.take(before, axis) + share * image.take(after, axis)
    return image


def _draw_swipe_line(image: Rgba, share: float, valid: BoolArray) -> None:
    column = round(share * image.shape[1])
    if 0 < column < image.shape[1]:
        image[:, column] = (*SWIPE_LINE, 0)
        image[valid[:, column], column, 3] = 255


def _bytes(colour: Colour) -> npt.NDArray[np.uint8]:
    return np.rint(255 * np.asarray(colour)).astype(np.uint8)


def _floats(colour: Colour) -> Strength:
    return np.asarray(colour, dtype=np.float32)


def _grown(mask: BoolArray) -> BoolArray:
    """The mask and its neighbours, diagonal ones too."""
    wide = mask.copy()
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    grown = wide.copy()
    grown[1:] |= wide[:-1]
    grown[:-1] |= wide[1:]
    return grown


def _smoothed(image: Strength) -> Strength:
    """By the binomial kernel (1, 2, 1) along rows and columns: as little as makes the splats' grain vanish."""
    padded = np.pad(image, 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return ((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16).astype(np.float32)
