"""Hipwell's comparison: six similarities from the same starts, its table, its figure, and the real run as a cohort."""

from __future__ import annotations

import csv
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.refinement.published import MASK_SCHEDULE, MINIP_SCHEDULE
from DeepIterRegLib.research.evaluate.case import Case, Costs
from DeepIterRegLib.research.evaluate.cohort import FolderCohort
from DeepIterRegLib.research.evaluate.experiments import HIPWELLS_MEASURES, experiment_named
from DeepIterRegLib.research.evaluate.outputs import SIMILARITY_FILES, write_similarities
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, Row
from DeepIterRegLib.research.evaluate.rotational_cohort import RotationalCohort, cohort_in
from DeepIterRegLib.research.evaluate.similarity_figure import share_of_successes
from DeepIterRegLib.research.evaluate.similarity_table import COLUMNS, after_masks, as_csv, as_markdown, compared
from DeepIterRegLib.research.evaluate.tasks import register_start
from DeepIterRegLib.research.evaluate.variants import Variant
from Testing.support.patients import small_patient_files
from Testing.support.vessel_tree_case import CENTRE_MM, prepared_angiogram, prepared_volume

TRUTH = radiological_pose(CENTRE_MM)


def row(patient: int, start: int, method: str, masks_mm: float, final_mm: float) -> Row:
    """A registration that ended so far off after its first stage, and after both."""
    return Row(
        patient=str(patient),
        experiment="similarity",
        method=method,
        initializer="none",
        start=start,
        mpe_radiological_px=20.0,
        mpe_start_px=10.0 + 6 * start + 0.01 * patient,
        mpe_initialized_px=10.0 + 6 * start,
        mpe_final_px=final_mm / MM_PER_PX,
        mpe_final_mm=final_mm,
        tre_mm=final_mm,
        success=final_mm < 5,
        seconds=1.0,
        cpu_seconds=0.5,
        evaluations=402,
        mpe_masks_mm=masks_mm,
        masks_found_after=100 + start,
    )


def rows(starts: int = 10, patients: int = 6) -> list[Row]:
    """NCC succeeds from the nearer half of the starts, the entropy from none after its first stage."""
    found = []
    for method, near_mm in (("published", 2.0), ("published:entropy_of_difference", 6.0)):
        for patient in range(patients):
            for start in range(starts):
                off = near_mm + 0.01 * patient if start < starts // 2 else 40.0
                found.append(row(patient, start, method, off, 0.5 * off))
    return found


def test_the_experiment_takes_hipwells_six_measures_from_the_same_starts() -> None:
    experiment = experiment_named("similarity")
    assert len(experiment.methods) == len(HIPWELLS_MEASURES) == 6
    assert experiment.methods[0] == "published"
    assert "published:entropy_of_difference" in experiment.methods
    assert (experiment.several_starts, experiment.initializer, experiment.patients) == (True, "without", 20)


def test_the_table_tells_first_stage_and_whole_method_apart(few_resamples: None) -> None:
    ncc, entropy = compared(rows())
    assert (ncc.similarity, entropy.similarity) == ("ncc", "entropy_of_difference")
    assert (ncc.masks_success, ncc.success) == (0.5, 0.5)
    # 6 mm after the masks, 3 mm after both.
    assert (entropy.masks_success, entropy.success) == (0.0, 0.5)
    assert ncc.masks_median_of_successes_mm == pytest.approx(2.025, abs=1e-3)
    assert entropy.masks_median_of_successes_mm is None
    assert entropy.median_of_successes_mm == pytest.approx(3.0125, abs=1e-3)
    assert (ncc.evaluations, ncc.masks_found_after, ncc.cpu_seconds) == (402, 104.5, 0.5)
    # The median leaves 5 px between the fifth start, 34 px, and the sixth, 40 px.
    assert ncc.capture_px is not None
    assert 34 < ncc.capture_px < 40
    assert entropy.masks_capture_px == 0


def test_a_registration_ends_after_its_first_stage_as_if_there_were_no_second() -> None:
    whole = row(1, 0, "published", 6.0, 2.0)
    first = after_masks(whole)
    assert (first.mpe_final_mm, first.success) == (6.0, False)
    assert first.mpe_final_px == pytest.approx(6.0 / MM_PER_PX)
    assert not after_masks(replace(whole, mpe_masks_mm=math.nan)).success


def test_too_few_starts_have_no_capture_range_and_other_methods_are_no_similarity(few_resamples: None) -> None:
    few = rows(starts=2, patients=2)
    (ncc, _) = compared([*few, row(0, 0, "default", math.nan, 1.0)])
    assert (ncc.capture_px, ncc.tried_up_to_px) == (None, None)
    assert compared([row(0, 0, "default", math.nan, 1.0)]) == []


def test_csv_has_the_documented_columns_and_markdown_a_line_for_each_similarity(few_resamples: None) -> None:
    table = compared(rows())
    lines = list(csv.DictReader(as_csv(table).splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert [line["similarity"] for line in lines] == ["ncc", "entropy_of_difference"]
    assert lines[1]["masks_median_of_successes_mm"] == ""
    assert float(lines[0]["success"]) == 0.5
    text = as_markdown(table).splitlines()
    assert len({line.count("|") for line in text}) == 1
    assert text[2].startswith("| `ncc` | 50 % (")
    assert "–" in text[3]


def test_the_figure_is_a_vector_graphic_and_the_same_for_the_same_rows(tmp_path: Path, few_resamples: None) -> None:
    names = write_similarities(rows(), tmp_path)
    assert tuple(names) == SIMILARITY_FILES
    figure = (tmp_path / SIMILARITY_FILES[2]).read_bytes()
    assert figure.startswith(b"<?xml")
    assert b"<image" not in figure
    write_similarities(rows(), tmp_path)
    assert (tmp_path / SIMILARITY_FILES[2]).read_bytes() == figure
    assert write_similarities([row(0, 0, "default", math.nan, 1.0)], tmp_path) == []


def test_the_share_of_successes_is_counted_in_bins_of_as_many_starts() -> None:
    starts = np.array([40.0, 10, 30, 20])
    median, share = share_of_successes(starts, np.array([False, True, False, True]), bins=2)
    assert (median.tolist(), share.tolist()) == ([15, 35], [100, 0])


def test_a_row_knows_its_evaluations_and_where_the_first_stage_ended() -> None:
    images = PreparedImages(prepared_volume(), (prepared_angiogram(TRUTH),))
    case = Case("1", images, TRUTH, TRUTH, Costs(0.0, 0.0, 0.0, 0.0))
    start = experiment_named("similarity").starts(case, 8)[1]
    trial = register_start(case, "similarity", Variant("published:entropy_of_difference"), 0, start, 32).row
    assert trial.evaluations == MASK_SCHEDULE.iterations + MINIP_SCHEDULE.iterations + 2
    assert 1 <= trial.masks_found_after <= MASK_SCHEDULE.iterations + 1
    assert trial.mpe_masks_mm > 0
    assert trial.mpe_masks_mm != trial.mpe_final_mm


def test_a_rotational_run_is_a_cohort_of_its_frames_whose_true_pose_is_the_identity(tmp_path: Path) -> None:
    files = small_patient_files()
    run, patients = tmp_path / "run", tmp_path / "patients"
    run.mkdir()
    shutil.copy(files["cta"], run / "volume.nrrd")
    for number in ("024", "008"):
        shutil.copy(files["dsa"], run / f"frame_{number}.dcm")
    cohort = cohort_in(run)
    assert isinstance(cohort, RotationalCohort)
    assert list(cohort.names()) == ["frame_008", "frame_024"]
    assert cohort.identity("frame_008") != cohort.identity("frame_024")
    found = cohort.load("frame_008")
    np.testing.assert_array_equal(found.pose, np.eye(4))
    assert len(found.images.angiograms) == 1
    shutil.copytree(files["cta"].parent, patients / "patient-1")
    assert isinstance(cohort_in(patients), FolderCohort)
    with pytest.raises(InputError, match="There is no folder"):
        cohort_in(tmp_path / "nowhere")
