"""What a file shows of the head without contrast: the mask of a raw run, or a plain X-ray."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.native_image import TEXT_MARGIN_PX, NativeImage, native_image
from DeepIterRegLib.preparation.skull.of_angiogram import skull_image
from Testing.support.dicom_files import write_xa
from Testing.support.image_phantoms import COLUMNS, ROWS, anatomy, intensities, subtracted_u8


def stored(quanta: np.ndarray, linear: bool, bright_bone: bool = False) -> np.ndarray:
    """uint16 as a detector stores quanta, or their logarithms."""
    values = quanta if linear else 6000 * np.log(np.maximum(quanta, 1))
    return (65535 - values if bright_bone else values).astype(np.uint16)


def first_frame_is_the_mask() -> Dataset:
    item = Dataset()
    item.MaskOperation, item.MaskFrameNumbers = "AVG_SUB", [1]
    return item


def native_of(angiogram: Angiogram) -> NativeImage:
    assert angiogram.native is not None
    return angiogram.native


def likeness(angiogram: Angiogram) -> float:
    """Correlation of the native image with the phantom's attenuation."""
    return float(np.corrcoef(native_of(angiogram).attenuation.ravel(), anatomy().ravel())[0, 1])


@pytest.mark.parametrize("relation", ["LOG", "LIN", "DISP", None])
@pytest.mark.parametrize("bright_bone", [False, True], ids=["dark bone", "bright bone"])
def test_the_mask_of_a_raw_run_shows_bone_as_attenuation(
    tmp_path: Path, relation: str | None, bright_bone: bool
) -> None:
    tags = {
        "PixelIntensityRelationship": relation,
        "PixelIntensityRelationshipSign": -1 if bright_bone else 1,
        "MaskSubtractionSequence": [first_frame_is_the_mask()],
    }
    frames = stored(intensities(), relation == "LIN", bright_bone)
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", frames, **tags))
    assert likeness(angiogram) > 0.99
    assert native_of(angiogram).source == "mask frame"
    assert native_of(angiogram).sign_is_known
    assert angiogram.shows_contrast
    assert angiogram.head_motion is not None
    assert angiogram.head_motion.shape == (len(frames), 3)


def test_the_tag_for_the_sign_is_not_needed_because_contrast_tells_it(tmp_path: Path) -> None:
    tags = {"PixelIntensityRelationship": "LOG", "MaskSubtractionSequence": [first_frame_is_the_mask()]}
    frames = stored(intensities(), linear=False, bright_bone=True)
    assert likeness(read_angiogram(write_xa(tmp_path / "raw.dcm", frames, **tags))) > 0.99


def test_of_linear_intensities_the_native_image_is_in_nats(tmp_path: Path) -> None:
    tags = {"PixelIntensityRelationship": "LIN", "MaskSubtractionSequence": [first_frame_is_the_mask()]}
    native = native_of(read_angiogram(write_xa(tmp_path / "raw.dcm", stored(intensities(), linear=True), **tags)))
    assert np.polyfit(anatomy().ravel(), native.attenuation.ravel(), 1)[0] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("relation", ["LOG", "LIN"])
def test_a_single_raw_frame_is_a_native_image_whose_sign_is_not_known(tmp_path: Path, relation: str) -> None:
    frame = stored(intensities()[0], relation == "LIN")
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", frame, PixelIntensityRelationship=relation))
    assert angiogram.frames.shape == (0, ROWS, COLUMNS)
    assert not angiogram.shows_contrast
    assert native_of(angiogram).source == "native image"
    assert not native_of(angiogram).sign_is_known
    assert likeness(angiogram) > 0.99
    assert angiogram.warnings == ()


def test_a_single_raw_frame_of_bright_bone_is_read_as_its_header_says(tmp_path: Path) -> None:
    frame = stored(intensities()[0], linear=False, bright_bone=True)
    tags = {"PixelIntensityRelationship": "LOG"}
    as_said = write_xa(tmp_path / "said.dcm", frame, PixelIntensityRelationshipSign=-1, **tags)
    unsaid = write_xa(tmp_path / "unsaid.dcm", frame, **tags)
    assert likeness(read_angiogram(as_said)) > 0.99
    assert likeness(read_angiogram(unsaid)) < -0.99


def test_a_raw_run_without_contrast_is_the_mean_of_its_frames(tmp_path: Path) -> None:
    clean = 50000 - 6000 * anatomy()
    frames = (clean + np.random.default_rng(3).normal(0, 60, (8, ROWS, COLUMNS))).astype(np.uint16)
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", frames, PixelIntensityRelationship="LOG"))
    assert not angiogram.shows_contrast
    assert native_of(angiogram).source == "native image"
    assert angiogram.warnings == ("The DSA shows no contrast: it is registered by the skull.",)
    assert not native_of(angiogram).sign_is_known
    np.testing.assert_allclose(native_of(angiogram).attenuation, -frames.mean(axis=0), atol=2.0)


def test_a_subtracted_run_has_no_native_image(tmp_path: Path) -> None:
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8()))
    assert angiogram.native is None
    assert angiogram.head_motion is None


@pytest.mark.parametrize("written", [0.0, 20000.0])
@pytest.mark.parametrize("sure", [True, False])
def test_letters_are_not_valid_and_open_air_is(written: float, sure: bool) -> None:
    logs = 100 * np.random.default_rng(0).random((100, 120)).astype(np.float32) + 1000
    logs[:, 100:] = 20000  # air, saturated: a sixth of the picture
    logs[5:10, 5:8] = written
    logs[5:10, 12:15] = written
    valid = np.ones(logs.shape, dtype=bool)
    native = native_image(logs, valid, "native image", bone_is_bright=False, sign_is_known=sure)
    assert not native.valid[5:10, 5:8].any()
    assert not native.valid[5 - TEXT_MARGIN_PX, 6]
    assert native.valid[:, 102:].all()
    assert native.valid[30:, :90].mean() > 0.99


def test_burnt_in_text_of_a_raw_run_is_masked(tmp_path: Path) -> None:
    frames = stored(intensities(), linear=False)
    frames[:, 4:12, 10:13] = frames[:, 4:7, 10:20] = 65535
    tags = {"PixelIntensityRelationship": "LOG", "MaskSubtractionSequence": [first_frame_is_the_mask()]}
    native = native_of(read_angiogram(write_xa(tmp_path / "raw.dcm", frames, **tags)))
    assert not native.valid[4:12, 10:13].any()
    assert native.valid.mean() > 0.98


def test_contrast_that_does_not_tell_its_sign_leaves_that_of_bone_open(tmp_path: Path) -> None:
    """As many bright as dark lines: nothing says which of them are vessels."""
    column = np.mgrid[:ROWS, :COLUMNS][1]
    signs = {50: 1, 90: -1, 150: 1, 190: -1}
    line = sum(sign * np.exp(-(((column - at) / 3) ** 2)) for at, sign in signs.items())
    clean = 50000 - 6000 * anatomy()[None] + np.array([0, 1, 1, 1])[:, None, None] * 3000 * line
    frames = (clean + np.random.default_rng(3).normal(0, 30, clean.shape)).astype(np.uint16)
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", frames, PixelIntensityRelationship="LOG"))
    assert any("does not show clearly whether its vessels are dark or bright" in line for line in angiogram.warnings)
    assert not native_of(angiogram).sign_is_known


def collimated_head(shutter: str, size_px: int = 256) -> FloatArray:
    """(size, size) grey values of a lateral head, bone dark, that a shutter leaves little air around."""
    row, column = np.mgrid[:size_px, :size_px]
    radius = np.hypot((row - 130) / 120, (column - 128) / 120)
    head = np.hypot((row - 140) / 118, (column - 150) / 140)
    attenuation = 700 * (1 + np.sqrt(np.clip(1 - head**2, 0, None))) + 250 * np.exp(-(((head - 0.93) / 0.03) ** 2))
    attenuation += 500 * np.exp(-(((row - 185 - (column - 120) / 8) / 6) ** 2)) * (column > 90)
    image = np.where(head < 1, 4095 - attenuation, 4095.0)
    image += np.random.default_rng(0).normal(0, 4, image.shape)
    shut = radius > 1 if shutter == "round" else abs(row - 128) > 105
    return np.clip(np.where(shut, 0, image), 0, 4095)


@pytest.mark.parametrize("shutter", ["round", "above and below"])
@pytest.mark.parametrize("bright_bone", [False, True], ids=["dark bone", "bright bone"])
def test_a_single_raw_frame_is_native_however_it_is_collimated(tmp_path: Path, shutter: str, bright_bone: bool) -> None:
    head = collimated_head(shutter)
    shut = head == 0
    frame = (4095 - head if bright_bone else head).astype(np.uint16)
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", frame, BitsStored=12, HighBit=11))
    assert not angiogram.shows_contrast
    native = native_of(angiogram)
    assert not native.sign_is_known
    image, _ = skull_image(angiogram)
    assert image is not None
    readings = image.readings()
    band, beside = (slice(185, 190), 140), (slice(150, 160), 140)
    bone_is_dense = [float(one.values[band].mean()) > float(one.values[beside].mean()) for one in readings]
    assert any(bone_is_dense)
    assert not all(bone_is_dense)
    # In one of the readings of the right sign the shutter is left out, in none of them the head.
    right = [one for one, is_dense in zip(readings, bone_is_dense, strict=True) if is_dense]
    assert any(not (one.valid & shut).any() for one in right)
    assert all(one.valid[100:150, 100:150].all() for one in right)


@pytest.mark.parametrize("modality", ["DX", "CR"])
def test_nothing_is_subtracted_from_a_radiograph(tmp_path: Path, modality: str) -> None:
    flat = np.random.default_rng(0).normal(2000, 40, (128, 128))
    flat[40:90, 60:64] -= 800
    frame = flat.astype(np.uint16)
    assert read_angiogram(write_xa(tmp_path / "xa.dcm", frame, BitsStored=12, HighBit=11)).shows_contrast
    plain = write_xa(tmp_path / "plain.dcm", frame, Modality=modality, BitsStored=12, HighBit=11)
    assert not read_angiogram(plain).shows_contrast


def test_a_native_run_of_a_head_that_moves_says_in_which_frame_the_pose_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    still = 20000 * np.exp(-anatomy())
    moved = np.stack([rng.poisson(np.roll(still, 4 * step, axis=0)) for step in (0, 1, 2, 1)])
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", stored(moved, linear=False)))
    assert not angiogram.shows_contrast
    assert any("a head that moves" in warning for warning in angiogram.warnings)
