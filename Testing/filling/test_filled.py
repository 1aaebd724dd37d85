"""Which branches a run fills."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from DeepIterRegLib.filling.branches import branches
from DeepIterRegLib.filling.evidence import BranchView
from DeepIterRegLib.filling.filled import BEGINS, ROOT, STAYS, filling, on_tree
from DeepIterRegLib.geometry.pose import radiological_pose
from Testing.support.vessel_tree_case import CENTRE_MM, FRONTAL, prepared_angiogram, tree_cloud

POSE = radiological_pose(CENTRE_MM)


def test_probabilities_on_a_tree_are_those_of_all_its_states_counted():
    parent = np.array([2, 0, -1, 2, 3, -1])
    odds = np.array([1.2, -0.7, 0.4, -2.0, 3.0, -0.3])
    total, filled = 0.0, np.zeros(6)
    for states in itertools.product((0, 1), repeat=6):
        weight = 1.0
        for number, state in enumerate(states):
            above = ROOT if parent[number] < 0 else (STAYS if states[parent[number]] else BEGINS)
            weight *= (above if state else 1 - above) * np.exp(odds[number] * state)
        total += weight
        filled += weight * np.array(states)
    np.testing.assert_allclose(on_tree(odds, parent), filled / total, rtol=1e-9)


def test_what_flows_on_from_an_empty_branch_is_doubted():
    chain = np.array([-1, 0, 1])
    alone, behind = on_tree(np.array([4.0, 4.0, 0.0]), chain), on_tree(np.array([4.0, -4.0, 0.0]), chain)
    assert alone[2] > 0.8
    assert behind[2] < 0.3
    with pytest.raises(ValueError, match="circle"):
        on_tree(np.zeros(2), np.array([1, 0]))


@pytest.fixture(scope="module")
def of_one_side():
    cloud = tree_cloud()
    left = cloud.subset(~cloud.is_vein & (cloud.positions_mm[:, 0] < CENTRE_MM[0]))
    return cloud, prepared_angiogram(POSE, FRONTAL, shown=[left])


def test_an_injection_of_one_side_fills_that_side(of_one_side):
    cloud, run = of_one_side
    found = filling(cloud, [run], POSE)
    is_left = np.array([
        (cloud.positions_mm[found.branches.of_point == number, 0] < CENTRE_MM[0]).mean() > 0.5
        for number in range(len(found.branches))
    ])  # fmt: skip
    arteries = ~found.branches.is_vein
    states = np.array([found.state(number) for number in range(len(found.branches))])
    assert (states[arteries & is_left] == "filled").mean() > 0.5
    assert (states[arteries & is_left] == "not filled").mean() < 0.15
    assert (states[arteries & ~is_left] == "not filled").mean() > 0.6
    assert not (states[arteries & ~is_left] == "filled").any()


def test_what_another_branch_hides_and_what_is_out_of_view_is_said(of_one_side):
    cloud, run = of_one_side
    cut = branches(cloud)
    view = BranchView(cloud, cut, run)
    found = view.evidence(POSE)
    assert (found.own <= 1 + 1e-6).all()
    assert 0.2 < found.own.mean() < 0.98
    beside = POSE.copy()
    beside[:3, 3] += 1000 * FRONTAL.column_direction
    nothing = view.evidence(beside)
    assert not nothing.seen_mm2.any()
    np.testing.assert_array_equal(nothing.covered, 0)
