"""The page that tells what files are read as: true, and without anything of the patient."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import Dataset

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.images.dsa_source import DsaSource, read_source
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.reading_notes import ASSUMED
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.registration.images import Deferred, PatientImages
from DeepIterRegLib.registration.inspect import Inspection, inspect_images, inspect_paths
from DeepIterRegLib.registration.inspect_page import page_lines
from Testing.support.dicom_files import GEOMETRY, functional_groups, write_ct_slices, write_xa
from Testing.support.image_phantoms import head_hu, intensities, subtracted_u8
from Testing.support.paths import ROOT
from Testing.support.small_registration import LATERAL, small_angiogram

PATIENT: dict[str, Any] = {
    "PatientName": "DOE^JANE",
    "PatientID": "4711000",
    "PatientBirthDate": "19520102",
    "StudyDate": "20190304",
    "StudyTime": "101112",
    "AccessionNumber": "998877",
    "StudyDescription": "DOE stroke",
    "SeriesDescription": "head of DOE",
    "InstitutionName": "St. Elsewhere",
    "OperatorsName": "ROE",
    "FrameOfReferenceUID": "1.2.3.4711000.5",
    "AcquisitionDateTime": "20190304101112",
}
OF_THE_PATIENT = ("DOE", "JANE", "Doe", "4711000", "1952", "2019", "998877", "Elsewhere", "ROE", "1.2.3", "1.2.826")


def only(path: Path) -> Inspection:
    (found,) = inspect_paths([path])
    return found


def facts(found: Inspection) -> dict[str, tuple[str, str]]:
    return {fact.name: (fact.value, fact.source) for fact in (*found.geometry, *found.pixels)}


def raw_u16() -> np.ndarray:
    return (6000 * np.log(np.maximum(intensities(), 1))).astype(np.uint16)


def mask_item() -> Dataset:
    item = Dataset()
    item.MaskOperation, item.MaskFrameNumbers = "AVG_SUB", [1]
    return item


def test_every_value_of_the_c_arm_names_its_tag(tmp_path: Path) -> None:
    found = only(write_xa(tmp_path / "run.dcm", raw_u16(), MaskSubtractionSequence=[mask_item()]))
    assert (found.read_as, found.name) == ("dsa", "file 1")
    told = facts(found)
    assert told["Primary angle (LAO positive), degrees"] == ("30", "Positioner Primary Angle (0018,1510)")
    assert told["Source to isocentre, mm"] == ("800", "Distance Source to Patient (0018,1111)")
    assert told["Pixel at the detector (rows, columns), mm"] == ("0.4 x 0.4", "Imager Pixel Spacing (0018,1164)")
    assert told["Mask frames"] == ("1", "Mask Subtraction Sequence (0028,6100)")
    assert told["Subtraction"][0] == "done here, with the mask frames"
    assert told["Frames in them"][0] == "5"
    assert told["The image's right is the patient's"][0] == "LP"
    assert told["Isocentre in the image"] == ("its middle", ASSUMED)
    assert [fact.name for fact in found.assumed] == ["Isocentre in the image"]


def test_what_no_tag_says_is_told_as_assumed(tmp_path: Path) -> None:
    found = only(write_xa(tmp_path / "run.dcm", raw_u16(), PatientPosition=None))
    assert {fact.name for fact in found.assumed} == {"Isocentre in the image", "Patient Position", "Subtraction"}
    assert any("first frame was the mask" in sentence for sentence in found.said)


def test_functional_groups_are_named_as_the_place(tmp_path: Path) -> None:
    shared = functional_groups("XRayGeometrySequence", DistanceSourceToDetector=1150.0, DistanceSourceToIsocenter=785.0)
    shared.update(functional_groups("FramePixelDataPropertiesSequence", ImagerPixelSpacing=[0.31, 0.31]))
    angles = {"PositionerPrimaryAngle": 45.0, "PositionerSecondaryAngle": 5.0}
    path = write_xa(
        tmp_path / "enhanced.dcm",
        subtracted_u8(),
        **{**dict.fromkeys(GEOMETRY), "PatientPosition": "HFS"},
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[functional_groups("PositionerPositionSequence", **angles) for _ in range(5)],
    )
    told = facts(only(path))
    source = "Distance Source to Isocenter (0018,9402), in functional groups"
    assert told["Source to isocentre, mm"] == ("785", source)


def test_a_folder_tells_which_series_was_taken_and_what_was_left_out(tmp_path: Path) -> None:
    write_ct_slices(tmp_path / "ct", head_hu((60, 60, 64)), spacing_mm=(1, 1, 1), SeriesNumber="4")
    write_ct_slices(tmp_path / "ct" / "more", head_hu((24, 60, 64)), SeriesNumber="5")
    found = only(tmp_path / "ct")
    assert (found.read_as, found.name) == ("cta", "folder 1")
    assert [(one.number, one.slices, one.taken) for one in found.series] == [("4", 60, True), ("5", 24, False)]
    told = facts(found)
    assert told["Voxels"][0] == "64 x 60 x 60"
    assert told["Voxel size, mm"] == ("1 x 1 x 1", "Pixel Spacing (0028,0030)")
    assert told["Axes point to"] == ("L, P, S", "Image Orientation (Patient) (0020,0037)")
    assert told["Slices that were taken"][0] == "60"


def test_a_refused_folder_tells_its_series_all_the_same(tmp_path: Path) -> None:
    write_ct_slices(tmp_path / "ct", head_hu((30, 60, 64)), SeriesNumber="4", SeriesDescription="head of DOE")
    write_ct_slices(tmp_path / "ct", head_hu((32, 60, 64)), SeriesNumber="5", SeriesDescription="DOE native")
    found = only(tmp_path / "ct")
    assert found.read_as is None
    assert [(one.slices, one.taken) for one in found.series] == [(32, False), (30, False)]
    assert found.refused[0].tried_as == "cta"
    assert "folder 1 holds 2 series" in found.refused[0].sentence
    assert "DOE" not in str(found)


def test_a_nifti_tells_by_which_form_it_was_placed(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(head_hu())
    image.SetSpacing((2.5, 3.0, 4.0))
    sitk.WriteImage(image, str(tmp_path / "head.nii.gz"))
    told = facts(only(tmp_path / "head.nii.gz"))
    assert told["Axes point to"][1].startswith("the file's sform, code ")


def test_tags_of_other_files_beside_it_are_not_on_the_page(tmp_path: Path) -> None:
    write_xa(tmp_path / "a.dcm", subtracted_u8(), PositionerPrimaryAngle="12")
    write_xa(tmp_path / "b.dcm", subtracted_u8()[0], PositionerPrimaryAngle="77")
    (angle,) = [tag for tag in only(tmp_path / "a.dcm").tags if "Primary Angle" in tag.name]
    assert angle.value == "12"


def test_transform_and_c_arm_are_told(tmp_path: Path) -> None:
    sitk.WriteTransform(sitk.Euler3DTransform((0, 0, 0), 0, 0, np.radians(30), (1, 2, 3)), str(tmp_path / "pose.tfm"))
    (tmp_path / "carm.json").write_text('{"rows": 3}')
    pose, carm = inspect_paths([tmp_path / "pose.tfm", tmp_path / "carm.json"])
    assert (pose.read_as, facts(pose)["Turns by, degrees"][0]) == ("transform", "30.00")
    assert carm.read_as is None
    assert carm.refused[0].sentence.startswith("file 2 has no source_mm")


def of_a_patient(folder: Path) -> list[Path]:
    """Files of many kinds, read and refused, with the patient wherever she may be."""
    folder = folder / "DOE"
    folder.mkdir()
    both = {**PATIENT, "ImageType": ["ORIGINAL", "PRIMARY", "DOE JANE"]}
    read = write_xa(folder / "DOE_JANE.dcm", subtracted_u8(), **both)
    refused = write_xa(folder / "DOE_2.dcm", subtracted_u8(), **{**both, "ImagerPixelSpacing": None})
    senseless = write_xa(folder / "DOE_3.dcm", subtracted_u8(), **both, DistanceSourceToDetector="4711")
    content = read.read_bytes().replace(b"DS\x04\x001200", b"DS\x08\x00DOE JANE")
    (folder / "DOE_4.dcm").write_bytes(content)
    ct = write_ct_slices(folder / "DOE CT", head_hu((60, 60, 64)), spacing_mm=(1, 1, 1), **PATIENT)
    two = shutil.copytree(ct, folder / "DOE two")
    write_ct_slices(two, head_hu((50, 60, 64)), spacing_mm=(1, 1, 1), **{**PATIENT, "SeriesNumber": "19520102"})
    (folder / "DOE.json").write_text('{"DOE": "JANE"}')
    (folder / "DOE.tfm").write_text("DOE JANE")
    (folder / "DOE.nrrd").write_text("NRRD0004\n# DOE JANE\ntype: DOE\n")
    (folder / "Doe Jane").mkdir()
    return [
        read,
        refused,
        senseless,
        folder / "DOE_4.dcm",
        ct,
        two,
        *sorted(folder.glob("*.[jtn]*")),
        folder / "Doe Jane",
    ]


def test_nothing_of_the_patient_is_on_the_page(tmp_path: Path) -> None:
    paths = of_a_patient(tmp_path)
    found = inspect_paths(paths)
    assert [one.read_as for one in found] == ["dsa", None, None, None, "cta", None, None, None, None, None]
    text = "\n".join([*page_lines(found), json.dumps([one.to_json() for one in found])])
    for word in OF_THE_PATIENT:
        assert word not in text, next(line for line in text.splitlines() if word in line)
    assert str(tmp_path) not in text


def test_the_command_s_json_fits_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads((ROOT / "DeepIterRegLib" / "schemas" / "inspect.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    paths = of_a_patient(tmp_path)
    assert main(["inspect", "--json", *map(str, paths)]) == 2
    told = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(schema).validate(told)
    assert len(told["paths"]) == len(paths)


def test_the_command_prints_a_page_and_returns_0_where_everything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(write_xa(tmp_path / "run.dcm", subtracted_u8()))]) == 0
    page = capsys.readouterr().out
    assert "file 1: read as the DSA" in page
    assert "Source to detector, mm" in page
    assert "run.dcm" not in page


def test_the_images_of_a_registration_are_told_as_they_are_fetched(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "DOE.dcm", subtracted_u8(), **PATIENT)
    source = DsaSource(GeometryOptions(sdd_mm=1100.0), file=path, file_is_whole=True)
    bad = DsaSource(GeometryOptions(), file=write_xa(tmp_path / "DOE2.dcm", subtracted_u8(), ImagerPixelSpacing=None),
                    file_is_whole=True)  # fmt: skip
    volume = Volume(head_hu(), np.diag([-2.5, -3.0, 4.0, 1.0]), "cta")
    runs = tuple(Deferred(str(number), partial(read_source, one)) for number, one in enumerate((source, bad)))
    cta, first, second = inspect_images(PatientImages(Deferred("cta", lambda: volume), runs))
    assert [one.name for one in (cta, first, second)] == ["CTA", "DSA 1", "DSA 2"]
    told = facts(first)
    assert told["Source to detector, mm"] == ("1100", "given")
    assert told["Source to isocentre, mm"] == ("800", "Distance Source to Patient (0018,1111)")
    assert facts(cta)["Axes point to"][0] == "L, P, S"
    assert second.read_as is None
    assert "Imager Pixel Spacing (0018,1164)" in second.refused[0].sentence
    assert not any(word in str((cta, first, second)) for word in OF_THE_PATIENT)


def test_volume_without_bone_has_a_page_too() -> None:
    volume = Volume(head_hu(), np.diag([-2.5, -3.0, 4.0, 1.0]), "vessels")
    found, _ = inspect_images(PatientImages(volume, (small_angiogram(LATERAL),)))
    assert facts(found)["Read as"][0] == "CT angiogram without its bones"
    assert "CTA: read as the CTA (without its bones)" in list(page_lines([found]))


def test_what_the_user_says_is_told_as_given_also_where_a_tag_says_otherwise(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8())
    (found,) = inspect_paths([path], GeometryOptions(sdd_mm=1100.0, pixel_spacing_mm=0.41))
    told = facts(found)
    assert told["Source to detector, mm"] == ("1100", "given")
    assert told["Pixel at the detector (rows, columns), mm"] == ("0.41 x 0.41", "given")
    assert told["Primary angle (LAO positive), degrees"][1] == "Positioner Primary Angle (0018,1510)"
    assert "sdd" not in told


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", np.full((2, 16, 16), 1000, np.uint16))
    command = [
        sys.executable,
        "-c",
        "import sys; from DeepIterRegLib.cli.main import main; sys.exit(main(sys.argv[1:]))",
    ]
    ends = os.pipe()
    os.close(ends[0])
    ended = subprocess.run(
        [*command, "inspect", str(path)], stdout=ends[1], stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    os.close(ends[1])
    assert ended.stderr == ""
    assert ended.returncode == 1
