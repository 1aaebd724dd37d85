"""What the network is trained on: heads' vessels, and what segmentations of CTA and DSA make of them."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.research.simulate.vessels.vessel import Vessel, centreline
from DeepIterRegLib.research.train.cta_veins import clean_veins, cta_veins
from DeepIterRegLib.research.train.dsa_veins import opacified_vessels
from DeepIterRegLib.research.train.mask_defects import mask_with_defects
from DeepIterRegLib.research.train.vein_anatomy import FIRST_TRAINING_SEED, TrainingAnatomy
from Testing.support.training_heads import training_head

PIXEL_MM = 4 / 3


@pytest.fixture(scope="module")
def anatomy() -> TrainingAnatomy:
    return training_head()


def straight_vessel(name: str, length_mm: float, radius_mm: float, is_vein: bool) -> Vessel:
    points = centreline(np.array([[0.0, 0, 0], [length_mm, 0, 0]]))
    return Vessel(name, points, np.full(len(points), radius_mm), is_vein, "middle", follows_skull=is_vein)


def test_points_stand_for_the_volume_of_the_vessels_they_fill() -> None:
    sinus, artery = straight_vessel("sinus", 60, 3, True), straight_vessel("basilar", 30, 1.5, False)
    anatomy = TrainingAnatomy.of_vessels([sinus], [artery])
    of_vein = anatomy.is_vein[anatomy.vessel]
    assert anatomy.volumes_mm3[of_vein].sum() == pytest.approx(np.pi * 9 * 60, rel=0.03)
    assert anatomy.volumes_mm3[~of_vein].sum() == pytest.approx(np.pi * 2.25 * 30, rel=0.06)
    assert of_vein[: anatomy.vein_points].all()
    assert not of_vein[anatomy.vein_points :].any()
    assert np.hypot(*anatomy.points_mm[of_vein].T[1:]).max() <= 3.0
    np.testing.assert_allclose(anatomy.points_mm[of_vein, 0] / 60, anatomy.along[of_vein], atol=0.02)


def test_equal_seeds_give_equal_heads_and_others_do_not(anatomy: TrainingAnatomy) -> None:
    again, other = TrainingAnatomy.draw(FIRST_TRAINING_SEED), training_head(1)
    np.testing.assert_array_equal(again.points_mm, anatomy.points_mm)
    assert len(other) != len(anatomy)


def test_head_is_small_enough_to_be_projected_in_a_moment(anatomy: TrainingAnatomy) -> None:
    assert anatomy.vein_points < 25_000
    assert len(anatomy) - anatomy.vein_points < 25_000


def test_arteries_know_which_neck_artery_fills_them(anatomy: TrainingAnatomy) -> None:
    roots = {
        kind: {str(root) for root in anatomy.root[anatomy.kind == kind]} for kind in ("M1", "SCA", "STA", "M4 angular")
    }
    assert roots["M1"] == {"ICA left", "ICA right"}
    assert roots["SCA"] == {"basilar"}
    assert roots["STA"] == {"ECA left", "ECA right"}
    assert set(anatomy.root[anatomy.is_vein]) == {""}


def test_without_defects_cta_and_dsa_show_the_same_veins(anatomy: TrainingAnatomy) -> None:
    rng = np.random.default_rng(0)
    points, volumes = cta_veins(anatomy, rng, amount=0)
    np.testing.assert_array_equal(points, anatomy.points_mm[clean_veins(anatomy)[anatomy.vessel]])
    np.testing.assert_array_equal(points, opacified_vessels(anatomy, rng, amount=0)[0])
    assert len(volumes) == len(points)


def test_segmented_sinuses_lie_on_sinuses_but_begin_behind_the_forehead(anatomy: TrainingAnatomy) -> None:
    rng = np.random.default_rng(1)
    sagittal = anatomy.points_mm[anatomy.vessel == anatomy.names.index("superior sagittal sinus")]
    behind = []
    for _ in range(30):
        points, volumes = cta_veins(anatomy, rng)
        assert len(points) == len(volumes) > 300
        assert points.dtype == volumes.dtype == np.float32
        # The front end, near the nose's root, is too thin in nearly every scan.
        front = points[np.abs(points[:, 0] - sagittal[:, 0].mean()) < 5, 1].max()
        behind.append(sagittal[:, 1].max() - front)
    assert np.mean(np.array(behind) > 5) > 0.8


def test_dsa_shows_one_side_or_arteries_but_hardly_ever_the_other_side_alone(anatomy: TrainingAnatomy) -> None:
    rng = np.random.default_rng(2)
    arterial = one_sided = 0
    for _ in range(60):
        points, _ = opacified_vessels(anatomy, rng)
        shown = np.isin(anatomy.points_mm[:, 0], points[:, 0])
        of_vein = anatomy.is_vein[anatomy.vessel]
        arterial += (shown & ~of_vein).sum() > 5 * (shown & of_vein).sum()
        cortical = shown & np.isin(anatomy.kind, ["cortical vein", "vein of Labbe"])[anatomy.vessel]
        left, right = ((anatomy.side[anatomy.vessel[cortical]] == side).sum() for side in (-1, 1))
        one_sided += max(left, right) > 3 * min(left, right)
    assert 3 <= arterial <= 18
    assert one_sided > 30


def test_mask_without_defects_is_where_the_vessels_are() -> None:
    path_mm = np.zeros((192, 192), np.float32)
    path_mm[50:60, 20:150] = 3.0
    inside = np.ones((192, 192), dtype=bool)
    inside[:, :30] = False
    mask, seen = mask_with_defects(path_mm, inside, PIXEL_MM, np.random.default_rng(0), amount=0)
    np.testing.assert_array_equal(mask, (path_mm > 0) & inside)
    np.testing.assert_array_equal(seen, inside)


def test_defective_masks_keep_to_what_was_seen_and_mostly_to_the_vessels() -> None:
    path_mm = np.zeros((192, 192), np.float32)
    path_mm[60:66, 40:150] = 3.0
    inside = np.zeros((192, 192), dtype=bool)
    inside[20:170, 20:170] = True
    rng = np.random.default_rng(3)
    found, shuttered, spoiled = [], 0, 0
    for _ in range(100):
        before = path_mm.copy()
        mask, seen = mask_with_defects(path_mm, inside, PIXEL_MM, rng)
        np.testing.assert_array_equal(path_mm, before)
        assert not (mask & ~seen).any()
        assert not (seen & ~inside).any()
        shuttered += not np.array_equal(seen, inside)
        spoiled += not np.array_equal(mask, (path_mm > 0) & seen)
        where = (path_mm > 0) & seen
        found.append(mask[where].mean() if where.any() else 1.0)
    assert np.mean(found) > 0.85
    assert 20 <= shuttered <= 60
    assert spoiled > 50


def test_an_image_without_vessels_or_detector_is_no_error() -> None:
    nothing, rng = np.zeros((192, 192), np.float32), np.random.default_rng(4)
    for _ in range(50):
        mask, seen = mask_with_defects(nothing, np.zeros((192, 192), dtype=bool), PIXEL_MM, rng)
        assert not mask.any()
        assert not seen.any()


def test_equal_random_numbers_give_equal_images(anatomy: TrainingAnatomy) -> None:
    one, two = (opacified_vessels(anatomy, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    scan, again = (cta_veins(anatomy, np.random.default_rng(7))[0] for _ in range(2))
    np.testing.assert_array_equal(scan, again)
