"""A carried pose in a scene: the registration that it comes from stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes import result_nodes
from DeepIterRegLib.mrml.nodes.arrays import to_parent_of
from DeepIterRegLib.mrml.nodes.carried_case import registration_of, show_carried, use_registration_of
from DeepIterRegLib.mrml.nodes.registered_case import pose_nodes_of, registered_case, registered_cases
from DeepIterRegLib.mrml.nodes.scene import new_scene, read_scene
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.registration.report import build_report
from DeepIterRegLib.registration.result import CarriedFrom, Outcome, outcome_of
from Testing.support.small_registration import (
    FRONTAL,
    LATERAL,
    OTHER_POSE,
    POSE,
    FakeRegister,
    small_angiogram,
    small_volume,
)


def carried_outcome(pose: Any = POSE) -> Outcome:
    frontal = small_angiogram(FRONTAL, frames=1, shutter_px=0)
    found = FakeRegister(pose)(PatientImages(small_volume(), (frontal,)))
    found = replace(found, method="carried", carried_from=CarriedFrom(80.0, 5.0, "registered"))
    return outcome_of(found, build_report(found, compare_views(found)))


class Scene:
    """A CTA that is registered to its lateral run, and a frontal run."""

    def __init__(self) -> None:
        self.scene = new_scene()
        logic = DeepIterRegLogic(self.scene, FakeRegister())
        self.cta = logic.load_cta(small_volume())
        self.lateral = logic.load_dsa(small_angiogram(LATERAL))
        self.frontal = logic.load_dsa(small_angiogram(FRONTAL, frames=1, shutter_px=0))
        logic.register(self.cta, [self.lateral])


@pytest.fixture
def made() -> Scene:
    return Scene()


def test_the_earlier_result_stays_and_comes_back_with_its_run(made: Scene) -> None:
    before = registered_case(made.cta)
    assert before is not None
    report = dict(before.report)
    show_carried(made.scene, made.cta, [made.frontal], carried_outcome())
    now = registered_case(made.cta)
    assert now is not None
    assert now.report["method"] == "carried"
    assert [view.dsa for view in now.views] == [made.frontal]
    assert now.is_applied
    assert now.pose_node is not before.pose_node
    assert len(pose_nodes_of(made.cta)) == 2
    assert not use_registration_of(made.cta, [made.frontal]), "it is in use"
    assert not use_registration_of(made.cta, [made.frontal, made.lateral]), "nobody registered both"
    assert use_registration_of(made.cta, [made.lateral])
    back = registered_case(made.cta)
    assert back is not None
    assert back.pose_node is before.pose_node
    assert dict(back.report) == report
    assert back.is_applied
    np.testing.assert_array_equal(back.pose, before.automatic_pose)


def test_a_pose_that_is_carried_again_replaces_the_one_before(made: Scene) -> None:
    for pose in (POSE, OTHER_POSE):
        show_carried(made.scene, made.cta, [made.frontal], carried_outcome(pose))
    assert len(pose_nodes_of(made.cta)) == 2
    np.testing.assert_allclose(to_parent_of(registration_of(made.cta, [made.frontal])), OTHER_POSE)


def test_both_are_saved_and_the_one_in_use_comes_first(made: Scene, tmp_path: Path) -> None:
    show_carried(made.scene, made.cta, [made.frontal], carried_outcome())
    save_scene(made.scene, tmp_path / "scene.mrb")
    cases = registered_cases(read_scene(tmp_path / "scene.mrb"))
    assert [case.report["method"] for case in cases] == ["carried", "default"]
    assert cases[0].cta is cases[1].cta


def test_a_failure_leaves_the_earlier_result_in_use(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no room")

    before = registered_case(made.cta)
    assert before is not None
    monkeypatch.setattr(result_nodes, "store_provenance", broken)
    with pytest.raises(RuntimeError, match="no room"):
        show_carried(made.scene, made.cta, [made.frontal], carried_outcome())
    after = registered_case(made.cta)
    assert after is not None
    assert after.pose_node is before.pose_node
    assert after.is_applied
    assert len(pose_nodes_of(made.cta)) == 1
