"""*Use this pose* and the colours of the vessels in the whole panel, with a worker that a test drives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.guidance.targets import Placed, placed_on
from DeepIterRegLib.mrml.nodes.registered_case import pose_nodes_of
from DeepIterRegLib.mrml.panel import background_preparation
from DeepIterRegLib.mrml.panel.coloured_vessels import legend_html
from DeepIterRegLib.mrml.panel.result import carried_text
from DeepIterRegLib.mrml.targets.target_nodes import placed_targets, points_node, show_targets
from DeepIterRegLib.mrml.views.coloured_vessels import coloured_by
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest
from Testing.mrml.nodes.test_carried_case import carried_outcome
from Testing.mrml.panel.test_panel import Case, case_in
from Testing.mrml.views.test_coloured_vessels import halves
from Testing.support.small_registration import OTHER_POSE, POSE


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    # On a busy machine the worker would have begun to prepare before a test presses a button.
    monkeypatch.setattr(background_preparation, "QUIET_MS", 10_000_000)
    with case_in(monkeypatch) as made:
        yield made


def press(case: Case, name: str) -> None:
    button = getattr(case.ui, name)
    case.opened.process_events(until=lambda: button.enabled)
    button.click()
    case.opened.process_events(until=lambda: case.worker.listener is not None)


def given_pose(requests: list[RegistrationRequest]) -> Any:
    """Of the last one."""
    return requests[-1].options.given_pose


def carry(case: Case, pose: Any = POSE) -> None:
    case.ui.dsaSelector.setCurrentNode(case.frontal)
    press(case, "usePoseButton")
    case.done(carried_outcome(pose))


def test_a_pose_is_used_on_another_run_and_the_earlier_result_comes_back_with_its_own(case: Case) -> None:
    assert not case.ui.usePoseButton.visible, "nothing is registered"
    case.register()
    assert not case.ui.usePoseButton.visible, "it was found on this run"
    assert not case.ui.refineCarriedButton.visible
    case.ui.dsaSelector.setCurrentNode(case.frontal)
    assert case.ui.usePoseButton.visible
    assert case.ui.usePoseButton.text == "Use the pose of DSA"
    carry(case)
    assert given_pose(case.worker.requests) == pytest.approx(POSE)
    assert case.worker.origins[-1].primary_angle_deg == pytest.approx(80.0)
    assert not case.worker.origins[-1].moved_by_hand
    assert [view.dsa for view in case.panel.case.views] == [case.frontal]
    assert "Carried over from the run at LAO 80°, CRA 5°, not registered." in case.ui.ofLabel.text
    assert not case.ui.usePoseButton.visible
    assert case.ui.refineCarriedButton.visible
    case.ui.dsaSelector.setCurrentNode(case.lateral)
    case.opened.process_events(0.05)
    assert [view.dsa for view in case.panel.case.views] == [case.lateral]
    assert case.panel.case.report["method"] == "default"
    assert not case.ui.refineCarriedButton.visible
    assert case.cta.GetParentTransformNode() is case.panel.case.pose_node
    assert len(pose_nodes_of(case.cta)) == 2


def test_a_carried_pose_is_refined_and_the_earlier_result_stays(case: Case) -> None:
    case.register()
    carry(case)
    press(case, "refineCarriedButton")
    assert given_pose(case.worker.requests) == pytest.approx(POSE)
    refined = carried_outcome(OTHER_POSE)
    case.done(replace(refined, report={**refined.report, "method": "default", "carried_from": None}))
    assert not case.ui.refineCarriedButton.visible
    np.testing.assert_allclose(case.panel.case.pose, OTHER_POSE)
    case.ui.dsaSelector.setCurrentNode(case.lateral)
    case.opened.process_events(0.05)
    np.testing.assert_allclose(case.panel.case.pose, POSE)


def test_a_pose_that_was_moved_by_hand_says_so(case: Case) -> None:
    case.register()
    case.ui.rightSlider.value = 3.0
    carry(case)
    assert case.worker.origins[-1].moved_by_hand


def test_what_cannot_be_carried_changes_nothing(case: Case) -> None:
    case.register()
    case.ui.dsaSelector.setCurrentNode(case.frontal)
    before = case.snapshot()
    press(case, "usePoseButton")
    case.worker.end("failed", InputError("It is another head."))
    assert case.snapshot() == before
    assert case.ui.stageLabel.text == "It is another head."
    assert len(pose_nodes_of(case.cta)) == 1


def test_vessels_are_coloured_by_what_the_worker_finds(case: Case) -> None:
    assert not case.ui.byFilledButton.enabled or not case.ui.overlayBody.enabled
    case.register()
    assert case.ui.byKindButton.checked
    assert not case.ui.colourLegendLabel.visible
    press(case, "byFilledButton")
    assert given_pose(case.worker.mapped) == pytest.approx(POSE)
    assert case.ui.byKindButton.checked, "until the answer is there"
    case.worker.end("done", halves())
    case.opened.process_events(until=lambda: coloured_by(case.panel.case) == "filled")
    assert case.ui.byFilledButton.checked
    assert "not filled" in case.ui.colourLegendLabel.text
    case.ui.byArrivalButton.click()
    assert coloured_by(case.panel.case) == "arrival", "it is known already"
    assert len(case.worker.mapped) == 1
    case.ui.rightSlider.value = 3.0
    case.opened.process_events(0.05)
    assert coloured_by(case.panel.case) == "kind", "of another pose nothing is known"
    assert case.ui.byKindButton.checked


def test_of_another_run_it_is_not_asked_and_a_failure_leaves_the_colours(case: Case) -> None:
    case.register()
    case.ui.dsaSelector.setCurrentNode(case.frontal)
    assert not case.ui.byFilledButton.enabled
    case.ui.dsaSelector.setCurrentNode(case.lateral)
    case.opened.process_events(0.05)
    press(case, "byArrivalButton")
    case.worker.end("failed", InputError("Nothing filled."))
    assert case.ui.byKindButton.checked
    assert case.ui.stageLabel.text == "Nothing filled."


def test_legends_say_what_the_colours_mean() -> None:
    assert legend_html("kind", None) == ""
    words = ("filled", "cannot tell", "not filled")
    assert [word for word in words if f"> {word}" in legend_html("filled", None).replace("</span>", ">")] == list(words)
    in_seconds = legend_html("arrival", (0.5, 7.25, "s"))
    assert "0.5 s" in in_seconds
    assert "7.2 s" in in_seconds
    assert "frame 1" in legend_html("arrival", (0.0, 9.0, "frame")), "counted from 1, as the slider counts"
    assert "not known" in legend_html("arrival", None)


def test_a_run_without_angles_is_another_run() -> None:
    assert carried_text({"carried_from": {"primary_angle_deg": None, "secondary_angle_deg": 1.0}}).startswith(
        "Carried over from another run"
    )
    text = carried_text({"carried_from": {"primary_angle_deg": -30.2, "secondary_angle_deg": -12.0}})
    assert "RAO 30°, CAU 12°" in text


def test_targets_go_along_to_another_run_and_back(case: Case) -> None:
    case.register()
    first = case.panel.case.pose_node
    clot = case.panel.case.vessels.positions_mm[:1].astype(float)
    show_targets(first, placed_on(Centreline.empty(), [Placed("clot", clot)]))
    carry(case, OTHER_POSE)
    carried = case.panel.case.pose_node
    assert carried is not first
    assert [target.name for target in placed_targets(carried)] == ["clot"]
    assert not placed_targets(first), "one list of the patient's targets, not two"
    world = [0.0, 0.0, 0.0]
    points_node(carried).GetNthControlPointPositionWorld(0, world)
    assert world == pytest.approx(apply(OTHER_POSE, clot[0]), abs=1e-3)
    case.ui.dsaSelector.setCurrentNode(case.lateral)
    assert case.panel.case.pose_node is first
    assert [target.name for target in placed_targets(first)] == ["clot"]
