"""Vessels and veins of a CTA: found where they are, none where there is no contrast."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.bone import Bone, find_bone
from DeepIterRegLib.preparation.canal import canal_vessels
from DeepIterRegLib.preparation.cavity import Cavity
from DeepIterRegLib.preparation.contrast import ContrastLevels, contrast_levels
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.distance import dilated, eroded
from DeepIterRegLib.preparation.prepared import PreparedVolume
from DeepIterRegLib.preparation.tubes import tubularity
from DeepIterRegLib.preparation.vessels import neck_vessels
from DeepIterRegLib.preparation.work_grid import WorkGrid, coarser
from DeepIterRegLib.research.simulate.ct.ct_angiogram import CtScan, scan
from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan
from Testing.support.cases import needs_cases
from Testing.support.contrast_head import ContrastHead, contrast_head, head_ct
from Testing.support.patients import average_anatomy, plain_ct

STEPS: list[tuple[str, float]] = []
"""What `patient()` reported while it prepared."""


@cache
def patient() -> tuple[CtScan, PreparedVolume]:
    """A CTA of 1.6 mm of the average head."""
    plan = CtPlan(columns=142, slices=128, voxel_mm=1.6, slice_mm=1.6, centre_mm=(0, 4, -22), noise_hu=10)
    made = scan(average_anatomy(), None, np.eye(4), plan, np.random.default_rng(5))
    STEPS.clear()
    return made, prepare_volume(made.volume, progress=lambda step, fraction: STEPS.append((step, fraction)))


@cache
def real_head() -> tuple[ContrastHead, PreparedVolume]:
    head = contrast_head()
    return head, prepare_volume(head.volume)


def vessels_of(made: CtScan) -> np.ndarray:
    return made.artery_mask | made.vein_mask


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))


def test_a_simulated_heads_vessels_are_found_without_its_skull():
    made, prepared = patient()
    assert overlap(prepared.vessels, vessels_of(made)) > 0.7
    assert vessels_of(made)[prepared.vessels].mean() > 0.65
    assert prepared.warnings == ()


def test_a_simulated_heads_veins_are_those_along_the_skull():
    made, prepared = patient()
    assert prepared.veins[made.skull_vein_mask].mean() > 0.7
    assert made.vein_mask[prepared.veins].mean() > 0.75
    assert not (prepared.veins & ~prepared.vessels).any()


@pytest.mark.parametrize(("slices", "least"), [(2, 0.6), (3, 0.4)], ids=["3.2 mm", "4.8 mm"])
def test_through_thick_slices_the_head_does_not_leak_out_of_its_vault(slices, least):
    """Where thin bone runs across the slices it is mixed with brain and scalp, and no longer brighter than vessels."""
    made, _ = patient()
    thick, mask = in_thick_slices(made, slices)
    prepared = prepare_volume(thick)
    found_ml, true_ml = (m.sum() * np.prod(thick.spacing_mm) / 1000 for m in (prepared.vessels, mask))
    assert found_ml < 1.3 * true_ml
    assert overlap(prepared.vessels, mask) > least
    assert prepared.warnings == ()


def test_bone_that_mixes_into_the_cavitys_wall_does_not_make_the_vessels_brighter():
    """As thick slices do: one voxel of bone at 640 HU just inside the wall, vessels of 300 HU deeper."""
    k, j, i = np.indices((40, 40, 40)) - 20
    distance = 2.0 * np.sqrt(k**2 + j**2 + i**2)
    inside = distance < 34
    hu = np.where(np.hypot(j, i) < 3, 300.0, 36.0).astype(np.float32)
    hu[inside & (distance > 31.9) & (np.abs(k) < 6)] = 640.0
    grid = WorkGrid(hu, np.full(3, 2.0), np.ones(3, dtype=int), hu.shape)
    levels = contrast_levels(grid, grid, Cavity(distance < 26, inside, grid.spacing_kji))
    assert levels.has_contrast
    assert levels.brightest_hu == pytest.approx(300.0)


def in_thick_slices(made: CtScan, slices: int) -> tuple[Volume, np.ndarray]:
    """Means over `slices` slices along the body, as of a thick scan; and what of them is at least a third vessel."""
    voxels, matrix = made.volume.voxels, made.volume.ijk_to_ras.copy()
    assert np.argmax(np.abs(matrix[2, :3])) == 2  # k runs along the body
    count = len(voxels) // slices

    def means(values: np.ndarray) -> np.ndarray:
        return values[: count * slices].reshape(count, slices, *values.shape[1:]).mean(axis=1)

    matrix[:3, 3] += matrix[:3, 2] * (slices - 1) / 2
    matrix[:3, 2] *= slices
    return Volume(np.rint(means(voxels)).astype(np.int16), matrix, "cta"), means(vessels_of(made)) > 0.33


def test_more_than_a_head_can_hold_is_warned_of_unless_the_mask_was_given():
    side = 70
    voxels = np.random.default_rng(0).normal(0, 1, (100, 100, 100)).astype(np.float32)
    voxels[10 : 10 + side, 10 : 10 + side, 10 : 10 + side] += 1000.0
    volume = Volume(voxels, np.eye(4), "3dra", "scan")
    (warning,) = prepare_volume(volume).warnings
    assert re.search(r"3\d\d mL of scan were taken for vessels.*give a mask of the vessels", warning)
    assert prepare_volume(volume, vessels=voxels > 500).warnings == ()


def test_progress_names_steps_and_only_rises():
    patient()
    fractions = [fraction for _, fraction in STEPS]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0
    assert "Removing bone" in [step for step, _ in STEPS]


def test_the_order_and_direction_of_the_axes_do_not_matter():
    made, prepared = patient()
    volume = made.volume
    # Axes (k, j, i) -> (i, k, j), the first one reversed.
    turned = np.ascontiguousarray(volume.voxels.transpose(2, 0, 1)[::-1])
    old_from_new = np.zeros((4, 4))  # index (i, j, k, 1) of the turned grid to that of the original
    old_from_new[0, 2], old_from_new[0, 3] = -1, turned.shape[0] - 1
    old_from_new[1, 0] = old_from_new[2, 1] = old_from_new[3, 3] = 1
    again = prepare_volume(Volume(turned, volume.ijk_to_ras @ old_from_new, "cta"))
    np.testing.assert_array_equal(again.vessels[::-1].transpose(1, 2, 0), prepared.vessels)
    np.testing.assert_array_equal(again.veins[::-1].transpose(1, 2, 0), prepared.veins)
    np.testing.assert_allclose(again.cloud.positions_mm, prepared.cloud.positions_mm, atol=1e-3)
    np.testing.assert_array_equal(again.cloud.weights_mm3, prepared.cloud.weights_mm3)
    assert again.skull is not None
    assert prepared.skull is not None
    np.testing.assert_allclose(again.skull.positions_mm, prepared.skull.positions_mm, atol=1e-3)
    assert again.volume.voxels is turned


def test_given_masks_lie_on_the_volume_s_own_axes():
    volume, artery, vein = masked_volume()
    turned = Volume(volume.voxels[::-1].transpose(1, 0, 2), PERMUTED, "cta")
    masks = [mask[::-1].transpose(1, 0, 2) for mask in (artery | vein, vein)]
    expected, found = prepare_volume(volume, artery | vein, vein), prepare_volume(turned, *masks)
    np.testing.assert_array_equal(found.vessels, masks[0])
    np.testing.assert_array_equal(found.veins, masks[1])
    np.testing.assert_allclose(found.cloud.positions_mm, expected.cloud.positions_mm, atol=1e-9)
    np.testing.assert_array_equal(found.cloud.weights_mm3, expected.cloud.weights_mm3)


PERMUTED = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 19], [0, 0, 0, 1]])
"""Place of `masked_volume` with its slices turned over and exchanged for its rows."""


@needs_cases
def test_in_a_real_head_bone_is_gone_and_the_sinuses_on_it_are_not():
    head, prepared = real_head()
    truth = np.maximum(head.arteries, head.veins)
    assert (truth[prepared.vessels] > 0.02).mean() > 0.93
    assert prepared.vessels[head.sinuses > 0.5].mean() > 0.96
    assert prepared.vessels[head.arteries > 0.5].mean() > 0.85
    ct, _ = head_ct()
    assert not prepared.vessels[(ct > 1000) & (truth < 0.02)].any()


@needs_cases
def test_in_a_real_head_the_veins_are_the_sinuses():
    head, prepared = real_head()
    assert prepared.veins[head.sinuses > 0.5].mean() > 0.88
    assert (head.sinuses[prepared.veins] > 0.02).mean() > 0.85
    arteries_alone = (head.arteries > 0.3) & (head.sinuses < 0.02)
    assert prepared.veins[arteries_alone].mean() < 0.02


@needs_cases
def test_the_cloud_holds_the_vessels_volume():
    head, prepared = real_head()
    found = prepared.vessels
    truth_mm3 = float(np.maximum(head.arteries, head.veins)[found].sum())
    assert prepared.cloud.weights_mm3.sum() == pytest.approx(truth_mm3, rel=0.1)
    assert prepared.cloud.is_vein.sum() == pytest.approx(prepared.veins.sum(), rel=0.01)


def is_without_vessels(prepared: PreparedVolume) -> bool:
    """Whether nothing was found in a CT, and the user is told why."""
    (warning,) = prepared.warnings
    assert warning.startswith("The CT shows no contrast")
    cloud = prepared.cloud
    np.testing.assert_array_equal(cloud.centre_mm, prepared.volume.centre_mm)
    return len(cloud) == len(cloud.veins) == len(cloud.arteries) == 0 and not prepared.vessels.any()


@needs_cases
def test_a_plain_ct_has_no_vessels():
    ct, _ = head_ct()
    volume = Volume(ct.astype(np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]), "cta", "head_ct.nrrd")
    assert is_without_vessels(prepare_volume(volume))


def test_vessels_that_are_given_with_a_plain_ct_are_all_there_are():
    volume = plain_ct()
    mask = np.zeros(volume.voxels.shape, dtype=bool)
    mask[tuple(n // 2 for n in mask.shape)] = True
    prepared = prepare_volume(volume, vessels=mask)
    np.testing.assert_array_equal(prepared.vessels, mask)
    assert len(prepared.cloud) == 1
    (warning,) = prepared.warnings
    assert warning.startswith("No large veins")


@needs_cases
def test_an_early_phase_without_veins_is_warned_of():
    head = contrast_head(spacing_mm=(2.0, 2.0, 2.0), artery_hu=400.0, vein_hu=45.0)
    prepared = prepare_volume(head.volume)
    assert not prepared.veins.any()
    assert any("No large veins" in warning for warning in prepared.warnings)
    assert prepared.vessels[head.arteries > 0.9].mean() > 0.6


def air() -> np.ndarray:
    return np.full((90, 100, 100), -1000, dtype=np.int16)


def ball(radius: float) -> np.ndarray:
    k, j, i = np.ogrid[:90, :100, :100]
    return (k - 45) ** 2 + (j - 50) ** 2 + (i - 50) ** 2 < radius**2


@pytest.mark.parametrize(
    "voxels",
    [
        air(),
        np.where(ball(40), 0, air()).astype(np.int16),
        np.where(ball(12), 1200, np.where(ball(40), 50, air())).astype(np.int16),
    ],
    ids=["air", "water phantom", "bone inside soft tissue"],
)
def test_a_volume_without_a_head_is_refused(voxels):
    with pytest.raises(InputError, match="shows no head"):
        prepare_volume(Volume(voxels, np.diag([2.0, 2.0, 2.0, 1.0]), "cta"))


def masked_volume() -> tuple[Volume, np.ndarray, np.ndarray]:
    """Soft tissue with two vessels, too little for a head: only masks can make something of it."""
    voxels = np.full((20, 24, 28), 35, dtype=np.int16)
    artery, vein = np.zeros((2, *voxels.shape), dtype=bool)
    artery[5:7, 6:8], vein[12:16, 10:14] = True, True
    voxels[artery], voxels[vein] = 435, 235
    return Volume(voxels, np.eye(4), "cta", "scan"), artery, vein


def test_given_masks_replace_the_segmentation():
    volume, artery, vein = masked_volume()
    prepared = prepare_volume(volume, vessels=artery, veins=vein)
    np.testing.assert_array_equal(prepared.vessels, artery | vein)
    np.testing.assert_array_equal(prepared.veins, vein)
    # Arteries and veins are all contrast, although one is half as bright as the other.
    np.testing.assert_allclose(prepared.cloud.weights_mm3, 1.0, rtol=1e-5)


def test_half_filled_voxels_weigh_half():
    volume, artery, vein = masked_volume()
    half = artery & (np.arange(28) < 3)
    volume.voxels[half] = 235
    cloud = prepare_volume(volume, vessels=artery, veins=vein).cloud
    weights = np.sort(cloud.arteries.weights_mm3)
    np.testing.assert_allclose(weights[: half.sum()], 0.5, rtol=1e-5)
    np.testing.assert_allclose(weights[half.sum() :], 1.0, rtol=1e-5)


def test_an_empty_mask_is_refused():
    volume, artery, vein = masked_volume()
    with pytest.raises(InputError, match="mask of the CTA's vessels marks no voxel"):
        prepare_volume(volume, vessels=np.zeros_like(artery), veins=vein)
    assert not prepare_volume(volume, vessels=artery, veins=np.zeros_like(vein)).veins.any()  # which says: none


def test_a_mask_of_another_size_is_refused():
    volume, artery, vein = masked_volume()
    with pytest.raises(InputError, match=r"28 x 24 x 19 voxels, but the CTA has 28 x 24 x 20"):
        prepare_volume(volume, vessels=artery[1:], veins=vein)


def neck(side_mm: tuple[int, int, int], levels_hu: float) -> tuple[np.ndarray, np.ndarray]:
    """(hu, mask of the vessels) at 1 mm, index axes S, A, R: a carotid, a leaning jugular vein, and a jaw of marrow."""
    s, a, r = np.indices(side_mm)
    carotid = np.hypot(a - 20, r - 30) < 3
    jugular = np.hypot(a - 15 - 0.5 * s, r - 90) < 7
    arch = np.hypot((a - 30) / 75, (r - 60) / 50)
    jaw = (np.abs(arch - 0.9) < 0.08) & (a > 40) & (np.abs(s - 30) < 6) & ~jugular
    return np.where(carotid | jugular | jaw, levels_hu, 40.0).astype(np.float32), carotid | jugular


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_in_the_neck_a_jaw_as_bright_as_vessels_is_left_out(order):
    hu, truth = (array.transpose(order) for array in neck((60, 110, 120), 400.0))
    grid = WorkGrid(np.ascontiguousarray(hu), np.ones(3), np.ones(3, dtype=int), hu.shape)
    nowhere = np.zeros(hu.shape, dtype=bool)
    bone = Bone(nowhere, nowhere, nowhere, nowhere, 0.0)
    levels = ContrastLevels(tissue_hu=36.0, noise_hu=10.0, vessel_hu=380.0, brightest_hu=420.0, volume_ml=10.0)
    to_ras = np.eye(3)[::-1][:, list(order)]  # axis S is (0, 0, 1), A (0, 1, 0), R (1, 0, 0)
    found = neck_vessels(grid, ~nowhere, bone, levels, to_ras)
    assert found[truth].mean() > 0.97
    assert truth[found].all()


NECK_LEVELS = ContrastLevels(tissue_hu=36.0, noise_hu=10.0, vessel_hu=380.0, brightest_hu=420.0, volume_ml=10.0)


def test_a_carotid_beside_a_bone_is_kept_and_streaks_between_fillings_are_not():
    """At 1 mm, index axes S, A, R: bone runs along 25 of the carotid's 60 mm; the streaks are 30 x 16 x 6 mm."""
    s, a, r = np.indices((60, 60, 90))
    carotid = np.hypot(a - 30, r - 25) < 3.3
    styloid = (np.hypot(a - 30, r - 32) < 2.5) & (s < 25)
    streaks = (np.abs(s - 30) < 15) & (np.abs(a - 30) < 8) & (np.abs(r - 70) < 3)
    hu = np.where(styloid, 1200.0, np.where(carotid | streaks, 400.0, 40.0)).astype(np.float32)
    grid = WorkGrid(hu, np.ones(3), np.ones(3, dtype=int), hu.shape)
    found = neck_vessels(
        grid, np.ones(hu.shape, dtype=bool), find_bone(grid, NECK_LEVELS), NECK_LEVELS, np.eye(3)[::-1]
    )
    assert found[carotid].mean() > 0.8
    assert not found[~carotid].any()


def test_the_canal_joins_neck_and_head_and_marrow_does_not():
    s, a, r = np.indices((60, 40, 60))
    carotid, marrow = np.hypot(a - 20, r - 20) < 3, (np.hypot(a - 20, r - 45) < 4) & (np.abs(s - 30) < 9)
    base = (np.abs(s - 30) < 12) & ~carotid & ~marrow
    hu = np.where(base, 1200.0, np.where(carotid | marrow, 400.0, 40.0)).astype(np.float32)
    grid = WorkGrid(hu, np.ones(3), np.ones(3, dtype=int), hu.shape)
    neck, head = carotid & (s < 20), carotid & (s > 40)
    bone, body = find_bone(grid, NECK_LEVELS), np.ones(hu.shape, dtype=bool)
    gap = canal_vessels(grid, neck, head, bone=bone, levels=NECK_LEVELS, body=body)
    assert gap[30, 20, 20]
    assert carotid[gap].all()
    assert not canal_vessels(grid, neck, np.zeros_like(head), bone=bone, levels=NECK_LEVELS, body=body).any()


def test_a_head_without_contrast_has_no_vessels_through_coarse_voxels_either():
    """Bone that a voxel mixes with brain is as bright as contrast, but in bits, which are no vessels."""
    assert is_without_vessels(prepare_volume(plain_ct()))


@needs_cases
def test_a_plain_ct_of_coarse_voxels_has_no_vessels():
    ct, _ = head_ct()
    volume = Volume(ndimage.zoom(ct, 1 / 1.5, order=1).astype(np.int16), np.diag([-1.5, -1.5, 1.5, 1.0]), "cta")
    assert is_without_vessels(prepare_volume(volume))


@pytest.mark.parametrize("contrast", ["thin arteries", "bits"])
def test_an_early_bolus_is_told_from_bits_of_bone_by_its_length(contrast):
    """At 1 mm, about 2 mL each: arteries of 3 mm, which every other voxel shows in pieces, or cubes of 5 mm."""
    k, j, i = np.indices((120, 100, 100)) - 50
    head = np.sqrt(k**2 + j**2 + i**2)
    arteries = np.hypot((np.abs(i) - 15) - 8 * np.sin(k / 8), (np.abs(j) - 15) - 5 * np.cos(k / 6)) < 1.6
    bits = (k % 24 < 5) & (j % 24 < 5) & (i % 24 < 5)
    shown = (arteries if contrast == "thin arteries" else bits) & (head < 40)
    hu = np.where(shown, 300.0, 36.0).astype(np.float32)
    work = WorkGrid(hu, np.ones(3), np.ones(3, dtype=int), hu.shape)
    coarse = coarser(work, 2.0)
    coarse_head = head[1::2, 1::2, 1::2]
    levels = contrast_levels(work, coarse, Cavity(coarse_head < 40, coarse_head < 48, coarse.spacing_kji))
    assert 1.0 < levels.volume_ml < 4.0
    assert levels.has_contrast == (contrast == "thin arteries")


@pytest.mark.parametrize("share", [0.001, 0.5])
def test_dilation_and_erosion_are_those_of_the_exact_distance(share):
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((30, 40, 50)), 2)
    mask = noise > np.quantile(noise, 1 - share)
    spacing = np.array([1.3, 0.7, 0.9])
    outside = np.pad(~mask, 4)  # beyond the border lies nothing, neither inside nor outside
    from_mask = ndimage.distance_transform_edt(~mask, sampling=spacing)
    from_outside = ndimage.distance_transform_edt(~outside, sampling=spacing)[4:-4, 4:-4, 4:-4]
    for radius in (0.8, 1.5, 2.2):
        np.testing.assert_array_equal(dilated(mask, radius, spacing), from_mask <= radius)
        np.testing.assert_array_equal(eroded(mask, radius, spacing), from_outside > radius)


def test_tubes_are_told_from_plates_and_blobs():
    k, j, i = np.indices((40, 40, 40)) - 20
    inside = np.ones((40, 40, 40), dtype=bool)
    shapes = {"tube": np.hypot(j, i) < 2, "plate": np.abs(i) < 2, "blob": k**2 + j**2 + i**2 < 5}
    for name, shape in shapes.items():
        tube = tubularity(np.where(shape, 300.0, 0.0), 300.0, np.ones(3), inside)
        assert (tube[20, 20, 20] > 0.5) == (name == "tube"), name
        asked = shape & (k > 0)
        again = tubularity(np.where(shape, 300.0, 0.0), 300.0, np.ones(3), asked)
        np.testing.assert_array_equal(again, np.where(asked, tube, 0.0))
