"""A simulated patient's files: read back as any other's, with the truth beside them."""

from __future__ import annotations

import dataclasses
import errno
import json
import os

import jsonschema
import numpy as np
import pydicom
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.projection import mean_projection_error_px
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.masks import read_detector_mask, read_volume_mask
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.research.simulate.files import nrrd_writer
from DeepIterRegLib.research.simulate.files.nrrd_writer import write_nrrd
from DeepIterRegLib.research.simulate.files.patient_files import file_names, write_patient
from DeepIterRegLib.research.simulate.files.truth import MOST_POINTS, to_json, truth_of, truth_schema
from DeepIterRegLib.research.simulate.segmentations.segmentation_defects import dice
from Testing.support.patients import small_patient


@pytest.fixture(scope="module")
def patient():
    return dataclasses.replace(small_patient(), defects={"cta": {"noise_hu": np.float32(11.0), "unknown": np.inf}})


@pytest.fixture(scope="module")
def paths(patient, tmp_path_factory):
    return write_patient(patient, tmp_path_factory.mktemp("patient"), "realistic")


@pytest.fixture(scope="module")
def truth(paths):
    return json.loads(paths["truth"].read_text(encoding="utf-8"))


def problems(truth) -> list[str]:
    """With a few of the vessels, which are all alike and take long to check."""
    truth = {**truth, "vessels": truth["vessels"][:20]}
    return [error.message for error in jsonschema.Draft202012Validator(truth_schema()).iter_errors(truth)]


def test_files_are_the_announced_ones(paths):
    folder = paths["cta"].parent
    assert sorted(path.name for path in folder.iterdir()) == sorted(file_names(("lateral", "frontal"), True))
    assert set(file_names(("lateral",), False)) == {"cta.nrrd", "dsa.dcm", "truth.json"}
    assert {path.name for path in paths.values()} == {path.name for path in folder.iterdir()}


def test_images_read_back_as_they_were(patient, paths):
    volume = read_volume(paths["cta"])
    np.testing.assert_array_equal(volume.voxels, patient.volume.voxels)
    np.testing.assert_allclose(volume.ijk_to_ras, patient.volume.ijk_to_ras, atol=1e-4)
    for stem, run in zip(("dsa", "dsa_frontal"), patient.runs, strict=True):
        np.testing.assert_array_equal(pydicom.dcmread(paths[stem]).pixel_array, run.frames)
        angle_deg = read_angiogram(paths[stem]).carm.primary_angle_deg
        assert angle_deg == pytest.approx(run.carm.primary_angle_deg, abs=1e-3)


def test_the_cta_is_compressed(patient, paths):
    assert paths["cta"].stat().st_size < 0.8 * patient.volume.voxels.nbytes


def test_subtracted_files_have_no_mask_frame(patient, tmp_path):
    data = pydicom.dcmread(write_patient(patient, tmp_path, stored="subtracted")["dsa"])
    np.testing.assert_array_equal(data.pixel_array, patient.runs[0].subtracted_frames)


def test_masks_can_be_given_to_the_registration(patient, paths):
    volume = read_volume(paths["cta"])
    vessels = read_volume_mask(paths["cta_vessels"], volume)
    assert 0.5 < dice(vessels, patient.artery_mask | patient.vein_mask) < 1
    assert 0.5 < dice(read_volume_mask(paths["cta_veins"], volume, "--cta-veins"), patient.skull_vein_mask) < 1
    for stem, run in zip(("dsa", "dsa_frontal"), patient.runs, strict=True):
        angiogram = read_angiogram(paths[stem])
        found = read_detector_mask(paths[f"{stem}_vessels"], angiogram)
        assert 0.5 < dice(found, (run.arteries_mm > 0.3) | (run.veins_mm > 0.3)) < 1
        assert not (read_detector_mask(paths[f"{stem}_veins"], angiogram, "--dsa-veins") & ~found).any()


def test_true_masks_are_the_truth(patient, tmp_path):
    paths = write_patient(patient, tmp_path, "truth")
    vessels = read_volume_mask(paths["cta_vessels"], read_volume(paths["cta"]))
    np.testing.assert_array_equal(vessels, patient.artery_mask | patient.vein_mask)
    assert json.loads(paths["truth"].read_text())["segmentations"]["cta_dice"] == [1, 1]


def test_an_unknown_quality_is_refused_before_anything_is_written(patient, tmp_path):
    with pytest.raises(InputError, match="'good'"):
        write_patient(patient, tmp_path / "new", "good")
    assert not (tmp_path / "new").exists()


def test_equal_patients_give_equal_bytes(patient, paths, tmp_path):
    again = write_patient(patient, tmp_path, "realistic")
    for stem, path in paths.items():
        assert again[stem].read_bytes() == path.read_bytes(), stem


def test_the_truth_fits_its_schema(truth, patient):
    jsonschema.Draft202012Validator.check_schema(truth_schema())
    assert problems(truth) == []
    assert problems(json.loads(to_json(truth_of(dataclasses.replace(patient, stroke=None))))) == []


def test_the_schema_refuses_a_truth_without_its_pose_and_with_an_unknown_field(truth):
    poseless = {name: value for name, value in truth.items() if name != "pose"}
    assert any("'pose' is a required property" in problem for problem in problems(poseless))
    assert any("mood" in problem for problem in problems({**truth, "mood": "good"}))


def test_every_field_of_the_truth_is_described():
    for name, field in truth_schema()["properties"].items():
        assert field.get("description"), name


def test_the_truth_holds_poses_and_their_distance(patient, paths, truth):
    written = json.loads(paths["truth"].read_text())
    np.testing.assert_array_equal(written["pose"], patient.pose)
    np.testing.assert_array_equal(written["head_to_patient"], patient.head_to_patient)
    for run, entry in zip(patient.runs, written["runs"], strict=True):
        expected = mean_projection_error_px(patient.radiological_pose, patient.pose, patient.volume.centre_mm, run.carm)
        assert entry["mpe_radiological_px"] == pytest.approx(expected)
    assert [entry["view"] for entry in written["runs"]] == ["lateral", "frontal"]


def test_centrelines_are_where_the_vessels_are(patient, truth):
    assert len(truth["vessels"]) == len(patient.anatomy.vessels)
    for entry, vessel in zip(truth["vessels"], patient.anatomy.vessels, strict=True):
        assert entry["name"] == vessel.name
        ends = apply(patient.head_to_patient, vessel.points_mm[[0, -1]])
        np.testing.assert_allclose([entry["points_mm"][0], entry["points_mm"][-1]], ends, atol=0.006)
        assert len(entry["points_mm"]) == len(entry["radii_mm"]) == len(entry["arrival_s"])
        steps = np.linalg.norm(np.diff(entry["points_mm"], axis=0), axis=1)
        # Chords of 2.4 mm cut the corners of the centreline.
        assert 0.75 * entry["length_mm"] < steps.sum() < entry["length_mm"] + 0.2


def test_arrival_times_are_the_bolus_and_null_where_it_never_comes(patient, truth):
    entries = {entry["name"]: entry for entry in truth["vessels"]}
    injected, other = f"ICA {'left' if 'right' in patient.injected else 'right'}", patient.injected
    assert entries[injected]["arrival_start_s"] is None
    assert set(entries[injected]["arrival_s"]) == {None}
    # Below the catheter's tip no contrast comes.
    above_the_tip = [time for time in entries[other]["arrival_s"] if time is not None]
    assert 0 <= min(above_the_tip) < max(above_the_tip) < 3


def test_numpy_values_among_the_defects_become_json_and_infinity_null(truth):
    assert truth["defects"] == {"cta": {"noise_hu": 11.0, "unknown": None}}


def test_very_many_centrelines_stay_below_two_megabytes(patient):
    one = patient.anatomy.vessels[0]
    long = dataclasses.replace(one, points_mm=np.tile(one.points_mm, (6, 1)), radii_mm=np.tile(one.radii_mm, 6))
    count = 60
    many = dataclasses.replace(
        patient,
        anatomy=dataclasses.replace(patient.anatomy, vessels=(long,) * count),
        arrival_s=(np.linspace(0, 3, len(long.points_mm)),) * count,
    )
    truth = truth_of(many)
    assert sum(len(entry["points_mm"]) for entry in truth["vessels"]) < 1.1 * MOST_POINTS
    assert len(to_json(truth)) < 2_000_000


def test_a_full_disk_is_told_from_other_trouble(tmp_path, monkeypatch):
    class Usage:
        free = 1000

    voxels = np.zeros((4, 4, 4), dtype=np.int16)
    with pytest.raises(OSError) as other:
        write_nrrd(voxels, np.eye(4), tmp_path / "missing" / "a.nrrd")
    assert other.value.errno == errno.EIO
    monkeypatch.setattr(nrrd_writer.shutil, "disk_usage", lambda path: Usage)
    os.mkdir(tmp_path / "a.nrrd")
    with pytest.raises(OSError, match="No space left") as full:
        write_nrrd(voxels, np.eye(4), tmp_path / "a.nrrd")
    assert full.value.errno == errno.ENOSPC
