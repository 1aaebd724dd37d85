"""Poses survive ITK transform files, and Slicer's MRML library reads and writes the same ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.geometry.transform_file import LPS_FROM_RAS, read_transform, write_transform
from Testing.support.paths import ROOT

POSE = rigid(Rotation.from_euler("xyz", [10, -25, 170], degrees=True).as_matrix(), np.array([12.5, -130.25, 48.0]))
CENTRE_MM = np.array([3.0, -41.5, 220.0])


def transform_node(slicer: Any, scene: Any, pose: FloatArray) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "pose")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(pose))
    node.SetCenterOfTransformation(*CENTRE_MM)
    return node


def storage_node(scene: Any, node: Any, path: Path) -> Any:
    storage = node.CreateDefaultStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    return storage


@pytest.mark.parametrize("ending", [".tfm", ".txt", ".h5", ".mat"])
def test_pose_survives_a_round_trip_through_an_itk_file(tmp_path: Path, ending: str) -> None:
    write_transform(tmp_path / f"pose{ending}", POSE, CENTRE_MM)
    np.testing.assert_allclose(read_transform(tmp_path / f"pose{ending}"), POSE, rtol=0, atol=1e-12)


def test_file_takes_points_of_the_parent_back_to_the_patient_in_lps(tmp_path: Path) -> None:
    write_transform(tmp_path / "pose.tfm", POSE, CENTRE_MM)
    patient_ras = np.array([17.0, 23.0, -5.0])
    parent_ras = apply(POSE, patient_ras)
    moved = sitk.ReadTransform(str(tmp_path / "pose.tfm")).TransformPoint((parent_ras * [-1, -1, 1]).tolist())
    np.testing.assert_allclose(moved, patient_ras * [-1, -1, 1], atol=1e-11)


@pytest.mark.parametrize("ending", [".tfm", ".h5"])
def test_slicer_reads_our_file_with_the_same_matrix_and_centre(tmp_path: Path, ending: str) -> None:
    slicer = pytest.importorskip("slicer")
    write_transform(tmp_path / f"pose{ending}", POSE, CENTRE_MM)
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    assert storage_node(scene, node, tmp_path / f"pose{ending}").ReadData(node)
    assert node.IsLinear()
    np.testing.assert_allclose(slicer.util.arrayFromTransformMatrix(node), POSE, rtol=0, atol=1e-12)
    np.testing.assert_allclose(node.GetCenterOfTransformation(), CENTRE_MM, atol=1e-10)


@pytest.mark.parametrize("ending", [".tfm", ".txt", ".h5", ".mat"])
def test_we_read_the_file_slicer_writes(tmp_path: Path, ending: str) -> None:
    slicer = pytest.importorskip("slicer")
    scene = slicer.vtkMRMLScene()
    node = transform_node(slicer, scene, POSE)
    assert storage_node(scene, node, tmp_path / f"pose{ending}").WriteData(node)
    np.testing.assert_allclose(read_transform(tmp_path / f"pose{ending}"), POSE, rtol=0, atol=1e-12)


def test_our_file_says_what_slicers_own_says(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer")
    scene = slicer.vtkMRMLScene()
    node = transform_node(slicer, scene, POSE)
    assert storage_node(scene, node, tmp_path / "slicer.tfm").WriteData(node)
    write_transform(tmp_path / "ours.tfm", POSE, CENTRE_MM)
    theirs, ours = (sitk.ReadTransform(str(tmp_path / name)) for name in ("slicer.tfm", "ours.tfm"))
    assert (tmp_path / "ours.tfm").read_text().splitlines()[2] == "Transform: AffineTransform_double_3_3"
    assert (tmp_path / "slicer.tfm").read_text().splitlines()[2] == "Transform: AffineTransform_double_3_3"
    np.testing.assert_allclose(ours.GetParameters(), theirs.GetParameters(), atol=1e-11)
    np.testing.assert_allclose(ours.GetFixedParameters(), theirs.GetFixedParameters(), atol=1e-11)


def euler() -> sitk.Transform:
    return sitk.Euler3DTransform((10.0, -20.0, 30.0), 0.1, -0.2, 0.3, (1.0, 2.0, 3.0))


def versor() -> sitk.VersorRigid3DTransform:
    return sitk.VersorRigid3DTransform((0.0, 0.6, 0.8), 0.7, (4.0, 5.0, 6.0), (10.0, -20.0, 30.0))


def affine() -> sitk.Transform:
    return sitk.AffineTransform(versor().GetMatrix(), (1.0, 2.0, 3.0), (10.0, -20.0, 30.0))


def translation() -> sitk.Transform:
    return sitk.TranslationTransform(3, (1.0, 2.0, 3.0))


def identity() -> sitk.Transform:
    return sitk.Transform(3, sitk.sitkIdentity)


def composite() -> sitk.Transform:
    return sitk.CompositeTransform([euler(), versor(), translation()])


@pytest.mark.parametrize("make", [euler, versor, affine, translation, identity, composite])
@pytest.mark.parametrize("ending", [".tfm", ".h5", ".mat", ".xfm"])
def test_any_rigid_itk_transform_is_read_as_the_inverse_of_what_it_does_to_points(
    tmp_path: Path, make: Any, ending: str
) -> None:
    transform = make()
    path = tmp_path / f"initial{ending}"
    if (make, ending) in [(composite, ".mat"), (composite, ".xfm"), (translation, ".xfm"), (identity, ".xfm")]:
        pytest.skip("ITK has no such transform in this format")
    sitk.WriteTransform(transform, str(path))
    pose = read_transform(path)
    for parent_lps in ([0.0, 0.0, 0.0], [50.0, -60.0, 70.0]):
        patient_lps = np.array(transform.TransformPoint(parent_lps))
        back = LPS_FROM_RAS[:3, :3] @ apply(pose, LPS_FROM_RAS[:3, :3] @ patient_lps)
        np.testing.assert_allclose(back, parent_lps, atol=1e-5 if ending == ".xfm" else 1e-11)


def written(transform: sitk.Transform, path: Path) -> Path:
    sitk.WriteTransform(transform, str(path))
    return path


def test_scaling_transform_is_refused_by_its_file_name(tmp_path: Path) -> None:
    path = written(sitk.ScaleTransform(3, (1.0, 1.0, 1.2)), tmp_path / "scaled.tfm")
    with pytest.raises(InputError, match=r"^scaled\.tfm scales"):
        read_transform(path)


def test_mirroring_transform_is_refused(tmp_path: Path) -> None:
    path = written(sitk.AffineTransform([-1, 0, 0, 0, 1, 0, 0, 0, 1], (0, 0, 0)), tmp_path / "mirrored.tfm")
    with pytest.raises(InputError, match=r"^mirrored\.tfm .*mirrors"):
        read_transform(path)


def test_deforming_and_planar_transforms_are_refused(tmp_path: Path) -> None:
    for path in (
        written(sitk.BSplineTransform(3), tmp_path / "spline.tfm"),
        written(sitk.Euler2DTransform(), tmp_path / "planar.tfm"),
    ):
        with pytest.raises(InputError, match=rf"^{path.stem}\.tfm is not a linear 3D transform"):
            read_transform(path)


@pytest.mark.parametrize("content", [b"", b"not a transform\n", b"\0" * 400], ids=["empty", "text", "binary"])
@pytest.mark.parametrize("ending", [".tfm", ".h5", ".nrrd"])
def test_file_without_a_transform_is_refused_in_one_sentence(tmp_path: Path, content: bytes, ending: str) -> None:
    (tmp_path / f"bad{ending}").write_bytes(content)
    with pytest.raises(InputError, match=rf"^bad{ending} ") as error:
        read_transform(tmp_path / f"bad{ending}")
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize("make", [euler, affine, composite])
def test_text_file_cut_anywhere_is_refused(tmp_path: Path, make: Any) -> None:
    content = written(make(), tmp_path / "whole.tfm").read_bytes()
    whole_transforms = {content.find(b"#Transform 2"), content.find(b"#Transform 3")}  # nothing tells these are cut
    for length in set(range(0, len(content), 4)) - whole_transforms:
        (tmp_path / "cut.tfm").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"^cut\.tfm "):
            read_transform(tmp_path / "cut.tfm")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.tfm", tmp_path):
        with pytest.raises(InputError, match=rf"^{path.name} does not exist"):
            read_transform(path)


def test_a_pose_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^pose\.xyz cannot be written"):
        write_transform(tmp_path / "pose.xyz", POSE, CENTRE_MM)
    with pytest.raises(InputError, match="The pose"):
        write_transform(tmp_path / "pose.tfm", np.full((4, 4), np.nan), CENTRE_MM)


@pytest.mark.parametrize("word", [b"NONE", b"nan", b"1,5", b"1.5.2", b"\xd9\xa3"])
def test_a_parameter_that_is_no_number_is_refused(tmp_path: Path, word: bytes) -> None:
    content = written(translation(), tmp_path / "pose.tfm").read_bytes()
    assert b"Parameters: 1 2 3" in content
    (tmp_path / "pose.tfm").write_bytes(content.replace(b"Parameters: 1 2 3", b"Parameters: 1 " + word + b" 3"))
    with pytest.raises(InputError, match=r"^pose\.tfm holds parameters that are not numbers"):
        read_transform(tmp_path / "pose.tfm")


def test_a_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    content = written(translation(), tmp_path / "pose.tfm").read_bytes()
    (tmp_path / "pose.tfm").write_bytes(content.replace(b"TranslationTransform", b"Translation\xff\xfe"))
    with pytest.raises(InputError, match=r"^pose\.tfm "):
        read_transform(tmp_path / "pose.tfm")


def test_huge_numbers_are_refused_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = written(sitk.AffineTransform([1e200] * 9, (1e308,) * 3), tmp_path / "pose.h5")
    with pytest.raises(InputError, match=r"^pose\.h5 "):
        read_transform(path)
    assert not recwarn.list


def test_a_damaged_hdf5_file_is_refused_and_nothing_is_printed_when_the_process_ends(tmp_path: Path) -> None:
    content = bytearray(written(euler(), tmp_path / "pose.h5").read_bytes())
    content[2103:2119] = b""  # addresses in HDF5's tables now lie between things
    (tmp_path / "pose.h5").write_bytes(content)
    code = "import sys; from DeepIterRegLib.geometry.transform_file import read_transform; read_transform(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "pose.h5")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1].startswith("DeepIterRegLib.common.errors.InputError: pose.h5 cannot")
    assert "HDF5" not in done.stderr
