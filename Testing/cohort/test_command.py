"""`deepiterreg cohort` from table to results, page and marks, with a stand-in for the registration alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.cli import cohort as cohort_command
from DeepIterRegLib.cli.main import main
from DeepIterRegLib.cohort.patient import FILE_NAMES
from DeepIterRegLib.cohort.patient_result import COLUMNS
from DeepIterRegLib.cohort.results import results_schema
from DeepIterRegLib.common.confidence import Confidence
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.sole_writer import sole_writer
from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.registration import images as reading
from DeepIterRegLib.registration import register as registering
from DeepIterRegLib.registration.images import ImageFiles, PatientImages
from Testing.support.cohort_case import AtOnce
from Testing.support.paths import ROOT
from Testing.support.small_registration import FRONTAL, LATERAL, POSE, FakeRegister, small_angiogram, small_volume


class Sure(FakeRegister):
    """Registers at once, and is sure of it."""

    calls = 0

    def __call__(self, images, options=None, progress=None, cache=None):
        Sure.calls += 1
        sure = Confidence(0.9, 0.8, "registered", 0.5, 1.5, 0.2, np.eye(6), ("Fine.",), "0" * 64)
        return replace(super().__call__(images, options, progress), confidence=sure)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def pool(workers: int | None, time_limit_s: float) -> Iterator[AtOnce]:
        yield AtOnce()

    monkeypatch.setattr(cohort_command, "local_pool", pool)
    monkeypatch.setattr(registering, "register_images", Sure())
    monkeypatch.setattr(reading, "read_images", small_images)


def small_images(files: ImageFiles) -> PatientImages:
    """Read at once; files that were swapped are told apart by their names."""
    if Path(str(files.cta)).suffix == ".dcm":
        raise InputError("{file} is a 2D angiogram; swap {cta} and {dsa}.", field=Field.CTA, file=str(files.cta))
    runs = tuple(small_angiogram(carm) for carm in (LATERAL, FRONTAL)[: len(files.dsas)])
    return PatientImages(small_volume(), runs)


def exported(folder: Path) -> dict[str, Path]:
    """Files of these names."""
    folder.mkdir()
    of = {"cta": folder / "cta.nrrd", "dsa": folder / "dsa.dcm", "dsa_frontal": folder / "dsa_frontal.dcm"}
    for path in of.values():
        path.write_bytes(b"x")
    return of


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A patient with two runs, one with one, one whose files are swapped, and one whose CTA is not there."""
    of = exported(tmp_path / "images")
    path = tmp_path / "table.csv"
    path.write_text(
        "patient;cta;dsa;dsa2\n"
        f"Müller;{of['cta']};{of['dsa']};{of['dsa_frontal']}\n"
        f"B;{of['cta']};{of['dsa']};\n"
        f"Swapped;{of['dsa']};{of['cta']};\n"
        f"Gone;absent.nrrd;{of['dsa']};\n"
    )
    return path


def rows_of(output: Path) -> dict[str, dict[str, str]]:
    with (output / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["patient"]: row for row in csv.DictReader(file)}


def test_from_the_table_to_results_files_and_page(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "out"
    assert main(["cohort", str(table), "--output", str(output), "--json"]) == 0
    said = capsys.readouterr()
    assert "4 patients: 2 registered, 2 refused." in said.out
    # The person who wrote the table sees what it says; the results do not.
    assert "Row 5, column cta of table.csv: absent.nrrd does not exist" in said.err
    assert "[100%]" in said.err
    rows = rows_of(output)
    assert list(rows) == ["Müller", "B", "Swapped", "Gone"]
    assert [row["status"] for row in rows.values()] == ["registered", "registered", "refused", "refused"]
    assert rows["Swapped"]["sentence"].startswith("Row 4, column")
    assert "cta.nrrd" not in "".join(row["sentence"] for row in rows.values())
    assert float(rows["B"]["pose_34"]) == pytest.approx(POSE[2, 3])
    assert rows["Müller"]["ncc_after2"]
    assert not rows["B"]["ncc_after2"]
    for name in ("Müller", "B"):
        folder = output / "patients" / name
        assert sorted(path.name for path in folder.iterdir()) == sorted(FILE_NAMES)
        np.testing.assert_allclose(read_transform(folder / "cta_to_carm.tfm"), POSE, atol=1e-9)
        sizes = {Image.open(folder / when).size for when in ("before.jpg", "after.jpg")}
        assert len(sizes) == 1
    two, one = (Image.open(output / "patients" / name / "after.jpg").size for name in ("Müller", "B"))
    assert two[1] == one[1]
    assert two[0] > 1.5 * one[0]
    assert "Müller" in (output / "index.html").read_text()
    content = json.loads((output / "results.json").read_text())
    jsonschema.Draft202012Validator(results_schema()).validate(content)
    assert len(content["patients"]) == 4
    before = Sure.calls
    assert main(["cohort", str(table), "--output", str(output)]) == 0
    assert Sure.calls == before


def test_marks_are_read_back_with_and_without_the_table(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    output, marks = tmp_path / "out", tmp_path / "saved.csv"
    assert main(["cohort", str(table), "--output", str(output)]) == 0
    marks.write_text(
        f"patient,result,mark,note\nMüller,{rows_of(output)['Müller']['result']},accepted,fine\nX,,unsure,\n"
    )
    assert main(["cohort", "--marks", str(marks), "--output", str(output), "--json"]) == 0
    said = capsys.readouterr()
    assert "1 accepted, 3 not marked" in said.out
    assert "X is marked, but not a patient of this cohort" in said.err
    assert rows_of(output)["Müller"]["mark"] == "accepted"
    jsonschema.Draft202012Validator(results_schema()).validate(json.loads((output / "results.json").read_text()))
    # They stay when the cohort is registered again, and others come over them.
    marks.write_text("patient,mark,note\nB,rejected,no\n")
    assert main(["cohort", str(table), "--marks", str(marks), "--output", str(output)]) == 0
    rows = rows_of(output)
    assert [(row["mark"], row["note"]) for row in rows.values()] == [
        ("accepted", "fine"), ("rejected", "no"), ("", ""), ("", "")
    ]  # fmt: skip
    assert 'data-mark="rejected" data-note="no"' in (output / "index.html").read_text()


def test_pseudonyms_with_a_key_that_is_kept_where_the_user_says(table: Path, tmp_path: Path) -> None:
    output, key = tmp_path / "out", tmp_path / "key.csv"
    command = ["cohort", str(table), "--output", str(output), "--pseudonymise", "--pseudonym-key", str(key), "--json"]
    assert main(command) == 0
    assert list(rows_of(output)) == ["P001", "P002", "P003", "P004"]
    assert key.read_text(encoding="utf-8-sig").splitlines()[:2] == ["pseudonym,patient", "P001,Müller"]
    for path in output.rglob("*"):
        assert "Müller" not in str(path.relative_to(output))
        assert not path.is_file() or "Müller".encode() not in path.read_bytes()


def test_a_failure_of_our_own_is_one_patient_without_its_message(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "register_images", FakeRegister(error=RuntimeError("Müller is secret")))
    assert main(["cohort", str(table), "--output", str(tmp_path / "out")]) == 0
    row = rows_of(tmp_path / "out")["B"]
    assert row["status"] == "failed"
    assert row["sentence"].startswith("Row 3: an unexpected error (RuntimeError in ")


def test_find_prints_a_table_that_the_command_registers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = exported(tmp_path / "patient")["cta"].parent
    assert main(["cohort", "--find", str(folder)]) == 0
    said = capsys.readouterr()
    table = tmp_path / "found.csv"
    table.write_text(said.out)
    assert "1 rows. Check them" in said.err
    assert main(["cohort", str(table), "--output", str(tmp_path / "out")]) == 0
    (row,) = rows_of(tmp_path / "out").values()
    assert row["status"] == "registered"
    assert row["ncc_after2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cohort"], "--output DIR"),
        (["cohort", "--output", "out"], "cohort --find FOLDER"),
        (["cohort", "absent.csv", "--output", "out"], "absent.csv cannot be read"),
        (["cohort", "--find", "absent"], "absent is no folder"),
        (["cohort", "--find", ".", "--output", "out"], "--find prints a table"),
        (["cohort", "table.csv", "--output", "out", "--pseudonym-key", "k"], "give --pseudonymise, too"),
        (["cohort", "table.csv", "--output", "out", "--timeout", "0"], "'0' is not a number above 0"),
        (["cohort", "table.csv", "--output", "out", "--workers", "2", "--scheduler", "tcp://x:1"], "not allowed with"),
        (["cohort", "--marks", "absent.csv", "--output", "out"], "absent.csv cannot be read"),
        (["cohort", "table.csv", "--output", "table.csv"], "table.csv cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    words: list[str], said: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_second_command_leaves_the_folder_of_the_first_alone(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    output = tmp_path / "out"
    command = ["cohort", str(table), "--output", str(output)]
    with sole_writer(output):
        assert main(command) == 2
        assert "Another command is writing into out" in capsys.readouterr().err
        assert [path.name for path in output.iterdir()] == [".lock"]
    assert main(command) == 0
    marks = tmp_path / "saved.csv"
    marks.write_text("patient,mark\nB,accepted\n")
    with sole_writer(output):
        assert main(["cohort", "--marks", str(marks), "--output", str(output)]) == 2
    assert "Another command" in capsys.readouterr().err
    assert not rows_of(output)["B"]["mark"]


def test_an_interrupted_cohort_says_that_it_goes_on(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    class Interrupted(Sure):
        def __call__(self, images, options=None, progress=None, cache=None):
            if len(images.angiograms) == 1:
                raise KeyboardInterrupt
            return super().__call__(images, options, progress)

    monkeypatch.setattr(registering, "register_images", Interrupted())
    assert main(["cohort", str(table), "--output", str(tmp_path / "out")]) == 130
    assert "cancelled, 1 patients are kept" in capsys.readouterr().err
    monkeypatch.setattr(registering, "register_images", Sure())
    assert main(["cohort", str(table), "--output", str(tmp_path / "out")]) == 0
    assert [row["status"] for row in rows_of(tmp_path / "out").values()][:2] == ["registered", "registered"]


def test_the_results_columns_are_documented() -> None:
    text = (ROOT / "docs" / "cohorts.md").read_text(encoding="utf-8")
    for name in COLUMNS:
        assert f"`{name}`" in text or name.startswith("pose_")
