"""The command's scene: its voxels are compressed apart from MRML, and are those of a scene that MRML wrote alone."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.arrays import voxels_of
from DeepIterRegLib.mrml.nodes.dsa_node import angiogram_of
from DeepIterRegLib.mrml.nodes.packed_voxels import Packing, pack_run, pack_volume
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import new_scene, read_scene, write_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_volume, volume_of
from DeepIterRegLib.mrml.saving.registration_scene import write_registration_scene
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.registration.report import build_report
from Testing.support.small_registration import FRONTAL, LATERAL, FakeRegister, small_angiogram, small_volume


def scene_of(volume: Volume, runs: list[Angiogram], one_voxel: bool) -> tuple[Any, dict[str, Any]]:
    scene, packed = new_scene(), {}
    if one_voxel:
        packed[add_volume(scene, replace(volume, voxels=volume.voxels[:1, :1, :1])).GetID()] = pack_volume(volume)
        for run in runs:
            packed[add_angiogram(scene, replace(run, frames=run.frames[:, :1, :1])).GetID()] = pack_run(run)
    else:
        add_volume(scene, volume)
        for run in runs:
            add_angiogram(scene, run)
    return scene, packed


def nrrd_headers(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".nrrd")]
        return {name: archive.read(name).split(b"\n\n")[0] for name in names}


def scene_text(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read("scene/scene.mrml")


@pytest.mark.parametrize("runs", [[small_angiogram(LATERAL)], [small_angiogram(LATERAL, 1), small_angiogram(FRONTAL)]])
@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_packed_voxels_are_what_mrml_would_have_written(tmp_path: Path, runs: list[Angiogram], kind: Any) -> None:
    volume = replace(small_volume(), voxels=small_volume().voxels.astype(kind))
    alone, _ = scene_of(volume, runs, one_voxel=False)
    (tmp_path / "alone").mkdir()
    write_scene(alone, tmp_path / "alone" / "scene.mrb")
    scene, packed = scene_of(volume, runs, one_voxel=True)
    write_scene(scene, tmp_path / "scene.mrb", packed=packed)
    assert nrrd_headers(tmp_path / "scene.mrb") == nrrd_headers(tmp_path / "alone" / "scene.mrb")
    assert scene_text(tmp_path / "scene.mrb") == scene_text(tmp_path / "alone" / "scene.mrb")
    opened = read_scene(tmp_path / "scene.mrb")
    node = opened.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    assert voxels_of(node).dtype == kind
    np.testing.assert_array_equal(volume_of(node).voxels, volume.voxels)
    for index, run in enumerate(runs):
        sequence = opened.GetNthNodeByClass(index, "vtkMRMLSequenceNode")
        again = angiogram_of(sequence, None, lambda uid: "")
        np.testing.assert_array_equal(again.frames, run.frames)


def test_a_node_without_a_file_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    scene, packed = scene_of(small_volume(), [], one_voxel=True)
    text = scene.AddNewNodeByClass("vtkMRMLColorTableNode", "no file")
    with pytest.raises(InputError, match="cannot be written"):
        write_scene(scene, tmp_path / "scene.mrb", packed=packed | {text.GetID(): pack_volume(small_volume())})
    assert list(tmp_path.iterdir()) == []


def test_packing_knows_an_image_by_its_array() -> None:
    volume, run = small_volume(), small_angiogram(LATERAL)
    packing = Packing([volume, run])
    assert packing.of(replace(run, name="another name")) is packing.of(run)
    other = replace(volume, voxels=volume.voxels[1:].copy())
    assert packing.of(other).sizes == (48, 40, 35)


@pytest.mark.parametrize("kind", ["cta", "3dra"])
def test_a_registration_by_the_skull_and_one_of_a_3dra_are_written(tmp_path: Path, kind: Any) -> None:
    volume = replace(small_volume(), kind=kind)
    run = small_angiogram(LATERAL)
    registration = FakeRegister()(PatientImages(volume, (run,)))
    images = registration.images
    none = replace(run, frames=run.frames[:0], frame_times_s=None)
    prepared = replace(registration.angiograms[0], angiogram=none)
    registration = replace(registration, images=replace(registration.images, angiograms=(prepared,)))
    packing = Packing.of_patient(PatientImages(volume, (none,)))
    report = build_report(registration, compare_views(replace(registration, images=images)))
    write_registration_scene(tmp_path / "scene.mrb", registration, report, packing)
    (case,) = registered_cases(read_scene(tmp_path / "scene.mrb"))
    np.testing.assert_array_equal(voxels_of(case.cta), volume.voxels)
