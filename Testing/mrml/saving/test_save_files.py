"""What is saved of a registration: transform files, images, the scene with what a hand did to the pose."""

from __future__ import annotations

import errno
import json
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose
from DeepIterRegLib.geometry.transform_file import read_transform, write_transform
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array, to_parent_of, voxels_of
from DeepIterRegLib.mrml.nodes.provenance import note_adjustment
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_cases
from DeepIterRegLib.mrml.nodes.scene import new_scene, read_scene, write_scene
from DeepIterRegLib.mrml.overlay.look_attribute import keep_look
from DeepIterRegLib.mrml.saving.save_images import pictures_of, save_images, thumbnail_of
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from DeepIterRegLib.mrml.saving.save_transform import save_transform
from DeepIterRegLib.mrml.views.layout import arrange
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.report import report_schema
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from Testing.support.registered_scene import registered_scene
from Testing.support.small_registration import LATERAL, OTHER_POSE, POSE, small_cloud, small_volume

BY_HAND = HandAdjustment(right_mm=3.0, up_mm=4.0, turn_deg=5.0)


@pytest.fixture
def case() -> RegisteredCase:
    return registered_scene()


def adjust(case: RegisteredCase, adjustment: HandAdjustment = BY_HAND) -> None:
    case.set_pose(adjusted_pose(adjustment, case.automatic_pose, case.centre_mm, case.views[0].carm))


def report_of(case: RegisteredCase) -> Any:
    return json.loads(case.pose_node.GetNodeReference("DeepIterReg.report").GetText())


def png(path: Path) -> Any:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def file_name(node: Any) -> str:
    storage = node.GetStorageNode()
    return "" if storage is None else storage.GetFileName() or ""


def files_in(scene_file: Path) -> list[str]:
    with zipfile.ZipFile(scene_file) as archive:
        return sorted(Path(name).name for name in archive.namelist() if "." in name and not name.endswith(".mrml"))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing reaches the disk any more: what was written so far is lost when it is to be made sure of."""

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("DeepIterRegLib.common.whole_file.os.fsync", fail)


# --- transform


@pytest.mark.parametrize("suffix", [".tfm", ".h5"])
def test_transform_file_holds_the_pose_in_use_for_slicer_and_for_itk(
    case: RegisteredCase, tmp_path: Path, suffix: str
) -> None:
    import slicer

    case.set_pose(OTHER_POSE)
    path = tmp_path / f"cta_to_carm{suffix}"
    save_transform(case, path)
    np.testing.assert_allclose(read_transform(path), OTHER_POSE, rtol=0, atol=1e-12)
    node = new_scene().AddNewNodeByClass("vtkMRMLLinearTransformNode")
    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    np.testing.assert_allclose(to_parent_of(node), OTHER_POSE, rtol=0, atol=1e-12)
    np.testing.assert_allclose(node.GetCenterOfTransformation(), case.centre_mm, rtol=0, atol=1e-9)


def test_transform_file_is_the_one_that_the_command_line_writes(case: RegisteredCase, tmp_path: Path) -> None:
    save_transform(case, tmp_path / "panel.tfm")
    write_transform(tmp_path / "command.tfm", case.pose, case.centre_mm)
    numbers = []
    for name in ("panel", "command"):
        lines = (tmp_path / f"{name}.tfm").read_text().splitlines()
        assert lines[2] == "Transform: AffineTransform_double_3_3"
        numbers.append([float(number) for line in lines[3:5] for number in line.split()[1:]])
    np.testing.assert_allclose(numbers[0], numbers[1], rtol=0, atol=1e-9)


def test_saving_a_transform_leaves_its_node_as_it_was(case: RegisteredCase, tmp_path: Path) -> None:
    node = case.pose_node
    before = node.GetMTime(), node.GetModifiedSinceRead(), node.GetStorageNode()
    save_transform(case, tmp_path / "pose.h5")
    assert (node.GetMTime(), node.GetModifiedSinceRead(), node.GetStorageNode()) == before


def test_pose_that_scales_is_not_saved(case: RegisteredCase, tmp_path: Path) -> None:
    case.pose_node.SetMatrixTransformToParent(matrix_of_array(np.diag([1.1, 1.0, 1.0, 1.0])))
    with pytest.raises(InputError, match=r"^The transform of the CTA scales"):
        save_transform(case, tmp_path / "pose.tfm")
    assert not list(tmp_path.iterdir())


def test_transform_needs_a_known_suffix(case: RegisteredCase, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^pose\.txt is no name for a transform; give one that ends in \.tfm or \.h5"):
        save_transform(case, tmp_path / "pose.txt")


SAVE = {
    "pose.tfm": lambda case, path: save_transform(case, path),
    "pose.h5": lambda case, path: save_transform(case, path),
    "scene.mrb": lambda case, path: save_scene(case.pose_node.GetScene(), path),
    "overlay_1.png": lambda case, path: save_images(case, path.parent),
}


@pytest.mark.parametrize("name", SAVE)
@pytest.mark.parametrize("old", [None, b"what was there before"])
def test_full_disk_leaves_no_half_file_and_gives_one_sentence(
    case: RegisteredCase, tmp_path: Path, full_disk: None, name: str, old: bytes | None
) -> None:
    path = tmp_path / name
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(
        InputError, match=r"^[^.]*(\.\w+)? cannot be written; is the disk full, or the folder read-only\?$"
    ):
        SAVE[name](case, path)
    assert [file.name for file in tmp_path.iterdir()] == ([] if old is None else [name])
    assert old is None or path.read_bytes() == old


def test_transform_that_did_not_get_onto_the_disk_is_noticed(
    case: RegisteredCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ITK's text writer does not look whether the disk took what it wrote."""
    import slicer

    class CutShort(slicer.vtkMRMLTransformStorageNode):
        def WriteData(self, node: Any) -> int:
            written = super().WriteData(node)
            path = Path(self.GetFileName())
            path.write_bytes(path.read_bytes()[:150])
            return int(written)

    monkeypatch.setattr(slicer, "vtkMRMLTransformStorageNode", CutShort)
    with pytest.raises(InputError, match=r"^pose\.tfm cannot be written"):
        save_transform(case, tmp_path / "pose.tfm")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SAVE)
def test_folder_that_is_gone_gives_one_sentence(case: RegisteredCase, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be written; "):
        SAVE[name](case, tmp_path / "gone" / name)


def test_images_of_which_one_cannot_be_written_are_all_left_out(case: RegisteredCase, tmp_path: Path) -> None:
    (tmp_path / "drr_2.png").mkdir()
    with pytest.raises(InputError, match=r"^The images cannot be written"):
        save_images(case, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["drr_2.png"]


# --- images


def test_images_have_a_pixel_for_each_of_the_detectors_and_names_without_a_patient(
    case: RegisteredCase, tmp_path: Path
) -> None:
    for view in case.views:
        view.dsa.SetName("MUSTERMANN^ERIKA")
    paths = save_images(case, tmp_path)
    assert [path.name for path in paths] == [f"{what}_{n}.png" for n in (1, 2) for what in ("dsa", "drr", "overlay")]
    for path, view in zip(paths, [view for view in case.views for _ in range(3)], strict=True):
        assert png(path).shape[:2] == (view.carm.rows, view.carm.columns)
    (one, *_) = save_images(registered_scene(views=1), tmp_path)
    assert one.name == "dsa.png"


def test_dsa_image_is_the_minip_in_the_window_of_its_slice_view_and_upright(
    case: RegisteredCase, tmp_path: Path
) -> None:
    view = case.views[0]
    view.plane.GetDisplayNode().SetWindowLevelMinMax(900.0, 1000.0)
    image = png(save_images(case, tmp_path)[0])
    minip = voxels_of(view.plane)[0]
    expected = np.where(view.valid, 255 * np.clip((minip - 900) / 100, 0, 1), 0)
    np.testing.assert_allclose(image, expected, atol=0.51)
    assert (image[:, :6] == 0).all(), "the shutter"


def test_drr_image_is_dark_where_the_vessels_project_at_the_pose_in_use(case: RegisteredCase, tmp_path: Path) -> None:
    case.set_pose(OTHER_POSE)
    image = png(save_images(case, tmp_path)[1]).astype(int)
    drr = SplatNumpy(small_cloud(small_volume()), LATERAL).render(OTHER_POSE[None])[0]
    assert (image[drr > 0.5 * drr.max()] < 100).all()
    assert (image[drr == 0] == 255).all()
    before = SplatNumpy(small_cloud(small_volume()), LATERAL).render(POSE[None])[0]
    assert (image[(before > 0.5 * before.max()) & (drr == 0)] == 255).all()


def test_overlay_image_is_red_over_the_vessels_and_grey_elsewhere(case: RegisteredCase) -> None:
    pictures = pictures_of(case)[0]
    drr = SplatNumpy(small_cloud(small_volume()), LATERAL).render(POSE[None])[0]
    redness = pictures.overlay[..., 0].astype(int) - pictures.overlay[..., 1]
    seen = case.views[0].valid
    assert (redness[(drr > 0.5 * drr.max()) & seen] > 60).all()
    np.testing.assert_array_equal(pictures.overlay[(drr == 0) & seen][:, 1], pictures.dsa[(drr == 0) & seen])


def test_overlay_image_has_the_look_of_the_overlay_section(case: RegisteredCase) -> None:
    keep_look(case.pose_node, OverlayLook(artery_colour=(0.0, 1.0, 0.0), opacity=1.0))
    green = pictures_of(case)[0].overlay.astype(int)
    assert (green[..., 1] - green[..., 0]).max() > 200
    keep_look(case.pose_node, OverlayLook(arteries=False))
    pictures = pictures_of(case)[0]
    np.testing.assert_array_equal(pictures.overlay, np.repeat(pictures.dsa[..., None], 3, axis=2))
    assert pictures.drr.min() < 100, "the DRR shows all vessels, whatever the overlay does"


# --- scene


def test_saved_scene_says_what_was_adjusted_by_hand(case: RegisteredCase, tmp_path: Path) -> None:
    adjust(case)
    save_scene(case.pose_node.GetScene(), tmp_path / "scene.mrb", "3D Slicer 5.12.3")
    (back,) = registered_cases(read_scene(tmp_path / "scene.mrb"))
    report = dict(back.report)
    validator = jsonschema.Draft202012Validator(report_schema())
    assert [error.message for error in validator.iter_errors(report)] == []
    adjustment = report["adjustment"]
    assert adjustment["right_mm"] == pytest.approx(3)
    assert adjustment["up_mm"] == pytest.approx(4)
    assert adjustment["turn_deg"] == pytest.approx(5)
    assert adjustment["moved"] == pytest.approx({"translation_mm": 5.0, "rotation_deg": 5.0})
    assert len(adjustment["angiograms"]) == 2
    np.testing.assert_allclose(adjustment["pose"], back.pose, rtol=0, atol=1e-9)
    np.testing.assert_allclose(report["pose"], back.automatic_pose, rtol=0, atol=1e-9)
    assert report["software"]["application"] == "3D Slicer 5.12.3"
    assert report["confidence"] is None


def test_report_of_an_untouched_pose_says_so_and_forgets_an_adjustment_that_was_taken_back(
    case: RegisteredCase,
) -> None:
    assert not note_adjustment(case)
    assert report_of(case)["adjustment"] is None
    adjust(case)
    assert note_adjustment(case)
    assert report_of(case)["adjustment"]["up_mm"] == pytest.approx(4)
    assert not note_adjustment(case), "said already"
    case.set_pose(case.automatic_pose)
    assert note_adjustment(case)
    assert report_of(case)["adjustment"] is None


def test_report_that_somebody_wrote_over_is_one_sentence(case: RegisteredCase) -> None:
    case.pose_node.GetNodeReference("DeepIterReg.report").SetText("[1]")
    with pytest.raises(InputError, match=r"^The registration's report cannot be read"):
        note_adjustment(case)


def test_saving_leaves_address_names_and_changes_of_the_scene_as_they_were(
    case: RegisteredCase, tmp_path: Path
) -> None:
    scene = case.pose_node.GetScene()
    scene.SetURL("/data/mine.mrml")
    scene.SetRootDirectory("/data")

    def state() -> list[tuple[str, bool, str]]:
        nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
        return [
            (node.GetName(), bool(node.GetModifiedSinceRead()), file_name(node))
            for node in nodes
            if node.IsA("vtkMRMLStorableNode")
        ]

    before = state()
    assert any(changed for _, changed, _ in before), "otherwise this test sees nothing"
    write_scene(scene, tmp_path / "scene.mrb")
    assert state() == before
    assert (scene.GetURL(), scene.GetRootDirectory()) == ("/data/mine.mrml", "/data")
    write_scene(scene, tmp_path / "again.mrb")
    assert files_in(tmp_path / "again.mrb") == files_in(tmp_path / "scene.mrb")


def test_node_saved_elsewhere_before_stays_saved(case: RegisteredCase, tmp_path: Path) -> None:
    storage = case.cta.CreateDefaultStorageNode()
    case.pose_node.GetScene().AddNode(storage)
    case.cta.SetAndObserveStorageNodeID(storage.GetID())
    storage.SetFileName(str(tmp_path / "mine.nrrd"))
    assert storage.WriteData(case.cta)
    assert not case.cta.GetModifiedSinceRead()
    write_scene(case.pose_node.GetScene(), tmp_path / "scene.mrb")
    assert storage.GetFileName() == str(tmp_path / "mine.nrrd")
    assert not case.cta.GetModifiedSinceRead()
    assert case.pose_node.GetModifiedSinceRead()


class WatchedScene:
    """A scene that tells where it was packed."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self.packed_in: list[Path] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scene, name)

    def WriteToMRB(self, *arguments: Any) -> bool:
        self.packed_in.append(Path(self._scene.GetCacheManager().GetRemoteCacheDirectory()))
        assert self.packed_in[-1].is_dir()
        return bool(self._scene.WriteToMRB(*arguments))


def test_scene_is_packed_in_a_folder_that_goes_unless_the_application_has_one(
    case: RegisteredCase, tmp_path: Path
) -> None:
    """Without a cache folder MRML packs at the root of the file system, where few may write."""
    scene = WatchedScene(case.pose_node.GetScene())
    write_scene(scene, tmp_path / "scene.mrb")
    assert scene.packed_in[0] != Path()
    assert not scene.packed_in[0].exists()
    assert not scene.GetCacheManager().GetRemoteCacheDirectory()
    (tmp_path / "cache").mkdir()
    scene.GetCacheManager().SetRemoteCacheDirectory(str(tmp_path / "cache"))
    write_scene(scene, tmp_path / "scene.mrb")
    assert scene.packed_in[1] == tmp_path / "cache"
    assert scene.GetCacheManager().GetRemoteCacheDirectory() == str(tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] in ([], [".slicer-cache"])


def test_scene_file_has_the_overlay_as_its_picture(case: RegisteredCase, tmp_path: Path) -> None:
    write_scene(case.pose_node.GetScene(), tmp_path / "scene.mrb", thumbnail_of([case]))
    with zipfile.ZipFile(tmp_path / "scene.mrb") as archive:
        (tmp_path / "picture.png").write_bytes(archive.read("scene/scene.png"))
    np.testing.assert_array_equal(png(tmp_path / "picture.png"), pictures_of(case)[0].overlay)


def test_scene_in_a_layout_of_ours_is_saved_in_one_that_every_slicer_knows(tmp_path: Path) -> None:
    case = registered_scene()
    scene = case.cta.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    assert arrange(scene, "one")
    ours, heard = node.GetViewArrangement(), []
    node.AddObserver("ModifiedEvent", lambda *_: heard.append(node.GetViewArrangement()))
    save_scene(scene, tmp_path / "scene.mrb")
    assert node.GetViewArrangement() == ours
    assert set(heard) <= {ours}
    saved = read_scene(tmp_path / "scene.mrb").GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert saved.GetViewArrangement() == saved.SlicerLayoutFourUpView
