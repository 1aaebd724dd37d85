"""Patients found in a hospital's tree, with scouts, reports and other series: nothing guessed, nothing dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.cohort.find import find_patients
from DeepIterRegLib.cohort.table import read_table
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.ct.series import read_ct_series
from Testing.support.dicom_files import dataset, write_ct_slices, write_xa

FRAMES = np.full((4, 24, 24), 100, dtype=np.uint16)
SLICES = 40


def who(name: str, **tags: Any) -> dict[str, Any]:
    return {"PatientID": name, "StudyInstanceUID": f"1.2.{sum(map(ord, name))}", "StudyDate": "20260301", **tags}


def cta(folder: Path, name: str, slices: int = SLICES, **tags: Any) -> Path:
    voxels = np.zeros((slices, 16, 16), dtype=np.int16)
    given = {"SeriesNumber": "4", "ContrastBolusAgent": "Iomeron", "BodyPartExamined": "HEAD", **tags}
    return write_ct_slices(folder, voxels, **who(name, **given))


def run(path: Path, name: str, **tags: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    given = {"SeriesInstanceUID": f"1.3.{sum(map(ord, path.name))}", "SeriesNumber": "1", "StudyTime": "101500", **tags}
    return write_xa(path, FRAMES, **who(name, **given))


def hospital(folder: Path) -> Path:
    """A patient with CTA, scout, thick slices, chest and report; and two runs, one of them biplane."""
    tree = folder / "tree"
    cta(tree / "A" / "ct", "A")
    cta(tree / "A" / "thick", "A", slices=12, SeriesNumber="5")
    cta(tree / "A" / "chest", "A", slices=60, SeriesNumber="6", BodyPartExamined="CHEST")
    cta(tree / "A" / "scout", "A", slices=2, SeriesNumber="1", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    run(tree / "A" / "xa" / "1.1", "A", PositionerPrimaryAngle="90", AcquisitionTime="101500.2",
        ImageType=["ORIGINAL", "PRIMARY", "BIPLANE B"])  # fmt: skip
    run(tree / "A" / "xa" / "1.2", "A", PositionerPrimaryAngle="0", AcquisitionTime="101500.0",
        ImageType=["ORIGINAL", "PRIMARY", "BIPLANE A"])  # fmt: skip
    run(tree / "A" / "xa" / "1.3", "A", PositionerPrimaryAngle="20", AcquisitionTime="103000")
    report = dataset("1.2.840.10008.5.1.4.1.1.88.11", np.zeros((2, 2), np.uint16), who("A", Modality="SR"))
    report.save_as(tree / "A" / "report.dcm", enforce_file_format=True)
    (tree / "A" / "DICOMDIR").write_bytes(b"x")
    (tree / "letter.txt").write_text("Dear colleague")
    return tree


def table_of(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_hospitals_tree_becomes_a_table_that_can_be_read(tmp_path: Path) -> None:
    found = find_patients(hospital(tmp_path))
    rows = read_table(table_of(tmp_path, found.table()))
    assert [row.name for row in rows] == ["A run 1", "A run 2"]
    assert all(row.problem is None for row in rows)
    assert {row.cta and row.cta.name for row in rows} == {"ct"}
    first, second = rows
    # The biplane pair, its plane A first.
    assert [path and path.name for path in (first.dsa, first.dsa2)] == ["1.2", "1.1"]
    assert [path and path.name for path in (second.dsa, second.dsa2)] == ["1.3", None]
    assert "20°/-10°" in second.comment
    said = "\n".join(found.left_out)
    for part in (
        "series 1 was left out",
        "60 CT image(s) of another part",
        "1 SR file(s)",
        "series 5 was left out, 12 image(s)",
    ):
        assert part in said


def test_the_found_cta_is_the_one_that_is_read(tmp_path: Path) -> None:
    row = find_patients(hospital(tmp_path)).rows[0]
    assert read_ct_series(Path(row.cta))[0].GetSize() == (16, 16, SLICES)


def test_two_series_that_could_be_the_cta_leave_the_cell_empty_and_say_so(tmp_path: Path) -> None:
    cta(tmp_path / "tree" / "one", "A")
    cta(tmp_path / "tree" / "two", "A", slices=50, SeriesNumber="7")
    run(tmp_path / "tree" / "1.1", "A")
    found = find_patients(tmp_path / "tree")
    (row,) = found.rows
    assert row.cta == ""
    assert row.comment.startswith("2 series could be the CTA: series 7 (50 slices, 20260301), series 4 (40 slices")
    assert "1 need a CTA or a run" in found.summary()
    (read,) = read_table(table_of(tmp_path, found.table()))
    assert "column cta" in str(read.problem)


def test_contrast_and_date_tell_the_cta_from_plain_and_later_scans(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    cta(tree / "plain", "A", slices=50, SeriesNumber="2", ContrastBolusAgent=None)
    cta(tree / "cta", "A")
    cta(tree / "old", "A", slices=80, SeriesNumber="3", StudyDate="20250101")
    cta(tree / "later", "A", slices=80, SeriesNumber="8", StudyDate="20260302")
    run(tree / "1.1", "A")
    found = find_patients(tree)
    assert Path(found.rows[0].cta).name == "cta"
    assert sum("is in no row" in sentence for sentence in found.left_out) == 3


def test_a_series_that_shares_its_folder_gets_links(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("A", "B"):
        cta(tree, name, SeriesNumber="4" if name == "A" else "5")
        run(tree / f"1.{ord(name)}", name)
    without = find_patients(tree)
    assert [row.cta for row in without.rows] == ["", ""]
    assert "shares its folder" in without.rows[0].comment
    found = find_patients(tree, links=tmp_path / "links")
    for row in found.rows:
        assert read_ct_series(Path(row.cta))[0].GetSize() == (16, 16, SLICES)
    assert found.rows[0].cta != found.rows[1].cta


def test_exported_folders_and_patients_without_a_part(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("p2", "p1", "half"):
        (tree / name).mkdir(parents=True)
        (tree / name / "cta.nrrd").write_bytes(b"x")
    run(tree / "p1" / "dsa.dcm", "X")
    run(tree / "p2" / "dsa.dcm", "X")
    run(tree / "p2" / "dsa_frontal.dcm", "X")
    (tree / "p1" / "dsa_vessels.nrrd").write_bytes(b"x")
    cta(tree / "C" / "ct", "C")
    run(tree / "D" / "1.1", "D")
    found = find_patients(tree)
    by_name = {row.patient: row for row in found.rows}
    assert set(by_name) == {"p1", "p2", "C", "D"}
    assert Path(by_name["p2"].dsa2).name == "dsa_frontal.dcm"
    assert by_name["p1"].dsa2 == ""
    assert by_name["C"].comment == "no angiogram was found"
    assert by_name["D"].comment.startswith("no CT of the head was found")
    assert any(sentence.startswith("half: 1 files named cta and 0") for sentence in found.left_out)


def test_pseudonyms_replace_ids(tmp_path: Path) -> None:
    found = find_patients(hospital(tmp_path), pseudonymise=True)
    assert [row.patient for row in found.rows] == ["P001", "P002"]


def test_damaged_files_are_counted(tmp_path: Path) -> None:
    tree = hospital(tmp_path)
    (tree / "A" / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\0\x18\0UI\xff\xff")
    assert "1 damaged DICOM file(s) were left out." in find_patients(tree).left_out


def test_a_folder_without_patients_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no CTA and no angiogram"):
        find_patients(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        find_patients(tmp_path / "absent")
