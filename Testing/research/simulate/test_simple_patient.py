"""The built-in patient: repeatable, different from the next one, and true to its own pose."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy import ndimage

from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_px, project
from DeepIterRegLib.geometry.rigid import apply, rotation_angle_deg
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.research.simulate.simple import SimplePatient, simple_patient, write_patient


def small_patient(seed: int, **options) -> SimplePatient:
    return simple_patient(seed, detector_px=256, voxel_mm=1.6, **options)


@pytest.fixture(scope="module")
def patient() -> SimplePatient:
    return small_patient(3)


@pytest.fixture(scope="module")
def other() -> SimplePatient:
    return small_patient(4, views_deg=(90.0, 0.0))


def test_equal_seeds_give_equal_bytes(patient, tmp_path):
    again = small_patient(3)
    first, second = write_patient(patient, tmp_path / "a"), write_patient(again, tmp_path / "b")
    assert set(first) == {"cta", "dsa", "truth"}
    for stem in first:
        assert first[stem].read_bytes() == second[stem].read_bytes(), stem


def test_another_seed_gives_another_anatomy_and_pose(patient, other):
    assert (patient.vessel_mask ^ other.vessel_mask).sum() > 0.5 * patient.vessel_mask.sum()
    assert mean_projection_error_px(patient.pose, other.pose, patient.volume.centre_mm, patient.carm) > 5


def test_left_and_right_are_not_mirror_images(patient):
    by_name = {item.vessel.name: item.vessel.points_mm for item in patient.vessels}
    right, left = by_name["M4 central right"], by_name["M4 central left"]
    middle = by_name["basilar"][:, 0].mean()
    mirrored = np.array([2 * middle, 0, 0]) + left * np.array([-1, 1, 1])
    nearest = np.linalg.norm(right[:, None] - mirrored[None], axis=-1).min(axis=1)
    assert nearest.max() > 4


def test_anatomy_has_the_vessels_the_project_asks_for(patient):
    arteries = [item.vessel.name for item in patient.vessels if not item.vessel.is_vein]
    veins = [item.vessel.name for item in patient.vessels if item.vessel.is_vein]
    assert len([name for name in arteries if "twig" not in name]) >= 24
    assert len([name for name in veins if "tributary" not in name]) >= 12
    assert {"ICA left", "ICA right", "M1 left", "A1 right", "basilar", "PCA left"} <= set(arteries)
    assert {"superior sagittal sinus", "straight sinus", "internal jugular vein left"} <= set(veins)


def test_vessels_are_attached_to_what_feeds_them(patient):
    for item in patient.vessels:
        if item.vessel.upstream is not None:
            feeder = patient.vessels[item.vessel.upstream].vessel
            gap = np.linalg.norm(feeder.points_mm - item.vessel.points_mm[0], axis=1).min()
            assert gap < feeder.radii_mm.max() + 0.5, item.vessel.name


def test_veins_that_follow_the_skull_lie_close_under_bone(patient):
    bone = patient.volume.voxels > 500
    distance_mm = ndimage.distance_transform_edt(~bone, sampling=patient.volume.spacing_mm[::-1])
    assert patient.skull_vein_mask.any()
    assert np.median(distance_mm[patient.skull_vein_mask]) < 5
    assert not (patient.skull_vein_mask & ~patient.vein_mask).any()
    assert not (patient.vein_mask & ~patient.vessel_mask).any()


def test_cta_has_hounsfield_units_of_its_tissues(patient):
    voxels = patient.volume.voxels
    assert voxels[:, 0, 0].max() < -850
    assert 200 < np.median(voxels[ndimage.binary_erosion(patient.vessel_mask)]) < 480
    brain = np.linalg.inv(patient.volume.ijk_to_ras) @ np.append(
        patient.vessels[0].vessel.points_mm[-1] + [0, 0, 45], 1
    )
    i, j, k = np.round(brain[:3]).astype(int)
    assert 0 < np.median(voxels[k - 3 : k + 4, j - 3 : j + 4, i - 3 : i + 4]) < 70
    assert voxels.max() > 1000


def test_truth_projects_filled_centrelines_onto_dark_pixels(patient):
    minip = patient.runs[0].subtracted_frames.min(axis=0).astype(float)
    dark = 2048 - ndimage.minimum_filter(minip, 3)
    shifted = patient.pose.copy()
    shifted[:3, 3] += (0, 12, 12)

    def mean_darkness(pose):
        values = []
        for item in patient.vessels:
            # Contrast that arrives near the end of the run shows only faintly.
            if item.fills and item.arrival_s.max() < 4 and item.vessel.radii_mm.min() > 0.6:
                pixel = np.round(project(apply(pose, item.vessel.points_mm), patient.carm)).astype(int)
                inside = (pixel >= 0).all(axis=1) & (pixel < 256).all(axis=1)
                values.append(dark[pixel[inside, 1], pixel[inside, 0]])
        return np.concatenate(values)

    background = np.median(dark)
    at_truth = mean_darkness(patient.pose)
    assert np.mean(at_truth > 2 * background) > 0.95
    assert np.median(at_truth) > 1.5 * np.median(mean_darkness(shifted))


def test_only_the_injected_side_fills_and_arteries_before_veins(patient):
    arteries = [item for item in patient.vessels if item.fills and not item.vessel.is_vein]
    veins = [item for item in patient.vessels if item.fills and item.vessel.is_vein]
    assert {item.vessel.side for item in arteries} == {patient.injected_side}
    assert not any(item.vessel.name.startswith(("VA", "basilar", "PCA")) for item in arteries)
    assert max(item.arrival_s.max() for item in arteries) < min(item.arrival_s.min() for item in veins) + 0.5
    sinus = next(item for item in veins if item.vessel.name == "superior sagittal sinus")
    carotid = next(item for item in arteries if item.vessel.name.startswith("ICA"))
    assert 2.5 < sinus.arrival_s.min() - carotid.arrival_s.min() < 5


def test_truth_is_a_few_degrees_and_millimetres_from_the_radiological_pose(patient, other):
    for each in (patient, other):
        np.testing.assert_allclose(each.radiological_pose, radiological_pose(each.volume.centre_mm, "HFS"))
        offset = each.pose @ np.linalg.inv(each.radiological_pose)
        assert 0.5 < rotation_angle_deg(offset) < 15
        moved_mm = np.linalg.norm(apply(each.pose, each.volume.centre_mm))
        assert 1 < moved_mm < 21


def test_written_files_read_back_with_their_geometry(patient, tmp_path):
    paths = write_patient(patient, tmp_path)
    volume = read_volume(paths["cta"])
    np.testing.assert_allclose(volume.ijk_to_ras, patient.volume.ijk_to_ras, atol=1e-4)
    np.testing.assert_array_equal(volume.voxels, patient.volume.voxels)
    angiogram = read_angiogram(paths["dsa"])
    np.testing.assert_allclose(angiogram.carm.projection_matrix, patient.carm.projection_matrix, rtol=1e-5, atol=1e-3)
    # The mask frame may come back too, as the zeros that it leaves of itself.
    assert len(patient.frames) - 1 <= len(angiogram.frames) <= len(patient.frames)
    truth = json.loads(paths["truth"].read_text())
    np.testing.assert_array_equal(truth["pose"], patient.pose)


def test_xa_file_has_the_tags_a_scanner_writes(patient, tmp_path):
    path = write_patient(patient, tmp_path)["dsa"]
    data = pydicom.dcmread(path)
    assert data.SOPClassUID.name == "X-Ray Angiographic Image Storage"
    assert abs(float(data.PositionerPrimaryAngle)) == 90
    assert (float(data.DistanceSourceToDetector), float(data.DistanceSourceToPatient)) == (1150, 750)
    assert [float(spacing) for spacing in data.ImagerPixelSpacing] == [1.2, 1.2]
    assert data.PatientPosition == "HFS"
    assert data.PixelIntensityRelationship == "LOG"
    assert float(data.FrameTime) == pytest.approx(1000 / 3, abs=1e-3)
    assert data.MaskSubtractionSequence[0].MaskFrameNumbers == 1
    np.testing.assert_array_equal(data.pixel_array, patient.frames)


def test_subtracted_file_holds_difference_images_and_no_mask(patient, tmp_path):
    path = write_patient(patient, tmp_path, subtracted=True)["dsa"]
    data = pydicom.dcmread(path)
    assert "MaskSubtractionSequence" not in data
    assert data.NumberOfFrames == len(patient.frames) - 1
    # The first frame after the mask shows hardly any contrast: nothing but noise about the middle of the range.
    assert abs(np.median(data.pixel_array[0]) - 2048) < 20
    raw, subtracted = read_angiogram(write_patient(patient, tmp_path / "raw")["dsa"]), read_angiogram(path)
    correlation = np.corrcoef(raw.frames.min(axis=0).ravel(), subtracted.frames.min(axis=0).ravel())[0, 1]
    assert correlation > 0.95


def test_second_view_shares_the_pose(other, tmp_path):
    paths = write_patient(other, tmp_path)
    lateral, frontal = read_angiogram(paths["dsa"]), read_angiogram(paths["dsa_2"])
    assert (lateral.carm.primary_angle_deg, frontal.carm.primary_angle_deg) == (90, 0)
    carotid = next(i.vessel for i in other.vessels if i.vessel.name == f"ICA {other.injected_side}")
    for run, angiogram in zip(other.runs, (lateral, frontal), strict=True):
        pixel = np.round(project(apply(other.pose, carotid.points_mm), angiogram.carm)).astype(int)
        pixel = pixel[(pixel >= 0).all(axis=1) & (pixel < 256).all(axis=1)]
        assert np.median(run.arteries_mm[pixel[:, 1], pixel[:, 0]]) > 2


def test_cta_is_stored_as_scanners_do_with_left_first(patient, tmp_path):
    image = sitk.ReadImage(str(write_patient(patient, tmp_path)["cta"]))
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-6)


def test_a_detector_too_small_for_vessels_is_refused():
    with pytest.raises(ValueError, match="at least 128"):
        simple_patient(0, detector_px=64)
