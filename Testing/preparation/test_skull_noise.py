"""The skull in the noise of a run: its logarithm is the attenuation, whatever fills in front of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.native_image import NativeImage
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.preparation.skull.noise import CODEC_PX, LEAST_FRAMES, NoiseImage, noise_image
from DeepIterRegLib.preparation.skull.of_angiogram import skull_image
from Testing.support.noisy_run import SIZE_PX, as_stored, attenuation, compressed, subtracted_run

EVERYWHERE = np.ones((SIZE_PX, SIZE_PX), dtype=bool)
FACTOR = 4
TRUTH = attenuation().reshape(SIZE_PX // FACTOR, FACTOR, -1, FACTOR).mean(axis=(1, 3))


@cache
def plain_frames() -> FloatArray:
    return subtracted_run()


def log_variance(found: NoiseImage) -> FloatArray:
    """Over blocks of FACTOR pixels, with air and skin still in it."""
    assert found.image is not None
    assert found.image.is_exponential
    blocks = found.image.values.reshape(SIZE_PX // FACTOR, FACTOR, -1, FACTOR)
    return np.log(blocks.mean(axis=(1, 3)))


def angiogram_of(frames: FloatArray, native: NativeImage | None = None) -> Angiogram:
    carm = CArm.from_angles(90, 0, 1150, 750, 1.2, *frames.shape[1:])
    return Angiogram(frames, carm, np.ones(frames.shape[1:], dtype=bool), name="DSA 2", native=native)


def test_the_logarithm_of_the_variance_is_the_attenuation():
    found = noise_image(plain_frames(), EVERYWHERE)
    measured = log_variance(found)
    assert np.corrcoef(measured.ravel(), TRUTH.ravel())[0, 1] > 0.98
    assert np.polyfit(TRUTH.ravel(), measured.ravel(), 1)[0] == pytest.approx(1, abs=0.05)
    assert found.doubt is None
    assert found.image.source == "noise"
    assert found.image.sign_is_known
    assert found.image.trust > 0.8


def test_unit_and_offset_of_the_frames_do_not_matter():
    found, other = noise_image(plain_frames(), EVERYWHERE), noise_image(300 * plain_frames() + 2000, EVERYWHERE)
    np.testing.assert_allclose(log_variance(other) - np.log(300.0**2), log_variance(found), atol=5e-3)
    assert other.image.trust == pytest.approx(found.image.trust, abs=0.01)


def test_fewer_quanta_and_fewer_frames_are_trusted_less():
    trust = [noise_image(plain_frames()[:count], EVERYWHERE).image.trust for count in (LEAST_FRAMES, 12, 25)]
    assert trust == sorted(trust)
    assert trust[0] < trust[-1] - 0.05


def vessels() -> FloatArray:
    """(size, size) nats of a trunk and its branches."""
    row, column = np.mgrid[:SIZE_PX, :SIZE_PX]
    trunk = np.exp(-(((column - 110 - 12 * np.sin(row / 25)) / 4) ** 2))
    return 0.5 * trunk + 0.3 * np.exp(-(((row - 80 - column / 4) / 2.5) ** 2))


@pytest.mark.parametrize(
    "course",
    [np.linspace(0, 1, 25), np.exp(-(((np.arange(25) - 11) / 0.7) ** 2)), 1.0 * (np.arange(25) > 12)],
    ids=["slow contrast", "a bolus", "contrast from one frame to the next"],
)
def test_contrast_does_not_show_in_the_noise(course):
    contrast = course[:, None, None] * vessels()
    filled = noise_image(subtracted_run(contrast=contrast), EVERYWHERE)
    change = log_variance(filled) - log_variance(noise_image(plain_frames(), EVERYWHERE))
    on = vessels().reshape(SIZE_PX // FACTOR, FACTOR, -1, FACTOR).mean(axis=(1, 3)) > 0.3
    # The contrast's own attenuation remains, up to half a nat while it is there; its arrival would be 5 nats.
    assert change[on].mean() < 0.4
    assert np.corrcoef(log_variance(filled).ravel(), TRUTH.ravel())[0, 1] > 0.97


def test_eight_bits_keep_the_skull():
    found = noise_image(as_stored(plain_frames()), EVERYWHERE)
    assert found.doubt is None
    assert found.image.trust > 0.7
    assert np.corrcoef(log_variance(found).ravel(), TRUTH.ravel())[0, 1] > 0.95


def on_the_lattice(variance: FloatArray) -> float:
    """How much a variance differs between the places within the codec's blocks, relative to its mean."""
    blocks = variance.reshape(SIZE_PX // CODEC_PX, CODEC_PX, -1, CODEC_PX)
    return float(np.ptp(blocks.mean(axis=(0, 2))) / variance.mean())


def test_a_codecs_blocks_lower_the_trust_and_are_no_edges():
    plain = noise_image(as_stored(plain_frames()), EVERYWHERE)
    frames = compressed(as_stored(plain_frames()), 75)
    found = noise_image(frames, EVERYWHERE)
    assert found.doubt == "was compressed with loss"
    assert found.image.trust < 0.7 * plain.image.trust
    assert on_the_lattice(frames.var(axis=0)) > 0.3
    assert on_the_lattice(found.image.values) < 0.1


@pytest.mark.parametrize(
    "frames",
    [np.zeros((10, 128, 128)), np.full((10, 128, 128), 93.0), np.tile(attenuation(128), (10, 1, 1))],
    ids=["black", "constant", "noiseless"],
)
def test_a_run_without_noise_shows_no_skull(frames):
    found = noise_image(frames.astype(np.float32), np.ones((128, 128), dtype=bool))
    assert found.image is None
    assert "hardly any noise" in found.doubt


def test_noise_of_the_same_strength_everywhere_shows_no_skull():
    frames = np.random.default_rng(0).normal(0, 3, (20, 128, 128)).astype(np.float32)
    assert noise_image(frames, np.ones((128, 128), dtype=bool)).image is None


def test_too_few_frames_are_left_out():
    found = noise_image(plain_frames()[: LEAST_FRAMES - 1], EVERYWHERE)
    assert found.image is None
    assert found.doubt == f"has only {LEAST_FRAMES - 1} frames"


def test_what_a_shutter_covers_has_no_influence():
    covered = plain_frames().copy()
    covered[:, :, 200:] = 0
    valid = EVERYWHERE.copy()
    valid[:, 200:] = False
    image, counts = noise_image(covered, valid).image.binned(FACTOR)
    assert not counts[:, 50:].any()
    assert counts[:, :49].all()
    assert np.corrcoef(image[:, :49].ravel(), np.maximum(TRUTH, np.percentile(TRUTH, 30))[:, :49].ravel())[0, 1] > 0.9


def test_a_warning_says_why_the_noise_counts_less_or_not_at_all():
    image, warning = skull_image(angiogram_of(plain_frames()))
    assert image is not None
    assert warning is None
    image, warning = skull_image(angiogram_of(plain_frames()[:3]))
    assert image is None
    assert warning == "DSA 2 has only 3 frames: the skull is not seen in its noise, the vessels decide alone."
    image, warning = skull_image(angiogram_of(compressed(as_stored(plain_frames()), 60)))
    assert image is not None
    assert warning == "DSA 2 was compressed with loss: the skull in its noise counts less."


def test_a_native_image_is_taken_where_there_is_one():
    shape = attenuation(128).shape
    text = np.ones(shape, dtype=bool)
    text[:10] = False
    native = NativeImage(attenuation(128).astype(np.float32), text, "mask frame", sign_is_known=False)
    image, warning = skull_image(angiogram_of(np.zeros((3, *shape), dtype=np.float32), native))
    assert warning is None
    assert (image.source, image.trust, image.sign_is_known, image.is_exponential) == ("mask frame", 1.0, False, False)
    np.testing.assert_array_equal(image.valid, text)


def test_air_and_skin_are_clipped_off_and_bone_is_not():
    image = SkullImage(attenuation().astype(np.float32), False, EVERYWHERE, "mask frame")
    binned, counts = image.binned(FACTOR)
    assert counts.all()
    dense = np.percentile(TRUTH, 60) < TRUTH
    np.testing.assert_allclose(binned[dense], TRUTH[dense], atol=1e-5)
    assert binned.min() > TRUTH.min() + 0.1
    np.testing.assert_array_equal(image.negative().values, -image.values)


def test_a_thin_border_of_an_image_of_unknown_sign_is_read_as_air_and_as_shutter():
    values = TRUTH.astype(np.float32).copy()
    values[:, :10] = values.min() - 5  # thinner than anything in the head
    given = SkullImage(values, False, np.ones(values.shape, dtype=bool), "native image", sign_is_known=False)
    air, shutter, negative = given.readings()
    assert all(one.sign_is_known for one in (air, shutter, negative))
    np.testing.assert_array_equal(air.values, values)
    assert air.valid.all()
    np.testing.assert_array_equal(shutter.values, values)
    assert not shutter.valid[:, :10].any()
    assert shutter.valid[:, 20:].all()
    np.testing.assert_array_equal(negative.values, -values)
    np.testing.assert_array_equal(negative.valid, shutter.valid)
    sure = replace(given, sign_is_known=True)
    assert sure.readings() == [sure]
