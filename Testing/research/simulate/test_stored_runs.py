"""The forms in which one run is stored, and what consoles and archives lose."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.x_ray.block_coding import coded, steps
from DeepIterRegLib.research.simulate.x_ray.console import Console
from DeepIterRegLib.research.simulate.x_ray.dsa_run import XRayRun
from DeepIterRegLib.research.simulate.x_ray.stored_form import form_of
from DeepIterRegLib.research.simulate.x_ray.stored_run import console_of, stored_run
from Testing.support.patients import average_run

FLAT = np.zeros((20, 20), dtype=bool)


@pytest.fixture(scope="module")
def run() -> XRayRun:
    return average_run(128)


def noise(frames: int = 12, size: int = 20, sd: float = 40.0) -> np.ndarray:
    values = 2048 + sd * np.random.default_rng(0).standard_normal((frames, size, size))
    return np.rint(values).astype(np.uint16)


@pytest.mark.parametrize("form", ["raw", "subtracted", "exported", "native"])
def test_a_file_holds_what_its_form_says(run, tmp_path, form):
    data = pydicom.dcmread(write_xa(run, tmp_path / "dsa.dcm", form=form, seed=3))
    stored = stored_run(run, form, seed=3)
    np.testing.assert_array_equal(data.pixel_array.reshape(stored.frames.shape), stored.frames)
    assert data.BitsStored == stored.bits
    assert stored.frames.max() < 2**stored.bits
    assert ("MaskSubtractionSequence" in data) == (form == "raw")
    assert data.ImageType[0] == ("DERIVED" if form in ("subtracted", "exported") else "ORIGINAL")
    assert data.NumberOfFrames == {"raw": 20, "native": 1}.get(form, 19)


def test_lossy_files_say_so(run, tmp_path):
    seed = next(seed for seed in range(50) if console_of(seed).coding == "jpeg")
    data = pydicom.dcmread(write_xa(run, tmp_path / "dsa.dcm", form="exported", seed=seed))
    assert (data.LossyImageCompression, data.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert (data.BitsAllocated, data.PixelIntensityRelationship) == (8, "DISP")
    assert "LossyImageCompression" not in pydicom.dcmread(write_xa(run, tmp_path / "raw.dcm"))


def test_an_exported_run_is_still_read_as_subtracted(run, tmp_path):
    frames = read_angiogram(write_xa(run, tmp_path / "dsa.dcm", form="exported", seed=2)).frames
    usual = read_angiogram(write_xa(run, tmp_path / "sub.dcm", form="subtracted")).frames
    assert frames.shape == usual.shape
    assert np.corrcoef(frames.min(axis=0).ravel(), usual.min(axis=0).ravel())[0, 1] > 0.8


def test_mixed_runs_alternate():
    assert [form_of("mixed", seed) for seed in range(4)] == ["raw", "subtracted", "raw", "subtracted"]
    assert form_of("exported", 1) == "exported"


def test_a_recursive_filter_quietens_the_noise_over_time():
    plain, filtered = (Console(recursive=k, window=400).treated(noise(), FLAT, 2048.0) for k in (1.0, 0.4))
    assert np.diff(filtered.astype(float), axis=0).std() < 0.6 * np.diff(plain.astype(float), axis=0).std()


def test_edges_are_enhanced_or_smoothed():
    still = [Console(edges=edges, window=400).treated(noise(2), FLAT, 2048.0).std() for edges in (0.5, 0.0, -0.8)]
    assert still[0] > still[1] > still[2]


def test_harmonisation_takes_slow_shades_out():
    slope = np.tile(np.linspace(1900, 2200, 200).astype(np.uint16), (2, 200, 1))
    hidden = np.zeros((200, 200), dtype=bool)
    before, after = (Console(harmonised=h).treated(slope, hidden, 2048.0)[0] for h in (0.0, 0.8))
    assert np.ptp(after[:, 60:140].astype(float)) < 0.4 * np.ptp(before[:, 60:140].astype(float))


def test_shutters_stay_black_and_values_within_the_bits():
    hidden = FLAT.copy()
    hidden[:, :5] = True
    shown = Console(bits=10).treated(noise(), hidden, 2048.0)
    assert not shown[:, hidden].any()
    assert 255 < shown.max() < 1024


def test_a_better_quality_loses_less():
    frames = np.clip(128 + 30 * np.random.default_rng(1).standard_normal((3, 21, 30)), 0, 255).astype(np.float32)
    lost = [np.abs(coded(frames, quality, predicted=False) - frames).mean() for quality in (98, 90, 75)]
    assert lost[0] < lost[1] < lost[2] < 20
    assert steps(50)[0, 0] == 16
    assert steps(100).max() == 1


def test_a_film_skips_what_hardly_changes():
    rng = np.random.default_rng(2)
    frames = np.clip(128 + 0.7 * rng.standard_normal((4, 32, 32)), 0, 255).astype(np.float32)
    frames[2:, 8:16, 8:16] += 80
    film = coded(frames, 75, predicted=True)
    assert np.array_equal(film[1], film[0])
    assert np.abs(film[2, 8:16, 8:16] - frames[2, 8:16, 8:16]).mean() < 10


def test_machines_differ():
    drawn = [console_of(seed) for seed in range(60)]
    assert {one.coding for one in drawn} == {"none", "jpeg", "film"}
    assert {one.bits for one in drawn} == {8, 10}
    assert all(75 <= one.quality <= 95 and 0.3 <= one.recursive <= 0.7 for one in drawn)
