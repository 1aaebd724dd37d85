"""The command line on the built-in patient, from files to files."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib import __version__
from DeepIterRegLib.cli.main import main
from DeepIterRegLib.cli.outcome import OUTPUT_NAMES
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.transform_file import read_transform, write_transform
from DeepIterRegLib.mrml.nodes.scene import read_scene
from DeepIterRegLib.registration.report import report_schema
from DeepIterRegLib.research.simulate.patient import SimulatedPatient
from Testing.support.patients import lateral_patient, small_patient, small_patient_files
from Testing.support.segmented_once import segment_each_cta_once


@pytest.fixture(scope="module")
def patient() -> SimulatedPatient:
    """A lateral and a frontal run of the unmoved patient."""
    return small_patient()


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return small_patient_files()


@pytest.fixture(scope="module")
def output(files, tmp_path_factory) -> Path:
    """The four files of one run of the command."""
    folder = tmp_path_factory.mktemp("result") / "output"
    assert main(["register", "--cta", str(files["cta"]), "--dsa", str(files["dsa"]), "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def report(output) -> dict:
    return json.loads((output / "report.json").read_text())


@pytest.fixture
def segmented_once(monkeypatch) -> None:
    segment_each_cta_once(monkeypatch)


def pose_in(scene) -> np.ndarray:
    """The to-parent matrix of the transform that the only CT volume is under."""
    import slicer.util

    node = scene.GetFirstNodeByName("CTA")
    return slicer.util.arrayFromTransformMatrix(node.GetParentTransformNode())


def test_register_writes_the_four_files_and_nothing_else(output):
    assert sorted(path.name for path in output.iterdir()) == sorted(OUTPUT_NAMES)


def test_the_report_fits_its_schema(report):
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert report["method"] == "default"
    assert report["truth"] is None


def test_the_head_lands_on_the_truth(report, patient):
    place = patient.pose, patient.volume.centre_mm, patient.runs[0].carm
    error_mm = mean_projection_error_mm(np.array(report["pose"]), *place)
    assert error_mm < 5 < mean_projection_error_mm(patient.radiological_pose, *place)


def test_transform_file_report_and_scene_hold_the_same_pose(output, report):
    np.testing.assert_allclose(read_transform(output / "cta_to_carm.tfm"), report["pose"], atol=1e-9)
    np.testing.assert_allclose(pose_in(read_scene(output / "scene.mrb")), report["pose"], atol=1e-9)


def test_the_last_stage_ends_at_the_pose_and_its_similarity_rose(report):
    last = report["stages"][-1]
    assert last["pose"] == report["pose"]
    assert last["similarity"] >= last["similarity_before"]
    assert report["angiograms"][0]["ncc_after"] > report["angiograms"][0]["ncc_before"]


def test_the_overlay_shows_red_on_grey(output):
    image = np.asarray(Image.open(output / "overlay.png").convert("RGB")).astype(int)
    assert ((image[..., 0] - image[..., 1]) > 60).sum() > 1000


def test_the_report_names_no_file(files, output, report):
    text = (output / "report.json").read_text()
    assert files["cta"].name not in text
    assert str(files["cta"].parent) not in text


@pytest.mark.usefixtures("segmented_once")
def test_two_runs_are_explained_by_one_pose(files, patient, tmp_path, capsys):
    arguments = ["--cta", files["cta"], "--dsa", files["dsa"], "--dsa", files["dsa_frontal"], "--output", tmp_path]
    assert main(["register", *map(str, arguments)]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    views = report["angiograms"]
    corrections_deg = [view["angle_correction"]["primary_deg"] for view in views]
    # The tags are right: what was added to them is little.
    assert np.abs(corrections_deg).max() < 0.3
    angles_deg = [view["carm"]["primary_angle_deg"] for view in views] - np.array(corrections_deg)
    assert angles_deg == pytest.approx([run.carm.primary_angle_deg for run in patient.runs], abs=1e-3)
    for run in patient.runs:
        assert mean_projection_error_mm(
            np.array(report["pose"]), patient.pose, patient.volume.centre_mm, run.carm
        ) < 5  # fmt: skip
    assert "DSA 2: NCC" in capsys.readouterr().out


@pytest.mark.usefixtures("segmented_once")
def test_a_start_can_be_given_and_options_replace_the_tags(files, patient, tmp_path, capfd):
    output = tmp_path / "output"
    write_transform(tmp_path / "start.tfm", patient.pose, patient.volume.centre_mm)
    arguments = [
        "--cta", files["cta"], "--dsa", files["dsa"], "--output", output, "--initial-transform", tmp_path / "start.tfm",
        "--sdd", "1150.5", "--volume-kind", "cta", "--device", "cpu", "--seed", "5",
    ]  # fmt: skip
    assert main(["register", *map(str, arguments)]) == 0
    report = json.loads((output / "report.json").read_text())
    np.testing.assert_allclose(report["initial_pose"], patient.pose, atol=1e-9)
    assert report["angiograms"][0]["carm"]["sdd_mm"] == pytest.approx(1150.5)
    assert (report["seed"], report["device"]) == (5, "cpu")

    # Progress goes to standard error, without a word from the libraries; the outcome to standard output.
    captured = capfd.readouterr()
    lines = captured.err.splitlines()
    assert lines[0].startswith("[  0%] Reading the images on cpu")
    assert all(line.startswith("[") for line in lines)
    assert any("similarity" in line for line in lines)
    for name in OUTPUT_NAMES:
        assert str(output / name) in captured.out


@pytest.mark.usefixtures("segmented_once")
def test_the_demo_tells_how_far_it_is_from_the_truth(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("DeepIterRegLib.research.simulate.built_in.built_in_patient", lambda seed: lateral_patient())
    assert main(["demo", "--seed", "1", "--output", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    truth = json.loads((tmp_path / "patient" / "truth.json").read_text())
    np.testing.assert_allclose(report["truth"]["pose"], truth["pose"], rtol=0, atol=1e-8)
    error = report["truth"]["angiograms"][0]
    assert error["mpe_mm_after"] < 5 < error["mpe_mm_before"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*OUTPUT_NAMES, "patient"))
    printed = capsys.readouterr().out
    for unit in ("px", "mm"):
        assert f"{error[f'mpe_{unit}_before']:.2f} -> {error[f'mpe_{unit}_after']:.2f} {unit}" in printed
    assert set(report["seconds"]) == {"read", "prepare", "register"}
    for step in ("generate", *report["seconds"], "overlay", "scene", "total"):
        assert f"{step} " in printed


def test_version_and_help_exit_with_zero(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"deepiterreg {__version__}"
    for command in ("", "register", "demo", "benchmark", "benchmark render", "benchmark rotational-head"):
        assert main([*command.split(), "--help"]) == 0
        assert "usage: deepiterreg" in capsys.readouterr().out


@pytest.mark.usefixtures("segmented_once")
def test_overlay_carries_the_pose_to_another_run(files, output, report, patient, tmp_path, capsys):
    scene, frontal = str(output / "scene.mrb"), str(files["dsa_frontal"])
    assert main(["overlay", "--scene", scene, "--dsa", frontal, "--output", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(OUTPUT_NAMES)
    carried = json.loads((tmp_path / "report.json").read_text())
    jsonschema.Draft202012Validator(report_schema()).validate(carried)
    assert carried["method"] == "carried"
    np.testing.assert_allclose(carried["pose"], report["pose"], atol=1e-6)
    angle_deg = report["angiograms"][0]["carm"]["primary_angle_deg"]
    assert carried["carried_from"]["primary_angle_deg"] == pytest.approx(angle_deg)
    assert carried["angiograms"][0]["carm"]["primary_angle_deg"] == pytest.approx(
        patient.runs[1].carm.primary_angle_deg, abs=1e-3
    )
    np.testing.assert_allclose(pose_in(read_scene(tmp_path / "scene.mrb")), report["pose"], atol=1e-6)
    said = capsys.readouterr().out
    assert "Carried over from the run at" in said
    assert "--refine registers this run from the pose." in said


def test_overlay_of_a_file_that_is_no_scene_is_bad_input(files, tmp_path, capsys):
    arguments = ["overlay", "--dsa", str(files["dsa"]), "--output", str(tmp_path / "out"), "--scene"]
    assert main([*arguments, str(files["cta"])]) == 2
    assert "is not a Slicer scene" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "none.mrb")]) == 2
    assert "none.mrb does not exist; give an existing file with --scene." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
