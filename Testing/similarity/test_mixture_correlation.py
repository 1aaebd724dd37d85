"""Mixture correlation: the best non-negative mixture of vessel groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.optimize import nnls

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.similarity.mixture_correlation import MixtureCorrelation
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation
from DeepIterRegLib.similarity.nonnegative import solve_nonnegative

SIZE = 40


def vessels(seed: int) -> FloatArray:
    smooth = gaussian_filter(np.random.default_rng(seed).standard_normal((SIZE, SIZE)), 1.5)
    return np.maximum(8 * smooth - 1, 0)


def groups(*seeds: int) -> FloatArray:
    return np.stack([vessels(seed) for seed in seeds])


MASK = np.hypot(*(np.mgrid[:SIZE, :SIZE] - 18)) < 17


def test_one_group_is_the_ncc_where_that_is_positive_and_zero_elsewhere() -> None:
    fixed = vessels(1)
    images = np.stack([vessels(1) + vessels(2), -vessels(1), vessels(3), np.zeros((SIZE, SIZE))])
    correlation, ncc = MixtureCorrelation(fixed, MASK), NormalizedCrossCorrelation(fixed, MASK)
    values, gradients = correlation.value_and_gradient(images[:, None])
    ncc_values, ncc_gradients = ncc.value_and_gradient(images)
    np.testing.assert_allclose(values, np.maximum(ncc_values, 0), atol=1e-7)
    positive = ncc_values > 0
    np.testing.assert_allclose(gradients[positive, 0], ncc_gradients[positive], atol=1e-8)
    assert not gradients[~positive].any()
    assert positive.any()
    assert not positive.all()


def test_the_gains_of_a_mixture_are_found_and_a_group_it_lacks_gets_none_and_does_not_matter() -> None:
    images = groups(1, 2, 3, 4)
    fixed = 2 * images[0] + 0.5 * images[2] + 3.0
    correlation = MixtureCorrelation(fixed, MASK)
    gains = correlation.gains(images[None])[0] * fixed[MASK].std()
    np.testing.assert_allclose(gains, [2, 0, 0.5, 0], atol=1e-4)
    assert correlation.value(images[None])[0] == pytest.approx(1, abs=1e-6)
    assert NormalizedCrossCorrelation(fixed, MASK).value(images.sum(axis=0)[None])[0] < 0.8


def test_a_group_that_fits_only_when_inverted_has_no_influence() -> None:
    others, absent = groups(1, 2), vessels(3)
    fixed = others.sum(axis=0) - 0.5 * absent
    correlation = MixtureCorrelation(fixed)
    with_it = np.concatenate([others, absent[None]])[None]
    values, gradients = correlation.value_and_gradient(with_it)
    assert correlation.gains(with_it)[0, 2] == 0
    assert values[0] == pytest.approx(correlation.value(others[None])[0], rel=1e-6)
    assert not gradients[0, 2].any()


def test_scaling_and_offsetting_groups_changes_nothing() -> None:
    images = groups(1, 2, 3)
    correlation = MixtureCorrelation(images[0] + images[1] + vessels(9))
    factor = np.array([0.01, 3, 50])[:, None, None]
    value = correlation.value(images[None])[0]
    assert correlation.value((factor * images + 2 * factor)[None])[0] == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(
        correlation.gains((factor * images)[None]), correlation.gains(images[None]) / factor[:, 0, 0], rtol=1e-3
    )


@pytest.mark.parametrize("ridge_mm2", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, MASK], ids=["no mask", "mask"])
def test_gradient_agrees_with_central_differences(ridge_mm2: float, weights: FloatArray | None) -> None:
    batch = np.stack([groups(1, 2, 3, 4), groups(5, 6, 7, 8), groups(2, 12, 9, 1)])
    correlation = MixtureCorrelation(vessels(1) + 2 * vessels(2) + vessels(10), weights, ridge_mm2)
    values, gradients = correlation.value_and_gradient(batch)
    np.testing.assert_allclose(correlation.value(batch), values, rtol=1e-12)
    for seed in range(3):
        change = np.random.default_rng(seed).standard_normal(batch.shape)
        step = 1e-5
        numeric = (correlation.value(batch + step * change) - correlation.value(batch - step * change)) / (2 * step)
        np.testing.assert_allclose((gradients * change).sum(axis=(1, 2, 3)), numeric, rtol=1e-4, atol=1e-8)
    if weights is not None:
        assert not gradients[:, :, ~MASK].any()


def test_float32_images_give_the_value_of_float64_ones() -> None:
    batch = np.stack([groups(1, 2, 3, 4), groups(5, 6, 7, 8)])
    correlation = MixtureCorrelation(vessels(1) + vessels(5))
    exact, _ = correlation.value_and_gradient(batch)
    values, gradients = correlation.value_and_gradient(batch.astype(np.float32))
    assert gradients.dtype == np.float32
    np.testing.assert_allclose(values, exact, atol=1e-6)


def test_no_mixture_of_random_gains_beats_the_one_found() -> None:
    images = groups(1, 2, 3, 4)
    fixed = vessels(1) + 0.5 * vessels(3) + vessels(11)
    best = MixtureCorrelation(fixed).value(images[None])[0]
    gains = np.random.default_rng(0).exponential(size=(300, 4))
    values = NormalizedCrossCorrelation(fixed).value(np.einsum("nk,krc->nrc", gains, images))
    assert 0.98 * best < values.max() < best + 1e-7


def test_a_ridge_damps_the_gain_of_a_group_that_is_hardly_there() -> None:
    speck = np.zeros((SIZE, SIZE))
    speck[5, 5] = 0.01
    images = np.stack([vessels(1), speck])[None]
    fixed = vessels(1) + 300 * speck + vessels(2)
    plain, damped = MixtureCorrelation(fixed), MixtureCorrelation(fixed, ridge_mm2=1e-2)
    assert plain.gains(images)[0, 1] > 50
    assert damped.gains(images)[0, 1] < 0.1
    assert damped.gains(images)[0, 0] == pytest.approx(plain.gains(images)[0, 0], rel=0.05)
    assert damped.value(images)[0] < plain.value(images)[0]


def test_missing_constant_and_equal_groups_are_finite() -> None:
    images = np.stack([vessels(1), np.zeros((SIZE, SIZE)), np.full((SIZE, SIZE), 7.3), vessels(1)])
    for dtype in (np.float32, np.float64):
        values, gradients = MixtureCorrelation(vessels(1)).value_and_gradient(images[None].astype(dtype))
        assert values[0] == pytest.approx(1, abs=1e-6)
        assert np.isfinite(gradients).all()
        empty_values, empty = MixtureCorrelation(vessels(1)).value_and_gradient(np.zeros((2, 3, SIZE, SIZE), dtype))
        assert not empty_values.any()
        assert not empty.any()
    assert MixtureCorrelation(np.ones((SIZE, SIZE))).value(images[None])[0] == 0


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_least_squares_agree_with_scipys(count: int) -> None:
    rng = np.random.default_rng(count)
    matrices = rng.standard_normal((50, 20, count)) + 0.5
    right = rng.standard_normal((50, 20)) + 0.2
    gram = np.einsum("bnk,bnl->bkl", matrices, matrices)
    solutions = solve_nonnegative(gram, np.einsum("bnk,bn->bk", matrices, right))
    expected = [nnls(matrix, b)[0] for matrix, b in zip(matrices, right, strict=True)]
    np.testing.assert_allclose(solutions, expected, atol=1e-9)
    assert (solutions == 0).any()
    assert (solutions > 0).any()


def test_more_groups_than_can_be_enumerated_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 6"):
        MixtureCorrelation(vessels(1)).value(np.zeros((1, 7, SIZE, SIZE)))
    with pytest.raises(ValueError, match="B, K, rows, columns"):
        MixtureCorrelation(vessels(1)).value(np.zeros((7, SIZE, SIZE)))
