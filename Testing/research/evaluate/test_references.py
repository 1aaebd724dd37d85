"""A cohort's table in the experiments: reference poses of one reader or two, either way round, and wrong ones."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import invert, rigid
from DeepIterRegLib.geometry.transform_file import write_transform
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.research.commands import evaluate
from DeepIterRegLib.research.evaluate.cohort import read_truth
from DeepIterRegLib.research.evaluate.prepare import case_path
from DeepIterRegLib.research.evaluate.reference import Direction, NoTruth, Place, read_reference
from DeepIterRegLib.research.evaluate.results import read_rows
from DeepIterRegLib.research.evaluate.table_cohort import TableCohort
from DeepIterRegLib.research.evaluate.tasks import Study, prepare_patient
from Testing.support.at_once_pool import at_once_pool
from Testing.support.cases import CASES, needs_cases
from Testing.support.patients import small_patient_files
from Testing.support.tiny_cohort import near

PLACE = Place(Path("table.csv"), 3, "reference_transform")


def true_pose() -> np.ndarray:
    return read_truth(small_patient_files()["truth"]).pose


def lps_transform(pose: np.ndarray) -> sitk.Transform:
    """ITK's, which takes a point to where `pose` (4, 4), RAS, takes it."""
    flip = np.diag([-1.0, -1.0, 1.0])
    transform = sitk.Euler3DTransform()
    transform.SetCenter((11.0, -7.0, 130.0))
    transform.SetMatrix((flip @ pose[:3, :3] @ flip).ravel().tolist(), 1e-6)
    moved = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    transform.SetTranslation((flip @ pose[:3, 3] - moved).tolist())
    return transform


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def images() -> dict[str, Path]:
    return {name: small_patient_files()[name] for name in ("cta", "dsa")}


# The file


@pytest.mark.parametrize("ending", ["tfm", "txt", "h5", "mat"])
@pytest.mark.parametrize("direction", ["cta-to-carm", "carm-to-cta"])
def test_hand_made_file_is_read_in_the_direction_that_is_said(
    tmp_path: Path, ending: str, direction: Direction
) -> None:
    pose = true_pose()
    file = tmp_path / f"reader.{ending}"
    sitk.WriteTransform(lps_transform(pose if direction == "cta-to-carm" else invert(pose)), str(file))
    np.testing.assert_allclose(read_reference(file, direction, PLACE).pose, pose, atol=1e-4)


def test_transform_of_slicer_and_of_register_takes_the_carm_to_the_cta(tmp_path: Path) -> None:
    write_transform(tmp_path / "cta_to_carm.tfm", true_pose(), np.zeros(3))
    found = read_reference(tmp_path / "cta_to_carm.tfm", "carm-to-cta", PLACE)
    np.testing.assert_allclose(found.pose, true_pose(), atol=1e-6)


@pytest.mark.parametrize("factor", [np.diag([1.05, 1.05, 1.05]), np.diag([1.0, 1.0, -1.0]), np.diag([1.0, 0.9, 1.0])])
def test_reference_that_is_not_rigid_is_refused_with_row_and_column(tmp_path: Path, factor: np.ndarray) -> None:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(factor.ravel().tolist())
    sitk.WriteTransform(transform, str(tmp_path / "reader.tfm"))
    with pytest.raises(NoTruth, match=r"^Row 3, column reference_transform of table\.csv: reader\.tfm scales, shears"):
        read_reference(tmp_path / "reader.tfm", "cta-to-carm", PLACE)


def test_damaged_reference_is_refused_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "reader.h5").write_bytes(b"no transform")
    with pytest.raises(
        NoTruth, match=r"column reference_transform of table\.csv: reader\.h5 .* for the reference pose"
    ):
        read_reference(tmp_path / "reader.h5", "cta-to-carm", PLACE)


# The table


def study(cohort: TableCohort, prepared: Path, experiment: str = "optimizer-only") -> Study:
    return Study(
        experiment=experiment, cohort=cohort, starts=1, size_px=128, prepared=prepared, preparation_code="code"
    )


def test_wrong_direction_is_recognised_and_the_right_one_named(tmp_path: Path) -> None:
    write_transform(tmp_path / "good.tfm", true_pose(), np.zeros(3))
    table = write_table(tmp_path / "table.csv", [{"patient": "A", **images(), "reference_transform": "good.tfm"}])
    wrong = prepare_patient(study(TableCohort.of(table, "cta-to-carm"), tmp_path), "A")
    assert wrong.error == ""
    assert wrong.no_truth == (
        "Row 2, column reference_transform of table.csv: read as cta-to-carm, good.tfm does not project the head onto"
        " the detector; read as carm-to-cta it would. Give the direction in which the file was saved."
    )
    right = prepare_patient(study(TableCohort.of(table, "carm-to-cta"), tmp_path), "A")
    assert not right.no_truth
    assert right.observers_mpe_mm != right.observers_mpe_mm  # one reader only
    # What the wrong direction left behind is not taken for the right one's.
    assert len(list(tmp_path.glob("A-*.npz"))) == 1


def test_reference_of_another_frame_is_recognised(tmp_path: Path) -> None:
    write_transform(tmp_path / "far.tfm", rigid(None, np.array([0.0, 900.0, 0.0])) @ true_pose(), np.zeros(3))
    table = write_table(tmp_path / "table.csv", [{"patient": "A", **images(), "reference_transform": "far.tfm"}])
    found = prepare_patient(study(TableCohort.of(table, "carm-to-cta"), tmp_path), "A")
    assert "neither read as carm-to-cta nor as cta-to-carm" in found.no_truth


def test_initial_transform_is_where_a_registration_starts(tmp_path: Path) -> None:
    write_transform(tmp_path / "good.tfm", true_pose(), np.zeros(3))
    write_transform(tmp_path / "start.tfm", near(true_pose()), np.zeros(3))
    row = {"patient": "A", **images(), "reference_transform": "good.tfm", "initial_transform": "start.tfm"}
    cohort = TableCohort.of(write_table(tmp_path / "table.csv", [row]), "carm-to-cta")
    found = cohort.load("A").radiological_pose
    assert found is not None
    np.testing.assert_allclose(found, near(true_pose()), atol=1e-6)


def test_other_files_are_another_patient(tmp_path: Path) -> None:
    for number in (1, 2):
        moved = rigid(None, np.array([0.0, 0.0, float(number)])) @ true_pose()
        write_transform(tmp_path / f"{number}.tfm", moved, np.zeros(3))
    paths = []
    for number, comment in ((1, "first"), (1, "second"), (2, "first")):
        row = {"patient": "Ä/1", **images(), "reference_transform": f"{number}.tfm", "comment": comment}
        cohort = TableCohort.of(write_table(tmp_path / "table.csv", [row]), "carm-to-cta")
        paths.append(case_path(tmp_path, cohort, "Ä/1", "code"))
    assert paths[0] == paths[1] != paths[2]
    assert paths[0].parent == tmp_path


@pytest.mark.parametrize(
    ("column", "direction", "sentence"),
    [
        ("reference_transform", None, "give --reference-direction carm-to-cta for transforms as Slicer saves"),
        ("initial_transform", "cta-to-carm", r"No row of table\.csv has a reference_transform"),
    ],
)
def test_table_must_say_what_the_truth_is(
    tmp_path: Path, column: str, direction: Direction | None, sentence: str
) -> None:
    write_transform(tmp_path / "good.tfm", true_pose(), np.zeros(3))
    table = write_table(tmp_path / "table.csv", [{"patient": "A", **images(), column: "good.tfm"}])
    with pytest.raises(InputError, match=sentence):
        TableCohort.of(table, direction)


def test_rows_that_nobody_can_tell_apart_are_told_by_their_number(tmp_path: Path) -> None:
    write_transform(tmp_path / "good.tfm", true_pose(), np.zeros(3))
    row = {**images(), "reference_transform": "good.tfm"}
    rows = [{"patient": name, **row} for name in ("A", "B", "b", "")]
    rows.append({"patient": "C", **images(), "reference_transform_2": "good.tfm"})
    cohort = TableCohort.of(write_table(tmp_path / "table.csv", rows), "carm-to-cta")
    assert list(cohort.names()) == ["A", "row 3", "row 4", "row 5", "C"]
    assert pickle.loads(pickle.dumps(cohort)) == cohort
    with pytest.raises(NoTruth, match="has the same name as row 4"):
        cohort.load("row 3")
    with pytest.raises(InputError, match=r"column patient of table\.csv is empty"):
        cohort.load("row 5")
    with pytest.raises(NoTruth, match=r"Row 6 of table\.csv has no reference_transform"):
        cohort.load("C")


@needs_cases
def test_real_patient_whose_pose_is_known_passes_for_plausible(tmp_path: Path) -> None:
    folder = CASES / "rotational-head"
    write_transform(tmp_path / "identity.tfm", np.eye(4), np.zeros(3))
    # The frame of the volume is that of the C-arm, so the identity is right both ways round.
    row = {"patient": "A", "cta": folder / "volume.nrrd", "dsa": folder / "frame_064.dcm"}
    table = write_table(tmp_path / "table.csv", [{**row, "reference_transform": "identity.tfm"}])
    found = prepare_patient(study(TableCohort.of(table, "cta-to-carm"), tmp_path), "A")
    assert (found.error, found.no_truth) == ("", "")
    # The volume was made about the isocentre, so the radiological pose is right as well.
    assert found.mpe_radiological_px == pytest.approx(0.0, abs=0.5)


# The command


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an experiment on a table: two readers for A and one for B; C has no reference and D a wrong one,
    E's CTA is damaged."""
    folder = tmp_path_factory.mktemp("cohort")
    pose = true_pose()
    second = rigid(None, np.array([0.0, 1.5, -1.0])) @ pose
    for name, reference in (("first", pose), ("second", second), ("start", near(pose))):
        write_transform(folder / f"{name}.tfm", reference, np.zeros(3))
    write_transform(folder / "wrong.tfm", invert(pose), np.zeros(3))
    (folder / "damaged.nrrd").write_bytes(b"NRRD0004\n")
    start = {**images(), "initial_transform": "start.tfm"}
    rows = [
        {"patient": "A", **start, "reference_transform": "first.tfm", "reference_transform_2": "second.tfm"},
        {"patient": "B", **start, "reference_transform": "first.tfm"},
        {"patient": "C", **start},
        {"patient": "D", **start, "reference_transform": "wrong.tfm"},
        {"patient": "E", **start, "cta": "damaged.nrrd", "reference_transform": "first.tfm"},
    ]
    write_table(folder / "table.csv", rows)
    words = ["evaluate", "optimizer-only", "--cohort", str(folder / "table.csv"), "--method", "default"]
    words += ["--reference-direction", "carm-to-cta", "--output", str(folder / "output"), "--workers", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "local_pool", at_once_pool)
        assert main(words) == 0
    return folder


def summary_of(folder: Path) -> Any:
    return json.loads((folder / "output" / "summary.json").read_text())


def test_rows_with_a_reference_are_registered_and_the_others_told(evaluated: Path) -> None:
    first, second, broken = read_rows(evaluated / "output" / "results.csv")
    assert [first.patient, second.patient, broken.patient] == ["A", "B", "E"]
    assert first.success
    assert second.success
    assert "damaged.nrrd" in broken.error
    cohort = summary_of(evaluated)["cohort"]
    assert cohort["patients"] == ["A", "B", "E"]
    told = {one["patient"]: one["reason"] for one in cohort["left_out"]}
    assert told["C"].startswith("Row 4 of table.csv has no reference_transform; without one")
    assert told["D"].startswith("Row 5, column reference_transform of table.csv: read as carm-to-cta, wrong.tfm")


def test_two_readers_stand_beside_the_method(evaluated: Path) -> None:
    summary = summary_of(evaluated)
    schema = json.loads(files("DeepIterRegLib").joinpath("schemas/evaluate_summary.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(summary)
    observers = summary["observers"]
    pose, (row, *_) = true_pose(), read_rows(evaluated / "output" / "results.csv")
    centre = read_volume(images()["cta"]).centre_mm
    carm = read_angiogram(images()["dsa"]).carm
    expected = mean_projection_error_mm(rigid(None, np.array([0.0, 1.5, -1.0])) @ pose, pose, centre, carm)
    assert observers["patients"] == 1
    assert observers["mpe_mm"]["mean"]["value"] == pytest.approx(expected)
    (method,) = observers["methods"]
    assert method["patients"] == 1
    assert method["mpe_first_mm"]["mean"]["value"] == pytest.approx(row.mpe_final_mm, abs=1e-3)
    assert method["mpe_second_mm"]["mean"]["value"] == pytest.approx(row.mpe_second_mm, abs=1e-3)
    found = np.array(json.loads((evaluated / "output" / "poses.jsonl").read_text().splitlines()[0])["pose"])
    second = mean_projection_error_mm(found, rigid(None, np.array([0.0, 1.5, -1.0])) @ pose, centre, carm)
    assert row.mpe_second_mm == pytest.approx(second, abs=1e-3)
    assert method["wilcoxon"]["median_difference_mm"] == pytest.approx(row.mpe_final_mm - expected, abs=1e-3)
    assert "Reader variability" in (evaluated / "output" / "index.html").read_text()


def test_corrected_row_joins_and_a_changed_one_is_refused(
    evaluated: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "local_pool", at_once_pool)
    table = evaluated / "table.csv"
    words = ["evaluate", "optimizer-only", "--cohort", str(table), "--method", "default"]
    words += ["--reference-direction", "carm-to-cta", "--output", str(evaluated / "output"), "--workers", "1"]
    text = table.read_text()
    try:
        table.write_text(text.replace("wrong.tfm", "first.tfm"))
        assert main(words) == 0
        assert [row.patient for row in read_rows(evaluated / "output" / "results.csv")] == ["A", "B", "E", "D"]
        table.write_text(text.replace("first.tfm", "second.tfm"))
        assert main(words) == 2
        assert "holds results of patient A with other files than now" in capsys.readouterr().err
    finally:
        table.write_text(text)


def test_direction_without_a_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "optimizer-only", "--reference-direction", "cta-to-carm", "--output", str(tmp_path / "out")]
    assert main(words) == 2
    assert "--reference-direction is for the reference transforms of a table" in capsys.readouterr().err
    assert main([*words, "--cohort", str(tmp_path / "none.csv")]) == 2
    assert "none.csv cannot be read" in capsys.readouterr().err
