"""What all similarity measures promise: exact gradients, deaf to masked pixels, finite on constant images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.similarity.choose import SIMILARITIES, similarity
from DeepIterRegLib.similarity.filters import sobel, sobel_adjoint
from DeepIterRegLib.similarity.mutual_information import MutualInformation
from DeepIterRegLib.similarity.names import MUTUAL_INFORMATION, NORMALIZED_MUTUAL_INFORMATION, SIMILARITY_NAMES
from DeepIterRegLib.similarity.protocol import Similarity

ROWS, COLUMNS = 24, 31
all_measures = pytest.mark.parametrize("name", list(SIMILARITIES))


def noise(seed: int) -> FloatArray:
    return np.random.default_rng(seed).random((ROWS, COLUMNS))


def vessels(seed: int) -> FloatArray:
    """Mostly exactly 0 with a few smooth blobs, as a rendered vessel tree is."""
    smooth = gaussian_filter(np.random.default_rng(seed).standard_normal((ROWS, COLUMNS)), 1.5)
    return np.maximum(8 * smooth - 1, 0)


def shutter() -> BoolArray:
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    return np.hypot(rows - 11, columns - 14) < 11


def with_room(name: str, fixed: FloatArray, weights: FloatArray | BoolArray | None = None) -> Similarity:
    """The measure; mutual information with a range that no pixel leaves, as it has a kink at either end."""
    if name in (MUTUAL_INFORMATION, NORMALIZED_MUTUAL_INFORMATION):
        return MutualInformation(
            fixed, weights, moving_range=(-0.1, 20.0), normalized=name == NORMALIZED_MUTUAL_INFORMATION
        )
    return similarity(name, fixed, weights)


@all_measures
@pytest.mark.parametrize("weights", [None, shutter(), noise(9)], ids=["no mask", "shutter", "weights"])
@pytest.mark.parametrize("make", [noise, vessels])
def test_gradient_agrees_with_central_differences_for_every_image_of_a_batch(
    name: str, weights: FloatArray | BoolArray | None, make: Callable[[int], FloatArray]
) -> None:
    fixed = make(1)
    moving = np.stack([make(2), 0.3 * fixed + make(3), 5 * make(4)])
    measure = with_room(name, fixed, weights)
    values, gradients = measure.value_and_gradient(moving)
    np.testing.assert_allclose(measure.value(moving), values, rtol=1e-12)
    assert gradients.dtype == np.float64
    for seed in range(3):
        # Empty pixels stay empty: the Dice coefficient has a kink at 0.
        change = np.random.default_rng(seed).standard_normal(moving.shape) * (moving > 0)
        step = 1e-5
        numeric = (measure.value(moving + step * change) - measure.value(moving - step * change)) / (2 * step)
        analytic = (gradients * change).sum(axis=(1, 2))
        scale = np.linalg.norm(gradients, axis=(1, 2)) * np.linalg.norm(change, axis=(1, 2))
        np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=2e-6 * scale.max())


@all_measures
def test_gradient_of_a_single_pixel_agrees_with_its_difference_at_the_border_too(name: str) -> None:
    measure = with_room(name, noise(1))
    moving = noise(2)[None]
    gradient = measure.value_and_gradient(moving)[1][0]
    for pixel in [(0, 0), (0, COLUMNS - 1), (ROWS - 1, 7), (1, 1), (12, 15)]:
        step = np.zeros_like(moving)
        step[0][pixel] = 1e-5
        numeric = (measure.value(moving + step) - measure.value(moving - step))[0] / 2e-5
        assert gradient[pixel] == pytest.approx(numeric, rel=1e-4, abs=1e-7 * np.abs(gradient).max())


@all_measures
def test_float32_images_give_float32_gradients_that_differ_from_float64_by_rounding_only(name: str) -> None:
    moving = np.stack([vessels(2), vessels(3)]).astype(np.float32)
    measure = similarity(name, vessels(1), shutter())
    exact_values, exact = measure.value_and_gradient(moving.astype(np.float64))
    values, gradients = measure.value_and_gradient(moving)
    assert values.dtype == np.float64
    assert gradients.dtype == np.float32
    np.testing.assert_allclose(values, exact_values, atol=1e-6)
    np.testing.assert_allclose(gradients, exact, atol=1e-4 * np.abs(exact).max())


@all_measures
def test_an_image_in_a_batch_is_measured_as_if_it_were_alone(name: str) -> None:
    moving = np.stack([vessels(seed) for seed in range(2, 7)]).astype(np.float32)
    measure = similarity(name, vessels(1))
    values, gradients = measure.value_and_gradient(moving)
    for image, value, gradient in zip(moving, values, gradients, strict=True):
        alone_value, alone_gradient = measure.value_and_gradient(image[None])
        assert alone_value[0] == pytest.approx(value, rel=1e-6)
        np.testing.assert_allclose(alone_gradient[0], gradient, atol=1e-6 * np.abs(gradient).max())


@all_measures
def test_pixels_outside_the_mask_have_no_influence(name: str) -> None:
    mask = shutter()
    fixed, moving = vessels(1), vessels(2)[None]
    value, gradient = similarity(name, fixed, mask).value_and_gradient(moving)
    elsewhere = np.where(mask, 0, 10 * noise(5))
    changed_fixed = np.where(mask, fixed, np.nan)
    changed_value, changed = similarity(name, changed_fixed, mask).value_and_gradient(moving + elsewhere)
    assert changed_value[0] == pytest.approx(value[0], rel=1e-6)
    np.testing.assert_allclose(changed, gradient, atol=1e-6 * np.abs(gradient).max())
    assert not gradient[0][~mask].any()
    assert gradient[0][mask].any()


@all_measures
@pytest.mark.parametrize("constant", [0.0, 7.3, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_images_give_finite_values_and_gradients(name: str, constant: float, dtype: type) -> None:
    flat: FloatArray = np.full((1, ROWS, COLUMNS), constant, dtype)
    for fixed, moving in [(vessels(1), flat), (flat[0], vessels(2)[None].astype(dtype)), (flat[0], flat)]:
        values, gradients = similarity(name, fixed).value_and_gradient(moving)
        assert np.isfinite(values).all()
        assert np.isfinite(gradients).all()


@all_measures
def test_the_fixed_image_itself_is_more_similar_than_another_or_a_shifted_one(name: str) -> None:
    fixed = vessels(1)
    measure: Similarity = similarity(name, fixed)
    right, other, shifted = measure.value(np.stack([fixed, vessels(2), np.roll(fixed, 3, axis=1)]))
    assert right > 1.05 * max(other, shifted)


@all_measures
def test_climbing_the_gradient_raises_the_similarity(name: str) -> None:
    measure = similarity(name, noise(1))
    moving = noise(2)[None]
    value, gradient = measure.value_and_gradient(moving)
    assert measure.value(moving + 1e-3 * gradient / np.abs(gradient).max())[0] > value[0]


@all_measures
def test_a_mask_that_does_not_fit_or_is_empty_and_a_fixed_image_with_nan_are_named(name: str) -> None:
    with pytest.raises(InputError, match="image's size"):
        similarity(name, vessels(1), np.ones((ROWS, COLUMNS + 1)))
    with pytest.raises(InputError, match="no pixel"):
        similarity(name, vessels(1), np.zeros((ROWS, COLUMNS)))
    if name != "dice":  # its fixed image is a mask
        with pytest.raises(InputError, match="not finite"):
            similarity(name, np.full((ROWS, COLUMNS), np.nan))
    with pytest.raises(ValueError, match="moving images"):
        similarity(name, vessels(1)).value(np.zeros((2, ROWS, COLUMNS - 1)))


def test_every_similarity_has_a_name_that_can_be_listed_without_loading_it() -> None:
    assert tuple(SIMILARITIES) == SIMILARITY_NAMES


def test_an_unknown_similarity_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(InputError, match=", ".join(SIMILARITY_NAMES)):
        similarity("ssd", vessels(1))


def test_sobel_filter_measures_a_ramp_and_its_adjoint_is_its_transpose() -> None:
    rows, columns = np.mgrid[:9, :7].astype(float)
    by_column, by_row = sobel(3 * columns - 2 * rows)
    np.testing.assert_allclose(by_column, 3)
    np.testing.assert_allclose(by_row, -2)
    rng = np.random.default_rng(0)
    image, derivatives = rng.random((4, 9, 7)), rng.random((2, 4, 7, 5))
    assert (sobel(image) * derivatives).sum() == pytest.approx((image * sobel_adjoint(derivatives)).sum())
