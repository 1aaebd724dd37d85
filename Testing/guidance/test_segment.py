"""A piece of vessel is found in the cloud about a point, or between several."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.guidance.segment import Segment, segment_of
from DeepIterRegLib.preparation.cloud import VesselCloud
from Testing.support.tubes import line, tubes


def direction(segment: Segment, limb: int = 0) -> np.ndarray:
    points = segment.limbs[limb].points_mm
    way = points[-1] - points[0]
    return way / np.linalg.norm(way)


@pytest.mark.parametrize("radius_mm", [1.2, 2.0, 3.5])
@pytest.mark.parametrize("end", [(0, 0, 60), (40, 0, 40), (30, -40, 20)])
def test_a_straight_vessel_has_its_direction(end, radius_mm):
    course = line((0, 0, 0), end)
    middle = course[len(course) // 2]
    # A click lands on the wall.
    segment = segment_of(tubes((course, radius_mm)), middle + [radius_mm, 0, 0])
    assert not segment.is_fork
    assert abs(direction(segment) @ np.array(end) / np.linalg.norm(end)) > np.cos(np.radians(4))
    assert segment.limbs[0].radius_mm == pytest.approx(radius_mm, rel=0.3)
    along = np.array(end) / np.linalg.norm(end)
    off = segment.middle_mm - middle
    assert np.linalg.norm(off - along * (off @ along)) < 1
    assert abs(off @ along) < radius_mm + 2


def test_the_piece_is_as_long_as_asked_for():
    cloud = tubes((line((0, 0, -50), (0, 0, 50)), 1.5))
    for length_mm in (16.0, 30.0):
        assert np.ptp(segment_of(cloud, [0, 0, 0], length_mm).limbs[0].points_mm[:, 2]) == pytest.approx(
            length_mm, abs=4
        )


def test_a_fork_has_three_limbs_that_begin_where_it_parts():
    cloud = tubes(
        (line((0, 0, -40), (0, 0, 0)), 1.8), (line((0, 0, 0), (30, 0, 30)), 1.5), (line((0, 0, 0), (-30, 0, 30)), 1.5)
    )
    segment = segment_of(cloud, [0, 0, 0])
    assert segment.is_fork
    assert len(segment.limbs) == 3
    expected = np.array([(0, 0, -1), (0.7071, 0, 0.7071), (-0.7071, 0, 0.7071)])
    cosines = np.array([direction(segment, limb) for limb in range(3)]) @ expected.T
    assert (cosines.max(axis=1) > np.cos(np.radians(20))).all()
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2]
    assert np.linalg.norm(segment.middle_mm) < 3


def test_a_branch_farther_away_makes_no_fork():
    cloud = tubes((line((0, 0, -40), (0, 0, 40)), 1.8), (line((0, 0, 8), (30, 0, 30)), 1.2))
    assert not segment_of(cloud, [0, 0, 0]).is_fork


def test_several_points_mean_the_vessel_along_them():
    turn = np.linspace(0, np.pi, 200)
    arc = np.column_stack([25 * np.cos(turn), np.zeros_like(turn), 25 * np.sin(turn)])
    limb = segment_of(tubes((arc, 1.5)), arc[[10, -10]]).limbs[0]
    # Along the arc and not along its chord.
    assert np.abs(np.hypot(limb.points_mm[:, 0], limb.points_mm[:, 2]) - 25).max() < 2
    assert limb.radius_mm == pytest.approx(1.5, rel=0.35)


def test_a_vein_is_a_vein():
    cloud = tubes((line((0, 0, -30), (0, 0, 30)), 1.5), veins=[(line((20, 0, -30), (20, 0, 30)), 3.0)])
    assert not segment_of(cloud, [1, 0, 0]).of_veins
    assert segment_of(cloud, [19, 0, 0]).of_veins


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([60, 0, 0], "is 5. mm from the nearest vessel"),
        ([np.nan, 0, 0], "three finite numbers"),
        ([[0, 0, 0], [0.2, 0, 0.2]], "the same place"),
    ],
)
def test_what_is_no_piece_of_vessel_is_refused(points, said):
    with pytest.raises(InputError, match=said):
        segment_of(tubes((line((0, 0, -30), (0, 0, 30)), 1.5)), np.array(points))


def test_without_vessels_there_is_nothing_to_look_at():
    with pytest.raises(InputError, match="shows no vessels"):
        segment_of(VesselCloud.empty(1.0, np.zeros(3)), np.zeros(3))
