"""Similarity measures against answers that theory or a pencil gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, sobel

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.similarity.dice import SoftDice
from DeepIterRegLib.similarity.entropy_of_difference import BINS, REACH, EntropyOfDifference
from DeepIterRegLib.similarity.gradient_correlation import GradientCorrelation
from DeepIterRegLib.similarity.gradient_difference import GradientDifference
from DeepIterRegLib.similarity.mutual_information import MutualInformation
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation
from DeepIterRegLib.similarity.pattern_intensity import PatternIntensity


def noise(seed: int, size: int = 64) -> FloatArray:
    return np.random.default_rng(seed).random((size, size))


def smooth(seed: int, size: int = 64) -> FloatArray:
    return gaussian_filter(noise(seed, size), 2)


# --- NCC


def test_ncc_is_one_for_brighter_or_stronger_contrast_and_minus_one_for_inverted() -> None:
    image = noise(1)
    values = NormalizedCrossCorrelation(image).value(np.stack([image, 3 * image + 7, -0.1 * image + 2]))
    np.testing.assert_allclose(values, [1, 1, -1], atol=1e-6)


def test_ncc_is_the_correlation_coefficient_of_the_pixels_in_the_mask() -> None:
    fixed, moving, mask = noise(1), noise(1) + noise(2), noise(3) > 0.4
    value = NormalizedCrossCorrelation(fixed, mask).value(moving[None])[0]
    assert value == pytest.approx(np.corrcoef(fixed[mask], moving[mask])[0, 1], abs=1e-6)


def test_a_weight_of_two_counts_as_the_pixel_twice() -> None:
    fixed, moving = noise(1, 8), noise(2, 8)
    twice = [np.vstack([image, image[:3]]) for image in (fixed, moving)]
    weights = np.ones((8, 8))
    weights[:3] = 2
    value = NormalizedCrossCorrelation(fixed, weights).value(moving[None])
    assert value == pytest.approx(NormalizedCrossCorrelation(twice[0]).value(twice[1][None]), abs=1e-6)


def test_ncc_gradient_of_constant_images_is_zero_and_of_a_perfect_match_too() -> None:
    fixed = noise(1)
    measure = NormalizedCrossCorrelation(fixed)
    for constant in (0.0, 7.3, 1e5):
        value, gradient = measure.value_and_gradient(np.full((1, 64, 64), constant, np.float32))
        assert value[0] == 0
        assert not gradient.any()
    assert np.abs(measure.value_and_gradient(fixed[None])[1]).max() < 1e-6


def test_ncc_survives_a_large_offset_in_float32() -> None:
    fixed = noise(1)
    offset = (noise(2) + fixed + 1000).astype(np.float32)
    value = NormalizedCrossCorrelation(fixed).value(offset[None])[0]
    assert value == pytest.approx(np.corrcoef(fixed.ravel(), offset.astype(float).ravel())[0, 1], abs=1e-5)


# --- mutual information


def entropy(share: float) -> float:
    return -share * np.log(share) - (1 - share) * np.log(1 - share)


def test_mi_of_identical_binary_images_is_their_entropy_and_nmi_is_two_thirds_of_the_way() -> None:
    image = np.zeros((16, 16))
    image[:4] = 1  # a quarter of the pixels
    assert MutualInformation(image).value(image[None])[0] == pytest.approx(entropy(0.25), rel=1e-9)
    assert MutualInformation(image).value(1 - image[None])[0] == pytest.approx(entropy(0.25), rel=1e-9)
    # The window spreads an intensity at a bin's centre over three bins, 1/6 2/3 1/6, and one at the far end likewise:
    # that entropy comes on top of the moving image's and the joint one.
    window = -(np.log(1 / 6) / 3 + 2 / 3 * np.log(2 / 3))
    normalized = MutualInformation(image, normalized=True).value(image[None])[0]
    expected = (2 * entropy(0.25) + window) / (entropy(0.25) + window)
    assert normalized == pytest.approx(expected, rel=1e-6)


def test_mi_of_independent_images_is_almost_nothing() -> None:
    value = MutualInformation(noise(1, 256), bins=16).value(noise(2, 256)[None])[0]
    # Plug-in estimate's bias: degrees of freedom / (2 N), Roulston 1999; smaller still with smoothing windows.
    assert 0 < value < 15 * 15 / (2 * 256**2)
    assert MutualInformation(noise(1, 256), bins=16).value(noise(1, 256)[None])[0] > 1.5


def test_mi_does_not_care_which_intensity_stands_for_what() -> None:
    image = smooth(1)
    image = (image - image.min()) / np.ptp(image)
    remaps = [image, 3 - 2 * image, image**1.5]
    values = [MutualInformation(image, bins=24).value(remap[None])[0] for remap in remaps]
    assert values[1] == pytest.approx(values[0], rel=1e-3)
    assert values[2] == pytest.approx(values[0], rel=0.1)


def beta3(x: float) -> float:
    """The cubic B-spline."""
    x = abs(x)
    return (4 - 6 * x**2 + 3 * x**3) / 6 if x < 1 else max(2 - x, 0) ** 3 / 6


def test_mi_agrees_with_a_histogram_written_out_by_hand() -> None:
    fixed, moving = noise(1, 12), noise(2, 12)
    bins, weights = 9, noise(3, 12)

    joint = np.zeros((bins, bins))
    for f, m, w in zip(fixed.ravel().tolist(), moving.ravel().tolist(), weights.ravel().tolist(), strict=True):
        position = 1 + (m - 0.1) / 0.7 * (bins - 3)
        position = min(max(position, 1), bins - 2)
        for j in range(bins):
            joint[min(int(f * bins), bins - 1), j] += w * beta3(j - position)
    joint /= joint.sum()
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    expected = (joint[joint > 0] * np.log((joint / product)[joint > 0])).sum()
    measure = MutualInformation(fixed, weights, bins, fixed_range=(0, 1), moving_range=(0.1, 0.8))
    assert measure.value(moving[None])[0] == pytest.approx(expected, rel=1e-6)


def test_mi_keeps_the_intensity_range_of_the_first_batch() -> None:
    measure = MutualInformation(noise(1))
    first = noise(2)[None]
    value = measure.value(first)
    measure.value(100 * noise(3)[None])
    assert measure.value(first) == value
    assert measure.moving_range == (first.min(), first.max())


# --- Dice


def test_dice_of_a_thick_rendering_is_the_dice_of_the_masks() -> None:
    fixed = np.zeros((4, 5), bool)
    fixed[1, :4] = True  # 4 pixels
    moving = np.zeros((1, 4, 5))
    moving[0, 1:3, 2:5] = 40  # 6 pixels, 2 of them in common, 40 mm thick: opaque
    assert SoftDice(fixed).value(moving)[0] == pytest.approx(2 * 2 / (4 + 6))
    moving[0, 0, 4] = np.log(2)  # half opaque at 1 mm
    assert SoftDice(fixed).value(moving)[0] == pytest.approx(2 * 2 / (4 + 6.5))
    assert SoftDice(fixed).value(40.0 * fixed[None])[0] == pytest.approx(1)
    assert SoftDice(fixed).value(np.zeros((1, 4, 5)))[0] == 0
    assert SoftDice(fixed, softness_mm=2).value(2 * moving)[0] == pytest.approx(SoftDice(fixed).value(moving)[0])


# --- gradient correlation


def test_gradient_correlation_is_the_mean_correlation_of_scipys_sobel_images() -> None:
    fixed, moving = smooth(1), smooth(1) + smooth(2)
    expected = []
    for axis in (0, 1):
        f, m = (sobel(image, axis)[1:-1, 1:-1].ravel() for image in (fixed, moving))
        expected.append(np.corrcoef(f, m)[0, 1])
    assert GradientCorrelation(fixed).value(moving[None])[0] == pytest.approx(np.mean(expected), abs=1e-5)


def test_gradient_correlation_is_deaf_to_offset_and_scale_and_to_a_slow_background() -> None:
    image = smooth(1)
    columns = np.arange(64.0)
    moving = np.stack([image, 3 * image + 7, -image, image + 0.05 * columns])
    values = GradientCorrelation(image).value(moving)
    np.testing.assert_allclose(values, [1, 1, -1, 1], atol=1e-5)
    assert NormalizedCrossCorrelation(image).value(moving[3:])[0] < 0.3


def test_gradient_correlation_falls_as_the_image_is_shifted() -> None:
    image = smooth(1)
    values = GradientCorrelation(image).value(np.stack([np.roll(image, shift, axis=0) for shift in range(4)]))
    assert (np.diff(values) < -0.1).all()


# --- gradient difference and pattern intensity


def test_gradient_difference_and_pattern_intensity_are_one_for_the_image_at_any_scale_and_offset() -> None:
    image = smooth(1)
    for measure in (GradientDifference(image), PatternIntensity(image)):
        np.testing.assert_allclose(measure.value(np.stack([image, 3 * image + 7])), 1, atol=1e-6)
        assert measure.value(-image[None])[0] < 0.9


def test_gradient_difference_by_hand() -> None:
    # Derivatives by column of a ramp of slopes 1, 3 and by row of 0; one window each, so the weights are 1/2 and 1/2.
    fixed = np.tile([0.0, 1, 2, 5, 8], (3, 1))  # central differences: 1, 2, 3; weights 1/3; variance 2/3
    moving = np.tile([0.0, 2, 4, 6, 8], (3, 1))  # 2, 2, 2; scale sqrt(14 / 12)
    difference = np.array([1, 2, 3]) - np.sqrt(14 / 12) * 2
    # By row nothing varies in either image: A = 0 (floored) and D = 0, a perfect match.
    expected = (np.mean(2 / 3 / (2 / 3 + difference**2)) + 1) / 2
    assert GradientDifference(fixed).value(moving[None])[0] == pytest.approx(expected, rel=1e-6)


def test_pattern_intensity_by_hand() -> None:
    # Two pixels at most one apart are one pair: standard deviations 1/2 and 2, opposite slopes.
    fixed, moving = np.array([[0.0, 1.0]]), np.array([[4.0, 0.0]])
    # D = f - m / 4 = (-1, 1): a step of 2
    sigma = 10 / 255
    value = PatternIntensity(fixed, radius_px=1).value(moving[None])[0]
    assert value == pytest.approx(sigma**2 / (sigma**2 + 4), rel=1e-6)


def test_pattern_intensity_agrees_with_a_loop_over_the_pairs() -> None:
    fixed, moving, mask = noise(1, 9), noise(2, 9), noise(3, 9) > 0.3
    difference = fixed - fixed[mask].std() / moving[mask].std() * moving
    variance = (0.2 * np.ptp(fixed[mask])) ** 2
    terms = []
    for a in np.argwhere(mask):
        for b in np.argwhere(mask):
            if 0 < ((a - b) ** 2).sum() <= 9:
                terms.append(variance / (variance + (difference[tuple(a)] - difference[tuple(b)]) ** 2))
    measure = PatternIntensity(fixed, mask, radius_px=3, sigma=0.2)
    assert measure.value(moving[None])[0] == pytest.approx(np.mean(terms), rel=1e-6)


# --- entropy of the difference image

# Nothing is left of an image subtracted from itself: 0 lies half way between two bins, over which, and their
# neighbours, the cubic window spreads it.
NOTHING_LEFT = 2 / 48 * np.log(1 / 48) + 46 / 48 * np.log(23 / 48)


def test_entropy_of_difference_is_the_windows_own_for_the_image_at_any_scale_and_offset() -> None:
    image = smooth(1)
    measure = EntropyOfDifference(image)
    np.testing.assert_allclose(measure.value(np.stack([image, 3 * image + 7])), NOTHING_LEFT, atol=1e-5)
    assert measure.value(-image[None])[0] < NOTHING_LEFT - 1


def test_entropy_of_difference_agrees_with_a_histogram_written_out_by_hand() -> None:
    fixed, moving, mask = noise(1, 12), noise(2, 12), noise(3, 12) > 0.3
    f, m = fixed[mask] - fixed[mask].mean(), moving[mask] - moving[mask].mean()
    difference = (f - f.std() / m.std() * m) / np.ptp(f)
    p = np.zeros(BINS)
    for value in difference.tolist():
        position = 1 + (value + REACH) / (2 * REACH) * (BINS - 3)
        for j in range(BINS):
            p[j] += beta3(j - position) / len(difference)
    expected = (p[p > 0] * np.log(p[p > 0])).sum()
    assert EntropyOfDifference(fixed, mask).value(moving[None])[0] == pytest.approx(expected, rel=1e-6)


def test_a_structure_that_only_one_image_has_costs_the_entropy_of_its_share() -> None:
    # A quarter of each image is bright, so s = 1; half of it is the same quarter.
    fixed, moving = np.zeros((16, 16)), np.zeros((16, 16))
    fixed[:4], moving[:2], moving[8:10] = 1, 1, 1
    # D is 1 in an eighth, -1 in an eighth, 0 elsewhere, and these levels share no bin.
    levels = np.array([-1.0, 0.0, 1.0])
    window = []
    for level in levels:
        t = 1 + (level + REACH) / (2 * REACH) * (BINS - 3)
        weights = np.array([beta3(j - t) for j in range(BINS)])
        window.append(-(weights[weights > 0] * np.log(weights[weights > 0])).sum())
    shares = np.array([1, 6, 1]) / 8
    expected = (shares * np.log(shares)).sum() - shares @ window
    assert EntropyOfDifference(fixed).value(moving[None])[0] == pytest.approx(expected, rel=1e-5)


def test_entropy_of_difference_falls_with_the_noise_between_the_images() -> None:
    image = smooth(1)
    noisy = [image + amount * image.std() * (noise(2) - 0.5) for amount in (0, 0.3, 1, 3)]
    assert (np.diff(EntropyOfDifference(image).value(np.stack(noisy))) < -0.1).all()
