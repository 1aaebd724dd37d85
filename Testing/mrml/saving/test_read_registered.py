"""What another run needs of a scene's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array
from DeepIterRegLib.mrml.nodes.scene import new_scene, open_scenes, write_scene
from DeepIterRegLib.mrml.saving.read_registered import read_registered
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from Testing.support.registered_scene import registered_scene
from Testing.support.small_registration import OTHER_POSE, POSE, small_volume


def test_the_cta_its_pose_and_where_it_comes_from_are_read(tmp_path: Path) -> None:
    case = registered_scene(views=1)
    save_scene(case.cta.GetScene(), tmp_path / "scene.mrb")
    count = len(open_scenes())
    found = read_registered(tmp_path / "scene.mrb")
    assert len(open_scenes()) == count, "the scene is closed again"
    np.testing.assert_array_equal(found.volume.voxels, small_volume().voxels)
    np.testing.assert_allclose(found.volume.ijk_to_ras, small_volume().ijk_to_ras, atol=1e-6)
    assert found.volume.kind == "cta"
    np.testing.assert_allclose(found.pose, POSE, atol=1e-6)
    assert found.origin.primary_angle_deg == pytest.approx(80.0)
    assert not found.origin.moved_by_hand


def test_a_pose_that_a_hand_moved_is_the_one_in_use(tmp_path: Path) -> None:
    case = registered_scene(views=1)
    case.set_pose(OTHER_POSE)
    save_scene(case.cta.GetScene(), tmp_path / "scene.mrb")
    found = read_registered(tmp_path / "scene.mrb")
    np.testing.assert_allclose(found.pose, OTHER_POSE, atol=1e-6)
    assert found.origin.moved_by_hand


def test_other_files_and_other_scenes_get_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "scene.mrb").write_bytes(b"no scene")
    with pytest.raises(InputError, match=r"scene\.mrb is not a Slicer scene"):
        read_registered(tmp_path / "scene.mrb")
    write_scene(new_scene(), tmp_path / "other.mrb")
    with pytest.raises(InputError, match=r"other\.mrb holds no registration of this software"):
        read_registered(tmp_path / "other.mrb")
    scene = registered_scene(views=1).cta.GetScene()
    registered_scene(views=1, scene=scene)
    save_scene(scene, tmp_path / "two.mrb")
    with pytest.raises(InputError, match="holds 2 registered CTAs"):
        read_registered(tmp_path / "two.mrb")


def test_a_cta_that_was_moved_since_is_refused(tmp_path: Path) -> None:
    case = registered_scene(views=1)
    moved = rigid(translation_mm=np.array([5.0, 0, 0])) @ small_volume().ijk_to_ras
    case.cta.SetIJKToRASMatrix(matrix_of_array(moved))
    save_scene(case.cta.GetScene(), tmp_path / "scene.mrb")
    with pytest.raises(InputError, match="moved or hardened"):
        read_registered(tmp_path / "scene.mrb")
