"""The working angle of vessels whose answer is known by geometry."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from DeepIterRegLib.geometry.carm import CArm, direction_of_angles
from DeepIterRegLib.geometry.pose import PATIENT_AXES
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.reach import Reach
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.guidance.readings import readings_of
from DeepIterRegLib.guidance.segment import Limb, Segment, resampled
from DeepIterRegLib.guidance.working_angle import APART_DEG, OTHERS_MM, SAMPLE_MM, WorkingAngles, working_angles
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import gathered
from Testing.support.tubes import line, tubes

FRONTAL = CArm.from_angles(0.0, 0.0, 1200.0, 800.0, 0.6, 512, 512)
NONE = VesselCloud.empty(1.0, np.zeros(3))


def straight(start, end, radius_mm: float = 1.0) -> Segment:
    return Segment((Limb(line(start, end), radius_mm),))


def at(angles: WorkingAngles, values: np.ndarray, primary_deg: float, secondary_deg: float) -> float:
    column = int(np.flatnonzero(angles.primary_deg == primary_deg)[0])
    row = int(np.flatnonzero(angles.secondary_deg == secondary_deg)[0])
    return float(values[row, column])


def test_a_vertical_vessel_is_foreshortened_by_the_cosine_of_the_secondary_angle():
    angles = working_angles(straight((0, 0, -10), (0, 0, 10)), NONE, np.eye(4), FRONTAL)
    for primary_deg in (-90.0, -30.0, 0.0, 60.0):
        for secondary_deg in (-44.0, -20.0, 0.0, 30.0):
            expected = 1 - np.cos(np.radians(secondary_deg))
            assert at(angles, angles.foreshortening, primary_deg, secondary_deg) == pytest.approx(expected, abs=1e-3)
    assert angles.best[0].secondary_deg == 0
    assert not angles.overlap.any()


def test_a_vessel_from_back_to_front_is_seen_from_the_side():
    angles = working_angles(straight((0, -10, 0), (0, 10, 0)), NONE, np.eye(4), FRONTAL)
    assert at(angles, angles.foreshortening, 0.0, 0.0) > 0.98
    assert at(angles, angles.foreshortening, 30.0, 0.0) == pytest.approx(0.5, abs=2e-3)
    assert abs(angles.best[0].primary_deg) == 90
    assert angles.today.foreshortening > 0.98
    assert angles.best[0].foreshortening < 1e-3


def test_foreshortening_is_what_is_missing_of_the_projected_length():
    segment = straight((3, -8, -4), (-5, 9, 6))
    angles = working_angles(segment, NONE, np.eye(4), FRONTAL)
    ends = segment.limbs[0].points_mm[[0, -1]]
    length_mm = np.linalg.norm(ends[1] - ends[0])
    for primary_deg, secondary_deg in ((0.0, 0.0), (40.0, 20.0), (-70.0, -30.0)):
        pixels = project(ends, FRONTAL.at_angles(primary_deg, secondary_deg))
        seen_mm = np.linalg.norm(pixels[1] - pixels[0]) * 0.6 * 800 / 1200
        assert at(angles, angles.foreshortening, primary_deg, secondary_deg) == pytest.approx(
            1 - seen_mm / length_mm, abs=0.02
        )


def test_the_pose_turns_the_vessel():
    turn = rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]))
    angles = working_angles(straight((0, -10, 0), (0, 10, 0)), NONE, turn, FRONTAL)
    assert angles.today.foreshortening < 1e-3


def test_a_vessel_that_crosses_covers_as_much_as_is_crossed():
    """40 mm of vessel upwards; 30 mm in front of it another one from right to left, which is 2 mm thick."""
    others = tubes((line((-40, 30, 0), (40, 30, 0)), 1.0))
    angles = working_angles(straight((0, 0, -20), (0, 0, 20)), others, np.eye(4), FRONTAL)
    # Its own radius and that of the other, on both sides, and a cell.
    assert at(angles, angles.overlap, 0.0, 0.0) == pytest.approx((2 + 2 + 1) / 40, abs=0.05)
    # From above the crossing moves down, by the tangent, until it is below the vessel.
    assert at(angles, angles.overlap, 0.0, 20.0) > 0.05
    assert at(angles, angles.overlap, 0.0, 28.0) > 0.05
    assert at(angles, angles.overlap, 0.0, 42.0) == 0
    assert at(angles, angles.overlap, 0.0, -42.0) == 0
    # From the side both run side by side.
    assert at(angles, angles.overlap, 90.0, 0.0) == 0
    assert all(sight.overlap == 0 for sight in angles.best)


def test_of_what_covers_the_side_makes_no_difference():
    segment = straight((0, 0, -20), (0, 0, 20))
    front, behind = (
        working_angles(segment, tubes((line((-40, y, 0), (40, y, 0)), 1.0)), np.eye(4), FRONTAL) for y in (30, -30)
    )
    assert front.today.overlap == pytest.approx(behind.today.overlap, abs=0.04)


def test_a_vein_covers_no_artery():
    segment = straight((0, 0, -20), (0, 0, 20))
    veins = tubes((line((100, 0, 0), (101, 0, 0)), 1.0), veins=[(line((-40, 30, 0), (40, 30, 0)), 1.0)])
    assert working_angles(segment, veins, np.eye(4), FRONTAL).today.overlap == 0


def test_the_vessel_itself_covers_nothing():
    course = line((0, 0, -60), (0, 0, 60))
    angles = working_angles(straight((0, 0, -10), (0, 0, 10), 2.0), tubes((course, 2.0)), np.eye(4), FRONTAL)
    assert angles.today.overlap == 0


def test_overlap_is_that_of_the_projections():
    """Against points that are projected: another way to the same answer."""
    random = np.random.default_rng(7)
    cloud = VesselCloud(
        random.uniform(-60, 60, (3000, 3)).astype(np.float32), np.ones(3000, np.float32), np.zeros(3000, bool), 1.0,
        np.zeros(3),
    )  # fmt: skip
    segment = straight((-12, 5, -14), (10, -6, 12), 1.0)
    angles = working_angles(segment, cloud, np.eye(4), FRONTAL)
    nodes = gathered(cloud, max(OTHERS_MM, 1.7))
    ends = resampled(segment.limbs[0].points_mm, SAMPLE_MM)
    points = (ends[1:] + ends[:-1]) / 2
    others = np.asarray(nodes.positions_mm, dtype=np.float64)
    others = others[cKDTree(points).query(others)[0] > 2 + nodes.cell_mm]
    for column, row in zip(random.integers(0, 91, 8), random.integers(0, 45, 8), strict=True):
        carm = FRONTAL.at_angles(angles.primary_deg[column], angles.secondary_deg[row])
        apart_mm = 0.6 * np.linalg.norm(project(points, carm)[:, None] - project(others, carm)[None], axis=2)
        depth_mm = (others - carm.source_mm) @ carm.normal
        reach_mm = (1 + nodes.cell_mm / 2) * carm.sdd_mm / depth_mm
        covered = (apart_mm < reach_mm).any(axis=1)
        # Within half a millimetre nobody has to agree.
        sure = covered == (apart_mm < 1.15 * reach_mm).any(axis=1)
        sure &= covered == (apart_mm < 0.85 * reach_mm).any(axis=1)
        found = angles.overlap[row, column] * len(points)
        assert covered[sure].sum() - 0.5 <= found <= (covered | ~sure).sum() + 0.5


def test_a_fork_is_seen_with_all_its_limbs():
    """A fork in the coronal plane is open from the front; from the side two limbs cover each other."""
    limbs = [Limb(line((0, 0, 0), end), 1.0) for end in ((0, 0, -12), (9, 0, 9), (-9, 0, 9))]
    angles = working_angles(Segment(tuple(limbs)), NONE, np.eye(4), FRONTAL)
    assert angles.today.foreshortening < 0.01
    assert angles.today.overlap < 0.01
    assert (angles.best[0].primary_deg, angles.best[0].secondary_deg) == (0, 0)
    assert at(angles, angles.foreshortening, 90.0, 0.0) == pytest.approx(1 - np.sqrt(0.5), abs=0.02)
    assert at(angles, angles.overlap, 90.0, 0.0) > 0.3


def test_the_list_holds_three_that_differ_within_the_reach():
    reach = Reach(rao_deg=20, lao_deg=30, caudal_deg=10, cranial_deg=25)
    angles = working_angles(straight((0, -10, 0), (0, 10, 0)), NONE, np.eye(4), FRONTAL, reach=reach)
    assert (angles.primary_deg[0], angles.primary_deg[-1]) == (-20, 30)
    assert (angles.secondary_deg[0], angles.secondary_deg[-1]) == (-10, 24)
    assert len(angles.best) == 3
    rays = np.array([direction_of_angles(sight.primary_deg, sight.secondary_deg) for sight in angles.best])
    apart = np.degrees(np.arccos(np.clip(rays @ rays.T, -1, 1)))
    assert apart[~np.eye(3, dtype=bool)].min() >= APART_DEG - 1e-6
    assert angles.best[0].visible >= angles.best[1].visible >= angles.best[2].visible


def test_of_equal_angles_the_nearest_is_first():
    carm = FRONTAL.at_angles(50.0, 12.0)
    best = working_angles(straight((0, 0, -10), (0, 0, 10)), NONE, np.eye(4), carm).best[0]
    assert (best.primary_deg, best.secondary_deg) == (50.0, 0.0)


def test_what_leaves_the_detector_is_said():
    carm = CArm.from_angles(0.0, 0.0, 1200.0, 800.0, 0.6, 128, 128)
    angles = working_angles(straight((0, 30, -10), (0, 30, 10)), NONE, np.eye(4), carm)
    assert angles.today.in_view
    aside = working_angles(straight((0, 30, -10), (0, 30, 10)), NONE, np.eye(4), carm.at_angles(90.0, 0.0))
    assert not aside.today.in_view


def test_the_same_input_gives_the_same_map():
    cloud = tubes((line((-40, 30, 0), (40, 30, 10)), 1.0))
    one, two = (working_angles(straight((0, 0, -9), (4, 5, 9)), cloud, np.eye(4), FRONTAL) for _ in range(2))
    np.testing.assert_array_equal(one.visible, two.visible)
    assert one.best == two.best


@pytest.mark.parametrize("position", sorted(PATIENT_AXES))
@pytest.mark.parametrize("by_table", [True, False])
def test_both_readings_of_an_angle_mean_one_ray_through_the_patient(position, by_table):
    """The tags of a run are read in one of two ways (`registration/start.py`): the pose says in which."""
    axes = PATIENT_AXES[position]
    pose = rigid(axes if by_table else np.eye(3))
    readings = readings_of(pose, position)
    ray = direction_of_angles(35.0, -20.0)
    in_patient = axes.T @ ray
    # As the registration has it: into the C-arm frame, and back by the pose.
    through = pose[:3, :3].T @ direction_of_angles(*readings.carm_angles(35.0, -20.0))
    np.testing.assert_allclose(through, in_patient, atol=1e-9)
    np.testing.assert_allclose(direction_of_angles(*readings.patient_angles(35.0, -20.0)), in_patient, atol=1e-9)
    np.testing.assert_allclose(readings.table_angles(*readings.carm_angles(35.0, -20.0)), (35.0, -20.0))
    assert readings.differ == (position != "HFS")


def test_angles_are_written_in_both_readings_where_they_differ():
    assert readings_of(np.eye(4)).words(-30.0, 12.4) == "RAO 30, CRA 12"
    feet_first = readings_of(rigid(PATIENT_AXES["FFS"]), "FFS")
    assert feet_first.words(-30.0, 12.0) == "LAO 30, CAU 12 (patient), RAO 30, CRA 12 (table)"


@pytest.mark.parametrize("by_table", [True, False])
def test_the_machines_reach_is_the_tables(by_table):
    """A patient who lies prone, a vessel from back to front: the arm still turns to its own side."""
    axes = PATIENT_AXES["HFP"]
    pose = rigid(axes if by_table else np.eye(3))
    readings = readings_of(pose, "HFP")
    carm = FRONTAL if by_table else FRONTAL.at_angles(180.0, 0.0)
    angles = working_angles(
        straight((0, -10, 0), (0, 10, 0)), NONE, pose, carm, reach=Reach(0, 80, 10, 10), readings=readings
    )
    assert angles.today.primary_deg == pytest.approx(0, abs=1e-6)
    assert angles.best[0].primary_deg == 80
    in_patient = apply(rigid(axes.T), direction_of_angles(80.0, 0.0)[None])[0]
    assert readings.patient_angles(80.0, 0.0)[0] == pytest.approx(np.degrees(np.arctan2(-in_patient[0], in_patient[1])))


@pytest.mark.parametrize("position", ["HFDL", "FFDR", "FFS"])
@pytest.mark.parametrize("by_table", [True, False])
def test_the_map_has_todays_angle_where_the_arm_stands(position, by_table):
    pose = rigid(PATIENT_AXES[position] if by_table else np.eye(3))
    readings = readings_of(pose, position)
    carm = FRONTAL.at_angles(*readings.carm_angles(30.0, 10.0))
    angles = working_angles(straight((2, -10, 3), (-6, 10, 9)), NONE, pose, carm, readings=readings)
    assert (angles.today.primary_deg, angles.today.secondary_deg) == pytest.approx((30, 10))
    assert at(angles, angles.foreshortening, 30.0, 10.0) == pytest.approx(angles.today.foreshortening, abs=1e-4)
    assert angles.best[0].foreshortening < angles.today.foreshortening
