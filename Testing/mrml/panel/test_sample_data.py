"""The patient of Sample Data: simulated by the worker, kept in the cache, loaded as the DICOM module would."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.mrml.nodes.arrays import voxels_of
from DeepIterRegLib.mrml.nodes.carm_values import carm_values
from DeepIterRegLib.mrml.nodes.dsa_node import angiogram_of
from DeepIterRegLib.mrml.nodes.input_check import missing_cta, missing_dsa
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.panel import sample_data
from DeepIterRegLib.mrml.panel.sample_data import SampleLoader, load_sample, register_sample_data, sample_path
from DeepIterRegLib.worker.commands import command
from DeepIterRegLib.worker.sample_file import read_sample, write_sample
from Testing.support.small_registration import (
    FRONTAL,
    LATERAL,
    POSE,
    raw_angiogram,
    same_native,
    small_angiogram,
    small_volume,
    small_xray,
)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "small.npz"
    write_sample(path, small_volume(), [small_angiogram(LATERAL), small_angiogram(FRONTAL)], POSE)
    return path


class Reply:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[Progress] = []

    def progress(self, step: Progress) -> None:
        self.steps.append(step)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Progress]]:
    """What the command makes, coarse enough for a test."""
    folder = tmp_path_factory.mktemp("made")
    reply = Reply(folder)
    payload = {"seed": sample_data.SEED, "detector_px": 128, "ct_columns": 96, "path": str(folder / "cache" / "a.npz")}
    result = command("sample")(payload, reply)  # type: ignore[arg-type]
    return Path(result["path"]), reply.steps


def test_worker_simulates_two_views_with_their_geometry(made: tuple[Path, list[Progress]]) -> None:
    path, steps = made
    sample = read_sample(path)
    assert sample.volume.voxels.dtype == np.int16
    assert len(sample.angiograms) == 2
    lateral, frontal = (angiogram.carm.primary_angle_deg for angiogram in sample.angiograms)
    assert lateral is not None
    assert frontal is not None
    assert abs(abs(lateral) - 90) < 10
    assert abs(frontal) < 15
    for angiogram in sample.angiograms:
        assert angiogram.frames.shape[1:] == (128, 128)
        assert angiogram.frame_times_s is not None
        assert np.isfinite(angiogram.frames).all()
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert len({step.stage for step in steps}) >= 4


def test_true_pose_puts_the_vessels_on_the_dsa(made: tuple[Path, list[Progress]]) -> None:
    sample = read_sample(made[0])
    from DeepIterRegLib.geometry.pose import radiological_pose

    start = radiological_pose(sample.volume.centre_mm)
    for angiogram in sample.angiograms:
        apart = mean_projection_error_mm(start, sample.true_pose, sample.volume.centre_mm, angiogram.carm)
        assert 3 < apart < 120, "there must be something to register, within what can be"


def test_a_file_comes_back_as_it_was_written(small_file: Path) -> None:
    sample, volume, angiogram = read_sample(small_file), small_volume(), small_angiogram(FRONTAL)
    np.testing.assert_array_equal(sample.volume.voxels, volume.voxels)
    np.testing.assert_array_equal(sample.volume.ijk_to_ras, volume.ijk_to_ras)
    np.testing.assert_array_equal(sample.true_pose, POSE)
    again = sample.angiograms[1]
    np.testing.assert_allclose(again.frames, angiogram.frames, rtol=1e-3)
    np.testing.assert_array_equal(again.valid, angiogram.valid)
    np.testing.assert_array_equal(again.carm.source_mm, angiogram.carm.source_mm)
    assert (again.patient_position, again.warnings) == ("HFP", angiogram.warnings)


def test_the_head_without_contrast_comes_back_too(tmp_path: Path) -> None:
    angiograms = raw_angiogram(), small_xray()
    write_sample(tmp_path / "a.npz", small_volume(), angiograms, POSE)
    for again, angiogram in zip(read_sample(tmp_path / "a.npz").angiograms, angiograms, strict=True):
        assert again.frames.shape == angiogram.frames.shape
        assert same_native(again, angiogram)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"nonsense" * 100])
def test_damaged_files_get_a_sentence(tmp_path: Path, small_file: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz is damaged"):
        read_sample(path)
    path.write_bytes(small_file.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"a\.npz is damaged"):
        read_sample(path)


def test_nodes_are_those_of_the_dicom_module_with_the_geometry(small_file: Path) -> None:
    scene = new_scene()
    cta, lateral, frontal = load_sample(scene, small_file)
    assert [node.GetName() for node in (cta, lateral, frontal)] == [
        "Sample CTA", "Sample DSA lateral", "Sample DSA frontal",
    ]  # fmt: skip
    assert missing_cta(cta) is None
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 2
    browser = scene.GetNthNodeByClass(1, "vtkMRMLSequenceBrowserNode")
    proxy = browser.GetProxyNode(lateral)
    assert proxy.IsA("vtkMRMLScalarVolumeNode")
    for node, carm in ((lateral, LATERAL), (proxy, LATERAL), (frontal, FRONTAL)):
        assert missing_dsa(node, cta, lambda uid: "") is None
        values = carm_values(node, lambda uid: "")
        assert values.values["primary_angle_deg"].number == carm.primary_angle_deg
        assert values.missing == ()
        assert angiogram_of(node, None, lambda uid: "").frames.shape == (3, carm.rows, carm.columns)
    browser.SetSelectedItemNumber(2)
    np.testing.assert_array_equal(voxels_of(proxy)[0], voxels_of(lateral.GetNthDataNode(2))[0])
    again = load_sample(scene, small_file)
    assert len({node.GetName() for node in (cta, lateral, frontal, *again)}) == 6


class Worker:
    """Plays the worker: the test says how the job ends."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.jobs: list[tuple[str, Any]] = []
        self.listener: Any = None
        self.closed = 0

    def run(self, name: str, payload: Any, listener: Any) -> str:
        self.jobs.append((name, payload))
        self.listener = listener
        return "1"

    def cancel(self) -> None:
        self.listener.cancelled()

    def close(self) -> None:
        self.closed += 1


class Window:
    def __init__(self, cancel: Any) -> None:
        self.cancel = cancel
        self.shown: list[tuple[str, float]] = []
        self.closed = 0

    def show(self, stage: str, fraction: float) -> None:
        self.shown.append((stage, fraction))

    def close(self) -> None:
        self.closed += 1


class Loading:
    def __init__(self, cache: Path) -> None:
        self.scene = new_scene()
        self.scene.GetCacheManager().SetRemoteCacheDirectory(str(cache))
        self.worker: Any = Worker()
        self.windows: list[Window] = []
        self.warned: list[str] = []
        self.loaded: list[list[Any]] = []
        self.loader = SampleLoader(
            self.scene,
            new_worker=lambda: self.worker,
            new_window=self._window,
            warn=self.warned.append,
            on_loaded=self.loaded.append,
        )

    def _window(self, cancel: Any) -> Window:
        self.windows.append(Window(cancel))
        return self.windows[-1]


def test_patient_is_simulated_once_and_then_taken_from_the_cache(tmp_path: Path, small_file: Path) -> None:
    case = Loading(tmp_path)
    case.loader.load()
    case.loader.load()
    ((name, payload),) = case.worker.jobs
    assert name == "sample"
    assert Path(payload["path"]).parent == tmp_path
    case.loader.progress(Progress("Simulating the CTA", 0.5))
    assert case.windows[0].shown[-1] == ("Simulating the CTA", 0.5)
    path = sample_path(case.scene)
    path.write_bytes(small_file.read_bytes())
    case.loader.done({"path": str(path)})
    assert len(case.loaded[0]) == 3
    assert (case.windows[0].closed, case.worker.closed, case.loader.is_busy) == (1, 1, False)
    case.loader.load()
    assert len(case.loaded) == 2
    assert len(case.worker.jobs) == len(case.windows) == 1


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    case = Loading(tmp_path)
    case.loader.load()
    case.windows[0].cancel()
    assert (case.windows[0].closed, case.worker.closed, case.loader.is_busy) == (1, 1, False)
    assert case.loaded == case.warned == []
    assert case.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    assert not list(tmp_path.glob("*.npz"))


def test_failures_are_told(tmp_path: Path) -> None:
    case = Loading(tmp_path)
    case.loader.load()
    case.loader.failed(UserError("There is not enough memory."))
    assert case.warned == ["There is not enough memory."]
    assert not case.loader.is_busy
    case.loader.load()
    case.loader.done({"path": str(tmp_path / "not there.npz")})
    assert "cannot be read" in case.warned[1]


def test_damaged_cache_is_made_again(tmp_path: Path) -> None:
    case = Loading(tmp_path)
    sample_path(case.scene).write_bytes(b"cut short")
    case.loader.load()
    assert len(case.worker.jobs) == 1


@pytest.mark.parametrize("version", ["5.10", "5.12"])
def test_slicer_offers_it(monkeypatch: pytest.MonkeyPatch, version: str, tmp_path: Path) -> None:
    """As SampleData.py takes it: lists of equal length, and a downloader that gets the source."""
    sources: list[dict[str, Any]] = []
    categories: list[str] = []
    logic = SimpleNamespace(registerCustomSampleDataSource=lambda **source: sources.append(source))
    if version == "5.12":
        logic.registerCustomSampleDataCategory = lambda name, title: categories.append(title)
    module = ModuleType("SampleData")
    module.SampleDataLogic = logic  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "SampleData", module)
    register_sample_data(str)
    assert categories == (["DeepIterReg"] if version == "5.12" else [])
    (source,) = sources
    assert source["category"] == "DeepIterReg"
    assert source["uris"] == source["fileNames"] == source["nodeNames"] == []
    loaded = []
    monkeypatch.setattr(sample_data, "slicer_sample_loader", lambda _: SimpleNamespace(load=lambda: loaded.append(1)))
    source["customDownloader"](object())
    assert loaded == [1]
    thumbnail = Path(source["thumbnailFileName"])
    assert thumbnail.is_file()
    assert thumbnail.stat().st_size < 60_000
