"""Segmentations and label maps of the user's, on the grids of the CTA and the DSA."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.arrays import ijk_to_ras_of, image_data, matrix_of_array
from DeepIterRegLib.mrml.nodes.node_attributes import ROLE
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.nodes.segmentation_masks import given_cta_masks, given_detector_masks
from DeepIterRegLib.mrml.nodes.volume_node import add_image, add_volume
from Testing.support.small_registration import FRONTAL, POSE, small_angiogram, small_volume

SHAPE = (36, 40, 48)


@pytest.fixture
def scene() -> Any:
    return new_scene()


@pytest.fixture
def cta(scene: Any) -> Any:
    return add_volume(scene, small_volume())


def box(low: tuple[int, int, int], high: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    return mask


A, B = box((5, 6, 7), (12, 14, 20)), box((20, 20, 20), (30, 30, 30))


def add_segmentation(scene: Any, segments: dict[str, np.ndarray], to_ras: np.ndarray) -> Any:
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    for name, mask in segments.items():
        image = slicer.vtkOrientedImageData()
        image.DeepCopy(image_data(mask))
        image.SetImageToWorldMatrix(matrix_of_array(to_ras))
        segment = slicer.vtkSegment()
        segment.SetName(name)
        segment.AddRepresentation("Binary labelmap", image)
        assert node.GetSegmentation().AddSegment(segment, name)
    return node


def add_labels(scene: Any, mask: np.ndarray, to_ras: np.ndarray) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    node.SetIJKToRASMatrix(matrix_of_array(to_ras))
    node.SetAndObserveImageData(image_data(mask))
    return node


def made(given: Any) -> np.ndarray:
    assert given is not None
    array = given.array()
    assert array.dtype == np.uint8
    return np.asarray(array > 0)


def test_nothing_selected_gives_nothing(cta: Any) -> None:
    assert given_cta_masks(None, None, cta) == (None, None)
    assert given_detector_masks([None, None], [None, None], Field.DSA_VEINS) == (None, None)


def test_visible_segments_count(scene: Any, cta: Any) -> None:
    node = add_segmentation(scene, {"ICA": A, "skull": B}, ijk_to_ras_of(cta))
    both, _ = given_cta_masks(node, None, cta)
    np.testing.assert_array_equal(made(both), (A | B) > 0)
    node.GetDisplayNode().SetSegmentVisibility("skull", False)
    one, _ = given_cta_masks(node, None, cta)
    np.testing.assert_array_equal(made(one), A > 0)
    assert both is not None
    assert one is not None
    assert both.key != one.key, "the worker would use what it has"
    node.GetDisplayNode().SetSegmentVisibility("ICA", False)
    with pytest.raises(InputError, match="no visible segment"):
        given_cta_masks(node, None, cta)


def test_names_tell_veins_in_one_segmentation(scene: Any, cta: Any) -> None:
    node = add_segmentation(scene, {"Arteries": A, "Sigmoid sinus": B}, ijk_to_ras_of(cta))
    vessels, veins = given_cta_masks(node, node, cta)
    np.testing.assert_array_equal(made(vessels), (A | B) > 0)
    np.testing.assert_array_equal(made(veins), B > 0)
    nameless = add_segmentation(scene, {"Segment_1": A}, ijk_to_ras_of(cta))
    with pytest.raises(InputError, match="no segment whose name says"):
        given_cta_masks(nameless, nameless, cta)


def test_label_maps_count_where_they_are_not_0(scene: Any, cta: Any) -> None:
    vessels, veins = (add_labels(scene, mask, ijk_to_ras_of(cta)) for mask in (3 * A, B))
    first, second = given_cta_masks(vessels, veins, cta)
    np.testing.assert_array_equal(made(first), A > 0)
    np.testing.assert_array_equal(made(second), B > 0)
    with pytest.raises(InputError, match="same label map"):
        given_cta_masks(vessels, vessels, cta)


def test_a_cropped_flipped_grid_is_brought_onto_the_ctas(scene: Any, cta: Any) -> None:
    """i runs the other way, j and k are cropped: every voxel has its place all the same."""
    to_ras = ijk_to_ras_of(cta)
    crop = A[3:20, 4:30, ::-1]
    moved = to_ras @ np.array([[-1, 0, 0, SHAPE[2] - 1], [0, 1, 0, 4], [0, 0, 1, 3], [0, 0, 0, 1.0]])
    for node in (add_labels(scene, crop, moved), add_segmentation(scene, {"a": crop}, moved)):
        vessels, _ = given_cta_masks(node, None, cta)
        np.testing.assert_array_equal(made(vessels), A > 0)


def test_another_resolution_is_resampled(scene: Any, cta: Any) -> None:
    to_ras = ijk_to_ras_of(cta) @ np.diag([0.5, 0.5, 0.5, 1])
    to_ras[:3, 3] = (ijk_to_ras_of(cta) @ [-0.25, -0.25, -0.25, 1])[:3]
    fine = A.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    vessels, _ = given_cta_masks(add_labels(scene, fine, to_ras), None, cta)
    np.testing.assert_array_equal(made(vessels), A > 0)


def test_a_registered_cta_keeps_its_masks(scene: Any, cta: Any) -> None:
    """The pose is above the CTA, and perhaps above the segmentation; neither moves one against the other."""
    node = add_segmentation(scene, {"a": A}, ijk_to_ras_of(cta))
    pose = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    pose.SetAttribute(ROLE, "pose")
    pose.SetMatrixTransformToParent(matrix_of_array(POSE))
    cta.SetAndObserveTransformNodeID(pose.GetID())
    vessels, _ = given_cta_masks(node, None, cta)
    np.testing.assert_array_equal(made(vessels), A > 0)
    node.SetAndObserveTransformNodeID(pose.GetID())
    np.testing.assert_array_equal(made(given_cta_masks(node, None, cta)[0]), A > 0)


def test_the_users_own_transform_counts(scene: Any, cta: Any) -> None:
    own = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shift = np.eye(4)
    shift[:3, 3] = ijk_to_ras_of(cta)[:3, 0] * 4
    own.SetMatrixTransformToParent(matrix_of_array(shift))
    node = add_labels(scene, A, ijk_to_ras_of(cta))
    node.SetAndObserveTransformNodeID(own.GetID())
    vessels, _ = given_cta_masks(node, None, cta)
    np.testing.assert_array_equal(made(vessels), np.roll(A, 4, axis=2) > 0)


def test_masks_without_a_mark_get_a_sentence(scene: Any, cta: Any) -> None:
    far = ijk_to_ras_of(cta).copy()
    far[:3, 3] += 5000
    for node in (
        add_labels(scene, np.zeros(SHAPE, np.uint8), ijk_to_ras_of(cta)),
        add_labels(scene, A, far),
        add_segmentation(scene, {"a": A}, far),
    ):
        vessels, _ = given_cta_masks(node, None, cta)
        assert vessels is not None
        with pytest.raises(InputError, match="marks nothing in the CTA"):
            vessels.array()


def test_dsa_masks_have_the_dsas_size(scene: Any) -> None:
    dsa = add_angiogram(scene, small_angiogram(FRONTAL))
    marked = np.zeros((1, FRONTAL.rows, FRONTAL.columns), np.uint8)
    marked[0, 10:20, 30:60] = 255
    (given,) = given_detector_masks([add_image(scene, "mask", marked, np.eye(4))], [dsa], Field.DSA_VESSELS)
    np.testing.assert_array_equal(made(given), marked[0] > 0)
    other = add_image(scene, "mask", marked[:, 1:], np.eye(4))
    (wrong,) = given_detector_masks([other], [dsa], Field.DSA_VESSELS)
    assert wrong is not None
    with pytest.raises(InputError, match="100 x 119 pixels, but the DSA has 100 x 120"):
        wrong.array()
    (empty,) = given_detector_masks([add_image(scene, "mask", 0 * marked, np.eye(4))], [dsa], Field.DSA_VEINS)
    assert empty is not None
    with pytest.raises(InputError, match="marks no pixel"):
        empty.array()
