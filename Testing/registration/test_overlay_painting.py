"""The overlay's pixels: what is drawn where, in which colour, and how opaque."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.registration.overlay_look import OverlayLook, look_from_json, look_to_json
from DeepIterRegLib.registration.overlay_painting import OUTLINE_PX, images_on, overlay_pixels, resized_mask
from DeepIterRegLib.render.vessel_images import VesselImages

CARM = CArm.from_angles(30.0, 0.0, 1100.0, 700.0, 1.0, 90, 120)
FULL_MM = 4.0
ALL = np.ones((90, 120), dtype=bool)
RED, BLUE = (230, 20, 10), (20, 60, 250)
LOOK = OverlayLook(artery_colour=tuple(c / 255 for c in RED), vein_colour=tuple(c / 255 for c in BLUE))  # type: ignore[arg-type]


def images(radius_px: float = 20.0) -> VesselImages:
    """A round artery at (45, 40), 4 mm thick, and a vein of 1 mm in the columns 80 to 90."""
    rows, columns = np.mgrid[:90, :120]
    artery = FULL_MM * np.clip(radius_px + 0.5 - np.hypot(rows - 45, columns - 40), 0, 1)
    vein = np.where((columns >= 80) & (columns <= 90), 1.0, 0.0)
    return VesselImages(CARM, artery.astype(np.float32), vein.astype(np.float32))


def drawn(look: OverlayLook, shown: VesselImages | None = None, background: float = 0.9) -> np.ndarray:
    return overlay_pixels(shown or images(), look, FULL_MM, ALL, background)


def test_filled_vessels_have_their_colour_and_an_opacity_that_grows_with_their_thickness() -> None:
    image = drawn(LOOK)
    assert tuple(image[45, 40]) == (*RED, 255)
    assert tuple(image[45, 85]) == (*BLUE, 128), "a quarter of the length: half the strength"
    assert image[5, 5, 3] == 0


def test_where_an_artery_crosses_a_vein_the_colours_mix() -> None:
    shown = images()
    crossing = VesselImages(CARM, np.full_like(shown.arteries, 1.0), shown.veins)
    pixel = drawn(LOOK, crossing)[45, 85]
    np.testing.assert_allclose(pixel[:3], np.add(RED, BLUE) / 2, atol=1)
    assert pixel[3] == 191, "half, and half of what is left"


IVORY = (250, 200, 80)


def bony(where: slice, mm: float = 20.0) -> VesselImages:
    """The same vessels, with bone in some columns; of coarser pixels."""
    shown, bones = images(), np.zeros((45, 60), np.float32)
    bones[:, slice(where.start // 2, where.stop // 2)] = mm
    return replace(shown, bones=bones)


def test_bones_lie_below_the_vessels_and_leave_them_their_colour() -> None:
    look = replace(LOOK, bone_colour=tuple(c / 255 for c in IVORY))  # type: ignore[arg-type]
    image = drawn(look, bony(slice(0, 88)))
    np.testing.assert_array_equal(image[45, 40], (*RED, 255), "a full artery hides the bone")
    np.testing.assert_array_equal(image[5, 5], (*IVORY, 255))
    np.testing.assert_allclose(image[45, 82, :3], np.add(BLUE, IVORY) / 2, atol=1)
    assert image[45, 110, 3] == 0
    assert tuple(image[45, 110, :3]) == IVORY, "colour and alpha are interpolated apart"
    edge = drawn(replace(look, style="outline"), bony(slice(100, 120)))
    columns = np.flatnonzero(edge[10, 92:, 3] > 100) + 92
    np.testing.assert_allclose(columns, 100, atol=3)
    np.testing.assert_array_equal(edge[10, columns[0], :3], IVORY)


def test_bones_are_dark_in_the_synthetic_image() -> None:
    look = replace(LOOK, comparison="swipe", swipe=1.0)
    image = drawn(look, bony(slice(100, 120)), background=0.8)
    assert image[10, 110, :3].max() < 120
    assert tuple(image[10, 60, :3]) == (204, 204, 204)


def test_without_a_word_bones_are_shown_where_nothing_shows_vessels() -> None:
    assert OverlayLook().settled(True).bones is True
    assert OverlayLook().settled(False).bones is False
    assert OverlayLook(bones=False).settled(True).bones is False
    with pytest.raises(ValueError, match="bones"):
        OverlayLook(bones="yes")  # type: ignore[arg-type]


def test_resized_images_keep_their_bones() -> None:
    twice = images_on(CARM.resized(180, 240), bony(slice(100, 120)))
    assert twice.bones is not None
    assert twice.bones.shape == (180, 240)
    assert twice.bones[90, 230] == 20
    assert twice.bones[90, 150] == 0


def test_transparent_pixels_beside_a_vein_have_its_colour() -> None:
    """Slicer interpolates colour and opacity apart: another colour would make a fringe."""
    image = drawn(LOOK)
    assert tuple(image[10, 79]) == (*BLUE, 0)
    assert tuple(image[10, 91]) == (*BLUE, 0)
    assert tuple(image[45, 63]) == (*RED, 0)


def test_outline_runs_around_the_vessel_and_leaves_its_inside_free() -> None:
    image = drawn(replace(LOOK, style="outline"))
    assert image[45, 40, 3] == 0
    assert image[5, 5, 3] == 0
    rows, columns = np.nonzero((image[..., 3] > 0) & (np.indices(ALL.shape)[1] < 70))
    radius = np.hypot(rows - 45, columns - 40)
    assert abs(radius.mean() - 20.5) < 1
    assert np.ptp(radius) < 4
    assert tuple(image[rows[0], columns[0], :3]) == RED
    ring_px = image[:, :70, 3].sum() / 255
    assert ring_px / (2 * np.pi * radius.mean()) == pytest.approx(OUTLINE_PX, abs=0.5), "as wide as it says"


def test_nothing_is_outlined_where_nothing_is() -> None:
    empty = VesselImages(CARM, np.zeros((90, 120), np.float32), np.zeros((90, 120), np.float32))
    assert not drawn(replace(LOOK, style="outline"), empty)[..., 3].any()
    assert not drawn(LOOK, empty)[..., 3].any()


def test_swipe_shows_the_cta_left_of_the_line_only() -> None:
    image = drawn(replace(LOOK, comparison="swipe", swipe=0.25))
    assert (image[:, :30, 3] == 255).all()
    assert (image[:, 31:, 3] == 0).all()
    for share, opaque in ((0.0, 0), (1.0, 255)):
        assert (drawn(replace(LOOK, comparison="swipe", swipe=share))[..., 3] == opaque).all()


def test_squares_have_the_size_in_mm_and_alternate_from_the_centre() -> None:
    alpha = drawn(replace(LOOK, comparison="checkerboard", tile_mm=15.0))[..., 3]
    tiles = alpha.reshape(6, 15, 8, 15)
    np.testing.assert_array_equal(tiles.min(axis=(1, 3)), tiles.max(axis=(1, 3)))
    row, column = np.indices((6, 8))
    np.testing.assert_array_equal(tiles[:, 0, :, 0] == 255, (row - 3 + column - 4) % 2 == 0)


def test_synthetic_dsa_is_as_light_as_the_real_one_and_its_vessels_are_dark_and_tinted() -> None:
    image = drawn(replace(LOOK, comparison="swipe", swipe=1.0), background=0.8)
    assert tuple(image[5, 5, :3]) == (204, 204, 204)
    artery, vein = image[45, 40].astype(int), image[45, 85].astype(int)
    assert artery[:3].max() < 120
    assert artery[0] > artery[2] + 30
    assert vein[2] > vein[0] + 20
    assert artery.sum() < vein.sum(), "thicker is darker"


def test_nothing_opaque_covers_the_shutter() -> None:
    valid = ALL.copy()
    valid[:, :12] = False
    for comparison in ("swipe", "checkerboard"):
        look = replace(LOOK, comparison=comparison, swipe=1.0)
        alpha = overlay_pixels(images(), look, FULL_MM, valid, 0.9)[..., 3]
        assert not alpha[:, :12].any()
        assert alpha[:, 12:].any()


@pytest.mark.parametrize("style", ["filled", "outline"])
@pytest.mark.parametrize("comparison", ["none", "checkerboard", "swipe"])
def test_same_input_gives_the_same_pixels(style: Any, comparison: Any) -> None:
    look = replace(LOOK, style=style, comparison=comparison)
    np.testing.assert_array_equal(drawn(look), drawn(look))


def test_mask_of_another_size_covers_the_same_area() -> None:
    mask = np.zeros((100, 80), dtype=bool)
    mask[20:60, 40:] = True
    small = resized_mask(mask, 50, 20)
    assert small[10:30, 10:].all()
    assert small.sum() == 20 * 10


def test_look_survives_as_text() -> None:
    look = OverlayLook(
        False, True, (0.1, 0.2, 0.3), (1.0, 0.5, 0.0), 0.3, "outline", "swipe", 0.1, 12.0, 7, "before", True
    )
    assert look_from_json(look_to_json(look)) == look


def test_look_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert look_from_json('{"opacity": 0.25, "halo": true}') == OverlayLook(opacity=0.25)


@pytest.mark.parametrize("text", [
    "", "[]", "{", '{"opacity": 2}', '{"style": "dotted"}', '{"artery_colour": [1, 2]}', '{"frame": -1}',
    '{"veins": "yes"}', '{"swipe": "left"}', '{"tile_mm": 0}',
])  # fmt: skip
def test_look_that_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        look_from_json(text)
