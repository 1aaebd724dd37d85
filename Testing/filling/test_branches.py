"""The tree cut into branches."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.filling.branches import BRANCH_MM, VEIN_MM, branches
from DeepIterRegLib.preparation.cloud import VesselCloud

CELL_MM = 0.8


def line(start: list[float], end: list[float]) -> FloatArray:
    a, b = np.array(start), np.array(end)
    return a + np.linspace(0, 1, round(np.linalg.norm(b - a) / CELL_MM) + 1)[:, None] * (b - a)


def cloud_of(*arteries: FloatArray, veins: tuple[FloatArray, ...] = ()) -> VesselCloud:
    points = np.concatenate([*arteries, *veins]).astype(np.float32)
    is_vein = np.arange(len(points)) >= sum(len(each) for each in arteries)
    return VesselCloud(points, np.ones(len(points), dtype=np.float32), is_vein, CELL_MM, np.zeros(3))


TRUNK = line([0, 0, -70], [0, 0, 0])
FORK = (line([0, 0, 0], [50, 0, 30]), line([0, 0, 0], [-50, 0, 30]))


def branch_at(cloud: VesselCloud, cut, place: list[float]) -> int:
    return int(cut.of_point[np.linalg.norm(cloud.positions_mm - place, axis=1).argmin()])


def ancestors(cut, number: int) -> list[int]:
    found = [number]
    while cut.parent[found[-1]] >= 0:
        found.append(int(cut.parent[found[-1]]))
    return found


def test_a_fork_is_cut_by_distance_from_its_lowest_point():
    cloud = cloud_of(TRUNK, *FORK)
    cut = branches(cloud)
    root, left, right = (branch_at(cloud, cut, place) for place in ([0, 0, -70], [-50, 0, 30], [50, 0, 30]))
    assert cut.parent[root] == -1
    assert (cut.parent == -1).sum() == 1
    assert ancestors(cut, left)[-1] == ancestors(cut, right)[-1] == root
    assert left not in ancestors(cut, right)
    # The trunk of 70 mm in four, what is 10 mm beyond the fork still in its last; each arm of 58 mm in three more.
    along = (BRANCH_MM * np.arange(4) + BRANCH_MM / 2)[:, None] * [0, 0, 1] - [0, 0, 70]
    assert len({branch_at(cloud, cut, place) for place in along}) == 4
    assert len(cut) == 4 + 2 * 3


def test_a_piece_across_a_gap_hangs_on_the_trunk_and_one_far_away_on_nothing():
    across, far = line([6, 0, -20], [16, 0, -20]), line([0, 60, 50], [0, 70, 50])
    cloud = cloud_of(TRUNK, *FORK, across, far)
    cut = branches(cloud)
    assert cut.parent[branch_at(cloud, cut, [10, 0, -20])] == branch_at(cloud, cut, [0, 0, -20])
    assert cut.parent[branch_at(cloud, cut, [0, 65, 50])] == -1


def test_veins_are_cut_apart_from_arteries_that_they_touch_and_in_longer_pieces():
    cloud = cloud_of(TRUNK, veins=(TRUNK + [0.8, 0, 0],))
    cut = branches(cloud)
    assert not set(cut.of_point[cloud.is_vein]) & set(cut.of_point[~cloud.is_vein])
    assert cut.is_vein.sum() == np.ceil(70 / VEIN_MM)
    np.testing.assert_array_equal(cut.is_vein[cut.of_point], cloud.is_vein)


def test_a_speck_joins_the_branch_it_comes_from_and_nothing_has_no_branches():
    speck = TRUNK[20] + np.array([[1.2, 0, 0]])
    cloud = cloud_of(TRUNK, *FORK, speck)
    assert len(branches(cloud)) == len(branches(cloud_of(TRUNK, *FORK)))
    assert len(branches(VesselCloud.empty(CELL_MM, np.zeros(3)))) == 0
