from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from DeepIterRegLib.cli.option_names import OPTION_NAMES
from DeepIterRegLib.common.errors import QUANTITIES, Field, InputError
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from Testing.support.cases import CASES, needs_cases
from Testing.support.dicom_files import GEOMETRY, functional_groups, write_ct_slices, write_xa
from Testing.support.image_phantoms import COLUMNS, ROWS, head_hu, intensities, subtracted_u8, vessels_mm

ALL_OPTIONS = GeometryOptions(0.0, 0.0, 1200.0, 800.0, 0.3)


def mask_item(operation: str, frames: list[int], shift: list[float] | None = None) -> Dataset:
    item = Dataset()
    item.MaskOperation, item.MaskFrameNumbers = operation, frames
    if shift is not None:
        item.MaskSubPixelShift = shift
    return item


def raw_u16(linear: bool, bright: bool = False) -> np.ndarray:
    """(5, rows, columns) raw frames; the first is the mask."""
    quanta = intensities()
    stored = quanta if linear else 6000 * np.log(np.maximum(quanta, 1))
    return (65535 - stored if bright else stored).astype(np.uint16)


def correlation_with_vessels(angiogram: Angiogram, frame: int) -> float:
    """Of a frame with the contrast that the phantom has in it; -1 for a perfect picture, vessels being dark."""
    return float(np.corrcoef(angiogram.frames[frame].ravel(), vessels_mm(frame).ravel())[0, 1])


def test_geometry_comes_from_the_tags(tmp_path: Path) -> None:
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8()))
    carm = angiogram.carm
    assert (carm.primary_angle_deg, carm.secondary_angle_deg) == (30, -10)
    assert carm.sdd_mm == pytest.approx(1200)
    assert carm.sid_mm == pytest.approx(800)
    assert carm.pixel_spacing_mm == (0.4, 0.4)
    assert (carm.rows, carm.columns) == (ROWS, COLUMNS)
    assert carm.principal_point_px == pytest.approx(((COLUMNS - 1) / 2, (ROWS - 1) / 2))
    assert angiogram.patient_position == "HFS"
    assert angiogram.warnings == ()


def test_pixel_spacing_is_rows_first(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), ImagerPixelSpacing=["0.4", "0.5"])
    assert read_angiogram(path).carm.pixel_spacing_mm == (0.4, 0.5)


def test_options_win_over_tags(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), DistanceSourceToDetector="0", PositionerPrimaryAngle="400")
    options = GeometryOptions(
        primary_angle_deg=-5, secondary_angle_deg=3, sdd_mm=1100, sid_mm=750, pixel_spacing_mm=0.3
    )
    carm = read_angiogram(path, options).carm
    assert (carm.primary_angle_deg, carm.secondary_angle_deg, carm.pixel_spacing_mm) == (-5, 3, (0.3, 0.3))
    assert (carm.sdd_mm, carm.sid_mm) == (pytest.approx(1100), pytest.approx(750))


@pytest.mark.parametrize(
    ("keyword", "number", "field"),
    [
        ("PositionerPrimaryAngle", "(0018,1510)", Field.PRIMARY_ANGLE),
        ("PositionerSecondaryAngle", "(0018,1511)", Field.SECONDARY_ANGLE),
        ("DistanceSourceToDetector", "(0018,1110)", Field.SDD),
        ("DistanceSourceToPatient", "(0018,1111)", Field.SID),
        ("ImagerPixelSpacing", "(0018,1164)", Field.PIXEL_SPACING),
    ],
)
def test_a_missing_tag_or_one_out_of_range_is_named_with_its_quantity(
    tmp_path: Path, keyword: str, number: str, field: Field
) -> None:
    odd = {"ImagerPixelSpacing": ["0", "0"], "PositionerPrimaryAngle": "400", "PositionerSecondaryAngle": "-120"}
    for value in (None, odd.get(keyword, "0")):
        path = write_xa(tmp_path / "IM_0004.dcm", subtracted_u8(), **{keyword: value})
        with pytest.raises(InputError) as caught:
            read_angiogram(path)
        message = str(caught.value)
        assert message.startswith("IM_0004.dcm has no " if value is None else "IM_0004.dcm has ")
        assert (value is None) != (", outside " in message)
        assert number in message
        assert caught.value.field is field
        assert f"give {QUANTITIES[field]}" in message
        others = {Field.PRIMARY_ANGLE, Field.SECONDARY_ANGLE, Field.SDD, Field.SID, Field.PIXEL_SPACING} - {field}
        assert not any(QUANTITIES[other] in message for other in others)


def test_every_missing_tag_is_in_the_one_sentence(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "bare.dcm", subtracted_u8(), **dict.fromkeys(GEOMETRY))
    with pytest.raises(InputError) as caught:
        read_angiogram(path)
    for text in ("0018,1510", "0018,1511", "0018,1110", "0018,1111", "0018,1164", "--sdd MM, --sid MM", "--carm FILE"):
        assert text in caught.value.told(OPTION_NAMES)


def test_a_patient_behind_the_detector_is_contradictory(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), DistanceSourceToPatient="1300")
    with pytest.raises(
        InputError, match=r"\(0018,1111\) 1300 mm is not less than .*\(0018,1110\) 1200 mm.*correct the source"
    ):
        read_angiogram(path)


def test_a_rotational_run_is_refused(tmp_path: Path) -> None:
    steps = ["0", "1.5", "3", "4.5", "6"]
    path = write_xa(tmp_path / "spin.dcm", subtracted_u8(), PositionerPrimaryAngleIncrement=steps)
    with pytest.raises(InputError, match=r"rotational run \(the Positioner angles change by 6\.0 degrees\)"):
        read_angiogram(path)


def test_a_halved_matrix_scales_the_pixel_spacing(tmp_path: Path) -> None:
    # 200 x 240 pixels of 0.4 mm would be 80 x 96 mm, the field of view is twice that.
    field = {"FieldOfViewShape": "RECTANGLE", "FieldOfViewDimensions": ["160", "192"]}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **field))
    assert angiogram.carm.pixel_spacing_mm == pytest.approx((0.8, 0.8))
    assert "was resized" in angiogram.warnings[0]
    assert "give the pixel size at the detector" in angiogram.warnings[0]


def test_calibrated_pixel_spacing_betrays_a_halved_matrix(tmp_path: Path) -> None:
    # 0.8 mm at the detector are 0.5333 mm at the patient, at magnification 1.5; the tag still has 0.4.
    calibrated = {"PixelSpacing": ["0.533333", "0.533333"], "EstimatedRadiographicMagnificationFactor": "1.5"}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **calibrated))
    assert angiogram.carm.pixel_spacing_mm == pytest.approx((0.8, 0.8))


def test_a_field_of_view_that_agrees_changes_nothing(tmp_path: Path) -> None:
    field = {"FieldOfViewShape": "RECTANGLE", "FieldOfViewDimensions": ["80", "96"]}
    calibrated = {"PixelSpacing": ["0.266667", "0.266667"], "EstimatedRadiographicMagnificationFactor": "1.5"}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **field, **calibrated))
    assert angiogram.carm.pixel_spacing_mm == (0.4, 0.4)
    assert angiogram.warnings == ()


@pytest.mark.parametrize("bright", [False, True], ids=["dark vessels", "bright vessels"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_vessels_of_a_subtracted_run_come_out_dark(tmp_path: Path, bright: bool, photometric: str) -> None:
    frames = subtracted_u8()
    path = write_xa(tmp_path / "run.dcm", 255 - frames if bright else frames, PhotometricInterpretation=photometric)
    angiogram = read_angiogram(path)
    assert angiogram.frames.shape == frames.shape
    assert correlation_with_vessels(angiogram, 4) < -0.95


@pytest.mark.parametrize("relation", ["LOG", "LIN", "DISP", None])
@pytest.mark.parametrize("bright", [False, True], ids=["dark vessels", "bright vessels"])
def test_raw_frames_are_subtracted_from_their_mask(tmp_path: Path, relation: str | None, bright: bool) -> None:
    tags = {
        "PixelIntensityRelationship": relation,
        "PixelIntensityRelationshipSign": -1 if bright else 1,
        "MaskSubtractionSequence": [mask_item("AVG_SUB", [1])],
    }
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", raw_u16(relation == "LIN", bright), **tags))
    assert angiogram.warnings == ()
    for frame in (2, 3, 4):
        assert correlation_with_vessels(angiogram, frame) < -0.95


def test_linear_intensities_are_subtracted_as_logarithms(tmp_path: Path) -> None:
    tags = {"PixelIntensityRelationship": "LIN", "MaskSubtractionSequence": [mask_item("AVG_SUB", [1])]}
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", raw_u16(linear=True), **tags))
    # Beer-Lambert: the phantom attenuates by 0.2 per mm, whatever bone is in the way.
    thick = vessels_mm(4) > 3
    assert np.median(angiogram.frames[4][thick] / vessels_mm(4)[thick]) == pytest.approx(-0.2, rel=0.02)


def test_without_a_mask_sequence_the_first_frame_is_the_mask(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "raw.dcm", raw_u16(linear=False), PixelIntensityRelationship="LOG")
    angiogram = read_angiogram(path)
    assert correlation_with_vessels(angiogram, 4) < -0.95
    assert "its first frame was the mask" in angiogram.warnings[0]


def test_the_mask_is_the_mean_of_the_named_frames_counted_from_one(tmp_path: Path) -> None:
    # The second and third frame show no contrast; the first one is spoilt.
    quanta = np.log(np.maximum(intensities(), 1)) * 6000
    frames = np.stack([np.roll(quanta[0], 20, axis=1), quanta[0], quanta[0], *quanta[2:]]).astype(np.uint16)
    tags = {"PixelIntensityRelationship": "LOG", "MaskSubtractionSequence": [mask_item("AVG_SUB", [2, 3])]}
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", frames, **tags))
    assert correlation_with_vessels(angiogram, 4) < -0.5
    assert np.abs(angiogram.frames[1:3]).max() == 0


def test_the_mask_is_moved_by_the_sub_pixel_shift(tmp_path: Path) -> None:
    frames = raw_u16(linear=False)
    frames[0] = np.roll(frames[0], (-3, 5), axis=(0, 1))
    tags = {"PixelIntensityRelationship": "LOG", "MaskSubtractionSequence": [mask_item("AVG_SUB", [1], [3.0, -5.0])]}
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", frames, **tags))
    inside = np.s_[8:-8, 8:-8]
    found = np.corrcoef(angiogram.frames[4][inside].ravel(), vessels_mm(4)[inside].ravel())[0, 1]
    assert found < -0.95


def test_a_mask_frame_that_is_not_in_the_file_is_refused(tmp_path: Path) -> None:
    tags = {"MaskSubtractionSequence": [mask_item("AVG_SUB", [9])]}
    with pytest.raises(InputError, match=r"mask frame 9 .*\(0028,6110\) but has 5 frames"):
        read_angiogram(write_xa(tmp_path / "raw.dcm", raw_u16(linear=False), **tags))


def test_time_differences_are_not_taken_for_a_mask(tmp_path: Path) -> None:
    tags = {"MaskSubtractionSequence": [mask_item("TID", [2])], "PixelIntensityRelationship": "LOG"}
    angiogram = read_angiogram(write_xa(tmp_path / "raw.dcm", raw_u16(linear=False), **tags))
    assert "its first frame was the mask" in angiogram.warnings[0]


@pytest.mark.parametrize("given", [".", "DOE.dcm"])
def test_warnings_do_not_name_the_file(tmp_path: Path, given: str) -> None:
    write_xa(tmp_path / "DOE.dcm", subtracted_u8()[4], PatientPosition="")
    angiogram = read_angiogram(tmp_path / given)
    assert len(angiogram.warnings) == 2
    for warning in angiogram.warnings:
        assert warning.startswith("The DSA ")
        assert "DOE" not in warning


def test_a_single_subtracted_frame_works_and_warns(tmp_path: Path) -> None:
    angiogram = read_angiogram(write_xa(tmp_path / "one.dcm", subtracted_u8()[4]))
    assert angiogram.frames.shape == (1, ROWS, COLUMNS)
    assert "arteries and veins cannot be told apart by time" in angiogram.warnings[0]


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_frames_are_the_uncompressed_ones(tmp_path: Path, syntax: str) -> None:
    plain = read_angiogram(write_xa(tmp_path / "plain.dcm", subtracted_u8()))
    packed = read_angiogram(write_xa(tmp_path / "packed.dcm", subtracted_u8(), syntax))
    np.testing.assert_array_equal(packed.frames, plain.frames)


@pytest.mark.parametrize(
    ("tags", "expected_s"),
    [
        ({"FrameTime": "250"}, [0, 0.25, 0.5, 0.75, 1.0]),
        ({"FrameTimeVector": ["0", "250", "250", "500", "500"], "FrameTime": "10"}, [0, 0.25, 0.5, 1.0, 1.5]),
        ({"CineRate": "4"}, [0, 0.25, 0.5, 0.75, 1.0]),
        ({"FrameTime": "0", "CineRate": "4"}, [0, 0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_frame_times(tmp_path: Path, tags: dict[str, object], expected_s: list[float]) -> None:
    times_s = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags)).frame_times_s
    assert times_s is not None
    np.testing.assert_allclose(times_s, expected_s)


def test_no_frame_times_where_the_file_has_none(tmp_path: Path) -> None:
    assert read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8())).frame_times_s is None


def test_the_shutter_of_the_tags_is_not_valid_and_holds_background(tmp_path: Path) -> None:
    frames = subtracted_u8()
    frames[:, :, :51] = 128
    shutter = {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": "52",  # DICOM counts from 1
        "ShutterRightVerticalEdge": str(COLUMNS),
        "ShutterUpperHorizontalEdge": "1",
        "ShutterLowerHorizontalEdge": str(ROWS),
    }
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", frames, **shutter))
    assert not angiogram.valid[:, :51].any()
    assert angiogram.valid[:, 51:].all()
    assert angiogram.frames[:, :, :51] == pytest.approx(180, abs=2)


def test_a_circular_shutter_is_a_disc(tmp_path: Path) -> None:
    shutter = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": ["101", "121"], "RadiusOfCircularShutter": "90"}
    valid = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **shutter)).valid
    row, column = np.mgrid[:ROWS, :COLUMNS]
    np.testing.assert_array_equal(valid, (row - 100) ** 2 + (column - 120) ** 2 <= 90**2)


def test_a_polygonal_shutter_is_filled(tmp_path: Path) -> None:
    corners = ["11", "11", "11", "231", "191", "231", "191", "11"]
    shutter = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": corners}
    valid = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **shutter)).valid
    assert valid[15:185, 15:225].all()
    assert not valid[:9].any()
    assert not valid[:, :9].any()


def test_a_black_border_is_found_without_tags_but_a_vessel_at_the_border_is_not(tmp_path: Path) -> None:
    frames = subtracted_u8()
    frames[:, 170:190, 100:112] = 0  # a saturated artery next to the border, and at it:
    frames[:, -15:, 100:112] = 0
    frames[:, :, -30:] = 1
    valid = read_angiogram(write_xa(tmp_path / "run.dcm", frames)).valid
    assert not valid[:, -30:].any()
    assert valid[:, :-36].all()


def test_a_shutter_over_half_of_the_image_warns_and_works(tmp_path: Path) -> None:
    frames = subtracted_u8()
    frames[:, :, 150:] = 0
    frames[:, :, :50] = 0
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", frames))
    assert "a shutter over 6" in angiogram.warnings[-1]
    inside = angiogram.valid
    assert np.corrcoef(angiogram.frames[4][inside], vessels_mm(4)[inside])[0, 1] < -0.95


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.zeros((5, 64, 64), np.uint8), "all black"),
        (np.full((5, 64, 64), 93, np.uint8), r"the same grey \(93\)"),
        (np.random.default_rng(0).normal(150, 5, (5, ROWS, COLUMNS)).astype(np.uint8), "neither contrast nor bone"),
    ],
    ids=["black", "constant", "noise"],
)
def test_a_run_without_contrast_is_refused(tmp_path: Path, pixels: np.ndarray, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_angiogram(write_xa(tmp_path / "run.dcm", pixels))


def test_truncated_and_foreign_files_are_refused_without_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = write_xa(tmp_path / "whole.dcm", subtracted_u8()).read_bytes()
    packed = write_xa(tmp_path / "packed.dcm", subtracted_u8(), RLELossless).read_bytes()
    files = {
        "half.dcm": whole[: len(whole) // 2],
        "headless.dcm": whole[:900],
        "packed_half.dcm": packed[: len(packed) // 2],
        "empty.dcm": b"",
        "letter.dcm": b"Dear colleague, please find attached " * 20,
        "letter.nrrd": b"Dear colleague, please find attached",
        "table.xlsx": b"PK\x03\x04 nothing that is an image",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_angiogram(tmp_path / name, ALL_OPTIONS)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"nowhere\.dcm does not exist"):
        read_angiogram(tmp_path / "nowhere.dcm")
    assert capfd.readouterr() == ("", "")


def test_a_ct_given_as_the_angiogram_is_recognised(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu())
    for path in (folder, next(iter(folder.iterdir()))):
        with pytest.raises(InputError, match="swap the CTA and the DSA"):
            read_angiogram(path)


def test_a_folder_with_one_run_is_that_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    path = write_xa(tmp_path / "run" / "IM1", subtracted_u8())
    np.testing.assert_array_equal(read_angiogram(tmp_path / "run").frames, read_angiogram(path).frames)
    write_xa(tmp_path / "run" / "IM2", subtracted_u8())
    with pytest.raises(InputError, match="holds 2 DICOM files"):
        read_angiogram(tmp_path / "run")


def test_an_enhanced_file_keeps_its_geometry_in_functional_groups(tmp_path: Path) -> None:
    shared = functional_groups("XRayGeometrySequence", DistanceSourceToDetector=1150.0, DistanceSourceToIsocenter=785.0)
    shared.update(functional_groups("FramePixelDataPropertiesSequence", ImagerPixelSpacing=[0.31, 0.31]))
    position = {"PositionerPrimaryAngle": 45.0, "PositionerSecondaryAngle": 5.0}
    per_frame = [functional_groups("PositionerPositionSequence", **position) for _ in range(5)]
    path = write_xa(
        tmp_path / "enhanced.dcm",
        subtracted_u8(),
        **{**dict.fromkeys(GEOMETRY), "PatientPosition": "HFS"},
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=per_frame,
    )
    carm = read_angiogram(path).carm
    assert (carm.primary_angle_deg, carm.secondary_angle_deg) == (45, 5)
    assert (carm.sdd_mm, carm.sid_mm) == (pytest.approx(1150), pytest.approx(785))
    assert carm.pixel_spacing_mm == (0.31, 0.31)


def test_a_slice_of_a_3d_reconstruction_is_not_a_projection(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), ImagePositionPatient=["0", "0", "0"])
    with pytest.raises(InputError, match="swap the CTA and the DSA"):
        read_angiogram(path)


def test_a_tag_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), DistanceSourceToDetector="1200")
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x001200", b"DS\x04\x00wide"))
    with pytest.raises(InputError, match=r"has Distance Source to Detector \(0018,1110\) of wide mm, outside 400 to"):
        read_angiogram(path)


def test_overlays_in_the_high_bits_are_not_pixels(tmp_path: Path) -> None:
    frames = subtracted_u8().astype(np.uint16)
    path = write_xa(tmp_path / "run.dcm", frames | np.uint16(0x1000), BitsStored=8, HighBit=7)
    np.testing.assert_array_equal(read_angiogram(path).frames, frames.astype(np.float32))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"primary_angle_deg": 400.0}, "400 degrees is outside -180 to 180 degrees; correct the primary angle"),
        ({"sdd_mm": 0.0}, "0 mm is outside 400 to 2500 mm; correct the source-to-detector"),
        ({"pixel_spacing_mm": 0.0}, "0 mm is outside 0.02 to 5 mm; correct the pixel size"),
        ({"sid_mm": float("nan")}, "nan mm is outside .* correct the source-to-isocentre"),
    ],
)
def test_values_out_of_range_are_named(options: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        GeometryOptions(**options)  # type: ignore[arg-type]


@needs_cases
@pytest.mark.parametrize("path", sorted((CASES / "rotational-head").glob("*.dcm")), ids=lambda p: p.stem)
def test_rotational_head_frames_are_subtracted_with_dark_vessels(path: Path) -> None:
    angiogram = read_angiogram(path)
    assert angiogram.valid.all()
    assert len(angiogram.warnings) == 1
    frame = angiogram.frames[0]
    assert np.median(frame) - frame.min() > frame.max() - np.median(frame)


@needs_cases
@pytest.mark.parametrize("name", ["XA1_J2KR", "XA1_JPLL", "XA1_JLSL", "XA1_RLE", "single_uncompressed"])
def test_real_single_raw_frames_decode_and_are_native_images(name: str) -> None:
    angiogram = read_angiogram(CASES / "xa-dicom" / f"{name}.dcm", ALL_OPTIONS)
    assert not angiogram.shows_contrast
    assert angiogram.native is not None
    assert angiogram.native.source == "native image"
    assert np.ptp(angiogram.native.attenuation) > 0


@needs_cases
def test_a_real_phantom_run_reads_from_its_tags_alone() -> None:
    angiogram = read_angiogram(CASES / "xa-dicom" / "multiframe_with_geometry.dcm")
    assert angiogram.frames.shape == (8, 512, 512)
    assert angiogram.carm.pixel_spacing_mm == (0.390625, 0.390625)
    assert (angiogram.carm.sdd_mm, angiogram.carm.sid_mm) == (pytest.approx(976), pytest.approx(720))
    # A phantom on an even table is as flat as a subtracted run, though the file calls it original.
    (warning,) = angiogram.warnings
    assert "raw by its header (Image Type (0008,0008))" in warning


@needs_cases
def test_a_real_run_without_pixel_spacing_asks_for_it() -> None:
    path = CASES / "xa-dicom" / "multiframe_no_pixel_spacing.dcm"
    with pytest.raises(InputError, match=r"no Imager Pixel Spacing \(0018,1164\); give the pixel size"):
        read_angiogram(path)
    assert read_angiogram(path, GeometryOptions(pixel_spacing_mm=0.390625)).frames.shape == (10, 512, 512)


@needs_cases
def test_a_real_linear_run_is_subtracted_from_its_first_frame() -> None:
    angiogram = read_angiogram(CASES / "xa-dicom" / "coronary_jpeg_96frames.dcm", ALL_OPTIONS)
    assert angiogram.frames.shape == (96, 512, 512)
    assert 0.7 < angiogram.valid.mean() < 0.85
    assert any("its first frame was the mask" in warning for warning in angiogram.warnings)
