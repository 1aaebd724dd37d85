"""Imperfect segmentations: none of it without errors, ever more of the same with more, each kind where it belongs."""

from __future__ import annotations

import time
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.segmentations.segmentation_defects import degrade_detector, degrade_volume, dice
from DeepIterRegLib.research.simulate.segmentations.segmentation_quality import KNOBS, SegmentationQuality
from DeepIterRegLib.research.simulate.segmentations.vessel_pieces import PIECE_MM, cut_into_pieces
from Testing.support.patients import small_patient

SPACING_MM = np.array([0.6, 0.6, 0.6])
KINDS = [field.name for field in fields(SegmentationQuality)]
IN_VOLUME = set(KINDS) - {"ghosts", "shutter"}
IN_IMAGE = set(KINDS) - {"merged_bone", "lost_jugular"}


class Tree:
    """A volume with an artery and a vein that run upwards, thin branches on both, and a plate of bone at the vein."""

    def __init__(self) -> None:
        shape = (140, 60, 100)
        k, j, i = np.indices(shape)
        self.arteries = (j - 30) ** 2 + (i - 30) ** 2 < 3.5**2
        self.veins = (j - 30) ** 2 + (i - 70) ** 2 < 4.5**2
        self.skull_veins = self.veins & (k > 60)
        self.twigs = np.zeros(shape, dtype=bool)
        for height in range(15, 130, 10):
            self.twigs[height : height + 2, 29:31, 5:30] = True
            self.twigs[height : height + 2, 29:31, 70:95] = True
        self.arteries |= self.twigs & (i < 50)
        self.veins |= self.twigs & (i > 50)
        self.hu = np.where(self.arteries | self.veins, 350, 40).astype(np.int16)
        self.bone = (j >= 36) & (j < 44) & ~(self.arteries | self.veins)
        self.hu[self.bone] = 1200

    def degraded(self, quality: SegmentationQuality, seed: int = 0):
        rng = np.random.default_rng(seed)
        return degrade_volume(self.arteries, self.veins, self.skull_veins, self.hu, SPACING_MM, quality, rng)

    @property
    def vessels(self) -> np.ndarray:
        return self.arteries | self.veins


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree()


@pytest.fixture(scope="module")
def image() -> tuple[np.ndarray, np.ndarray]:
    """Arteries and veins of a run, 256 x 256."""
    run = small_patient().runs[0]
    arteries, veins = (np.kron(mm > 0.3, np.ones((2, 2), dtype=bool)) for mm in (run.arteries_mm, run.veins_mm))
    return arteries, veins


def degraded_image(image, quality, seed=0):
    return degrade_detector(*image, quality, np.random.default_rng(seed))


def test_without_errors_the_masks_are_the_truth(tree, image):
    vessels, veins = tree.degraded(SegmentationQuality())
    np.testing.assert_array_equal(vessels, tree.vessels)
    np.testing.assert_array_equal(veins, tree.skull_veins)
    vessels, veins = degraded_image(image, SegmentationQuality.named("truth"))
    np.testing.assert_array_equal(vessels, image[0] | image[1])
    np.testing.assert_array_equal(veins, image[1])


@pytest.mark.parametrize("seed", range(2))
def test_overlap_with_the_truth_falls_as_the_knob_rises(tree, image, seed):
    knobs = (0.0, 0.25, 0.5, 0.75, 1.0)
    volumes = [dice(tree.degraded(SegmentationQuality.at(knob), seed)[0], tree.vessels) for knob in knobs]
    images = [dice(degraded_image(image, SegmentationQuality.at(knob), seed)[0], image[0] | image[1]) for knob in knobs]
    for overlaps in (volumes, images):
        assert overlaps[0] == 1
        assert all(after < before for before, after in pairwise(overlaps))


def test_equal_random_numbers_give_equal_masks_and_others_others(tree, image):
    quality = SegmentationQuality.named("realistic")
    for first, again in zip(tree.degraded(quality, 5), tree.degraded(quality, 5), strict=True):
        np.testing.assert_array_equal(first, again)
    for first, again in zip(degraded_image(image, quality, 5), degraded_image(image, quality, 5), strict=True):
        np.testing.assert_array_equal(first, again)
    assert (tree.degraded(quality, 5)[0] != tree.degraded(quality, 6)[0]).any()
    assert (degraded_image(image, quality, 5)[0] != degraded_image(image, quality, 6)[0]).any()


def test_input_is_left_as_it_was(tree, image):
    before = [array.copy() for array in (tree.arteries, tree.veins, tree.skull_veins, tree.hu, *image)]
    tree.degraded(SegmentationQuality.at(1))
    degraded_image(image, SegmentationQuality.at(1))
    for array, copy in zip((tree.arteries, tree.veins, tree.skull_veins, tree.hu, *image), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_veins_are_vessels(tree, image):
    for seed in range(4):
        for vessels, veins in (
            tree.degraded(SegmentationQuality.at(1), seed),
            degraded_image(image, SegmentationQuality.at(1), seed),
        ):
            assert not (veins & ~vessels).any()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_error_shows_where_it_belongs_and_more_of_it_is_worse(tree, image, kind):
    def overlaps(amount: float) -> tuple[float, float]:
        quality = SegmentationQuality(**{kind: amount})
        pairs = [(tree.degraded(quality, seed), degraded_image(image, quality, seed)) for seed in range(6)]
        volume = np.mean([dice(v, tree.vessels) + dice(n, tree.skull_veins) for (v, n), _ in pairs])
        flat = np.mean([dice(v, image[0] | image[1]) + dice(n, image[1]) for _, (v, n) in pairs])
        return float(volume), float(flat)

    some, much = overlaps(0.5), overlaps(1.0)
    for number, belongs in enumerate((IN_VOLUME, IN_IMAGE)):
        if kind in belongs:
            assert much[number] < 2
            assert much[number] <= some[number]
        else:
            assert some[number] == much[number] == 2


def test_thin_branches_are_missed_and_thick_vessels_are_not(tree):
    quality = SegmentationQuality(missing_branches=1)
    missed = [tree.vessels & ~tree.degraded(quality, seed)[0] for seed in range(8)]
    assert np.mean([(mask & tree.twigs).sum() / tree.twigs.sum() for mask in missed]) > 0.1
    trunk = ndimage.binary_erosion(tree.vessels & ~tree.twigs)
    assert not any((mask & trunk).any() for mask in missed)


def test_a_missed_branch_takes_what_hangs_on_it_with_it():
    mask = np.zeros((60, 40), dtype=bool)
    mask[:, 18:22] = True  # the trunk comes in from below
    mask[20:22, 22:40] = True
    pieces = cut_into_pieces(mask, np.array([1.0, 1.0]), entry=1)
    branch = pieces.with_branches(np.arange(len(pieces.parent)) == piece_at(pieces, mask, (20, 26)))
    rows, columns = np.unravel_index(pieces.voxels[branch[pieces.piece]], mask.shape)
    assert columns.max() == 39
    assert set(rows) == {20, 21}


def piece_at(pieces, mask, at):
    return pieces.piece[np.searchsorted(pieces.voxels, np.ravel_multi_index(at, mask.shape))]


def test_pieces_are_short_stretches_counted_from_the_neck():
    mask = np.zeros((100, 20), dtype=bool)
    mask[:, 8:12] = True
    pieces = cut_into_pieces(mask, np.array([1.0, 1.0]), entry=1)
    assert len(pieces.parent) == pytest.approx(100 / PIECE_MM, abs=1.5)
    assert pieces.along_mm[-1] < 10 < 80 < pieces.along_mm[0]
    assert (pieces.parent < np.arange(len(pieces.parent))).all()
    assert (pieces.parent[1:] >= 0).all()
    np.testing.assert_allclose(np.median(pieces.radius_mm), 2, atol=0.6)


def test_gaps_break_a_vessel_in_two():
    arteries = np.zeros((128, 128), dtype=bool)
    arteries[:, 60:64] = True
    nothing = np.zeros_like(arteries)
    parts = []
    for seed in range(12):
        vessels, _ = degrade_detector(arteries, nothing, SegmentationQuality(gaps=1), np.random.default_rng(seed))
        parts.append(ndimage.label(vessels)[1])
    assert max(parts) > 1
    assert min(parts) >= 1


def test_calibre_is_wrong_by_one_voxel_either_way(tree):
    added, removed = False, False
    near = ndimage.binary_dilation(tree.vessels)
    lumen = ndimage.binary_erosion(tree.vessels)
    for seed in range(8):
        vessels, _ = tree.degraded(SegmentationQuality(calibre=1), seed)
        assert not (vessels & ~near).any()
        assert not (lumen & ~vessels).any()
        added |= bool((vessels & ~tree.vessels).any())
        removed |= bool((tree.vessels & ~vessels).any())
    assert added
    assert removed


def test_bone_sticks_to_vessels_that_it_touches(tree):
    vessels, veins = tree.degraded(SegmentationQuality(merged_bone=1))
    extra = vessels & ~tree.vessels
    assert extra.any()
    assert (tree.hu[extra] > 1000).all()
    labels, _ = ndimage.label(ndimage.binary_dilation(vessels, iterations=3))
    assert set(np.unique(labels[extra])) <= set(np.unique(labels[tree.vessels]))
    assert (veins & extra).any()


def test_false_vessels_are_in_tissue(tree):
    vessels, _ = tree.degraded(SegmentationQuality(false_vessels=1))
    extra = vessels & ~tree.vessels
    assert extra.any()
    assert tree.hu[extra].max() < 200


def test_wrong_labels_change_labels_only(tree, image):
    labels_changed = 0
    for seed in range(10):
        vessels, veins = tree.degraded(SegmentationQuality(wrong_labels=1), seed)
        np.testing.assert_array_equal(vessels, tree.vessels)
        labels_changed += int((veins != tree.skull_veins).any())
        vessels, veins = degraded_image(image, SegmentationQuality(wrong_labels=1), seed)
        np.testing.assert_array_equal(vessels, image[0] | image[1])
    assert labels_changed > 3


def test_a_lost_jugular_leaves_the_arteries_and_the_vault(tree):
    lost = [tree.vessels & ~tree.degraded(SegmentationQuality(lost_jugular=1), seed)[0] for seed in range(10)]
    assert 1 < sum(mask.any() for mask in lost) < 9
    for mask in lost:
        assert not (mask & tree.arteries).any()
        assert not mask[tree.veins.shape[0] // 2 :].any()


def test_a_shutter_cuts_one_edge_off(image):
    quality = SegmentationQuality(shutter=1)
    cut = 0
    for seed in range(10):
        missing = (image[0] | image[1]) & ~degraded_image(image, quality, seed)[0]
        rows, columns = np.nonzero(missing)
        if len(rows):
            cut += 1
            size = missing.shape[0]
            inside = min(rows.min(), columns.min(), size - 1 - rows.max(), size - 1 - columns.max())
            assert inside < 0.14 * size
    assert cut > 0


def test_empty_masks_stay_empty_but_for_false_ones():
    nothing = np.zeros((30, 32, 34), dtype=bool)
    hu = np.full(nothing.shape, 40, dtype=np.int16)
    rng = np.random.default_rng(0)
    vessels, veins = degrade_volume(nothing, nothing, nothing, hu, SPACING_MM, SegmentationQuality.at(1), rng)
    assert not vessels.any()
    assert not veins.any()
    flat = nothing[0]
    vessels, veins = degrade_detector(flat, flat, SegmentationQuality.at(1), rng)
    assert not vessels.any()


def test_only_arteries_and_only_veins_can_be_degraded(image):
    nothing = np.zeros_like(image[0])
    vessels, veins = degrade_detector(image[0], nothing, SegmentationQuality.at(0.5), np.random.default_rng(0))
    assert 0.5 < dice(vessels, image[0]) < 1
    vessels, veins = degrade_detector(nothing, image[1], SegmentationQuality.at(0.5), np.random.default_rng(0))
    assert 0.5 < dice(veins, image[1]) < 1


def test_names_are_knobs_and_unknown_ones_are_refused():
    assert [SegmentationQuality.named(name) for name in KNOBS] == [SegmentationQuality.at(k) for k in (0, 0.5, 1)]
    with pytest.raises(InputError, match=r"no segmentation quality 'good'; choose truth, realistic or poor"):
        SegmentationQuality.named("good")
    with pytest.raises(ValueError, match="gaps must be from 0 to 1"):
        SegmentationQuality(gaps=1.5)


def test_overlap_is_dice():
    one, other = np.array([True, True, False, False]), np.array([False, True, True, False])
    assert dice(one, other) == 0.5
    assert dice(one, one) == 1
    assert dice(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)) == 1


def test_a_whole_head_takes_seconds():
    """A large grid with as many vessel voxels as a head has; the budget is 3 s of CPU."""
    tree = np.zeros((180, 400, 400), dtype=bool)
    rng = np.random.default_rng(0)
    for _ in range(60):
        j, i = rng.integers(20, 380, 2)
        tree[:, j : j + 4, i : i + 4] = True
    hu = np.where(tree, 350, 40).astype(np.int16)
    began = time.process_time()
    degrade_volume(tree, tree, tree, hu, np.full(3, 0.5), SegmentationQuality.at(1), rng)
    assert time.process_time() - began < 6
