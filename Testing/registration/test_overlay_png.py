"""overlay.png: the DSA in grey, the DRR in red, before and after."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.overlay_image import overlay_panels, panel_title, write_overlay
from DeepIterRegLib.render.sampling import hole_free_binning
from Testing.support.three_bars import registered_bars


def redness(image: np.ndarray) -> np.ndarray:
    return image[..., 0].astype(float) - image[..., 1]


def test_red_lies_on_the_dark_vessels_after_and_beside_them_before():
    view = compare_views(registered_bars())[0]
    dark = view.prepared.vessels
    before, after = map(redness, overlay_panels(view))
    assert np.median(after[dark]) > 50
    assert np.median(before[dark]) < np.median(after[dark]) / 3
    assert (before[~dark] > 50).sum() > 3 * (after[~dark] > 50).sum()


def test_veins_are_blue():
    registration = registered_bars()
    cloud = dataclasses.replace(registration.volume.cloud, is_vein=np.ones(len(registration.volume.cloud), bool))
    volume = dataclasses.replace(registration.volume, cloud=cloud)
    images = dataclasses.replace(registration.images, volume=volume)
    view = compare_views(dataclasses.replace(registration, images=images))[0]
    _, after = overlay_panels(view)
    assert np.median((after[..., 2].astype(float) - after[..., 0])[view.prepared.vessels]) > 50


def test_bones_are_drawn_where_nothing_shows_vessels_and_not_beside_vessels():
    registration = registered_bars()
    volume = registration.volume
    with_bones = dataclasses.replace(volume, skull=volume.cloud)
    shown = {}
    for name, changed in (
        ("vessels", with_bones),
        ("bones", dataclasses.replace(with_bones, cloud=volume.cloud.subset(np.zeros(len(volume.cloud), bool)))),
    ):
        images = dataclasses.replace(registration.images, volume=changed)
        (view,) = compare_views(dataclasses.replace(registration, images=images))
        shown[name] = overlay_panels(view)[1][view.prepared.vessels].astype(float)
    yellowness = {name: np.median(pixels[:, 1] - pixels[:, 2]) for name, pixels in shown.items()}
    assert yellowness["bones"] > 9
    assert yellowness["vessels"] < 3, "red alone"


def test_the_dsa_stays_visible_under_the_tint():
    view = compare_views(registered_bars())[0]
    _, after = overlay_panels(view)
    fully_drawn = redness(after) > 60
    # Another DSA below the same vessels: its columns are black and white by turns.
    columns = np.arange(view.prepared.minip.shape[1])
    striped = np.broadcast_to((columns % 2).astype(np.float32), view.prepared.minip.shape)
    _, panel = overlay_panels(dataclasses.replace(view, prepared=dataclasses.replace(view.prepared, minip=striped)))
    dark, light = (panel[:, parity::2, 1][fully_drawn[:, parity::2]] for parity in (0, 1))
    assert len(dark) > 100
    assert light.mean() - dark.mean() > 0.35 * 255


def test_a_shutter_is_black():
    registration = registered_bars()
    prepared = registration.angiograms[0]
    valid = prepared.angiogram.valid.copy()
    valid[:, :50] = False
    angiogram = dataclasses.replace(prepared.angiogram, valid=valid)
    images = dataclasses.replace(registration.images, angiograms=(dataclasses.replace(prepared, angiogram=angiogram),))
    covered = dataclasses.replace(registration, images=images)
    _, after = overlay_panels(compare_views(covered)[0])
    assert after[:, :50, 1].max() < 20
    assert after[:, :10].max() == 0


@pytest.mark.parametrize(("angles_deg", "rows_of_panels"), [((0.0,), 1), ((0.0, 90.0), 2)])
def test_the_file_has_a_row_per_dsa_and_red_in_both_columns(tmp_path, angles_deg, rows_of_panels):
    path = tmp_path / "overlay.png"
    write_overlay(path, compare_views(registered_bars(angles_deg)))
    image = np.asarray(Image.open(path).convert("RGB"))
    width = image.shape[1]
    assert width > 1800  # two panels of at least 900
    for row in np.array_split(image, rows_of_panels):
        for panel in np.array_split(row, 2, axis=1):
            assert (redness(panel) > 60).sum() > 500
            assert (panel.max(axis=2) < 40).sum() > 100  # letters, scale bar, vessels


def test_titles_say_how_well_it_fits_or_that_the_skull_is_drawn():
    assert panel_title("after", 0.5, shows_skull=False) == "after: NCC 0.50"
    assert panel_title("before", None, shows_skull=False) == "before"
    assert panel_title("after", None, shows_skull=True) == "after: the CT's skull"


def test_pixels_are_put_together_until_the_cells_leave_no_holes():
    carm = CArm.from_angles(0, 0, 1200, 800, 0.3, 1000, 1200)  # 0.2 mm at the isocentre
    assert hole_free_binning(carm, 0.2) == 1
    assert hole_free_binning(carm, 0.75) == 4
    assert hole_free_binning(carm, 0.1) == 1


def test_block_means_match_the_binned_detector():
    image = np.arange(7 * 9, dtype=np.float32).reshape(7, 9)
    carm = CArm.from_angles(0, 0, 1200, 800, 0.3, 7, 9).binned(2)
    means = binned(image, 2)
    assert means.shape == (carm.rows, carm.columns)
    assert means[0, 0] == np.mean([0, 1, 9, 10])
