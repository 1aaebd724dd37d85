"""Where a head lies in a CT: its axes in any posture, its centre wherever the scan ends, and what is cropped to it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.rigid import rotation_angle_deg
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cavity import COARSE_EDGE_MM, Cavity, find_cavity
from DeepIterRegLib.preparation.head_axes import find_axes, head_axes, places_mm
from DeepIterRegLib.preparation.head_box import head_box, whole
from DeepIterRegLib.preparation.head_frame import ISOCENTRE_MM, NORMAL_OFFSET_MM, frame_about
from DeepIterRegLib.preparation.midline import find_midline
from DeepIterRegLib.preparation.work_grid import WorkGrid, coarse_grid, coarse_to_ras, coarser, work_grid
from Testing.support.patients import plain_ct

AIR_HU = -1000
UPRIGHT = np.eye(3)


def turned_ct(euler_deg: tuple[float, float, float]) -> tuple[Volume, FloatArray]:
    """The average head turned about R, A, S in its scanner, and the rotation."""
    made = plain_ct()
    turn: FloatArray = Rotation.from_euler("xyz", euler_deg, degrees=True).as_matrix()
    count = 170
    matrix = np.diag([-1.6, -1.6, 1.6, 1.0])
    matrix[:3, 3] = made.centre_mm - matrix[:3, :3] @ np.full(3, (count - 1) / 2)
    back = np.eye(4)
    back[:3, :3], back[:3, 3] = turn.T, made.centre_mm - turn.T @ made.centre_mm
    to_old = np.linalg.inv(made.ijk_to_ras) @ back @ matrix
    voxels = ndimage.affine_transform(
        made.voxels.astype(np.float32), to_old[2::-1, 2::-1], to_old[2::-1, 3], (count,) * 3, order=1, cval=AIR_HU
    )
    return Volume(np.rint(voxels).astype(np.int16), matrix, "cta"), turn


def looked_at(volume: Volume) -> tuple[WorkGrid, FloatArray, Cavity]:
    work = work_grid(volume.voxels, volume.spacing_mm[::-1])
    coarse = coarser(work, COARSE_EDGE_MM)
    cavity = find_cavity(coarse.hu, coarse.spacing_kji)
    assert cavity is not None
    return coarse, coarse_to_ras(volume.ijk_to_ras, work.factors, coarse.factors), cavity


def axes_of(volume: Volume) -> FloatArray:
    coarse, to_ras, cavity = looked_at(volume)
    return head_axes(coarse.hu, to_ras, cavity)


@cache
def straight() -> tuple[FloatArray, FloatArray]:
    """Axes and brain's middle of the head as it lies, straight to some degrees."""
    coarse, to_ras, cavity = looked_at(plain_ct())
    axes = find_axes(coarse.hu, to_ras, cavity)
    assert axes is not None
    return axes, places_mm(cavity.core, to_ras).mean(axis=0)


def test_the_axes_of_a_straight_head_are_the_scanners():
    axes, _ = straight()
    assert np.linalg.det(axes) == pytest.approx(1)
    assert rotation_angle_deg(axes) < 4
    np.testing.assert_array_equal(axes_of(plain_ct()), UPRIGHT)


@pytest.mark.parametrize(
    "euler_deg",
    [(30, 0, 0), (-30, 0, 0), (0, 25, 15), (0, 0, 90), (0, 0, 180), (180, 0, 0), (50, -130, 70)],
    ids=["chin up", "chin down", "askew", "face to the side", "prone", "upside down", "any"],
)
def test_the_axes_turn_with_the_head(euler_deg):
    """Front and back, top and bottom told apart by the anatomy, not by what the file says of the patient."""
    volume, turn = turned_ct(euler_deg)
    found = axes_of(volume)
    assert rotation_angle_deg(found @ (turn @ straight()[0]).T) < 3


def test_a_slightly_turned_head_keeps_the_scanners_axes():
    volume, _ = turned_ct((10, 4, -4))
    np.testing.assert_array_equal(axes_of(volume), UPRIGHT)


@pytest.mark.parametrize(("from_mm", "to_mm"), [(60, 208), (0, 160), (80, 208)], ids=["no face", "no vertex", "vault"])
def test_a_scan_that_ends_early_does_not_turn_a_straight_head(from_mm, to_mm):
    volume = plain_ct()
    part = volume.within((slice(round(from_mm / 1.6), round(to_mm / 1.6)), slice(None), slice(None)))
    np.testing.assert_array_equal(axes_of(part), UPRIGHT)
    np.testing.assert_allclose(looked_at_middle(part), straight()[1], atol=8)


def looked_at_middle(volume: Volume) -> FloatArray:
    _, to_ras, cavity = looked_at(volume)
    return places_mm(cavity.core, to_ras).mean(axis=0)


def test_arms_and_headrest_in_the_field_change_nothing():
    volume = plain_ct()
    voxels = volume.voxels.copy()
    rows, columns = np.indices(voxels.shape[1:]) * 1.6
    for side_mm in (10, columns.max() - 10):
        distance = np.hypot(rows - 120, columns - side_mm)
        voxels[:, distance < 24] = 60
        voxels[:, distance < 12] = 1200
    voxels[:, rows > 232] = 300
    found, to_ras, cavity = looked_at(Volume(voxels, volume.ijk_to_ras, "cta"))
    assert rotation_angle_deg(find_axes(found.hu, to_ras, cavity) @ straight()[0].T) < 1
    np.testing.assert_allclose(places_mm(cavity.core, to_ras).mean(axis=0), straight()[1], atol=1)


def test_what_has_no_midline_has_no_axes():
    hu = np.random.default_rng(0).normal(300, 400, (70, 70, 70)).astype(np.float32)
    to_ras = np.diag([3.0, 3.0, 3.0, 1.0])
    assert find_midline(hu, to_ras, np.full(3, 105.0), np.array([1.0, 0.0, 0.0]), 18.0) is None


def test_a_vault_that_mirrors_itself_in_two_planes_has_no_axes():
    """Turned so far that the patient frame's own plane is none of them."""
    k, j, i = np.indices((70, 70, 70)) - 35
    long, wide = (j + i) / np.sqrt(2), (j - i) / np.sqrt(2)
    radius = np.sqrt((k / 24) ** 2 + (long / 30) ** 2 + (wide / 22) ** 2)
    hu = np.where(np.abs(radius - 1) < 0.08, 1200, 40).astype(np.float32)
    to_ras = np.array([[0, 0, 3.0, 0], [0, 3.0, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]])
    assert find_midline(hu, to_ras, np.full(3, 105.0), np.array([1.0, 0.0, 0.0]), 18.0) is None
    hu[:, (long > 8)[0] & (j > 0)[0]] = 40  # a face on one side of one of them
    found = find_midline(hu, to_ras, np.full(3, 105.0), np.array([1.0, 0.0, 0.0]), 18.0)
    assert found is None or np.abs(found.normal @ [1, -1, 0]) / np.sqrt(2) > 0.98


def with_long_neck(neck_mm: float = 260) -> Volume:
    """The average head above its lowest slices, again and again."""
    made = plain_ct()
    count = round(neck_mm / 1.6)
    low = np.repeat(made.voxels[4:8].mean(axis=0, keepdims=True).astype(np.int16), count, axis=0)
    matrix = made.ijk_to_ras.copy()
    matrix[:3, 3] -= matrix[:3, 2] * count
    return Volume(np.concatenate([low, made.voxels]), matrix, "cta")


def test_the_box_of_a_long_scan_is_head_and_upper_neck():
    volume = with_long_neck()
    layers, rows, columns = head_box(volume)
    top = len(volume.voxels)
    head = len(plain_ct().voxels)
    assert layers.stop == top
    assert top - head - 60 < layers.start <= top - head
    assert (rows, columns) == whole(volume)[1:]
    small = plain_ct()
    assert head_box(small) == whole(small)


def test_a_wide_field_is_cropped_in_its_slices():
    made = plain_ct()
    wide = np.full((len(made.voxels), 320, 320), AIR_HU, np.int16)
    wide[:, 160:310, 10:160] = made.voxels
    matrix = made.ijk_to_ras.copy()
    matrix[:3, 3] -= matrix[:3, :3] @ [10, 160, 0]
    volume = Volume(wide, matrix, "cta")
    part = volume.within(head_box(volume))
    assert part.voxels.size < 0.6 * wide.size
    np.testing.assert_allclose(looked_at_middle(part), straight()[1], atol=2)
    index = np.linalg.inv(part.ijk_to_ras) @ np.append(straight()[1], 1)
    whole_index = np.linalg.inv(matrix) @ np.append(straight()[1], 1)
    k, j, i = np.rint(index[2::-1]).astype(int)
    assert part.voxels[k, j, i] == wide[tuple(np.rint(whole_index[2::-1]).astype(int))]


def test_what_shows_no_head_is_not_cropped():
    volume = Volume(np.full((200, 40, 40), 40, np.int16), np.diag([2.0, 2.0, 2.0, 1.0]), "cta")
    assert head_box(volume) == whole(volume)


@pytest.mark.parametrize("spacing_kji", [(0.6, 0.5, 0.5), (3.0, 0.9, 0.9), (1.6, 1.6, 1.6)])
def test_the_coarse_grid_is_that_of_the_work_grid(spacing_kji):
    voxels = np.random.default_rng(2).integers(-1000, 2000, (61, 47, 50)).astype(np.int16)
    work = work_grid(voxels, np.array(spacing_kji))
    expected, found = coarser(work, COARSE_EDGE_MM), coarse_grid(voxels, np.array(spacing_kji), COARSE_EDGE_MM)
    np.testing.assert_array_equal(found.hu, expected.hu)
    np.testing.assert_array_equal(found.factors, expected.factors)
    assert found.fine_shape == expected.fine_shape
    np.testing.assert_allclose(found.spacing_kji, expected.spacing_kji)


def test_the_grids_centre_stays_where_it_is_about_the_heads():
    brain = np.array([3.0, -150.0, -600.0])
    heads = brain + ISOCENTRE_MM
    near = heads + [0, 0, NORMAL_OFFSET_MM - 1]
    np.testing.assert_array_equal(frame_about(brain, UPRIGHT, near).centre_mm, near)
    far = heads - [0, 0, NORMAL_OFFSET_MM + 1]
    np.testing.assert_array_equal(frame_about(brain, UPRIGHT, far).centre_mm, heads)
    side = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    np.testing.assert_allclose(
        frame_about(brain, side, far).centre_mm, brain + [-ISOCENTRE_MM[1], ISOCENTRE_MM[0], ISOCENTRE_MM[2]]
    )
