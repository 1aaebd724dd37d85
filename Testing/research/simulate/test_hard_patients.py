"""The disturbances of the hard cohort: each does what its name says, and leaves alone what it shall."""

from __future__ import annotations

import jsonschema
import numpy as np
import pytest

from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.research.evaluate.cohort import SimulatedCohort
from DeepIterRegLib.research.simulate.ct.ct_angiogram import CtScan, plain_head, scan
from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan
from DeepIterRegLib.research.simulate.ct.ct_reformat import cut, slice_at, thickened
from DeepIterRegLib.research.simulate.disturbances import ALTERNATIVES, SHARES, draw_disturbances
from DeepIterRegLib.research.simulate.files.truth import plain, truth_of, truth_schema
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.hard_patient import draw_objects
from DeepIterRegLib.research.simulate.head.craniotomy import Craniotomy
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.head_tissue import GeneratedHead
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.head_variety import HeadVariety
from DeepIterRegLib.research.simulate.head.posture import JOINT_MM, NECK_MM, Posture, draw_postures
from DeepIterRegLib.research.simulate.patient import PatientOptions, SimulatedPatient, simulate_patient, views_of
from DeepIterRegLib.research.simulate.x_ray.beam_objects import BeamObject, BeamTube, headrest, pins, table
from DeepIterRegLib.research.simulate.x_ray.beam_shadow import BeamShadow
from DeepIterRegLib.research.simulate.x_ray.field_of_view import SEEN, narrowed
from DeepIterRegLib.research.simulate.x_ray.glare import Glare
from DeepIterRegLib.research.simulate.x_ray.own_grid import OwnGrid
from DeepIterRegLib.research.simulate.x_ray.shutter import Shutter
from Testing.support.patients import POSE, TABLE_MM, average_anatomy, lateral_carm

SKULL_MM = np.array([(0, 90, 20), (70, 0, 10), (0, -80, -30), (0, 60, -80), (20, 84, -100), (45, -24, -70)], float)
"""Vault, occiput, palate, upper teeth, mastoid."""
PLACE = rigid(np.eye(3), TABLE_MM)
PLAN = CtPlan(columns=100, slices=90, voxel_mm=2.4, slice_mm=2.4, centre_mm=(0, 4, -22))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def small_scan() -> CtScan:
    return scan(average_anatomy(), None, PLACE, PLAN, rng(3))


def hard(seed: int, *names, **options) -> SimulatedPatient:
    return simulate_patient(seed, PatientOptions(detector_px=128, ct_columns=128, disturbances=names, **options))


def test_calibrated_patients_have_no_disturbance_but_the_requested():
    assert all(not draw_disturbances(seed, "calibrated") for seed in range(50))
    assert draw_disturbances(3, "calibrated", ("jaw", "shunt")) == {"jaw", "shunt"}


def test_hard_patients_have_their_shares_of_each():
    drawn = [draw_disturbances(seed, "hard") for seed in range(600)]
    for name, share in SHARES.items():
        assert np.mean([name in found for found in drawn]) == pytest.approx(share, abs=0.07), name
    for group in ALTERNATIVES:
        assert max(len(found & set(group)) for found in drawn) == 1
    assert not any(found & {"craniotomy", "shunt", "electrodes"} for found in drawn)


def test_a_posture_leaves_the_skull_alone():
    held = Posture(15.0, (-15.0, 4.0, 5.0))
    np.testing.assert_allclose(held.tissue_at_rest(SKULL_MM), SKULL_MM, atol=0.6)
    np.testing.assert_allclose(held.moved(SKULL_MM), SKULL_MM, atol=0.6)


def test_an_open_mouth_lowers_the_chin_and_bending_forward_moves_the_neck_forward():
    chin, neck = np.array([[0.0, 78.0, -135.0]]), np.array([[0.0, -17.0, -139.0]])
    opened = Posture(12.0).moved(chin)[0] - chin[0]
    lever_mm = np.linalg.norm(chin[0] - JOINT_MM)
    assert np.linalg.norm(opened) == pytest.approx(np.radians(12) * lever_mm, rel=0.1)
    assert opened[2] < -10
    bent = Posture(0.0, (12.0, 0.0, 0.0)).moved(neck)[0] - neck[0]
    assert bent[1] == pytest.approx(np.sin(np.radians(12)) * (NECK_MM[2] - neck[0, 2]), rel=0.15)


@pytest.mark.parametrize("held", [Posture(15.0, (6.0, 5.0, 5.0)), Posture(0.0, (-15.0, -6.0, 8.0))])
def test_vessels_go_where_the_tissue_around_them_goes(held: Posture):
    points = rng().uniform([-60, -70, -145], [60, 90, -40], (4000, 3))
    back = held.tissue_at_rest(held.moved(points))
    assert np.percentile(np.linalg.norm(back - points, axis=1), 99) < 0.5


def test_either_examination_may_have_the_open_mouth():
    pairs = [draw_postures(True, True, rng(seed), rng(seed + 100)) for seed in range(30)]
    assert {ct.jaw_deg > 0 for ct, _ in pairs} == {True, False}
    assert all((ct.jaw_deg > 0) != (run.jaw_deg > 0) for ct, run in pairs)
    nods = [run.neck_deg[0] for _, run in pairs]
    assert min(nods) < -5
    assert max(nods) > 5
    assert draw_postures(False, False, rng(), rng()) == (Posture(), Posture())


def test_teeth_turn_with_the_mandible_and_do_not_stretch():
    grid = np.diag([2.0, 2.0, 2.0, 1.0])
    grid[:3, 3] = (-60, -10, -160)
    head = GeneratedHead(HeadShape(), HeadTraits(missing_teeth=0))
    closed, opened = (one.hu(grid, (80, 60, 60), rng()) for one in (head, head.posed(Posture(12.0))))
    assert np.array_equal(closed[60:], opened[60:])  # above -40
    assert (opened > 1600).sum() == pytest.approx((closed > 1600).sum(), rel=0.15)
    # Between the rows of teeth there is nothing hard any more.
    z = round((-112 + 160) / 2)
    assert (closed[z, 22:, 15:45] > 900).sum() > 4 * (opened[z, 22:, 15:45] > 900).sum()


def test_a_rough_skull_is_the_same_head_with_other_bone():
    grid = np.diag([2.0, 2.0, 2.0, 1.0])
    grid[:3, 3] = (-80, -100, -10)
    smooth = GeneratedHead(HeadShape(), HeadTraits())
    rough = GeneratedHead(HeadShape(), HeadTraits(), HeadVariety.random(rng(1)))
    before, after = (head.hu(grid, (40, 100, 80), rng()) for head in (smooth, rough))
    changed = before != after
    assert np.isfinite(after).all()
    assert 0.01 < changed.mean() < 0.3
    assert not changed[10, 45:55, 35:45].any()  # the brain's middle


@pytest.mark.parametrize("state", ["missing", "plated"])
def test_a_bone_flap_is_cut_where_it_is(state):
    grid = np.diag([1.0, 1.0, 1.0, 1.0])
    grid[:3, 3] = (35, 30, -10)
    head = GeneratedHead(HeadShape(), HeadTraits())
    flap = Craniotomy((0.8, 0.45, 0.15), 25.0, state)
    whole, cut_open = (one.hu(grid, (40, 40, 45), rng()) for one in (head, head.posed(Posture(), flap)))
    lost = ((whole > 400) & (cut_open < 100)).sum() / (whole > 400).sum()
    assert lost > 0.5 if state == "missing" else 0.02 < lost < 0.4
    assert (cut_open > 4000).any() == (state == "plated")


def test_any_grid_shows_the_same_head(small_scan):
    same = plain_head(average_anatomy(), None, PLACE, PLAN.ijk_to_patient(PLACE), PLAN.size_kji, PLAN, rng(3))
    np.testing.assert_array_equal(same.voxels, small_scan.plain_head.voxels)
    grid = OwnGrid.random(PLACE, (1.0, 1.0, 1.0), 2.4, rng(4))
    own = plain_head(average_anatomy(), None, PLACE, grid.ijk_to_patient, grid.size_kji, PLAN, rng(3))
    ijk = np.array(np.meshgrid(*[np.arange(8, n - 8, 5) for n in grid.size_kji[::-1]])).reshape(3, -1).T
    at = (ijk @ grid.ijk_to_patient[:3, :3].T + grid.ijk_to_patient[:3, 3]) @ np.linalg.inv(
        small_scan.volume.ijk_to_ras
    )[:3, :3].T + np.linalg.inv(small_scan.volume.ijk_to_ras)[:3, 3]
    near = np.round(at).astype(int)
    inside = ((near >= 0) & (near < PLAN.size_kji[::-1])).all(axis=1)
    here = own.voxels[tuple(ijk[inside].T[::-1])]
    there = small_scan.plain_head.voxels[tuple(near[inside].T[::-1])]
    assert np.corrcoef(here, there)[0, 1] > 0.9
    assert np.abs(at - near)[inside].max() > 0.4


def test_thick_slices_are_means_in_their_place(small_scan):
    thick = thickened(small_scan, 3)
    assert thick.volume.spacing_mm == pytest.approx([2.4, 2.4, 7.2])
    first = small_scan.volume.voxels[:3].mean(axis=0)
    np.testing.assert_allclose(thick.volume.voxels[0], first, atol=0.51)
    middle = small_scan.volume.ijk_to_ras @ [5, 6, 1, 1]
    np.testing.assert_allclose(thick.volume.ijk_to_ras @ [5, 6, 0, 1], middle, atol=1e-9)
    assert thick.artery_mask.shape == thick.volume.voxels.shape
    assert thick.plain_head is small_scan.plain_head


def test_a_cut_field_keeps_its_place(small_scan):
    k = slice_at(small_scan, PLACE, -50.0)
    upper = cut(small_scan, k, 80)
    np.testing.assert_array_equal(upper.volume.voxels, small_scan.volume.voxels[k:80])
    np.testing.assert_allclose(upper.volume.ijk_to_ras @ [1, 2, 0, 1], small_scan.volume.ijk_to_ras @ [1, 2, k, 1])
    assert (small_scan.volume.ijk_to_ras @ [0, 0, k, 1])[2] - TABLE_MM[2] == pytest.approx(-50, abs=1.3)


def test_a_wire_takes_as_much_of_the_beam_as_it_is_thick():
    carm = lateral_carm(256)
    wire = BeamObject("wire", (BeamTube(np.array([[0.0, 0, z] for z in np.arange(-40, 40, 0.4)]), 1.0, bone=2.0),))
    water, bone = BeamShadow.of([wire], POSE @ PLACE, carm).still
    assert not water.any()
    across_mm = bone[128].sum() * carm.pixel_spacing_mm[1] * carm.sid_mm / carm.sdd_mm
    assert across_mm == pytest.approx(2.0 * np.pi, rel=0.1)


def test_pins_go_with_the_head_and_the_headrest_stays():
    shadow = BeamShadow.of([headrest(rng()), table(rng()), pins(rng(), (1, 1, 1))], POSE @ PLACE, lateral_carm(128))
    assert shadow.still[0].max() > 5
    assert not shadow.still[1].any()
    assert shadow.with_head is not None
    assert shadow.with_head[1].max() > 5


def test_only_what_was_chosen_is_in_the_beam():
    found = draw_objects(4, frozenset(("leads", "tubes", "jaw", "electrodes")), (1.0, 1.0, 1.0))
    assert [one.name for one in found] == ["leads", "tubes", "electrodes"]
    assert draw_objects(4, frozenset(), (1.0, 1.0, 1.0)) == ()


@pytest.mark.parametrize("kind", ["zoomed", "collimated"])
def test_a_narrow_field_shows_the_drawn_share_of_the_head(kind):
    carm, shares = lateral_carm(512), []
    for seed in range(6):
        found = narrowed(kind, carm, Shutter(), POSE @ PLACE, (1.0, 1.0, 1.0), rng(seed))
        shares.append(found.seen)
        # Tags tell angles, distances and pixels about the detector's centre, and no more.
        assert found.carm.principal_point_px == pytest.approx([(found.carm.columns - 1) / 2, (found.carm.rows - 1) / 2])
        assert found.carm.pixel_spacing_mm == carm.pixel_spacing_mm
        assert (found.carm.rows < carm.rows) == (kind == "zoomed")
    low, high = SEEN[kind]
    assert low - 0.06 < min(shares)
    assert max(shares) < high + 0.06


def test_glare_varies_over_the_field_about_an_even_share():
    glare = Glare.random(rng(2))
    pattern = glare.pattern(64, 64)
    assert pattern.mean() == pytest.approx(1, abs=1e-4)
    assert np.ptp(pattern) > 0.1
    dark = np.full((64, 64), 100.0, dtype=np.float32)
    beside = dark.copy()
    beside[:, :16] = 3000.0
    more = glare.added(beside, 0.3, 1.0, 100.0) - glare.added(dark, 0.3, 1.0, 100.0)
    assert more[32, 20] > more[32, 60] > 0


def test_a_grid_of_its_own_leaves_the_picture_where_it_was():
    usual, own = hard(5), hard(5, "own_grid")
    np.testing.assert_array_equal(usual.volume.voxels, own.volume.voxels)
    np.testing.assert_array_equal(usual.pose, own.pose)
    first, second = (patient.runs[0].frames[0].astype(float) for patient in (usual, own))
    open_beam = (first > 4000) | (second > 4000)
    assert np.corrcoef(first[~open_beam], second[~open_beam])[0, 1] > 0.97
    assert (first != second).any()


@pytest.mark.parametrize("seed", [1, 6])
def test_a_hard_patient_tells_what_was_done_to_it(seed, tmp_path):
    patient = hard(seed, "no_base", "thick_slices", "zoomed", "headrest", difficulty="hard")
    truth = plain(truth_of(patient))
    jsonschema.Draft202012Validator(truth_schema()).validate({**truth, "vessels": truth["vessels"][:5]})
    defects = truth["defects"]
    assert {"no_base", "thick_slices", "zoomed", "own_grid", "glare"} <= set(defects["disturbances"])
    run = defects["frontal" if "frontal" in defects else "lateral"]
    assert 0.2 < run["head_seen"] < 0.6
    assert run["objects"][0] == "headrest"
    assert defects["cta"]["slices averaged"] >= 2
    assert len(patient.volume.voxels) == np.diff(defects["cta"]["slices kept"])[0]
    np.testing.assert_allclose((patient.radiological_pose @ [*patient.volume.centre_mm, 1])[:3], 0, atol=1e-6)
    read = read_angiogram(write_xa(patient.runs[0], tmp_path / "dsa.dcm"))
    np.testing.assert_allclose(
        read.carm.projection_matrix, patient.runs[0].carm.projection_matrix, rtol=1e-4, atol=0.05
    )


def test_frontal_patients_have_the_frontal_run_first():
    both = PatientOptions(("lateral", "frontal"), disturbances=("frontal",))
    assert views_of(0, both) == ("frontal", "lateral")
    assert views_of(0, PatientOptions(disturbances=("frontal",))) == ("frontal",)
    assert views_of(0, PatientOptions(("lateral", "frontal"))) == ("lateral", "frontal")


def test_a_cohort_is_known_by_its_difficulty_and_its_files(tmp_path):
    skull = tmp_path / "head.nrrd"
    skull.touch()
    usual = SimulatedCohort(0, PatientOptions())
    others = [
        SimulatedCohort(0, PatientOptions(difficulty="hard")),
        SimulatedCohort(0, PatientOptions(disturbances=("jaw",))),
        SimulatedCohort(0, PatientOptions(), stored="exported"),
    ]
    assert all(other.identity("1") != usual.identity("1") for other in others)
    tenth = SimulatedCohort(0, PatientOptions(skull=skull), skull_share=0.1)
    real = [tenth.options_of(seed).skull is not None for seed in range(300)]
    assert 0.05 < np.mean(real) < 0.16
