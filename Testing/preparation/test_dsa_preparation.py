"""DSA preparation: flat background, vessel mask, arteries and veins by time; judged on a simulated run's truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.native_image import NativeImage
from DeepIterRegLib.preparation.background import binned, enlarged, flattened
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.line_filter import line_response
from DeepIterRegLib.preparation.minip import minimum_intensity_projection
from DeepIterRegLib.preparation.phases import split_phases
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from Testing.support.cases import CASES, needs_cases
from Testing.support.patients import average_run


@dataclass(frozen=True)
class Known:
    """A prepared run with its truth."""

    angiogram: Angiogram
    prepared: PreparedAngiogram
    arteries: np.ndarray
    veins: np.ndarray


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Known:
    run = average_run(512)
    angiogram = read_angiogram(write_xa(run, tmp_path_factory.mktemp("run") / "dsa.dcm"))
    # 0.3 mm of contrast darken a pixel by about twice its noise.
    return Known(angiogram, prepare_angiogram(angiogram), run.arteries_mm > 0.3, run.veins_mm > 0.3)


def run_of(frames: np.ndarray, valid: np.ndarray | None = None) -> Angiogram:
    frames = np.asarray(frames, dtype=np.float32)
    rows, columns = frames.shape[1:]
    carm = CArm.from_angles(90, 0, 1150, 750, 0.4, rows, columns)
    return Angiogram(frames, carm, np.ones((rows, columns), dtype=bool) if valid is None else valid)


def test_minip_is_the_darkest_frame_and_ignores_the_mask_frame():
    frames = np.array([[[0, 0]], [[3, -2]], [[5, -7]]], dtype=np.float32)
    np.testing.assert_array_equal(minimum_intensity_projection(frames), [[3, -7]])


def test_flattening_removes_a_slope_and_keeps_a_vessel_at_full_depth():
    row, column = np.mgrid[:256, :256].astype(np.float32)
    image = 100 + 0.05 * row - 0.02 * column
    image[:, 120:126] -= 10
    flat = flattened(image, np.ones(image.shape, dtype=bool))
    inner = np.s_[30:-30, 30:-30]
    vessel = np.zeros(image.shape, dtype=bool)
    vessel[:, 120:126] = True
    assert abs(np.median(flat[inner][~vessel[inner]])) < 0.5
    np.testing.assert_allclose(np.median(flat[inner][vessel[inner]]), 10, atol=0.8)


def test_flattening_ignores_what_a_shutter_covers():
    image = np.full((128, 128), 50, dtype=np.float32)
    valid = np.ones(image.shape, dtype=bool)
    valid[:, :60] = False
    image[~valid] = -4000
    flat = flattened(image, valid)
    np.testing.assert_allclose(flat, 0, atol=1e-4)


def test_binning_and_enlarging_keep_a_ramp_in_place():
    ramp = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    again = enlarged(binned(ramp, 4), 4)
    np.testing.assert_allclose(again[8:-8, 8:-8], ramp[8:-8, 8:-8], atol=1e-3)


def test_dark_line_responds_and_bright_dark_pair_does_not():
    rng = np.random.default_rng(0)
    contrast = rng.normal(0, 1, (256, 256)).astype(np.float32)
    contrast[:, 80:83] += 12
    contrast[:, 180:183] += 12
    contrast[:, 176:180] -= 12
    response = line_response(contrast)
    middle = np.s_[40:-40]
    assert np.median(response.ratio[middle, 81]) > 4
    assert np.median(response.ratio[middle, 181]) < 1


@pytest.mark.parametrize("width", [3, 6, 12, 20])
def test_lines_of_all_widths_respond_with_a_good_part_of_their_depth(width):
    contrast = np.random.default_rng(1).normal(0, 0.5, (512, 512)).astype(np.float32)
    contrast[:, 250 : 250 + width] += 10
    response = line_response(contrast)
    middle = response.dark[100:-100, 250 + width // 2]
    # Widths between two octaves of binning fare worst.
    assert 3 < np.median(middle) < 10.5


def test_phases_split_where_arteries_wash_out():
    time = np.arange(24)
    artery = np.exp(-(((time - 6) / 2.6) ** 2))
    late_artery = np.exp(-(((time - 8) / 2.6) ** 2))
    vein = 0.6 * np.exp(-(((time - 17) / 3.2) ** 2))
    curves = np.stack([artery, late_artery, vein, artery + vein], axis=1)
    phases = split_phases(curves)
    assert 8 < phases.split < 16
    np.testing.assert_array_equal(phases.is_artery, [True, True, False, True])
    np.testing.assert_array_equal(phases.is_vein, [False, False, True, True])


def test_phases_of_a_run_without_wash_out_are_all_arterial():
    time = np.arange(6)[:, None]
    arrival = np.array([1.0, 2.0, 3.0, 4.0])
    curves = 1 / (1 + np.exp(-(time - arrival) / 0.3))
    phases = split_phases(curves)
    assert phases.split == 6
    assert phases.is_artery.all()
    assert not phases.is_vein.any()


def test_few_veins_do_not_make_the_late_arteries_veins():
    time = np.arange(24)
    arrival = np.concatenate([np.linspace(2, 10, 60), np.full(4, 19.0)])
    curves = np.exp(-(((time[:, None] - arrival - 2) / 2.0) ** 2))
    phases = split_phases(curves)
    np.testing.assert_array_equal(phases.is_vein, arrival > 15)
    without = split_phases(curves[:, :60])
    assert without.is_artery.all()
    assert not without.is_vein.any()


def test_mask_covers_the_vessels_and_little_else(known):
    truth = known.arteries | known.veins
    mask = known.prepared.vessels
    dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    near = ndimage.distance_transform_edt(~truth) <= 1.5
    assert dice > 0.8
    assert (mask & near).sum() > 0.94 * mask.sum()


def test_arteries_and_veins_are_told_apart_by_time(known):
    prepared, mask = known.prepared, known.prepared.vessels
    artery, vein = known.arteries & mask, known.veins & mask
    assert (prepared.arteries & artery).sum() > 0.9 * artery.sum()
    assert (prepared.veins & vein).sum() > 0.78 * vein.sum()
    only_artery = artery & ~ndimage.binary_dilation(vein, iterations=3)
    only_vein = vein & ~ndimage.binary_dilation(artery, iterations=3)
    assert (prepared.veins & only_artery).sum() < 0.12 * only_artery.sum()
    assert (prepared.arteries & only_vein).sum() < 0.05 * only_vein.sum()


def test_parts_keep_the_contract(known):
    prepared = known.prepared
    assert not ((prepared.arteries | prepared.veins) & ~prepared.vessels).any()
    assert (prepared.arteries | prepared.veins)[prepared.vessels].mean() > 0.999
    for image in (prepared.contrast, prepared.artery_contrast, prepared.vein_contrast):
        assert image.dtype == np.float32
        assert image.min() == 0
        assert np.isfinite(image).all()
    assert np.percentile(prepared.contrast[prepared.vessels], 99.5) == pytest.approx(1, abs=0.02)
    assert not prepared.warnings


def test_phase_contrast_holds_its_own_vessels(known):
    prepared, artery, vein = known.prepared, known.arteries, known.veins
    apart = 4
    only_artery = prepared.vessels & artery & ~ndimage.binary_dilation(vein, iterations=apart)
    only_vein = prepared.vessels & vein & ~ndimage.binary_dilation(artery, iterations=apart)
    assert prepared.artery_contrast[only_artery].mean() > 5 * prepared.vein_contrast[only_artery].mean()
    assert prepared.vein_contrast[only_vein].mean() > 5 * prepared.artery_contrast[only_vein].mean()


def test_result_does_not_depend_on_the_unit_or_offset_of_the_frames(known):
    scaled = replace(known.angiogram, frames=(known.angiogram.frames * 1e-3 + 7).astype(np.float32))
    again = prepare_angiogram(scaled)
    assert (again.vessels ^ known.prepared.vessels).mean() < 2e-3
    np.testing.assert_allclose(again.contrast, known.prepared.contrast, atol=0.05)


def test_same_input_gives_the_same_result(known):
    again = prepare_angiogram(known.angiogram)
    np.testing.assert_array_equal(again.contrast, known.prepared.contrast)
    np.testing.assert_array_equal(again.veins, known.prepared.veins)


def test_arterial_part_alone_has_no_veins_and_says_so(known):
    early = replace(known.angiogram, frames=known.angiogram.frames[:8])
    prepared = prepare_angiogram(early)
    assert not prepared.veins.any()
    np.testing.assert_array_equal(prepared.arteries, prepared.vessels)
    assert "before the veins fill" in prepared.warnings[0]


def test_single_frame_is_all_arteries(known):
    prepared = prepare_angiogram(replace(known.angiogram, frames=known.angiogram.frames[6:7]))
    assert prepared.vessels.any()
    assert not prepared.veins.any()
    assert not prepared.vein_contrast.any()
    np.testing.assert_array_equal(prepared.arteries, prepared.vessels)
    np.testing.assert_array_equal(prepared.artery_contrast, prepared.contrast)


def test_given_masks_replace_the_segmentation(known):
    vessels = np.zeros_like(known.arteries)
    vessels[100:200, 100:110] = True
    veins = vessels.copy()
    veins[:150] = False
    prepared = prepare_angiogram(known.angiogram, vessels, veins)
    np.testing.assert_array_equal(prepared.vessels, vessels)
    np.testing.assert_array_equal(prepared.veins, veins)
    np.testing.assert_array_equal(prepared.arteries, vessels & ~veins)
    assert not prepared.contrast[:, 150:].any()


def test_given_veins_of_a_single_frame_have_contrast(known):
    frame = replace(known.angiogram, frames=known.angiogram.frames[-1:])
    prepared = prepare_angiogram(frame, veins=known.veins)
    assert prepared.vein_contrast[known.veins].mean() > 0.05


@pytest.mark.parametrize("option", ["vessels", "veins"])
def test_mask_of_another_size_is_refused(known, option):
    with pytest.raises(InputError, match=f"The mask of the DSA's {option} has 128 x 64.*512 x 512"):
        prepare_angiogram(known.angiogram, **{option: np.ones((128, 64), dtype=bool)})


def test_shutter_hides_its_part_and_leaves_the_rest(known):
    valid = known.angiogram.valid.copy()
    valid[:, :300] = False
    frames = known.angiogram.frames.copy()
    frames[:, :, :300] = -900
    prepared = prepare_angiogram(replace(known.angiogram, frames=frames, valid=valid))
    assert not prepared.vessels[:, :303].any()
    assert not prepared.contrast[~valid].any()
    right = np.s_[:, 330:]
    truth = (known.arteries | known.veins)[right]
    assert (prepared.vessels[right] & truth).sum() > 0.6 * truth.sum()


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_shows_no_vessels(seed):
    frames = np.random.default_rng(seed).normal(0, 10, (4, 384, 384))
    with pytest.raises(InputError, match="DSA shows no vessels"):
        prepare_angiogram(run_of(frames))


def test_all_black_run_shows_no_vessels():
    with pytest.raises(InputError, match="DSA shows no vessels"):
        prepare_angiogram(run_of(np.zeros((3, 128, 128))))


@pytest.mark.parametrize("motion_px", [0.5, 3.0])
def test_head_that_moved_without_contrast_shows_no_vessels(motion_px):
    raw = average_run(512).frames[0].astype(np.float32)
    moved = ndimage.shift(raw, (motion_px, motion_px / 2), order=1, mode="nearest")
    with pytest.raises(InputError, match="DSA shows no vessels"):
        prepare_angiogram(run_of((moved - raw)[None]))


def test_a_run_without_vessels_is_taken_for_the_native_image_under_it():
    bones = np.random.default_rng(1).normal(0, 1, (256, 256)).astype(np.float32)
    everywhere = np.ones(bones.shape, dtype=bool)
    noise = run_of(np.random.default_rng(0).normal(0, 10, (4, 256, 256)))
    raw = replace(noise, native=NativeImage(bones, everywhere, "mask frame"), head_motion=np.zeros((4, 3)))
    prepared = prepare_angiogram(raw)
    assert prepared.warnings == ("DSA shows no vessels: it is registered by the skull.",)
    assert not prepared.shows_vessels
    assert not prepared.angiogram.shows_contrast
    assert prepared.skull is not None
    # Noise has told whether contrast is dark or bright.
    assert not prepared.skull.sign_is_known
    np.testing.assert_array_equal(prepared.minip, -bones)
    # Vessels that somebody has marked are there.
    assert prepare_angiogram(raw, vessels=bones > 2).shows_vessels


def test_strong_motion_is_reported_and_a_still_head_is_not(known):
    still = known.angiogram
    # A bone's edge: it moves by two pixels between the mask and all later frames.
    edge = np.zeros(still.valid.shape, dtype=np.float32)
    for row in range(60, 500, 40):
        edge[row : row + 20] = 600
    ghost = ndimage.shift(edge, (2, 0), order=1, mode="nearest") - edge
    prepared = prepare_angiogram(replace(still, frames=still.frames + ghost), vessels=known.prepared.vessels)
    assert any("moved" in warning for warning in prepared.warnings)
    assert not any("moved" in warning for warning in known.prepared.warnings)


@needs_cases
@pytest.mark.parametrize("name", ["frame_024", "frame_064", "frame_120"])
def test_real_frame_keeps_the_carotid_and_drops_skull_and_teeth(name):
    prepared = prepare_angiogram(read_angiogram(CASES / "rotational-head" / f"{name}.dcm"))
    assert 0.015 < prepared.vessels.mean() < 0.15
    # By eye: to the right of the carotid's column there are only skull, teeth and the other hemisphere.
    right_of = {"frame_024": 760, "frame_064": 620, "frame_120": 830}[name]
    below = {"frame_024": 500, "frame_064": 350, "frame_120": 150}[name]
    elsewhere = np.zeros_like(prepared.vessels)
    elsewhere[:below, right_of:] = True
    assert not prepared.vessels[elsewhere].any()
    assert not prepared.contrast[elsewhere].any()


@needs_cases
def test_real_run_has_sagittal_sinus_as_vein_and_carotid_as_artery():
    geometry = GeometryOptions(
        primary_angle_deg=90, secondary_angle_deg=0, sdd_mm=1200, sid_mm=785, pixel_spacing_mm=0.3
    )
    prepared = prepare_angiogram(read_angiogram(CASES / "venous-sequence", geometry))
    # Found by eye on the minimum projection: (rows, columns) windows on either vessel.
    sinus, carotid = np.s_[300:420, 660:760], np.s_[780:880, 400:500]
    for window, right, wrong in (
        (sinus, prepared.veins, prepared.arteries),
        (carotid, prepared.arteries, prepared.veins),
    ):
        vessels = prepared.vessels[window].sum()
        assert vessels > 500
        assert right[window].sum() > 0.8 * vessels
        assert wrong[window].sum() < 0.3 * vessels
