"""`deepiterreg simulate`: patients from seeds, all of their files or none, and a sentence for whatever goes wrong."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.common import full_disk as disk
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.research.evaluate.cohort import FolderCohort
from DeepIterRegLib.research.simulate import patient
from DeepIterRegLib.research.simulate.files import contact_sheet, patient_files
from DeepIterRegLib.research.simulate.files.truth import truth_schema
from DeepIterRegLib.research.simulate.patient import PatientOptions, simulate_patient
from Testing.support.patients import SMALL_SEED, lateral_patient, small_patient

QUICK = ["--detector-px", "128", "--ct-columns", "128"]


def simulate(*words: object) -> int:
    return main(["simulate", *map(str, words)])


@pytest.fixture
def quick(monkeypatch):
    """The small patient for every seed, and the options that it was asked for with."""
    asked = []

    def generate(seed, options):
        asked.append((seed, options))
        return dataclasses.replace(lateral_patient() if len(options.views) == 1 else small_patient(), seed=seed)

    monkeypatch.setattr(patient, "simulate_patient", generate)
    return asked


def files_below(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def errors_in(said: str) -> list[str]:
    """Lines that are no progress."""
    return [line for line in said.splitlines() if not line.startswith("[")]


def test_a_generated_patient_comes_whole(tmp_path, monkeypatch, capsys):
    generated = []

    def watched(seed, options):
        generated.append(simulate_patient(seed, options))
        return generated[-1]

    monkeypatch.setattr(patient, "simulate_patient", watched)
    assert simulate("--seed", 7, "--output", tmp_path / "out", *QUICK) == 0
    assert f"seed 7 to {tmp_path / 'out'}" in capsys.readouterr().out
    assert files_below(tmp_path / "out") == ["cta.nrrd", "dsa.dcm", "truth.json"]
    truth = json.loads((tmp_path / "out" / "truth.json").read_text())
    jsonschema.Draft202012Validator(truth_schema()).validate({**truth, "vessels": truth["vessels"][:20]})
    assert truth["seed"] == 7
    np.testing.assert_array_equal(truth["pose"], generated[0].pose)
    assert [entry["name"] for entry in truth["vessels"]] == [vessel.name for vessel in generated[0].anatomy.vessels]
    assert read_volume(tmp_path / "out" / "cta.nrrd").voxels.shape[1:] == (128, 128)
    assert read_angiogram(tmp_path / "out" / "dsa.dcm").valid.shape == (128, 128)


def test_options_reach_the_generator_and_the_writer(quick, tmp_path):
    arteries, skull = tmp_path / "tree.swc", tmp_path / "head.nrrd"
    arteries.touch()
    skull.touch()
    words = ["--frontal", "--segmentations", "poor", "--arteries", arteries, "--skull", skull, "--detector-px", 256]
    assert simulate("--output", tmp_path / "out", *words) == 0
    assert quick == [(0, PatientOptions(("lateral", "frontal"), arteries, skull, 256, 512))]
    assert files_below(tmp_path / "out") == sorted(patient_files.file_names(("lateral", "frontal"), True))
    assert json.loads((tmp_path / "out" / "truth.json").read_text())["segmentations"]["quality"] == "poor"


def test_difficulty_and_disturbances_reach_the_generator(quick, tmp_path):
    words = ["--difficulty", "hard", "--disturb", "shunt", "--disturb", "frontal", "--stored", "native"]
    assert simulate("--output", tmp_path / "out", *words) == 0
    assert quick == [(0, PatientOptions(difficulty="hard", disturbances=("shunt", "frontal")))]
    truth = json.loads((tmp_path / "out" / "truth.json").read_text())
    assert truth["defects"]["stored"] == {"form": "native"}


def test_several_patients_get_a_folder_each_that_an_experiment_reads(quick, tmp_path):
    assert simulate("--seed", 9, "--patients", 2, "--output", tmp_path) == 0
    assert [seed for seed, _ in quick] == [9, 10]
    cohort = FolderCohort.of(tmp_path)
    assert list(cohort.names()) == ["patient_0009", "patient_0010"]
    images = cohort.load("patient_0010")
    np.testing.assert_allclose(images.pose, small_patient().pose)
    np.testing.assert_allclose(images.radiological_pose, small_patient().radiological_pose)


def test_one_patient_of_one_has_a_folder_too(quick, tmp_path):
    assert simulate("--seed", 3, "--patients", 1, "--output", tmp_path) == 0
    assert files_below(tmp_path) == [f"patient_0003/{name}" for name in ("cta.nrrd", "dsa.dcm", "truth.json")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--seed", "seven"], "'seven' is not an integer of at least 0"),
        (["--seed", "-1"], "'-1' is not an integer of at least 0"),
        (["--seed", "1.5"], "'1.5' is not an integer of at least 0"),
        (["--patients", "0"], "'0' is not an integer of at least 1"),
        (["--detector-px", "64"], "'64' is not an integer from 128 to 2048"),
        (["--ct-columns", "many"], "'many' is not an integer from 96 to 1024"),
        (["--segmentations", "good"], "invalid choice: 'good'"),
        (["--difficulty", "easy"], "invalid choice: 'easy'"),
        (["--disturb", "noise"], "invalid choice: 'noise'"),
        (["--stored", "avi"], "invalid choice: 'avi'"),
        (["--arteries", "nowhere.swc"], "nowhere.swc does not exist; give an existing file or folder with --arteries"),
        (["--skull", "nowhere.nrrd"], "nowhere.nrrd does not exist; give an existing file or folder with --skull"),
        (["--contact-sheet", "sheet.jpg"], "sheet.jpg is no PNG"),
        (["--output", ""], "the name of the output folder is empty"),
    ],
)
def test_bad_options_are_one_sentence_and_nothing_is_written(quick, tmp_path, capsys, words, sentence):
    assert simulate("--output", tmp_path / "out", *words) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert sentence in said[0]
    assert quick == []
    assert not list(tmp_path.iterdir())


def test_without_a_place_to_write_to_nothing_is_generated(quick, capsys):
    assert simulate("--seed", 1) == 2
    assert "--output DIR" in capsys.readouterr().err
    assert quick == []


def test_a_file_where_the_folder_should_be_is_told_before_the_work(quick, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert simulate("--output", tmp_path / "out") == 2
    assert "out is not a folder" in capsys.readouterr().err
    assert quick == []
    assert (tmp_path / "out").read_text() == "mine"


def test_arteries_of_no_known_kind_are_one_sentence(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("no arteries")
    assert simulate("--output", tmp_path / "out", "--arteries", tmp_path / "notes.txt", *QUICK) == 2
    said = errors_in(capsys.readouterr().err)
    assert len(said) == 1
    assert "notes.txt" in said[0]
    assert not (tmp_path / "out").exists()


def fail_at(monkeypatch, name: str, error: BaseException, at: int = 1) -> None:
    """Let the `at`-th file called `name` fail after half of it is written."""
    count = 0
    genuine = patient_files.write_xa

    def write(run, path, **options):
        nonlocal count
        count += path.name == name
        if count == at:
            path.write_bytes(b"half a file")
            raise error
        return genuine(run, path, **options)

    monkeypatch.setattr(patient_files, "write_xa", write)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(quick, tmp_path, monkeypatch, capsys):
    fail_at(monkeypatch, "dsa.dcm", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert simulate("--output", tmp_path / "out") == 2
    said = errors_in(capsys.readouterr().err)
    assert len(said) == 1
    assert "The disk of the output folder out is full; free some space" in said[0]
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_keeps_the_patients_before(quick, tmp_path, monkeypatch, capsys):
    fail_at(monkeypatch, "dsa.dcm", OSError(errno.ENOSPC, "full"), at=3)
    assert simulate("--patients", 4, "--output", tmp_path) == 2
    assert "(2 of 4 patients are written)" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patient_0000", "patient_0001"]
    assert len(files_below(tmp_path)) == 6


def test_other_trouble_with_the_disk_is_not_taken_for_a_full_one(tmp_path):
    with pytest.raises(PermissionError), disk.full_disk_explained(tmp_path):
        raise PermissionError(errno.EACCES, "no")
    with pytest.raises(InputError, match="is full"), disk.full_disk_explained(tmp_path):
        raise OSError(errno.ENOSPC, "full")
    # As pydicom does: an error of its own, without the number.
    with pytest.raises(InputError, match="is full"), disk.full_disk_explained(tmp_path):
        raise OSError("With tag (7FE0,0010) got exception: full") from OSError(errno.ENOSPC, "full")


def test_a_bug_leaves_whole_patients_only_too(quick, tmp_path, monkeypatch, capsys):
    fail_at(monkeypatch, "dsa.dcm", ZeroDivisionError("a bug"), at=2)
    assert simulate("--patients", 2, "--output", tmp_path) == 1
    assert "ZeroDivisionError: a bug (1 of 2 patients is written; --debug" in capsys.readouterr().err
    assert len(files_below(tmp_path)) == 3


@pytest.mark.parametrize(("at", "said"), [(1, "nothing written"), (2, "1 of 3 patients is written")])
def test_ctrl_c_leaves_whole_patients_only_and_says_how_many(quick, tmp_path, monkeypatch, capsys, at, said):
    count = 0
    genuine = patient_files.write_xa

    def interrupted(run, path, **options):
        nonlocal count
        count += 1
        if count == at:
            signal.raise_signal(signal.SIGINT)
        return genuine(run, path, **options)

    monkeypatch.setattr(patient_files, "write_xa", interrupted)
    assert simulate("--patients", 3, "--output", tmp_path) == 130
    assert f"cancelled, {said}" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == at - 1


@pytest.fixture(scope="module")
def row() -> contact_sheet.Row:
    return contact_sheet.patient_row(lateral_patient())


def test_the_contact_sheet_has_a_row_for_each_patient(quick, row, tmp_path, monkeypatch):
    drawn = []

    def draw(patient):
        drawn.append(patient.seed)
        return row

    monkeypatch.setattr(contact_sheet, "patient_row", draw)
    sheet = tmp_path / "sheet.png"
    assert simulate("--patients", 2, "--contact-sheet", sheet) == 0
    assert drawn == [0, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    two = np.asarray(Image.open(sheet))
    assert simulate("--contact-sheet", sheet) == 0
    one = np.asarray(Image.open(sheet))
    assert two.shape[1] == one.shape[1]
    assert two.shape[0] > 1.9 * one.shape[0]
    # The panels are on it as they are.
    panel = row.panels[-1][1]
    np.testing.assert_array_equal(one[-panel.shape[0] - 6 : -6, -panel.shape[1] - 6 : -6], panel)


def test_a_row_shows_the_phases_in_their_order_and_masks_in_colour(row):
    numbers = [number for _, number in contact_sheet.phases(small_patient().runs[0])]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[2]
    panels = dict(row.panels)
    assert all(panel.shape == (contact_sheet.PANEL_PX, contact_sheet.PANEL_PX, 3) for panel in panels.values())
    assert f"Seed {SMALL_SEED} " in row.title
    for caption in ("own masks: arteries, veins", "own CTA: vessels, skull veins"):
        red, blue = panels[caption][..., 0].astype(int), panels[caption][..., 2].astype(int)
        assert (red - blue > 60).sum() > 100
        assert (blue - red > 60).sum() > 100


def test_images_that_our_preparation_refuses_say_so_in_their_panels(monkeypatch):
    def refuse(image):
        raise InputError("DSA shows no vessels; give another.")

    monkeypatch.setattr(contact_sheet, "prepare_angiogram", refuse)
    monkeypatch.setattr(contact_sheet, "prepare_volume", refuse)
    captions = [caption for caption, _ in contact_sheet.patient_row(lateral_patient()).panels]
    assert captions[-2:] == ["no masks", "no CTA masks"]


def test_phases_of_a_run_without_veins_are_frames_all_the_same():
    run = small_patient().runs[0]
    veinless = SimpleNamespace(
        subtracted_frames=run.subtracted_frames, arteries_mm=run.arteries_mm, veins_mm=np.zeros_like(run.veins_mm)
    )
    numbers = [number for _, number in contact_sheet.phases(veinless)]
    assert numbers == sorted(numbers)
    assert max(numbers) < len(run.subtracted_frames)
