"""Cells that fit the pixels: nothing is lost on the way, and the image stays the same."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import rigid, se3_exp
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import (
    WORTH_GATHERING,
    fitting_cell_mm,
    frustum_cells,
    gathered,
    pixel_at_isocentre_mm,
    resampled,
)
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from DeepIterRegLib.research.benchmark.vessel_tree import random_tree
from DeepIterRegLib.research.benchmark.workload import ncc

POSE = se3_exp(np.array([0.1, -0.2, 0.15, 3.0, -4.0, 5.0]))


def detector(size: int) -> CArm:
    return CArm.from_angles(20, 10, 1200, 760, 300 / size, size, size)


@pytest.fixture(scope="module")
def cloud() -> VesselCloud:
    """Vessels of which one half are veins, off the scanner's origin, with voxels that are partly filled."""
    tree = random_tree(1, (40, 44, 40), 0.5, 2.5, 0.02).cloud
    positions = tree.positions_mm + np.array([90, -30, 200], np.float32)
    fill = np.random.default_rng(0).uniform(0.2, 1.0, len(tree)).astype(np.float32)
    is_vein = tree.positions_mm[:, 0] > 0
    return VesselCloud(positions, tree.weights_mm3 * fill, is_vein, tree.cell_mm, tree.centre_mm + (90, -30, 200))


def total_and_centre(cloud: VesselCloud) -> tuple[float, np.ndarray]:
    weights = cloud.weights_mm3.astype(np.float64)
    return weights.sum(), weights @ cloud.positions_mm.astype(np.float64) / weights.sum()


@pytest.mark.parametrize("cell_mm", [0.2, 0.371, 0.5, 0.7421875, 1.0, 1.5, 2.97])
def test_resampling_keeps_the_volume_and_its_centre_of_arteries_and_of_veins(
    cloud: VesselCloud, cell_mm: float
) -> None:
    result = resampled(cloud, cell_mm)
    assert result.cell_mm == cell_mm
    np.testing.assert_array_equal(result.centre_mm, cloud.centre_mm)
    for before, after in ((cloud.veins, result.veins), (cloud.arteries, result.arteries)):
        (volume, centre), (new_volume, new_centre) = total_and_centre(before), total_and_centre(after)
        assert new_volume == pytest.approx(volume, rel=1e-6)
        np.testing.assert_allclose(new_centre, centre, atol=1e-4)


@pytest.mark.parametrize("cell_mm", [0.8, 1.5, 2.97])
def test_gathering_keeps_the_mass_and_its_centre_in_fewer_points(cloud: VesselCloud, cell_mm: float) -> None:
    result = gathered(cloud, cell_mm)
    assert result.cell_mm == cell_mm
    assert len(result) < len(cloud) / 2
    (mass, centre), (new_mass, new_centre) = total_and_centre(cloud), total_and_centre(result)
    assert new_mass == pytest.approx(mass, rel=1e-6)
    np.testing.assert_allclose(new_centre, centre, atol=1e-4)
    # A centre of mass lies among the points.
    span_mm = np.ptp(cloud.positions_mm, axis=0)
    assert (np.ptp(result.positions_mm, axis=0) <= span_mm + 1e-4).all()


def test_cells_hardly_larger_and_clouds_without_points_are_not_gathered(cloud: VesselCloud) -> None:
    assert gathered(cloud, 0.99 * WORTH_GATHERING * cloud.cell_mm) is cloud
    none = VesselCloud.empty(1.0, np.zeros(3))
    assert gathered(none, 5.0) is none


def test_a_gathered_cloud_has_the_same_image_where_pixels_are_as_wide(cloud: VesselCloud) -> None:
    carm = detector(128)
    cell_mm = pixel_at_isocentre_mm(carm)
    pose = POSE @ rigid(translation_mm=-cloud.centre_mm)
    image, fewer = (SplatNumpy(points, carm).render(pose[None])[0] for points in (cloud, gathered(cloud, cell_mm)))
    assert fewer.sum() == pytest.approx(image.sum(), rel=1e-3)
    assert ncc(image, fewer) > 0.97


def test_coarser_cells_are_fewer_and_finer_ones_more(cloud: VesselCloud) -> None:
    counts = [len(resampled(cloud, cell_mm)) for cell_mm in (0.25, 0.5, 1.0, 2.0)]
    assert counts[1] == len(cloud)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 8 * len(cloud)


def test_no_point_stands_for_more_than_its_cell(cloud: VesselCloud) -> None:
    for cell_mm in (0.371, 0.742, 1.484):
        assert resampled(cloud, cell_mm).weights_mm3.max() <= cell_mm**3 * (1 + 1e-5)


def test_resampling_is_deterministic(cloud: VesselCloud) -> None:
    first, second = resampled(cloud, 0.742), resampled(cloud, 0.742)
    np.testing.assert_array_equal(first.positions_mm, second.positions_mm)
    np.testing.assert_array_equal(first.weights_mm3, second.weights_mm3)


def test_an_empty_cloud_stays_empty(cloud: VesselCloud) -> None:
    nothing = cloud.subset(np.zeros(len(cloud), bool))
    assert len(resampled(nothing, 1.5)) == 0
    assert len(frustum_cells(nothing, POSE, detector(128))) == 0


def test_a_cell_of_no_size_is_refused(cloud: VesselCloud) -> None:
    with pytest.raises(ValueError, match="cell_mm"):
        resampled(cloud, 0.0)


@pytest.mark.parametrize(("size", "pixel_mm"), [(64, 3.0), (128, 1.5), (256, 0.75)])
def test_the_fitting_cell_is_a_pixel_at_the_isocentre(cloud: VesselCloud, size: int, pixel_mm: float) -> None:
    """DESIGN.md's numbers, for the usual detector."""
    assert fitting_cell_mm(cloud, detector(size)) == pytest.approx(pixel_mm, rel=0.02)
    assert fitting_cell_mm(cloud, detector(size)) <= pixel_at_isocentre_mm(detector(size))


def test_cells_coarser_than_a_pixel_leave_holes_which_resampling_closes() -> None:
    cloud = random_tree(1, (40, 44, 40), 0.5, 2.5, 0.02).cloud
    carm = detector(512)
    exact = SplatNumpy(resampled(cloud, 0.125), carm).render(POSE[None])
    coarse = resampled(cloud, 1.0)
    assert ncc(SplatNumpy(coarse, carm).render(POSE[None]), exact) < 0.95
    assert ncc(SplatNumpy(resampled(cloud, fitting_cell_mm(cloud, carm)), carm).render(POSE[None]), exact) > 0.999


@pytest.mark.parametrize("size", [128, 256, 512])
def test_frusta_show_the_same_with_a_quarter_of_the_points(size: int) -> None:
    cloud = random_tree(3, (60, 66, 60), 0.5, 3.5, 0.03).cloud
    centre = SplatNumpy(resampled(cloud, 0.25), detector(size))
    cubes, frusta = resampled(cloud, fitting_cell_mm(cloud, detector(size))), frustum_cells(cloud, POSE, detector(size))
    renderer = SplatNumpy(frusta, detector(size))
    assert len(frusta) < 0.36 * len(cubes)
    assert ncc(renderer.render(POSE[None]), centre.render(POSE[None])) > 0.999
    nearby = se3_exp(np.array([0.05, -0.06, 0.06, 9.0, 9.0, 9.0])) @ POSE  # 5.6 degrees, 15.6 mm
    assert ncc(renderer.render(nearby[None]), centre.render(nearby[None])) > 0.998


def test_frusta_keep_the_volume_and_its_centre_of_arteries_and_of_veins(cloud: VesselCloud) -> None:
    result = frustum_cells(cloud, se3_exp(np.array([0.1, 0.2, 0, -90, 30, -200])), detector(256))
    for before, after in ((cloud.veins, result.veins), (cloud.arteries, result.arteries)):
        (volume, centre), (new_volume, new_centre) = total_and_centre(before), total_and_centre(after)
        assert new_volume == pytest.approx(volume, rel=1e-6)
        np.testing.assert_allclose(new_centre, centre, atol=1e-4)
