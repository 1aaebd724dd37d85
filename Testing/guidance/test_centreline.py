"""Centrelines: the middle of a tube, its radius, its forks, the way along it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree

from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.guidance.trace import traced
from DeepIterRegLib.preparation.cloud import VesselCloud, joined
from Testing.guidance.tubes import cloud_of_tubes, forked_cloud, line


@cache
def forked() -> Centreline:
    return traced(forked_cloud())


def test_the_line_runs_in_the_middle_of_the_vessel_and_knows_its_radius():
    turn = np.linspace(0, 2 * np.pi, 2000)
    course = np.column_stack([20 * np.cos(turn), 20 * np.sin(turn), 6 * turn])
    centreline = traced(cloud_of_tubes((course, 1.8)))
    distances, nearest = cKDTree(course).query(centreline.points_mm)
    inner = (nearest > 100) & (nearest < 1900)
    assert np.median(distances[inner]) < 0.25
    assert distances[inner].max() < 0.8
    assert np.median(centreline.radii_mm[inner]) == pytest.approx(1.8, rel=0.1)
    # All of it, and nothing beside it.
    assert cKDTree(centreline.points_mm).query(course)[0].max() < 3.0
    assert len(centreline.curves()) == 1


def test_a_fork_has_three_curves_that_meet_there():
    curves = forked().curves()
    assert len(curves) == 3
    ends = np.array([forked().points_mm[curve[[0, -1]]] for curve in curves])
    lengths = sorted(np.linalg.norm(np.diff(forked().points_mm[curve], axis=0), axis=1).sum() for curve in curves)
    assert lengths == pytest.approx([32, 33.5, 40], abs=4)
    assert np.sort(np.linalg.norm(ends, axis=-1).ravel())[:3].max() < 4.0


def test_parents_come_first_and_the_root_is_the_lowest_point():
    centreline = forked()
    assert (centreline.parent < np.arange(len(centreline))).all()
    (root,) = np.flatnonzero(centreline.parent < 0)
    assert centreline.points_mm[root, 2] == pytest.approx(-40, abs=3)


def test_the_way_from_branch_to_branch_leads_over_the_fork():
    begin, end = forked().nearest(np.array([28.0, 0, 14])), forked().nearest(np.array([-23.0, 0, 18.4]))
    assert begin is not None
    assert end is not None
    way = forked().way(begin.index, end.index)
    assert way is not None
    assert way.gap_mm == 0
    assert np.linalg.norm(way.points_mm, axis=1).min() < 3
    assert np.linalg.norm(np.diff(way.points_mm, axis=0), axis=1).sum() == pytest.approx(31.3 + 29.5, rel=0.08)
    assert way.points_mm[:, 2].min() > -3, "the trunk is no part of it"


def test_the_nearest_point_lies_between_those_of_the_line():
    found = forked().nearest(np.array([2.5, 0.0, -17.3]))
    assert found is not None
    assert found.point_mm == pytest.approx([0, 0, -17.3], abs=0.5)
    assert found.distance_mm == pytest.approx(2.5, abs=0.4)


def test_a_gap_is_bridged_and_told_and_nothing_snaps_onto_the_bridge():
    # The farther piece is small beside the other: of two large ones each has a root of its own.
    centreline = traced(cloud_of_tubes((line((0, 0, -60), (0, 0, 0)), 3.0), (line((0, 0, 9), (0, 0, 30)), 1.0)))
    low, high = centreline.nearest(np.array([0, 0, -30.0])), centreline.nearest(np.array([0, 0, 25.0]))
    assert low is not None
    assert high is not None
    way = centreline.way(low.index, high.index)
    assert way is not None
    assert way.gap_mm == pytest.approx(9 - 3 - 1, abs=3)
    in_the_gap = centreline.nearest(np.array([0.0, 0.0, 4.5]))
    assert in_the_gap is not None
    assert in_the_gap.distance_mm > 1.5


def test_pieces_far_apart_have_no_way_between_them_and_a_speck_is_no_vessel():
    far = cloud_of_tubes((line((0, 0, -40), (0, 0, 0)), 2.0), (line((50, 0, -40), (50, 0, 0)), 2.0))
    speck = cloud_of_tubes((line((0, 60, 0), (0, 60, 2)), 1.0))
    centreline = traced(joined([far, speck]))
    one, other = centreline.nearest(np.array([0, 0, -20.0])), centreline.nearest(np.array([50, 0, -20.0]))
    assert one is not None
    assert other is not None
    assert centreline.way(one.index, other.index) is None
    assert centreline.points_mm[:, 1].max() < 10


def test_arteries_and_veins_are_told_apart():
    artery, vein = forked_cloud(), cloud_of_tubes((line((0, 8, -40), (0, 8, 30)), 3.0), is_vein=True)
    centreline = traced(joined([artery, vein]))
    assert np.median(centreline.points_mm[centreline.is_vein, 1]) == pytest.approx(8, abs=0.3)
    assert np.abs(centreline.points_mm[~centreline.is_vein, 1]).max() < 1.5


def test_without_vessels_there_is_no_centreline():
    assert len(traced(VesselCloud.empty(0.5, np.zeros(3)))) == 0
    assert Centreline.empty().nearest(np.zeros(3)) is None
    assert Centreline.empty().curves() == []
