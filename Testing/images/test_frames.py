from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.cli.option_names import OPTION_NAMES
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from Testing.support.cases import CASES, needs_cases
from Testing.support.image_phantoms import COLUMNS, ROWS, head_hu, intensities, subtracted_u8, vessels_mm

OPTIONS = GeometryOptions(10.0, 0.0, 1200.0, 800.0, 0.4)


def write(path: Path, array: np.ndarray, **geometry: tuple[float, ...]) -> Path:
    image = sitk.GetImageFromArray(array)
    if geometry:
        image.SetSpacing(geometry["spacing_mm"])
        image.SetOrigin(geometry["origin_mm"])
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_the_third_axis_is_time(tmp_path: Path, suffix: str) -> None:
    angiogram = read_angiogram(write(tmp_path / f"run{suffix}", subtracted_u8()), OPTIONS)
    np.testing.assert_array_equal(angiogram.frames, subtracted_u8().astype(np.float32))
    assert (angiogram.carm.rows, angiogram.carm.columns) == (ROWS, COLUMNS)
    assert angiogram.carm.primary_angle_deg == 10


def test_a_sequence_saved_by_slicer_is_read(tmp_path: Path) -> None:
    listed = np.moveaxis(subtracted_u8(), 0, -1)[None]
    sitk.WriteImage(sitk.GetImageFromArray(listed, isVector=True), str(tmp_path / "run.seq.nrrd"))
    angiogram = read_angiogram(tmp_path / "run.seq.nrrd", OPTIONS)
    np.testing.assert_array_equal(angiogram.frames, subtracted_u8().astype(np.float32))


def test_float_frames_around_zero_are_subtracted_already(tmp_path: Path) -> None:
    frames = (subtracted_u8().astype(np.float32) - 180) / 100
    angiogram = read_angiogram(write(tmp_path / "run.nrrd", frames), OPTIONS)
    np.testing.assert_array_equal(angiogram.frames, frames)


def test_raw_logarithmic_frames_are_subtracted_from_the_first(tmp_path: Path) -> None:
    angiogram = read_angiogram(write(tmp_path / "run.nrrd", np.log(intensities()).astype(np.float32)), OPTIONS)
    assert np.corrcoef(angiogram.frames[4].ravel(), vessels_mm(4).ravel())[0, 1] < -0.95
    assert "its first frame was the mask" in angiogram.warnings[0]


def test_png_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    frames = np.concatenate([subtracted_u8(), subtracted_u8(seed=1), subtracted_u8(seed=2)])
    for index, frame in enumerate(frames):
        write(tmp_path / f"frame {index}.png", frame)
    (tmp_path / "notes.txt").write_text("from the morning session")
    np.testing.assert_array_equal(read_angiogram(tmp_path, OPTIONS).frames, frames.astype(np.float32))


def test_one_png_works_and_warns_about_arteries_and_veins(tmp_path: Path) -> None:
    angiogram = read_angiogram(write(tmp_path / "frame.png", subtracted_u8()[4]), OPTIONS)
    assert angiogram.frames.shape == (1, ROWS, COLUMNS)
    assert "arteries and veins cannot be told apart" in angiogram.warnings[0]


def test_grey_stored_as_colour_is_grey_and_colour_is_refused(tmp_path: Path) -> None:
    frame = np.repeat(subtracted_u8()[4][..., None], 3, axis=-1)
    image = sitk.GetImageFromArray(frame, isVector=True)
    sitk.WriteImage(image, str(tmp_path / "grey.png"))
    np.testing.assert_array_equal(read_angiogram(tmp_path / "grey.png", OPTIONS).frames[0], frame[..., 0])
    frame[50:60, 50:60, 0] = 255
    sitk.WriteImage(sitk.GetImageFromArray(frame, isVector=True), str(tmp_path / "red.png"))
    with pytest.raises(InputError, match=r"red\.png is in colour"):
        read_angiogram(tmp_path / "red.png", OPTIONS)


def test_every_geometry_option_that_is_missing_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "run.nrrd", subtracted_u8())
    with pytest.raises(InputError) as caught:
        read_angiogram(path)
    assert "--primary-angle DEG, --secondary-angle DEG, --sdd MM, --sid MM, --pixel" in caught.value.told(OPTION_NAMES)
    with pytest.raises(InputError, match="give the source-to-isocentre distance, or the C-arm's geometry as a whole"):
        read_angiogram(path, GeometryOptions(10.0, 0.0, 1200.0, None, 0.4))


def test_a_carm_stands_for_all_options_and_must_have_the_image_s_size(tmp_path: Path) -> None:
    path = write(tmp_path / "run.nrrd", subtracted_u8())
    carm = CArm.from_angles(0, 0, 1000, 700, 0.5, ROWS, COLUMNS)
    assert read_angiogram(path, GeometryOptions(carm=carm)).carm is carm
    with pytest.raises(InputError, match="rows x 240 columns, but the detector of the C-arm's geometry has 100 x 240"):
        read_angiogram(path, GeometryOptions(carm=CArm.from_angles(0, 0, 1000, 700, 0.5, 100, COLUMNS)))
    with pytest.raises(InputError, match="leave out the source-to-detector"):
        GeometryOptions(sdd_mm=1000.0, carm=carm)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    frames = subtracted_u8().astype(np.float32)
    frames[2, 30, 40] = bad
    with pytest.raises(InputError, match=r"run\.nrrd holds pixels that are not numbers"):
        read_angiogram(write(tmp_path / "run.nrrd", frames), OPTIONS)


def test_frames_of_different_size_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "1.png", subtracted_u8()[3])
    write(tmp_path / "2.png", subtracted_u8()[4][:100])
    with pytest.raises(InputError, match="differ in size"):
        read_angiogram(tmp_path, OPTIONS)


def test_a_cta_given_as_the_angiogram_is_recognised(tmp_path: Path) -> None:
    in_hu = write(tmp_path / "cta.nrrd", head_hu())
    vessels = np.where(head_hu((80, 60, 64)) == 400, 900, 0).astype(np.int16)
    rotational = write(tmp_path / "3dra.nrrd", vessels, spacing_mm=(2.0, 2.0, 2.0), origin_mm=(-64.0, -60.0, -80.0))
    for path in (in_hu, rotational):
        with pytest.raises(InputError, match="swap the CTA and the DSA"):
            read_angiogram(path, OPTIONS)


@needs_cases
def test_the_venous_sequence_is_already_subtracted_and_dark() -> None:
    angiogram = read_angiogram(CASES / "venous-sequence", OPTIONS)
    assert angiogram.frames.shape == (25, 1024, 786)
    assert angiogram.warnings == ()
    # The injection: dark vessels from one frame to the next, so the MinIP is far below the first frame.
    assert np.percentile(angiogram.frames.min(axis=0) - angiogram.frames[0], 1) < -60
