"""C-arm and projection: hand-computed points, calibrated matrices, readouts, and a real C-arm's frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import (
    cube_corners_mm,
    detector_points_mm,
    mean_projection_error_mm,
    mean_projection_error_px,
    project,
)
from DeepIterRegLib.geometry.rigid import rigid
from Testing.support.cases import CASES, needs_cases

SDD_MM, SID_MM = 1000.0, 750.0
ROWS, COLUMNS = 101, 201
CENTRE_PX = np.array([100.0, 50.0])
"""(column, row) of the detector's centre."""
LEFT, ANTERIOR, SUPERIOR = np.array([-1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, 1.0])


def carm(alpha_deg: float, beta_deg: float, spacing_mm: float | tuple[float, float] = 0.5) -> CArm:
    return CArm.from_angles(alpha_deg, beta_deg, SDD_MM, SID_MM, spacing_mm, ROWS, COLUMNS)


def shift_px(point_mm: FloatArray, view: CArm) -> FloatArray:
    """How far (column, row) from the detector's centre a point of a supine patient falls."""
    return project(point_mm[None], view)[0] - CENTRE_PX


# 10 mm in the plane of the isocentre: 10 mm x 1000/750 / 0.5 mm
TEN_MM_PX = 26.6667


@pytest.mark.parametrize(
    ("alpha_deg", "direction", "expected_px"),
    [
        pytest.param(0, LEFT, (TEN_MM_PX, 0), id="frontal: the patient's left on the image's right"),
        pytest.param(0, SUPERIOR, (0, -TEN_MM_PX), id="frontal: the head up"),
        pytest.param(0, ANTERIOR, (0, 0), id="frontal: along the ray"),
        pytest.param(90, ANTERIOR, (-TEN_MM_PX, 0), id="LAO 90: facing left"),
        pytest.param(90, SUPERIOR, (0, -TEN_MM_PX), id="LAO 90: the head up"),
        pytest.param(90, LEFT, (0, 0), id="LAO 90: along the ray"),
        pytest.param(-90, ANTERIOR, (TEN_MM_PX, 0), id="RAO 90: facing right"),
        pytest.param(180, LEFT, (-TEN_MM_PX, 0), id="from behind: mirrored"),
    ],
)
def test_ten_mm_from_the_isocentre_fall_where_a_radiologist_expects_them(
    alpha_deg: float, direction: FloatArray, expected_px: tuple[float, float]
) -> None:
    np.testing.assert_allclose(shift_px(10 * direction, carm(alpha_deg, 0)), expected_px, atol=1e-3)


def test_a_point_nearer_to_the_detector_is_magnified_less() -> None:
    # 10 mm left and 250 mm anterior of the isocentre lie on the detector itself: magnification 1, 20 px.
    np.testing.assert_allclose(shift_px(np.array([-10.0, 250, 0]), carm(0, 0)), (20, 0), atol=1e-9)


def test_cranial_tilt_moves_anterior_points_down_and_lao_moves_them_to_the_images_left() -> None:
    # 30 degrees: 10 mm anterior are 5 mm across the ray and 8.66 mm towards the detector.
    tilted_px = 5 * SDD_MM / (SID_MM + 10 * np.cos(np.radians(30))) / 0.5
    np.testing.assert_allclose(shift_px(10 * ANTERIOR, carm(0, 30)), (0, tilted_px), atol=1e-9)
    np.testing.assert_allclose(shift_px(10 * ANTERIOR, carm(0, -30)), (0, -tilted_px), atol=1e-9)
    np.testing.assert_allclose(shift_px(10 * ANTERIOR, carm(30, 0)), (-tilted_px, 0), atol=1e-9)


def test_cranial_means_that_the_detector_is_towards_the_head_and_lao_towards_the_left() -> None:
    for view, direction in [(carm(0, 30), SUPERIOR), (carm(30, 0), LEFT)]:
        assert view.normal @ direction == pytest.approx(0.5)
        assert view.source_mm @ direction == pytest.approx(-SID_MM / 2)


@pytest.mark.parametrize(("alpha_deg", "beta_deg"), [(0, 0), (35, -20), (-100, 15), (180, 40)])
def test_axes_are_those_of_the_design_page(alpha_deg: float, beta_deg: float) -> None:
    a, b = np.radians(alpha_deg), np.radians(beta_deg)
    view = carm(alpha_deg, beta_deg)
    n = [-np.sin(a) * np.cos(b), np.cos(a) * np.cos(b), np.sin(b)]
    np.testing.assert_allclose(view.normal, n, atol=1e-12)
    np.testing.assert_allclose(np.cross(view.column_direction, view.row_direction), -view.normal, atol=1e-12)
    np.testing.assert_allclose(view.source_mm, -SID_MM * view.normal, atol=1e-9)
    assert view.sdd_mm == pytest.approx(SDD_MM)
    assert view.sid_mm == pytest.approx(SID_MM)
    assert view.principal_point_px == pytest.approx(tuple(CENTRE_PX))


POINTS_MM = np.random.default_rng(0).uniform(-60, 60, (20, 3))


def test_a_padded_detector_sees_the_same_points_by_so_many_pixels_further_in() -> None:
    view = CArm.from_angles(35, -20, SDD_MM, SID_MM, (0.4, 0.5), ROWS, COLUMNS, (90.0, 60.0))
    padded = view.padded(7, 12)
    assert (padded.rows, padded.columns) == (ROWS + 14, COLUMNS + 24)
    np.testing.assert_allclose(project(POINTS_MM, padded), project(POINTS_MM, view) + [12, 7], atol=1e-9)
    assert (padded.sdd_mm, padded.sid_mm) == pytest.approx((view.sdd_mm, view.sid_mm))


def test_a_mirrored_detector_counts_its_columns_from_the_other_side() -> None:
    view = CArm.from_angles(35, -20, SDD_MM, SID_MM, (0.4, 0.5), ROWS, COLUMNS, (90.0, 60.0))
    mirrored = view.mirrored()
    (column, row), (other, same) = project(POINTS_MM, view).T, project(POINTS_MM, mirrored).T
    np.testing.assert_allclose(other, COLUMNS - 1 - column, atol=1e-9)
    np.testing.assert_allclose(same, row, atol=1e-9)
    assert mirrored.sdd_mm == pytest.approx(view.sdd_mm)
    assert mirrored.primary_angle_deg is None
    np.testing.assert_allclose(project(POINTS_MM, mirrored.mirrored()), project(POINTS_MM, view), atol=1e-9)


def test_binning_and_mirroring_do_not_depend_on_their_order_where_blocks_fill_the_detector() -> None:
    view = CArm.from_angles(35, -20, SDD_MM, SID_MM, 0.5, 100, 200)
    one, other = view.mirrored().binned(4), view.binned(4).mirrored()
    np.testing.assert_allclose(project(POINTS_MM, one), project(POINTS_MM, other), atol=1e-9)


def test_pixels_that_are_not_square_stretch_rows_and_columns_on_their_own() -> None:
    view = carm(0, 0, (0.25, 0.5))
    np.testing.assert_allclose(shift_px(10 * LEFT, view), (TEN_MM_PX, 0), atol=1e-3)
    np.testing.assert_allclose(shift_px(10 * SUPERIOR, view), (0, -2 * TEN_MM_PX), atol=1e-3)


def test_points_at_or_behind_the_source_are_nan_and_the_others_are_not() -> None:
    view = carm(0, 0)
    points = np.array([[0, 0, 0], view.source_mm, view.source_mm - 10 * view.normal, [3.0, -700, 4]])
    seen = np.isfinite(project(points, view))
    np.testing.assert_array_equal(seen, [[True] * 2, [False] * 2, [False] * 2, [True] * 2])


def test_pixels_of_the_detector_project_onto_themselves_from_anywhere_on_their_ray() -> None:
    view = CArm.from_angles(25, -15, 1200, 800, (0.3, 0.4), 90, 120, principal_point_px=(70.5, 31.25))
    assert view.principal_point_px == pytest.approx((70.5, 31.25))
    pixels = np.array([[0.0, 0], [119, 0], [0, 89], [60.25, 44.5]])
    on_detector = detector_points_mm(pixels, view)
    np.testing.assert_allclose(on_detector[0], view.detector_origin_mm)
    for fraction in (0.2, 0.6, 1.0):
        points = view.source_mm + fraction * (on_detector - view.source_mm)
        np.testing.assert_allclose(project(points, view), pixels, atol=1e-9)


# --- calibrated C-arms


@pytest.mark.parametrize("factor", [1.0, -3.7, 1e-6])
def test_a_projection_matrix_at_any_scale_gives_the_carm_back(factor: float) -> None:
    view = CArm.from_angles(-40, 25, 1150, 720, (0.31, 0.42), 80, 130, principal_point_px=(20.0, 77.5))
    again = CArm.from_projection_matrix(factor * view.projection_matrix, (0.31, 0.42), 80, 130)
    for name in ("source_mm", "detector_origin_mm", "column_direction", "row_direction"):
        np.testing.assert_allclose(getattr(again, name), getattr(view, name), atol=1e-8, err_msg=name)
    np.testing.assert_allclose(again.projection_matrix, view.projection_matrix, rtol=1e-9, atol=1e-9)
    assert again.primary_angle_deg is None


def test_a_mirrored_detector_keeps_its_points() -> None:
    # A pinhole camera at the source: columns run to the other side.
    view = carm(10, 5)
    last = view.detector_origin_mm + (COLUMNS - 1) * 0.5 * view.column_direction
    mirrored = replace(view, detector_origin_mm=last, column_direction=-view.column_direction)
    points = np.random.default_rng(0).uniform(-60, 60, (20, 3))
    here, there = project(points, view), project(points, mirrored)
    np.testing.assert_allclose(there[:, 0], COLUMNS - 1 - here[:, 0], atol=1e-9)
    np.testing.assert_allclose(there[:, 1], here[:, 1], atol=1e-9)
    assert mirrored.sdd_mm == pytest.approx(SDD_MM)
    again = CArm.from_projection_matrix(mirrored.projection_matrix, 0.5, ROWS, COLUMNS)
    np.testing.assert_allclose(project(points, again), there, atol=1e-8)


# --- other readouts of the same detector


def test_binning_puts_a_point_into_the_block_of_pixels_it_fell_on() -> None:
    view = CArm.from_angles(30, 10, SDD_MM, SID_MM, (0.3, 0.5), 101, 203, principal_point_px=(90.0, 52.0))
    binned = view.binned(4)
    points = np.random.default_rng(0).uniform(-20, 20, (50, 3))
    np.testing.assert_allclose(4 * project(points, binned) + 1.5, project(points, view), atol=1e-9)
    assert (binned.rows, binned.columns) == (25, 50)
    assert binned.pixel_spacing_mm == pytest.approx((1.2, 2.0))
    assert (binned.sdd_mm, binned.sid_mm) == pytest.approx((SDD_MM, SID_MM))
    assert (binned.primary_angle_deg, binned.secondary_angle_deg) == (30, 10)


def test_resizing_keeps_the_area_of_the_detector() -> None:
    view = CArm.from_angles(30, 10, SDD_MM, SID_MM, (0.3, 0.5), 100, 200, principal_point_px=(90.0, 52.0))
    resized = view.resized(256, 128)
    points = np.random.default_rng(0).uniform(-20, 20, (50, 3))
    # Positions in parts of the detector from its edge, half a pixel outside the first pixel's centre.
    np.testing.assert_allclose(
        (project(points, resized) + 0.5) / (128, 256), (project(points, view) + 0.5) / (200, 100), atol=1e-12
    )
    assert resized.pixel_spacing_mm == pytest.approx((0.3 * 100 / 256, 0.5 * 200 / 128))
    np.testing.assert_allclose(view.resized(50, 100).detector_origin_mm, view.binned(2).detector_origin_mm)


# --- mean projection error


def test_mpe_of_a_known_translation() -> None:
    view = carm(0, 0, (0.25, 0.5))
    centre = np.array([3.0, 4.0, 5.0])
    reference = rigid(translation_mm=-centre)
    moved = rigid(translation_mm=-centre + 6 * LEFT)
    # The cube's front is 50 mm nearer to the detector, its back 50 mm farther.
    across_mm = 6 * (SDD_MM / (SID_MM + 50) + SDD_MM / (SID_MM - 50)) / 2
    assert mean_projection_error_mm(moved, reference, centre, view) == pytest.approx(across_mm)
    assert mean_projection_error_px(moved, reference, centre, view) == pytest.approx(across_mm / 0.5)
    assert mean_projection_error_px(reference, reference, centre, view) == 0


def test_mpe_along_the_ray_is_small_and_behind_the_source_infinite() -> None:
    view = carm(0, 0)
    here, nearer = rigid(), rigid(translation_mm=6 * ANTERIOR)
    assert 0 < mean_projection_error_mm(nearer, here, np.zeros(3), view) < 1
    behind = rigid(translation_mm=-SID_MM * ANTERIOR)
    assert mean_projection_error_px(behind, here, np.zeros(3), view) == np.inf
    assert mean_projection_error_mm(behind, here, np.zeros(3), view) == np.inf


def test_the_cube_has_eight_different_corners_about_its_centre() -> None:
    corners = cube_corners_mm(np.array([1.0, 2, 3]))
    assert len(np.unique(corners, axis=0)) == 8
    np.testing.assert_allclose(np.abs(corners - (1, 2, 3)), 50)


# --- what is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_mm": (0, 0)}, "source_mm must be three finite numbers"),
        ({"detector_origin_mm": (0, np.nan, 0)}, "detector_origin_mm must be three"),
        ({"column_direction": (0, 0, 2)}, "orthogonal unit vectors"),
        ({"column_direction": (0, 0, 1), "row_direction": (0, 0, 1)}, "orthogonal unit vectors"),
        ({"rows": 0}, "at least one pixel"),
        ({"pixel_spacing_mm": (0.5, 0.0)}, "mm is outside 0.01 to 20 mm; correct the pixel size"),
        ({"pixel_spacing_mm": (np.nan, 0.5)}, "mm is outside 0.01 to 20 mm; correct the pixel size"),
        ({"source_mm": (0, 249, 0)}, "mm is outside 300 to 3000 mm; correct the source-to-detector"),
        ({"source_mm": (0, -9000, 0)}, "mm is outside 300 to 3000 mm; correct the source-to-detector"),
    ],
)
def test_an_impossible_detector_is_refused_in_words(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(carm(0, 0), **changes)  # type: ignore[arg-type]


def test_distances_and_angles_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InputError, match="correct the source-to-isocentre distance or the source-to-detector distance"):
        CArm.from_angles(0, 0, 700, 1000, 0.5, 10, 10)
    with pytest.raises(InputError, match="correct the source-to-isocentre distance or the source-to-detector distance"):
        CArm.from_angles(0, 0, 700, 0, 0.5, 10, 10)
    with pytest.raises(InputError, match="finite"):
        CArm.from_angles(np.nan, 0, 1000, 700, 0.5, 10, 10)


def test_matrices_that_are_not_a_calibration_are_refused() -> None:
    good = carm(0, 0).projection_matrix
    sheared = np.array([[1, 0.3, 0], [0, 1, 0], [0, 0, 1]]) @ good
    for matrix, message in [
        (good[:, :3], "3x4"),
        (np.full((3, 4), np.nan), "3x4"),
        (np.vstack([good[:2], good[:1]]), "singular"),
        (sheared, "sheared"),
        (np.diag([2.0, 1, 1]) @ good, "aspect"),
    ]:
        with pytest.raises(InputError, match=message):
            CArm.from_projection_matrix(matrix, 0.5, ROWS, COLUMNS)


# --- a real C-arm


@pytest.fixture(scope="module")
def head() -> tuple[FloatArray, FloatArray]:
    """Vessel voxels of the real 3D angiogram: positions (N, 3), RAS, mm, and intensities (N,)."""
    volume = sitk.ReadImage(str(CASES / "rotational-head" / "volume.nrrd"))
    voxels = sitk.GetArrayViewFromImage(volume)
    kji = np.argwhere(voxels > 10)
    direction = np.array(volume.GetDirection()).reshape(3, 3)
    lps = (kji[:, ::-1] * volume.GetSpacing()) @ direction.T + volume.GetOrigin()
    return lps * (-1, -1, 1), voxels[tuple(kji.T)].astype(float)


def fine_structure(image: FloatArray) -> FloatArray:
    """Vessels without the background and, as contrast arrives in some before the others, without their strength."""
    detail = gaussian_filter(image, 2) - gaussian_filter(image, 8)
    strength = np.sqrt(gaussian_filter(detail**2, 10))
    return detail / (strength + 0.3 * strength.mean())


def peak_shift_px(moving: FloatArray, fixed: FloatArray, reach: int = 8) -> tuple[FloatArray, float]:
    """(row, column) shift of `moving` that correlates best with `fixed`, and the correlation without a shift."""
    inner = np.s_[reach:-reach, reach:-reach]
    correlation = fftconvolve(fixed, moving[inner][::-1, ::-1], mode="valid")
    row, column = np.unravel_index(correlation[1:-1, 1:-1].argmax(), np.subtract(correlation.shape, 2))
    patch = correlation[row : row + 3, column : column + 3]
    before, top, after = np.stack([patch[[0, 1, 2], 1], patch[1, [0, 1, 2]]], axis=1)
    shift = np.array([row, column]) + 1 - reach + (before - after) / (before - 2 * top + after) / 2
    return shift, float(np.corrcoef(moving[inner].ravel(), fixed[inner].ravel())[0, 1])


def test_a_shift_is_found_to_parts_of_a_pixel() -> None:
    rows, columns = np.mgrid[:60, :80]

    def spot(row: float, column: float) -> FloatArray:
        return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 50)

    shift, _ = peak_shift_px(spot(30, 40), spot(32.3, 36.6))
    np.testing.assert_allclose(shift, (2.3, -3.4), atol=0.05)


@needs_cases
@pytest.mark.parametrize("number", [24, 32, 48, 64, 80, 104, 120])
def test_the_volume_projected_with_the_tags_lands_on_the_real_frame_within_a_pixel(
    number: int, head: tuple[FloatArray, FloatArray]
) -> None:
    dataset = pydicom.dcmread(CASES / "rotational-head" / f"frame_{number:03d}.dcm")
    view = CArm.from_angles(
        float(dataset.PositionerPrimaryAngle), float(dataset.PositionerSecondaryAngle),
        float(dataset.DistanceSourceToDetector), float(dataset.DistanceSourceToPatient),
        float(dataset.ImagerPixelSpacing[0]), int(dataset.Rows), int(dataset.Columns),
    )  # fmt: skip
    points_mm, intensities = head
    column, row = project(points_mm, view).T
    extent = ((-0.5, view.rows - 0.5), (-0.5, view.columns - 0.5))
    drawn = np.histogram2d(row, column, bins=(view.rows, view.columns), range=extent, weights=intensities)[0]
    dark = -dataset.pixel_array.astype(float)
    shift, correlation = peak_shift_px(fine_structure(drawn), fine_structure(dark))
    assert np.linalg.norm(shift) < 1
    assert correlation > 0.4
