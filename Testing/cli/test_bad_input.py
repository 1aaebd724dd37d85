"""Bad input through the command line: one sentence that says what to do, exit code 2, nothing written.

The cases are those of the issue's section "Bad input".
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from DeepIterRegLib.cli import options as command_options
from DeepIterRegLib.cli import register as register_command
from DeepIterRegLib.cli.main import main
from DeepIterRegLib.cli.outcome import OUTPUT_NAMES
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.registration import register as registering
from DeepIterRegLib.registration.images import ImageFiles, read_images
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.research.simulate.files.nrrd_writer import write_nrrd
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.patient import SimulatedPatient
from Testing.support.cases import CASES, needs_cases
from Testing.support.paths import ROOT
from Testing.support.patients import plain_ct, small_patient, small_patient_files
from Testing.support.segmented_once import segment_each_cta_once

GEOMETRY = (
    "--primary-angle", "0", "--secondary-angle", "0", "--sdd", "1150", "--sid", "750", "--pixel-spacing", "2.4"
)  # fmt: skip


@pytest.fixture(scope="module")
def patient() -> SimulatedPatient:
    return small_patient()


@pytest.fixture(scope="module")
def originals(patient, tmp_path_factory) -> dict[str, Path]:
    """cta, dsa (raw frames, the first one being the mask) and subtracted (the same run, subtracted)."""
    subtracted = tmp_path_factory.mktemp("originals") / "dsa.dcm"
    return {**small_patient_files(), "subtracted": write_xa(patient.runs[0], subtracted, form="subtracted")}


@pytest.fixture(autouse=True)
def same_cta_is_segmented_once(monkeypatch):
    segment_each_cta_once(monkeypatch)


@pytest.fixture(autouse=True)
def nothing_is_loaded_ahead(monkeypatch):
    """Most commands below are refused before their network is read, which goes on meanwhile and takes 100 MB each."""
    for module in (register_command, registering):
        monkeypatch.setattr(module, "begin_to_warm_up", lambda options: None)


@pytest.fixture(scope="module")
def registration() -> Registration:
    """What the images are registered to without the initializer, for tests of what comes after."""
    files = small_patient_files()
    images = read_images(ImageFiles(files["cta"], (files["dsa"],)))
    return registering.register_images(images, Options(initializer=False))


@pytest.fixture
def registered_at_once(monkeypatch, registration) -> None:
    monkeypatch.setattr("DeepIterRegLib.registration.register.register_images", lambda *_: registration)


class Command:
    """Runs `deepiterreg register` on good files unless told otherwise, into a folder that holds an older result."""

    def __init__(self, originals: dict[str, Path], folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.originals = originals
        self.folder = folder
        self.output = folder / "output"
        self.output.mkdir()
        for name in OUTPUT_NAMES:
            (self.output / name).write_text(f"older {name}")
        self._capture = capture

    def copy(self, which: str, name: str | None = None) -> Path:
        """A copy of an original that a test may damage."""
        source = self.originals[which]
        target = self.folder / (name or source.name)
        shutil.copy(source, target)
        return target

    def run(self, *options: object, cta: object = None, dsa: object = None, output: object = None) -> int:
        arguments = ["register", "--cta", cta or self.originals["cta"], "--dsa", dsa or self.originals["dsa"]]
        return main([str(argument) for argument in (*arguments, "--output", output or self.output, *options)])

    def refused(self, *options: object, **files: object) -> str:
        """The error's sentence, after checking everything that holds for every error."""
        before = sorted(self.folder.rglob("*"))
        assert self.run(*options, **files) == 2
        self.assert_output_untouched()
        assert sorted(self.folder.rglob("*")) == before
        return self.sentence()

    def sentence(self) -> str:
        line = self.last_words()
        assert line.startswith("deepiterreg: error: ")
        sentence = line.removeprefix("deepiterreg: error: ")
        assert sentence.endswith(".")
        assert str(self.folder) not in sentence
        return sentence

    def last_words(self) -> str:
        """The only line on stderr that is not progress; stdout is empty."""
        captured = self._capture.readouterr()
        assert captured.out == ""
        lines = [line for line in captured.err.splitlines() if not line.startswith("[")]
        assert len(lines) == 1, captured.err
        return lines[0]

    def assert_output_untouched(self) -> None:
        assert {path.name: path.read_text() for path in self.output.iterdir()} == {
            name: f"older {name}" for name in OUTPUT_NAMES
        }

    def printed(self) -> str:
        return self._capture.readouterr().out

    def report(self) -> dict:
        return json.loads((self.output / "report.json").read_text())


@pytest.fixture
def command(originals, tmp_path, capfd) -> Command:
    return Command(originals, tmp_path, capfd)


def edited_dicom(path: Path, edit: Callable[[pydicom.Dataset], None]) -> Path:
    dataset = pydicom.dcmread(path)
    edit(dataset)
    dataset.save_as(path)
    return path


def with_frames(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Change the stored frames (T, rows, columns) of a DICOM file."""

    def edit(dataset: pydicom.Dataset) -> None:
        frames = change(dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns).copy())
        dataset.NumberOfFrames = len(frames)
        dataset.PixelData = np.ascontiguousarray(frames).astype("<u2").tobytes()
        for tag in ("FrameTimeVector", "MaskSubtractionSequence"):
            if tag in dataset and len(frames) == 1:
                del dataset[tag]

    return edited_dicom(path, edit)


def with_voxels(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Change the voxels (K, J, I) of a volume file."""
    image = sitk.ReadImage(str(path))
    changed = sitk.GetImageFromArray(change(sitk.GetArrayFromImage(image)))
    changed.CopyInformation(image)
    sitk.WriteImage(changed, str(path))
    return path


def write_mask(path: Path, shape: tuple[int, ...]) -> Path:
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(size // 4, size // 2) for size in shape)] = 1
    sitk.WriteImage(sitk.GetImageFromArray(mask), str(path))
    return path


# --- Files that are missing, empty, truncated or of the wrong kind -----------------------------------------------

FILE_OPTIONS = {
    "--cta": ".nrrd", "--dsa": ".dcm", "--initial-transform": ".tfm", "--carm": ".json", "--cta-vessels": ".nrrd",
    "--cta-veins": ".nrrd", "--dsa-vessels": ".png", "--dsa-veins": ".png",
}  # fmt: skip


def refused_file(command: Command, option: str, path: Path) -> str:
    name = option.removeprefix("--")
    return command.refused(**{name: path}) if name in ("cta", "dsa") else command.refused(option, path)


@pytest.mark.parametrize("option", FILE_OPTIONS)
def test_a_missing_file(command, option):
    sentence = refused_file(command, option, command.folder / f"lost{FILE_OPTIONS[option]}")
    assert "lost" in sentence
    assert "does not exist" in sentence
    assert option in sentence


@pytest.mark.parametrize("option", FILE_OPTIONS)
def test_an_empty_file(command, option):
    path = command.folder / f"hollow{FILE_OPTIONS[option]}"
    path.touch()
    sentence = refused_file(command, option, path)
    assert "hollow" in sentence
    assert option in sentence


@pytest.mark.parametrize("option", FILE_OPTIONS)
def test_a_file_that_is_a_letter_to_someone(command, option):
    path = command.folder / f"letter{FILE_OPTIONS[option]}"
    path.write_text("Dear colleague,\nthank you for sending this patient to us.\n" * 40)
    sentence = refused_file(command, option, path)
    assert "letter" in sentence
    assert option in sentence


@pytest.mark.parametrize(("option", "which"), [("--cta", "cta"), ("--dsa", "dsa")])
def test_a_truncated_image(command, option, which):
    path = command.copy(which)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    sentence = refused_file(command, option, path)
    assert path.name in sentence
    assert option in sentence


def test_a_dicom_folder_in_place_of_one_run(command):
    folder = command.folder / "two_runs"
    folder.mkdir()
    for name in ("a.dcm", "b.dcm"):
        shutil.copy(command.originals["dsa"], folder / name)

    def another(dataset: pydicom.Dataset) -> None:
        dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.InstanceNumber = "2.25.1", "2.25.2", 2

    edited_dicom(folder / "b.dcm", another)
    with_frames(folder / "b.dcm", lambda frames: frames[::-1])
    sentence = command.refused(dsa=folder)
    assert "two_runs" in sentence
    assert "--dsa" in sentence


def test_a_picture_in_place_of_the_cta(command):
    path = command.folder / "screenshot.png"
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)), str(path))
    sentence = command.refused(cta=path)
    assert "screenshot.png" in sentence
    assert "2D" in sentence
    assert "--cta" in sentence


def test_cta_and_dsa_swapped(command):
    sentence = command.refused(cta=command.originals["dsa"], dsa=command.originals["cta"])
    assert "swap --cta and --dsa" in sentence


def test_the_same_volume_given_as_both(command):
    sentence = command.refused(*GEOMETRY, dsa=command.originals["cta"])
    assert "cta.nrrd" in sentence
    assert "--dsa" in sentence


# --- A CTA that shows no vessels of a head -----------------------------------------------------------------------


def test_a_ct_without_contrast_and_a_run_without_a_skull(command):
    plain = plain_ct()

    def without_noise(frames: np.ndarray) -> np.ndarray:
        return np.repeat(frames.min(axis=0)[None], len(frames), axis=0)

    sentence = command.refused(
        cta=write_nrrd(plain.voxels, plain.ijk_to_ras, command.folder / "plain.nrrd"),
        dsa=with_frames(command.copy("subtracted"), without_noise),
    )
    assert "no contrast" in sentence
    assert "no skull" in sentence
    assert "--dsa" in sentence


@pytest.mark.parametrize("contains", [0, 1000])
def test_a_cta_without_a_head(command, contains):
    def bottle(voxels: np.ndarray) -> np.ndarray:
        """Of water, with a rod in it that is as dense as bone, or as water."""
        noise = np.random.default_rng(0).normal(0, 10, voxels.shape)
        radius = np.hypot(*(np.indices(voxels.shape[1:]) - np.reshape(voxels.shape[1:], (2, 1, 1)) / 2))
        return np.where(radius < 40, noise + np.where(radius < 4, contains, 0), -1000).astype(voxels.dtype)

    sentence = command.refused(cta=with_voxels(command.copy("cta"), bottle))
    assert "CTA" in sentence
    assert "head" in sentence


def test_a_cta_of_air(command):
    sentence = command.refused(cta=with_voxels(command.copy("cta"), lambda voxels: np.full_like(voxels, -1000)))
    assert "cta.nrrd" in sentence
    assert "--cta" in sentence


def test_a_cta_with_nan(command):
    def spoilt(voxels: np.ndarray) -> np.ndarray:
        voxels = voxels.astype(np.float32)
        voxels[voxels.shape[0] // 2, 10, 10] = np.nan
        return voxels

    sentence = command.refused(cta=with_voxels(command.copy("cta"), spoilt))
    assert "cta.nrrd" in sentence
    assert "NaN" in sentence


# --- A DSA that shows no vessels ---------------------------------------------------------------------------------


def test_a_subtracted_dsa_without_contrast(command):
    def only_noise(frames: np.ndarray) -> np.ndarray:
        return np.clip(2000 + np.random.default_rng(0).normal(0, 40, frames.shape), 0, 4095)  # 12 bits are stored

    sentence = command.refused(dsa=with_frames(command.copy("subtracted"), only_noise))
    assert "contrast" in sentence
    assert "--dsa" in sentence


def test_a_black_dsa(command):
    sentence = command.refused(dsa=with_frames(command.copy("dsa"), np.zeros_like))
    assert "dsa.dcm" in sentence
    assert "black" in sentence


def test_frames_with_nan(command):
    frames = np.random.default_rng(0).normal(0, 1, (4, 64, 64)).astype(np.float32)
    frames[2, 5, 5] = np.nan
    path = command.folder / "frames.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(frames), str(path))
    sentence = command.refused(*GEOMETRY, dsa=path)
    assert "frames.nrrd" in sentence
    assert "NaN" in sentence


# --- Geometry ----------------------------------------------------------------------------------------------------

TAGS = {
    "PositionerPrimaryAngle": "--primary-angle",
    "PositionerSecondaryAngle": "--secondary-angle",
    "DistanceSourceToDetector": "--sdd",
    "DistanceSourceToPatient": "--sid",
    "ImagerPixelSpacing": "--pixel-spacing",
}


@pytest.mark.parametrize(("tag", "option"), TAGS.items())
def test_a_tag_that_is_missing_is_named_with_the_option_that_supplies_it(command, tag, option):
    path = edited_dicom(command.copy("dsa"), lambda dataset: dataset.__delattr__(tag))
    sentence = command.refused(dsa=path)
    number = pydicom.datadict.tag_for_keyword(tag)
    assert "dsa.dcm" in sentence
    assert f"({number >> 16:04X},{number & 0xFFFF:04X})" in sentence.upper()
    assert option in sentence


def test_an_isocentre_behind_the_detector(command):
    path = edited_dicom(command.copy("dsa"), lambda dataset: setattr(dataset, "DistanceSourceToPatient", "1400"))
    sentence = command.refused(dsa=path)
    assert "--sid" in sentence or "--sdd" in sentence


@pytest.mark.parametrize(
    "options",
    [
        ["--sdd", "12"], ["--sdd", "nan"], ["--sdd", "far"], ["--sid", "1149.9", "--sdd", "1000"],
        ["--pixel-spacing", "-0.6"], ["--pixel-spacing", "0"], ["--primary-angle", "inf"], ["--secondary-angle", "900"],
    ],
)  # fmt: skip
def test_numbers_out_of_range(command, options):
    assert options[0] in command.refused(*options)


def test_a_whole_carm_beside_one_of_its_parts(command, patient):
    carm = patient.runs[0].carm
    path = command.folder / "carm.json"
    path.write_text(json.dumps({
        "source_mm": carm.source_mm.tolist(), "detector_origin_mm": carm.detector_origin_mm.tolist(),
        "column_direction": carm.column_direction.tolist(), "row_direction": carm.row_direction.tolist(),
        "pixel_spacing_mm": list(carm.pixel_spacing_mm), "rows": carm.rows, "columns": carm.columns,
    }))  # fmt: skip
    sentence = command.refused("--carm", path, "--sdd", "1150")
    assert "--carm" in sentence
    assert "--sdd" in sentence


def test_a_carm_file_without_a_source(command):
    path = command.folder / "carm.json"
    path.write_text(json.dumps({"rows": 128, "columns": 128, "pixel_spacing_mm": 2.4}))
    sentence = command.refused("--carm", path)
    assert "carm.json" in sentence
    assert "source_mm" in sentence


def test_a_carm_of_another_detector(command, patient):
    carm = patient.runs[0].carm.binned(2)
    path = command.folder / "carm.json"
    path.write_text(json.dumps({
        "projection_matrix": carm.projection_matrix.tolist(), "pixel_spacing_mm": list(carm.pixel_spacing_mm),
        "rows": carm.rows, "columns": carm.columns,
    }))  # fmt: skip
    sentence = command.refused("--carm", path)
    assert "dsa.dcm" in sentence
    assert "--carm" in sentence


def test_an_option_for_one_of_two_runs_only(command):
    sentence = command.refused("--dsa", command.originals["dsa"], "--primary-angle", "30")
    assert "--primary-angle" in sentence
    assert "once for each --dsa" in sentence


def test_three_runs(command):
    assert "--dsa" in command.refused("--dsa", command.originals["dsa"], "--dsa", command.originals["dsa"])


# --- Masks and transforms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--cta-vessels", "--cta-veins"])
def test_a_cta_mask_of_another_size(command, option):
    sentence = command.refused(option, write_mask(command.folder / "mask.nrrd", (40, 40, 40)))
    assert "mask.nrrd" in sentence
    assert option in sentence


@pytest.mark.parametrize("option", ["--dsa-vessels", "--dsa-veins"])
def test_a_dsa_mask_of_another_size(command, option):
    sentence = command.refused(option, write_mask(command.folder / "mask.png", (64, 64)))
    assert "mask.png" in sentence
    assert option in sentence


def test_a_transform_that_scales(command):
    transform = sitk.AffineTransform(3)
    transform.Scale(1.2)
    path = command.folder / "start.tfm"
    sitk.WriteTransform(transform, str(path))
    sentence = command.refused("--initial-transform", path)
    assert "start.tfm" in sentence
    assert "rigid" in sentence


def test_an_unknown_option_and_a_missing_one(command):
    assert "--no-such-option" in command.refused("--no-such-option")
    assert main(["register", "--cta", str(command.originals["cta"])]) == 2
    assert "--dsa" in command.sentence()


# --- The output --------------------------------------------------------------------------------------------------


def test_an_output_that_is_a_file(command):
    (command.folder / "taken").write_text("a file")
    sentence = command.refused(output=command.folder / "taken")
    assert "taken" in sentence
    assert "--output" in sentence


def test_an_output_without_a_name_is_not_the_current_folder(command):
    cta, dsa = command.originals["cta"], command.originals["dsa"]
    assert main(["register", "--cta", str(cta), "--dsa", str(dsa), "--output", ""]) == 2
    assert "--output" in command.sentence()


def test_a_read_only_output_folder_is_told_before_any_work(command, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        pytest.fail("images were read")

    monkeypatch.setattr(register_command, "read_images", fail)
    # Not below tmp_path, which only its owner may enter: root, whom no permission stops, becomes nobody here.
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o555)
        effective = os.geteuid()
        if effective == 0:
            os.seteuid(65534)
        try:
            monkeypatch.setattr(command_options, "require_files", lambda *paths: None)
            for output in (folder, folder / "below"):
                assert command.run(output=output) == 2
                sentence = command.sentence()
                assert output.name in sentence
                assert "--output" in sentence
        finally:
            os.seteuid(effective)
        assert list(folder.iterdir()) == []
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.usefixtures("registered_at_once")
def test_a_full_disk_leaves_the_older_result(command, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("DeepIterRegLib.registration.write.write_overlay", full)
    assert command.run() == 1
    command.assert_output_untouched()
    assert "No space left on device" in command.last_words()


def test_without_slicer_core_it_is_told_before_any_work(command, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        pytest.fail("images were registered")

    monkeypatch.setattr("DeepIterRegLib.registration.register.register_images", fail)
    monkeypatch.setitem(sys.modules, "slicer", None)  # what makes `import slicer` raise ImportError
    sentence = command.refused()
    assert "slicer-core" in sentence
    assert "pip install" in sentence


# --- What works, with a warning ----------------------------------------------------------------------------------


def warnings_of(command: Command, *options: object, **files: object) -> str:
    assert command.run(*options, **files) == 0
    printed = command.printed()
    warnings = command.report()["warnings"]
    for warning in warnings:
        assert f"Warning: {warning}" in printed
    return " ".join(warnings)


def test_one_subtracted_frame_works_and_warns(command):
    frame = with_frames(command.copy("subtracted"), lambda frames: frames.min(axis=0)[None])
    warning = warnings_of(command, "--no-initializer", dsa=frame)
    assert "arteries and veins cannot be told apart by time" in warning
    assert "dsa.dcm" not in warning
    assert command.report()["angiograms"][0]["frames"] == 1


def test_a_shutter_over_half_of_the_dsa_works_and_warns(command):
    def shuttered(frames: np.ndarray) -> np.ndarray:
        frames[:, :, : int(0.55 * frames.shape[2])] = 0
        return frames

    warning = warnings_of(command, "--no-initializer", dsa=with_frames(command.copy("dsa"), shuttered))
    assert "shutter" in warning
    assert command.report()["angiograms"][0]["visible_fraction"] == pytest.approx(0.45, abs=0.05)


def test_a_ct_without_contrast_is_registered_by_its_skull(command):
    plain = plain_ct()
    cta = write_nrrd(plain.voxels, plain.ijk_to_ras, command.folder / "plain.nrrd")
    assert "registered by its skull" in warnings_of(command, cta=cta)
    report = command.report()
    assert report["volume"]["vessel_points"] == 0
    assert [(term["term"], term["seen_in"]) for term in report["terms"]] == [("skull", "mask frame")]
    assert report["angiograms"][0]["ncc_after"] is None


def test_an_xray_without_contrast_is_registered_by_the_skull(command):
    xray = with_frames(command.copy("dsa"), lambda frames: frames[len(frames) // 2 :][:1])
    warnings_of(command, dsa=xray)
    assert command.report()["angiograms"][0]["frames"] == 0
    assert [(term["term"], term["seen_in"]) for term in command.report()["terms"]] == [("skull", "native image")]


def test_a_run_in_which_no_contrast_arrives_is_registered_by_the_skull_and_warns(command):
    def only_noise(frames: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(0).normal(0, 4, frames.shape)
        return np.clip(frames[:1].astype(float) + noise, 0, 4095)  # 12 bits are stored

    warning = warnings_of(command, dsa=with_frames(command.copy("dsa"), only_noise))
    assert "no contrast" in warning
    assert "dsa.dcm" not in warning
    assert command.report()["angiograms"][0]["native"] == "native image"


@pytest.mark.parametrize(("step", "terms"), [("read_by_the_skull", "vessels,skull"), ("refine_default", "vessels")])
def test_a_gpu_without_memory_falls_back_to_the_cpu_and_says_so(command, monkeypatch, step, terms):
    class OutOfMemoryError(RuntimeError):
        """What torch raises, by its name."""

    def with_a_full_gpu(*arguments: object, device: str, **options: object) -> object:
        if device == "cuda":
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB.")
        return on_any_device(*arguments, device=device, **options)

    on_any_device = getattr(registering, step)
    monkeypatch.setattr(registering, step, with_a_full_gpu)
    monkeypatch.setattr(registering, "choose_device", lambda requested: (requested, None))
    # Its network would ask for the real thing.
    warning = warnings_of(command, "--device", "cuda", "--no-initializer", "--terms", terms)
    assert "GPU" in warning
    assert "memory" in warning
    assert "CPU" in warning
    assert command.report()["device"] == "cpu"


# --- An X-ray in place of the run --------------------------------------------------------------------------------

RADIOGRAPHS = {"DX": "1.2.840.10008.5.1.4.1.1.1.1", "CR": "1.2.840.10008.5.1.4.1.1.1"}


def single(command: Command, change: Callable[[np.ndarray], np.ndarray] = lambda frame: frame) -> Path:
    """The mask of the raw run alone, changed: an X-ray of the head without contrast."""
    return with_frames(command.copy("dsa", "xray.dcm"), lambda frames: change(frames[0])[None])


def error_mm(command: Command, patient: SimulatedPatient) -> float:
    pose = np.array(command.report()["pose"])
    return mean_projection_error_mm(pose, patient.pose, patient.volume.centre_mm, patient.runs[0].carm)


def knee(frame: np.ndarray) -> np.ndarray:
    """Two long bones that meet in a joint, in soft tissue, on a detector of that size."""
    size = len(frame)
    row, column = np.mgrid[:size, :size] * (256 / size)
    attenuation = 2.5 * np.sqrt(np.clip(1 - ((column - 128) / 90) ** 2, 0, None))
    for middle, joint, side in ((128, 118, row < 122), (124, 132, row > 130)):
        width = 19 + 14 * np.exp(-(((row - joint) / 25) ** 2))
        across = abs(column - middle) / width
        attenuation += side * (np.sqrt(np.clip(1 - across**2, 0, None)) + 0.5 * np.exp(-(((across - 0.85) * 8) ** 2)))
    return np.clip(4000 - 450 * attenuation + np.random.default_rng(0).normal(0, 10, frame.shape), 0, 4095)


def is_doubted(command: Command, dsa: Path) -> bool:
    """Whether what is registered all the same is not called so."""
    assert command.run(dsa=dsa) == 0
    return bool(command.report()["confidence"]["verdict"] != "registered")


def test_an_xray_of_a_knee_is_doubted(command):
    assert is_doubted(command, single(command, knee))


@needs_cases
def test_an_xray_of_a_heart_is_doubted(command):
    frame = pydicom.dcmread(CASES / "xa-dicom" / "coronary_jpeg_96frames.dcm").pixel_array[0]

    def heart(head: np.ndarray) -> np.ndarray:
        factor = len(frame) // len(head)
        return frame[::factor, ::factor].astype(float) * 16

    assert is_doubted(command, single(command, heart))


def test_an_xray_of_noise_is_refused(command):
    def noise(frame: np.ndarray) -> np.ndarray:
        return np.clip(np.random.default_rng(0).normal(2000, 100, frame.shape), 0, 4095)

    sentence = command.refused(dsa=single(command, noise))
    assert "neither contrast nor bone" in sentence
    assert "X-ray of the head" in sentence


def test_an_xray_of_one_grey_is_refused(command):
    sentence = command.refused(dsa=single(command, lambda frame: np.full_like(frame, 900)))
    assert "same grey (900)" in sentence
    assert "X-ray of the head" in sentence


@pytest.mark.parametrize("inverted", [False, True])
def test_an_xray_is_registered_whether_bone_is_dark_or_bright(command, patient, inverted):
    def stored(frame: np.ndarray) -> np.ndarray:
        return 4095 - frame if inverted else frame

    assert command.run(dsa=single(command, stored)) == 0
    assert error_mm(command, patient) < 5


def test_a_mirrored_xray_is_doubted(command):
    """As coarse as these images are, what fits as a mirror image may not be found; then nothing fits."""
    assert is_doubted(command, single(command, lambda frame: frame[:, ::-1]))


@pytest.mark.parametrize("modality", RADIOGRAPHS)
def test_what_a_radiograph_does_not_say_of_its_geometry_is_asked_for(command, patient, modality):
    def radiograph(dataset: pydicom.Dataset) -> None:
        dataset.Modality, dataset.SOPClassUID = modality, RADIOGRAPHS[modality]
        dataset.PhotometricInterpretation = "MONOCHROME1"
        for keyword in (
            "PixelIntensityRelationship", "PixelIntensityRelationshipSign", "PositionerPrimaryAngle",
            "PositionerSecondaryAngle", "DistanceSourceToPatient",
        ):  # fmt: skip
            if keyword in dataset:
                del dataset[keyword]

    path = edited_dicom(single(command, lambda frame: 4095 - frame), radiograph)
    sentence = command.refused(dsa=path)
    assert "--primary-angle" in sentence
    assert "--secondary-angle" in sentence
    assert "--sid" in sentence
    assert "--sdd" not in sentence
    carm = patient.runs[0].carm
    given = ("--primary-angle", carm.primary_angle_deg, "--secondary-angle", carm.secondary_angle_deg)
    assert command.run(*given, "--sid", carm.sid_mm, dsa=path) == 0
    assert error_mm(command, patient) < 5


def test_two_subtracted_frames_are_registered_by_their_vessels_and_warn(command):
    two = with_frames(command.copy("subtracted"), lambda frames: frames[len(frames) // 3 :: len(frames) // 3][:2])
    assert "only 2 frames: the skull is not seen" in warnings_of(command, "--no-initializer", dsa=two)


# --- Ctrl-C ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0.0, 0.3])
def test_ctrl_c_leaves_the_older_result(command, monkeypatch, after):
    cancelled(command, monkeypatch, after)


@pytest.mark.usefixtures("registered_at_once")
def test_ctrl_c_while_results_are_written_leaves_the_older_ones(command, monkeypatch):
    cancelled(command, monkeypatch, 0.92)
    assert not list(command.folder.rglob(".deepiterreg-*"))


def cancelled(command: Command, monkeypatch: pytest.MonkeyPatch, after: float) -> None:
    @contextmanager
    def pressed(console, device):
        def show(progress):
            if progress.fraction >= after:
                raise KeyboardInterrupt

        yield show

    monkeypatch.setattr(register_command, "progress_display", pressed)
    assert command.run() == 130
    command.assert_output_untouched()
    assert command.last_words() == "deepiterreg: cancelled, nothing written"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
def test_a_real_ctrl_c_in_the_middle(command):
    arguments = ["--cta", command.originals["cta"], "--dsa", command.originals["dsa"], "--output", command.output]
    process = subprocess.Popen(
        [sys.executable, "-m", "DeepIterRegLib.cli.main", "register", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # pytest's parent may ignore it
    )  # fmt: skip
    assert process.stderr is not None
    seen = [process.stderr.readline(), process.stderr.readline()]  # reading, and the first stage after it
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (seen, err)
    assert err.splitlines()[-1] == "deepiterreg: cancelled, nothing written"
    assert out == ""
    command.assert_output_untouched()
    assert not list(command.folder.rglob(".deepiterreg-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
def test_ctrl_c_before_the_libraries_are_loaded(tmp_path):
    # A stand-in for the seconds that SciPy and SimpleITK take to load; it comes first on the path.
    (tmp_path / "numpy.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", "from DeepIterRegLib.cli.main import main; raise SystemExit(main(['register']))"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == "deepiterreg: cancelled, nothing written\n"
