"""Tiled gradient correlation: a cosine of edges in which each part of the picture has one voice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.similarity.gradient_correlation import GradientCorrelation
from DeepIterRegLib.similarity.tiled_gradient_correlation import RIDGE, TiledGradientCorrelation

ROWS, COLUMNS, TILE_PX = 46, 61, 12
"""No whole number of tiles along either axis."""


def bones(seed: int, shape: tuple[int, int] = (ROWS, COLUMNS)) -> FloatArray:
    """Smooth structures that have edges everywhere."""
    return 10 * gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)


def shutter() -> BoolArray:
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    return np.hypot(rows - 20, columns - 30) < 19


def weights(seed: int) -> FloatArray:
    return np.random.default_rng(seed).random((ROWS, COLUMNS))


def test_an_image_is_like_itself_and_unlike_its_negative_whatever_scale_and_offset() -> None:
    fixed, other = bones(1), bones(2)
    moving = np.stack([fixed, -fixed, 0.02 * fixed + 100, -40 * fixed - 3])
    itself, negative, *scaled = TiledGradientCorrelation(fixed, None, TILE_PX).value(moving)
    # The ridge in both norms leaves 1 / 1.1 of it where the tiles have the same energy, and no image reaches more.
    assert itself == pytest.approx(1 / (1 + RIDGE), abs=0.02)
    np.testing.assert_allclose([negative, *scaled], [-itself, itself, -itself], rtol=1e-5)
    # Of images that are not alike, the number itself stays.
    found = TiledGradientCorrelation(3 * fixed - 7, shutter(), TILE_PX).value(np.stack([other, 0.01 * other - 5]))
    expected = TiledGradientCorrelation(fixed, shutter(), TILE_PX).value(other[None])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert abs(expected) < 0.3


def test_the_image_shifted_by_some_pixels_is_less_similar() -> None:
    fixed = bones(1)
    moving = np.stack([np.roll(fixed, shift, axis=1) for shift in (0, 1, 2, 5)])
    values = TiledGradientCorrelation(fixed, None, TILE_PX).value(moving)
    assert (np.diff(values) < 0).all()
    assert values[-1] < 0.2


def test_a_bright_stripe_costs_no_more_than_the_share_of_its_tile() -> None:
    """As a rod or a lead would; over the whole image a cosine is decided by it."""
    fixed = bones(1, (48, 60))
    striped = fixed.copy()
    striped[14:22, 27:29] += 8
    share = 1 / (4 * 5)
    measure, whole = TiledGradientCorrelation(fixed, None, TILE_PX), GradientCorrelation(fixed)
    itself = measure.value(fixed[None])[0]
    assert itself - share < measure.value(striped[None])[0] < itself
    assert whole.value(striped[None])[0] < 1 - share
    # The same where the fixed image has it.
    assert TiledGradientCorrelation(striped, None, TILE_PX).value(fixed[None])[0] > itself - share


def test_a_faint_part_counts_like_a_dense_one() -> None:
    """Half of the picture has a fifth of the other's contrast: where it disagrees, half of the similarity is gone."""
    left = np.arange(60) < 30
    fixed, other = bones(1, (48, 60)), bones(2, (48, 60))
    contrast = np.where(left, 0.2, 1.0)
    half_wrong = np.where(left, other, fixed) * contrast
    tiled = TiledGradientCorrelation(fixed * contrast, None, 10).value(half_wrong[None])[0]
    assert tiled == pytest.approx(0.6, abs=0.12)
    assert GradientCorrelation(fixed * contrast).value(half_wrong[None])[0] > 0.85


def test_tiles_without_edges_in_the_fixed_image_do_not_count() -> None:
    fixed = bones(1, (48, 60))
    fixed[:, :30] = 0
    filled = fixed + np.where(np.arange(60) < 24, 1, 0) * bones(2, (48, 60))
    measure = TiledGradientCorrelation(fixed, None, TILE_PX)
    assert measure.value(filled[None])[0] > 0.95 * measure.value(fixed[None])[0]


def test_pixels_outside_the_mask_have_no_influence() -> None:
    mask = shutter()
    fixed, moving = bones(1), bones(1)[None] + bones(2)
    value, gradient = TiledGradientCorrelation(fixed, mask, TILE_PX).value_and_gradient(moving)
    elsewhere = np.where(mask, 0, 10 * bones(5))
    unseen = TiledGradientCorrelation(np.where(mask, fixed, np.nan), mask, TILE_PX)
    changed_value, changed = unseen.value_and_gradient(moving + elsewhere)
    assert changed_value[0] == pytest.approx(value[0], rel=1e-6)
    np.testing.assert_allclose(changed, gradient, atol=1e-6 * np.abs(gradient).max())
    assert not gradient[0][~mask].any()
    assert gradient[0][mask].any()


def test_the_unit_of_the_weights_does_not_matter() -> None:
    fixed, moving = bones(1), bones(2)[None]
    value, gradient = TiledGradientCorrelation(fixed, weights(3), TILE_PX).value_and_gradient(moving)
    same_value, same = TiledGradientCorrelation(fixed, 1e-3 * weights(3), TILE_PX).value_and_gradient(moving)
    assert same_value[0] == pytest.approx(value[0], rel=1e-5)
    np.testing.assert_allclose(same, gradient, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("mask", [None, shutter(), weights(9)], ids=["no mask", "shutter", "weights"])
@pytest.mark.parametrize("tile_px", [5, TILE_PX, 100])
def test_gradient_agrees_with_central_differences_for_every_image_of_a_batch(
    mask: FloatArray | BoolArray | None, tile_px: int
) -> None:
    fixed = bones(1)
    moving = np.stack([bones(2), 0.3 * fixed + bones(3), 5 * bones(4)])
    measure = TiledGradientCorrelation(fixed, mask, tile_px)
    values, gradients = measure.value_and_gradient(moving)
    np.testing.assert_allclose(measure.value(moving), values, rtol=1e-12)
    for seed in range(3):
        change = np.random.default_rng(seed).standard_normal(moving.shape)
        step = 1e-5
        numeric = (measure.value(moving + step * change) - measure.value(moving - step * change)) / (2 * step)
        analytic = (gradients * change).sum(axis=(1, 2))
        scale = np.linalg.norm(gradients, axis=(1, 2)) * np.linalg.norm(change, axis=(1, 2))
        np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=2e-6 * scale.max())


def test_gradient_of_a_single_pixel_agrees_with_its_difference_at_tiles_borders_too() -> None:
    measure = TiledGradientCorrelation(bones(1), None, TILE_PX)
    moving = bones(2)[None]
    gradient = measure.value_and_gradient(moving)[1][0]
    for pixel in [(0, 0), (0, COLUMNS - 1), (ROWS - 1, 7), (TILE_PX, TILE_PX + 1), (TILE_PX - 1, 30), (20, 33)]:
        step = np.zeros_like(moving)
        step[0][pixel] = 1e-5
        numeric = (measure.value(moving + step) - measure.value(moving - step))[0] / 2e-5
        assert gradient[pixel] == pytest.approx(numeric, rel=1e-4, abs=1e-6 * np.abs(gradient).max())


def test_an_image_in_a_batch_is_measured_as_if_it_were_alone() -> None:
    moving = np.stack([bones(seed) for seed in range(2, 7)]).astype(np.float32)
    measure = TiledGradientCorrelation(bones(1), shutter(), TILE_PX)
    values, gradients = measure.value_and_gradient(moving)
    assert gradients.dtype == np.float32
    for image, value, gradient in zip(moving, values, gradients, strict=True):
        alone_value, alone_gradient = measure.value_and_gradient(image[None])
        assert alone_value[0] == pytest.approx(value, rel=1e-6, abs=1e-8)
        np.testing.assert_allclose(alone_gradient[0], gradient, atol=1e-6 * np.abs(gradient).max())


@pytest.mark.parametrize("constant", [0.0, 7.3])
def test_constant_images_have_no_similarity_and_no_gradient(constant: float) -> None:
    flat = np.full((1, ROWS, COLUMNS), constant)
    for fixed, moving in [(bones(1), flat), (flat[0], bones(2)[None]), (flat[0], flat)]:
        values, gradients = TiledGradientCorrelation(fixed, None, TILE_PX).value_and_gradient(moving)
        assert values[0] == pytest.approx(0, abs=1e-6)
        assert np.isfinite(gradients).all()


def test_a_mask_of_single_pixels_leaves_nothing_to_compare() -> None:
    mask = np.zeros((ROWS, COLUMNS), dtype=bool)
    mask[::4, ::4] = True
    values, gradients = TiledGradientCorrelation(bones(1), mask, TILE_PX).value_and_gradient(bones(1)[None])
    assert values[0] == 0
    assert not gradients.any()


def test_bad_tiles_masks_and_images_are_named() -> None:
    with pytest.raises(ValueError, match="tile_px"):
        TiledGradientCorrelation(bones(1), None, 0)
    with pytest.raises(InputError, match="image's size"):
        TiledGradientCorrelation(bones(1), np.ones((ROWS, COLUMNS + 1)))
    with pytest.raises(ValueError, match="moving images"):
        TiledGradientCorrelation(bones(1)).value(np.zeros((2, ROWS, COLUMNS - 1)))
