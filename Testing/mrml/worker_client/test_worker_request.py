"""From nodes to a request: nothing is copied, and a key changes exactly when what it stands for does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images import xa
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_source import DsaSource, read_source
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.volume_source import read_volume_source
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.arrays import image_data, matrix_of_array, voxels_of
from DeepIterRegLib.mrml.nodes.dsa_node import angiogram_of, dsa_source_of
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_volume
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest, request_of
from DeepIterRegLib.registration.options import Options, options_from_json
from DeepIterRegLib.worker import images as worker_images
from DeepIterRegLib.worker.payload import dsa_from_json, geometry_from_json, geometry_to_json, volume_from_json
from DeepIterRegLib.worker.reply import Reply
from Testing.support.dicom_files import write_xa
from Testing.support.image_phantoms import intensities
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

GEOMETRY = GeometryOptions(30.0, -10.0, 1200.0, 760.0, (0.8, 0.9))


def no_database(uid: str) -> str:
    return ""


class Nodes:
    """A scene with a CTA and a DSA."""

    def __init__(self, angiogram: Angiogram | None = None) -> None:
        self.scene = new_scene()
        self.cta = add_volume(self.scene, small_volume())
        self.dsa = add_angiogram(self.scene, angiogram or small_angiogram(LATERAL))

    def request(self, geometry: GeometryOptions | None = None, **options: Any) -> RegistrationRequest:
        return request_of(self.cta, [self.dsa], [geometry], no_database, **options)

    def transform(self, matrix: Any, role: str | None = None) -> Any:
        node = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        node.SetMatrixTransformToParent(matrix_of_array(matrix))
        node.SetAttribute("DeepIterReg.role", role)
        return node


def raw_frames() -> Any:
    """(T, rows, columns) uint16 as a scanner stores a run that is not subtracted: a skull, and a vessel that fills."""
    rng = np.random.default_rng(0)
    columns = np.arange(200)
    skull = 300 * (np.abs(columns - 60) < 20)
    vessel = 400 * np.exp(-(((columns - 120) / 6.0) ** 2))
    filling = np.array([0.0, 0.1, 0.6, 1.0, 0.7])[:, None, None]
    return (2000 - skull + rng.normal(0, 3, (5, 160, 200)) - filling * vessel).astype(np.uint16)


class Answering(Reply):
    """Hands out what the worker asks for, and remembers the names."""

    def __init__(self, request: RegistrationRequest, folder: Path) -> None:
        super().__init__("1", folder, lambda message: None)
        self.names: list[str] = []
        self._request = request

    def ask(self, names: Iterable[str]) -> dict[str, Path]:
        wanted = list(names)
        self.names.extend(wanted)
        for name in wanted:
            np.save(self.folder / f"{name}.npy", self._request.arrays()[name]())
        return {name: self.folder / f"{name}.npy" for name in wanted}


def same(one: Angiogram, other: Angiogram) -> bool:
    return np.array_equal(one.frames, other.frames) and np.array_equal(one.valid, other.valid)


def test_voxels_are_taken_by_reference() -> None:
    nodes = Nodes()
    request = nodes.request()
    assert np.shares_memory(request.cta.voxels, voxels_of(nodes.cta))
    for index, frame in enumerate(request.dsas[0].frames):
        assert np.shares_memory(frame, voxels_of(nodes.dsa.GetNthDataNode(index)))


def test_request_survives_as_text_with_arrays_beside() -> None:
    nodes = Nodes()
    request = nodes.request(
        GeometryOptions(sdd_mm=1100.0), options=Options(method="published", initial_pose=POSE, seed=7)
    )
    payload = json.loads(json.dumps(request.payload()))
    arrays = {name: make() for name, make in request.arrays().items()}
    volume = read_volume_source(volume_from_json(payload["cta"], arrays["cta"]))
    np.testing.assert_array_equal(volume.ijk_to_ras, read_volume_source(request.cta).ijk_to_ras)
    assert (volume.kind, volume.warnings) == ("cta", small_volume().warnings)
    source = dsa_from_json(payload["dsas"][0], [arrays["dsa0-frames"]], arrays["dsa0-valid"])
    read, expected = read_source(source), small_angiogram(LATERAL)
    assert same(read, expected)
    assert (read.patient_position, read.warnings) == ("HFP", expected.warnings)
    assert read.carm.sdd_mm == pytest.approx(1100)
    np.testing.assert_array_equal(read.frame_times_s, expected.frame_times_s)
    np.testing.assert_array_equal(options_from_json(payload["options"]).given_pose, POSE)
    assert tuple(payload["options"][name] for name in ("seed", "method", "device")) == (7, "published", "auto")


@pytest.mark.parametrize("angiogram", [raw_angiogram(), small_xray()], ids=["mask frame", "X-ray"])
def test_the_head_without_contrast_reaches_the_worker(tmp_path: Path, angiogram: Angiogram) -> None:
    nodes = Nodes(angiogram)
    request = nodes.request()
    assert request.dsas[0].ready is not None
    native = request.dsas[0].ready.native
    assert native is not None
    native_node = nodes.dsa.GetNodeReference("DeepIterReg.native")
    assert np.shares_memory(native.attenuation, voxels_of(native_node)), "not copied"
    asked = Answering(request, tmp_path)
    content = json.loads(json.dumps(request.payload()))["dsas"][0]
    read = worker_images._angiogram(content, 0, asked)
    assert same(read, angiogram)
    assert same_native(read, angiogram)
    frames = ["dsa0-frames"] if angiogram.shows_contrast else []
    assert asked.names == [*frames, "dsa0-valid", "dsa0-native", "dsa0-native-valid"]
    assert list(tmp_path.iterdir()) == []


def test_key_changes_with_the_head_without_contrast() -> None:
    nodes = Nodes(small_xray())
    before = nodes.request()
    nodes.dsa.GetNodeReference("DeepIterReg.native").GetImageData().Modified()
    after = nodes.request()
    assert after.dsa_keys != before.dsa_keys
    valid = nodes.dsa.GetNodeReference("DeepIterReg.native").GetNodeReference("DeepIterReg.valid")
    valid.GetImageData().Modified()
    assert nodes.request().dsa_keys != after.dsa_keys


@pytest.mark.parametrize("count", [5, 1])
def test_frames_without_a_file_show_the_head_too(count: int) -> None:
    frames = 500 * np.log(intensities(count)).astype(np.float32)
    node = new_scene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", "DSA")
    node.SetAndObserveImageData(image_data(frames))
    angiogram = angiogram_of(node, GEOMETRY, no_database)
    assert angiogram.native is not None
    assert angiogram.native.source == ("mask frame" if count > 1 else "native image")
    assert angiogram.shows_contrast == (count > 1)


def test_geometry_survives_as_text() -> None:
    for options in (GEOMETRY, GeometryOptions(pixel_spacing_mm=0.5), GeometryOptions(carm=FRONTAL)):
        back = geometry_from_json(json.loads(json.dumps(geometry_to_json(options))))
        assert geometry_to_json(back) == geometry_to_json(options)
        assert back.pixel_spacing_mm == options.pixel_spacing_mm


def keys(request: RegistrationRequest) -> tuple[Any, ...]:
    return request.cta_key, request.dsa_keys


def modify_cta(nodes: Nodes) -> None:
    voxels_of(nodes.cta)[0, 0, 0] += 1
    nodes.cta.GetImageData().GetPointData().GetScalars().Modified()


def replace_cta(nodes: Nodes) -> None:
    nodes.cta.SetAndObserveImageData(image_data(small_volume().voxels))


def shift_cta(nodes: Nodes) -> None:
    shifted = small_volume().ijk_to_ras
    shifted[0, 3] += 1
    nodes.cta.SetIJKToRASMatrix(matrix_of_array(shifted))


def put_cta_under_a_transform(nodes: Nodes) -> None:
    nodes.cta.SetAndObserveTransformNodeID(nodes.transform(POSE).GetID())


def modify_frame(nodes: Nodes) -> None:
    nodes.dsa.GetNthDataNode(1).GetImageData().Modified()


@pytest.mark.parametrize(
    ("change", "which"),
    [
        (modify_cta, "cta"),
        (replace_cta, "cta"),
        (shift_cta, "cta"),
        (put_cta_under_a_transform, "cta"),
        (modify_frame, "dsa"),
        (lambda nodes: nodes.dsa.RemoveDataNodeAtValue(nodes.dsa.GetNthIndexValue(0)), "dsa"),
    ],
)
def test_key_changes_with_the_voxels_and_where_they_lie(change: Callable[[Nodes], None], which: str) -> None:
    nodes = Nodes()
    before = nodes.request()
    assert keys(nodes.request(options=Options(seed=5, initial_pose=POSE))) == keys(before)
    change(nodes)
    after = nodes.request()
    assert (after.cta_key != before.cta_key, after.dsa_keys != before.dsa_keys) == (which == "cta", which == "dsa")


def test_key_changes_with_typed_in_geometry_and_not_with_names_poses_and_windows() -> None:
    nodes = Nodes()
    before = nodes.request()
    assert nodes.request(GeometryOptions(sdd_mm=1200.0)).dsa_keys != before.dsa_keys
    nodes.cta.SetName("Renamed")
    nodes.cta.GetDisplayNode().SetWindowLevel(10, 20)
    nodes.cta.SetAndObserveTransformNodeID(nodes.transform(POSE, "pose").GetID())
    assert keys(nodes.request()) == keys(before)


def test_what_cannot_be_registered_is_told_before_anything_is_sent() -> None:
    nodes = Nodes()
    with pytest.raises(InputError, match="same DSA"):
        request_of(nodes.cta, [nodes.dsa, nodes.dsa], [None, None], no_database)
    with pytest.raises(InputError, match="no DSA"):
        request_of(nodes.cta, [], [], no_database)
    with pytest.raises(InputError, match="The CTA"):
        request_of(None, [nodes.dsa], [None], no_database)


def database(path: Path) -> Callable[[str], str]:
    return lambda uid: str(path) if uid == "1.2.3" else ""


def dicom_node(scene: Any, frames: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Doe^Jane")
    node.SetAndObserveImageData(image_data(frames))
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    return node


def raw_xa(path: Path, **tags: Any) -> Path:
    from pydicom import Dataset

    mask = Dataset()
    mask.MaskOperation, mask.MaskFrameNumbers = "AVG_SUB", [2]
    return write_xa(path, raw_frames(), MaskSubtractionSequence=[mask], FrameTime="250", **tags)


def test_file_that_can_be_decoded_is_read_and_the_frames_are_not_sent(tmp_path: Path) -> None:
    path = raw_xa(tmp_path / "Doe_Jane.dcm")
    source = dsa_source_of(dicom_node(new_scene(), np.zeros((5, 160, 200), np.uint16)), None, database(path))
    assert (source.file, source.file_is_whole) == (path, True)
    angiogram = read_source(source)
    assert same(angiogram, xa.read_xa(path, GeometryOptions()))
    assert same(angiogram, read_source(replace(source, frames=())))


def test_without_a_decoder_slicers_frames_stand_in_and_all_tags_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slicer's Python has no pylibjpeg, its C++ reader has decoders."""
    path = raw_xa(tmp_path / "Doe_Jane.dcm")
    expected = xa.read_xa(path, GeometryOptions())

    def no_decoder(dataset: Any, path: Path) -> Any:
        raise xa.UndecodableError("{file} has pixel data that cannot be decoded.", file=path)

    monkeypatch.setattr(xa, "_pixels", no_decoder)
    node = dicom_node(new_scene(), raw_frames())
    angiogram = angiogram_of(node, None, database(path))
    assert same(angiogram, expected), "subtracted from the mask frame that the header names"
    np.testing.assert_array_equal(angiogram.frame_times_s, expected.frame_times_s)
    with pytest.raises(xa.UndecodableError, match=r"^The DSA has pixel data"):
        angiogram_of(dicom_node(new_scene(), raw_frames()[:2]), None, database(path))


def test_worker_asks_for_the_frames_only_where_it_lacks_a_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = raw_xa(tmp_path / "run.dcm")
    dsa = dicom_node(new_scene(), raw_frames())
    request = request_of(Nodes().cta, [dsa], [None], database(path))
    content = request.payload()["dsas"][0]
    reply = Answering(request, tmp_path)
    expected = worker_images._angiogram(content, 0, reply)
    assert reply.names == []

    def no_decoder(dataset: Any, path: Path) -> Any:
        raise xa.UndecodableError("no decoder")

    monkeypatch.setattr(xa, "_pixels", no_decoder)
    again = worker_images._angiogram(content, 0, reply)
    assert same(again, expected)
    assert same_native(again, expected)
    assert reply.names == ["dsa0-frames"]
    assert not (tmp_path / "dsa0-frames.npy").exists(), "a patient's frames are not left behind"


def test_no_message_names_the_file(tmp_path: Path) -> None:
    path = raw_xa(tmp_path / "Doe_Jane.dcm", DistanceSourceToDetector=None)
    node = dicom_node(new_scene(), raw_frames())
    with pytest.raises(InputError, match=r"^The DSA has no Distance Source to Detector") as caught:
        angiogram_of(node, None, database(path))
    assert "Doe" not in str(caught.value)
    assert not any("Doe" in line for line in angiogram_of(node, GEOMETRY, database(path)).warnings)


def test_file_of_another_size_than_the_frames_is_refused(tmp_path: Path) -> None:
    path = raw_xa(tmp_path / "a.dcm")
    source = DsaSource(GeometryOptions(), (raw_frames()[:, :80],), file=path)
    with pytest.raises(InputError, match="80 rows x 200 columns"):
        read_source(source)


def test_application_side_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import DeepIterRegLib.mrml.worker_client.process, DeepIterRegLib.mrml.worker_client.request\n"
        "import DeepIterRegLib.mrml.nodes.mask_node\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"scipy", "pydicom", "SimpleITK", "numba", "torch", "PIL", "matplotlib", "qt"}
