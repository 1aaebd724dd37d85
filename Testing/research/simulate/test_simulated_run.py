"""An angiographic run over a small anatomy: what the detector shows, when, and what spoils it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.vessels.tube_cloud import tube_cloud
from DeepIterRegLib.research.simulate.x_ray.catheter import Catheter
from DeepIterRegLib.research.simulate.x_ray.detector import blurred, transmission
from DeepIterRegLib.research.simulate.x_ray.doubling import doubled
from DeepIterRegLib.research.simulate.x_ray.dsa_run import XRayRun
from DeepIterRegLib.research.simulate.x_ray.head_projection import HeadShadow
from DeepIterRegLib.research.simulate.x_ray.line_integrals import line_integrals
from DeepIterRegLib.research.simulate.x_ray.motion import Motion
from DeepIterRegLib.research.simulate.x_ray.run_plan import BloodFlow, RunPlan
from DeepIterRegLib.research.simulate.x_ray.scatter import scattered
from DeepIterRegLib.research.simulate.x_ray.shutter import Shutter
from DeepIterRegLib.research.simulate.x_ray.x_ray_run import expose
from Testing.support.patients import CLEAN_PLAN, POSE, TABLE_MM, average_anatomy, average_head, lateral_carm

SIZE = 128


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return average_anatomy()


@pytest.fixture(scope="module")
def head() -> Volume:
    return average_head()


def carm(alpha: float = 90.0) -> CArm:
    return lateral_carm(SIZE, alpha)


def run_of(
    anatomy, head, plan=CLEAN_PLAN, injected="ICA left", stroke=None, treated=False, alpha=90.0, seed=0
) -> XRayRun:
    return expose(
        anatomy, stroke=stroke, treated=treated, injected=injected, plain_head=head,
        head_to_patient=rigid(np.eye(3), TABLE_MM), pose=POSE, carm=carm(alpha), plan=plan,
        rng=np.random.default_rng(seed),
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(anatomy, head) -> XRayRun:
    return run_of(anatomy, head)


def pixels_of(anatomy: Anatomy, name: str, view: CArm) -> np.ndarray:
    """(N, 2) row and column of a vessel's centreline inside the picture."""
    points = next(vessel.points_mm for vessel in anatomy.vessels if vessel.name == name)
    column_row = np.round(project(apply(POSE, points + TABLE_MM), view)).astype(int)
    inside = (column_row >= 1).all(axis=1) & (column_row < SIZE - 1).all(axis=1)
    return column_row[inside][:, ::-1]


def darkness(run: XRayRun, rows_columns: np.ndarray) -> np.ndarray:
    """(T,) how much darker than the middle of the range the frames are there, on average."""
    frames = 2048 - run.subtracted_frames.astype(float)
    return frames[:, rows_columns[:, 0], rows_columns[:, 1]].mean(axis=1)


def test_equal_plans_and_generators_give_equal_runs(anatomy, head, run):
    again = run_of(anatomy, head)
    np.testing.assert_array_equal(run.frames, again.frames)
    assert (run_of(anatomy, head, seed=1).frames != run.frames).any()


def test_frames_are_12_bits_and_the_first_is_an_unfilled_mask(run):
    assert run.frames.dtype == run.subtracted_frames.dtype == np.uint16
    assert run.frames.shape == (20, SIZE, SIZE)
    assert run.subtracted_frames.shape == (19, SIZE, SIZE)
    assert run.frames.max() <= 4095
    first = run.subtracted_frames[0].astype(float) - 2048
    assert abs(np.median(first)) < 4
    assert np.percentile(np.abs(first), 99) < 120


def test_carotid_then_brain_then_veins_then_sinuses(anatomy, run):
    times = CLEAN_PLAN.times_s[1:]
    peaks = {}
    for name in ("ICA left", "M4 central left", "vein of Trolard left"):
        peaks[name] = float(times[darkness(run, pixels_of(anatomy, name, run.carm)).argmax()])
    assert 0.5 <= peaks["ICA left"] <= 3
    # What lies on top of a thin artery in so coarse a picture has its own time.
    assert peaks["ICA left"] <= peaks["M4 central left"] <= peaks["vein of Trolard left"] - 1
    index = {vessel.name: n for n, vessel in enumerate(anatomy.vessels)}
    carotid, cortical = run.arrival_s[index["ICA left"]], run.arrival_s[index["M4 central left"]]
    assert carotid.min() < carotid[-1] < cortical[0] < cortical[-1] < 3.5
    sinus = run.arrival_s[index["superior sagittal sinus"]]
    assert 3.5 < sinus[np.isfinite(sinus)].mean() < 8


def test_truth_follows_the_injected_side(anatomy, run):
    for index, vessel in enumerate(anatomy.vessels):
        assert run.arrival_s[index].shape == run.fraction[index].shape == (len(vessel.points_mm),)
        assert (np.isfinite(run.arrival_s[index]) == (run.fraction[index] > 0)).all(), vessel.name
        if vessel.name.startswith(("M1", "M4", "A1")):
            assert run.fraction[index][-1] == pytest.approx(1.0 if vessel.side == "left" else 0.0, abs=0.02), (
                vessel.name
            )
    on, off = pixels_of(anatomy, "ICA left", run.carm), pixels_of(anatomy, "vein of Trolard left", run.carm)
    assert np.median(run.arteries_mm[on[:, 0], on[:, 1]]) > 2
    assert np.median(run.veins_mm[off[:, 0], off[:, 1]]) > 0.1
    assert run.arteries_mm.max() < 25


def test_territory_behind_a_clot_is_empty_before_treatment_and_fills_after(anatomy, head, run):
    m1 = next(n for n, vessel in enumerate(anatomy.vessels) if vessel.name == "M1 left")
    stroke = Stroke("M1", "left", m1, 4.0, 8.0, 0)
    before = run_of(anatomy, head, stroke=stroke)
    after = run_of(anatomy, head, stroke=stroke, treated=True)
    m4 = next(n for n, vessel in enumerate(anatomy.vessels) if vessel.name == "M4 angular left")
    assert not before.fraction[m4].any()
    np.testing.assert_allclose(after.arrival_s[m4], run.arrival_s[m4], rtol=0.2)
    at = pixels_of(anatomy, "M4 angular left", run.carm)
    assert darkness(after, at).max() > 3 * darkness(before, at).max()
    carotid = pixels_of(anatomy, "ICA left", run.carm)
    assert darkness(before, carotid).max() > 0.6 * darkness(after, carotid).max()


def test_vertebral_injection_fills_the_posterior_fossa(anatomy, head):
    # One of the vertebral arteries goes on as the basilar, the other opens into it.
    index = {vessel.name: n for n, vessel in enumerate(anatomy.vessels)}
    v4 = anatomy.vessels[anatomy.vessels[index["basilar"]].upstream]
    larger = anatomy.vessels[v4.upstream].name
    posterior = run_of(anatomy, head, injected=larger)
    for name in ("basilar", "SCA left", "SCA right", "P2 left"):
        assert posterior.fraction[index[name]][-1] > 0.3, name
    assert posterior.fraction[index["M1 left"]].max() < 0.1
    assert posterior.arrival_s[index["SCA left"]][-1] < 3


def test_two_views_of_one_flow_show_the_same_circulation(anatomy, head, run):
    frontal = run_of(anatomy, head, replace(CLEAN_PLAN, motion=Motion(jerk_mm=(0.5, 0, 0))), alpha=0.0, seed=7)
    for one, other in zip(run.arrival_s, frontal.arrival_s, strict=True):
        np.testing.assert_array_equal(one, other)
    at = pixels_of(anatomy, "ICA left", carm(0.0))
    assert np.median(frontal.arteries_mm[at[:, 0], at[:, 1]]) > 2


def test_an_artery_that_is_not_there_cannot_be_injected(anatomy, head):
    with pytest.raises(InputError, match="'ICA middle' to inject"):
        run_of(anatomy, head, injected="ICA middle")


def test_a_head_that_moves_leaves_ghosts_of_the_skull(anatomy, head, run):
    moved = run_of(anatomy, head, replace(CLEAN_PLAN, motion=Motion(jerk_s=3.0, jerk_mm=(0, 0, 2.0), returns=0.0)))
    view = moved.carm
    vertex = np.round(project(apply(POSE, TABLE_MM + [[0, y, 66.0] for y in (-20.0, 0.0, 20.0)]), view)).astype(int)
    strip = [(slice(None), slice(row - 8, row + 8), column) for column, row in vertex]
    # Before the jerk the mask fits, after it not.
    spread = [np.mean([np.ptp(r.subtracted_frames[part].astype(float), axis=1) for part in strip], axis=0)
              for r in (run, moved)]  # fmt: skip
    late, early = CLEAN_PLAN.times_s[1:] > 4, CLEAN_PLAN.times_s[1:] < 2.5
    assert spread[1][late].mean() > 2 * spread[0][late].mean()
    assert spread[1][early].mean() < 1.5 * spread[0][early].mean()
    assert max(moved.defects["head_displacement_px"]) == pytest.approx(
        2.0 * 1150 / 750 / view.pixel_spacing_mm[0], rel=0.1
    )


def test_swallowing_moves_the_jaw_and_not_the_vault(anatomy, head, run):
    plan = replace(CLEAN_PLAN, motion=Motion(jaw_deg=4.0, jaw_s=4.0))
    moved = run_of(anatomy, head, plan)
    frame = int(np.abs(CLEAN_PLAN.times_s[1:] - 4.5).argmin())
    change = np.abs(moved.subtracted_frames[frame].astype(float) - run.subtracted_frames[frame].astype(float))
    column, row = np.round(project(apply(POSE, TABLE_MM + [[0, 50.0, -102.0]]), run.carm)[0]).astype(int)
    vault = change[: SIZE // 2].mean()
    assert change[row - 6 : row + 6, column - 12 : column + 12].mean() > vault + 10


def test_shutter_is_black_and_its_tags_tell_where(anatomy, head, tmp_path):
    shutter = Shutter("rectangular", left=0.125, right=1.0, upper=0.0, lower=0.875)
    shuttered = run_of(anatomy, head, replace(CLEAN_PLAN, shutter=shutter))
    assert not shuttered.frames[:, :, : SIZE // 8 - 4].any()
    assert not shuttered.subtracted_frames[:, SIZE - SIZE // 8 + 4 :].any()
    assert (shuttered.subtracted_frames[:, : SIZE // 2, SIZE // 4 :] > 0).all()
    path = write_xa(shuttered, tmp_path / "dsa.dcm")
    data = pydicom.dcmread(path)
    assert (data.CollimatorShape, data.CollimatorLeftVerticalEdge) == ("RECTANGULAR", SIZE // 8 + 1)
    valid = read_angiogram(path).valid
    assert valid.mean() == pytest.approx((7 / 8) ** 2, abs=0.02)


@pytest.mark.parametrize("shape", ["circular", "rectangular"])
def test_tags_of_round_and_turned_shutters_agree_with_the_pixels(anatomy, head, tmp_path, shape):
    shutter = Shutter(shape, 0.08, 0.92, 0.08, 0.95, 6.0 if shape == "rectangular" else 0.0)
    shuttered = run_of(anatomy, head, replace(CLEAN_PLAN, shutter=shutter))
    lit = shuttered.frames.any(axis=0)
    valid = read_angiogram(write_xa(shuttered, tmp_path / "dsa.dcm")).valid
    assert (lit ^ valid).mean() < 0.05
    assert not (valid & ~lit).any()


def test_written_run_reads_back_with_dark_vessels(anatomy, head, run, tmp_path):
    angiogram = read_angiogram(write_xa(run, tmp_path / "dsa.dcm"))
    np.testing.assert_allclose(angiogram.carm.projection_matrix, run.carm.projection_matrix, rtol=1e-5, atol=1e-3)
    minip = angiogram.frames.min(axis=0)
    filled = run.arteries_mm > 1.5
    assert filled.sum() > 50
    assert np.median(minip[filled]) < np.percentile(minip[run.arteries_mm + run.veins_mm < 0.01], 5)


def test_catheter_ends_the_column_of_contrast_and_is_seen_in_the_mask(anatomy, head, run):
    with_guide = run_of(anatomy, head, replace(CLEAN_PLAN, catheter=Catheter(below_base_mm=5.0, french=8.0)))
    assert with_guide.defects["catheter_tip_mm"] > 30
    ica = next(n for n, vessel in enumerate(anatomy.vessels) if vessel.name == "ICA left")
    assert with_guide.fraction[ica][0] == 0.0 < run.fraction[ica][0]
    at = pixels_of(anatomy, "ICA left", run.carm)
    below = at[at[:, 0] > SIZE - 20]
    darker = run.frames[0].astype(float) - with_guide.frames[0].astype(float)
    assert len(below) > 5
    assert darker[below[:, 0], below[:, 1]].mean() > 20


def test_plans_differ_and_keep_to_what_clinics_do():
    plans = [RunPlan.random(np.random.default_rng(seed)) for seed in range(200)]
    assert all(15 <= plan.frames <= 30 and plan.frames_per_second in (3.0, 4.0) for plan in plans)
    assert all(plan.times_s[0] < 0 for plan in plans)
    ends = np.array([plan.times_s[-1] for plan in plans])
    assert 0.03 < np.mean(ends < 5.6) < 0.25
    assert {plan.shutter.shape for plan in plans} == {"none", "rectangular", "circular"}
    flow = BloodFlow.random(np.random.default_rng(3))
    assert RunPlan.random(np.random.default_rng(4), flow).flow == flow
    still = RunPlan.random(np.random.default_rng(4), motion_scale=0.0).motion
    np.testing.assert_allclose(still.head(5.0)[:3, :3], np.eye(3))


def test_shadow_of_the_head_is_its_line_integral(head):
    """Summed by slabs and planes it is what every voxel by itself adds up to."""
    k, j, i = np.nonzero(head.voxels > -900)
    places = apply(head.ijk_to_ras, np.column_stack([i, j, k]).astype(float))
    density = 1 + head.voxels[k, j, i] / 1000
    for alpha in (90.0, 0.0):
        water, bone = HeadShadow.of(head, POSE, carm(alpha)).seen(POSE, carm(alpha))
        expected = line_integrals(places, density * np.prod(head.spacing_mm), POSE, carm(alpha).binned(2))
        found = (water + bone).reshape(SIZE // 2, 2, SIZE // 2, 2).mean(axis=(1, 3))
        inside = expected > 50
        # Below the volume the neck goes on in the shadow alone.
        inside[-SIZE // 8 :] = False
        assert np.median(np.abs(found - expected)[inside]) < 0.02 * np.median(expected[inside])


def test_moved_shadow_is_that_of_the_moved_head(head):
    shift = POSE @ rigid(np.eye(3), np.array([0.0, 3.0, -2.0]))
    from_planes = HeadShadow.of(head, POSE, carm()).seen(shift, carm())
    afresh = HeadShadow.of(head, shift, carm()).seen(shift, carm())
    still = HeadShadow.of(head, POSE, carm()).seen(POSE, carm())
    for one, other, unmoved in zip(from_planes, afresh, still, strict=True):
        assert np.abs(one - other).mean() < 0.15 * np.abs(unmoved - other).mean()


def test_jaw_is_part_of_the_whole_head(head):
    whole = HeadShadow.of(head, POSE, carm()).seen(POSE, carm())
    parts = HeadShadow.of(head, POSE, carm(), rigid(np.eye(3), -TABLE_MM))
    assert [plane.moves_with_jaw for plane in parts.planes] == [False, True, False, True]
    assert all(plane.bone_mm.any() for plane in parts.planes)
    for one, other in zip(whole, parts.seen(POSE, carm()), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-2)


def test_contrast_behind_thick_bone_is_paler():
    water, contrast = np.full((2, 2), 150.0, np.float32), np.full((2, 2), 4.0, np.float32)
    depths = []
    for bone_mm in (0.0, 40.0):
        bone = np.full((2, 2), bone_mm, np.float32)
        beam = [transmission(water, bone, path, 180.0)[0, 0] for path in (0 * contrast, contrast)]
        depths.append(float(np.log(beam[0] / beam[1])))
    assert 0.3 < depths[1] < 0.9 * depths[0] < 1.2


def test_scatter_has_no_edges_and_the_share_it_is_told():
    primary = np.full((128, 128), 100.0, np.float32)
    np.testing.assert_allclose(scattered(primary, 0.25, 1.0, 1000.0), 100 / 3, rtol=1e-4)
    primary[:, 64:] = 500.0
    assert np.abs(np.diff(scattered(primary, 0.25, 1.0, 1000.0), axis=1)).max() < 10


def test_blur_keeps_light_and_correlates_neighbours():
    image = np.zeros((16, 16), np.float32)
    image[8, 8] = 1.0
    spread = blurred(image, 0.15)
    assert spread.sum() == pytest.approx(1.0)
    assert spread[8, 7] == pytest.approx(0.15 * 0.7)
    np.testing.assert_allclose(blurred(np.ones((8, 8), np.float32), 0.15), 1.0, rtol=1e-6)


def test_doubling_keeps_a_slope_and_its_place():
    slope = np.add.outer(np.arange(8.0), 2 * np.arange(6.0)).astype(np.float32)
    large = doubled(slope, 2)
    assert large.shape == (32, 24)
    rows, columns = (np.arange(32) - 1.5) / 4, (np.arange(24) - 1.5) / 4
    expected = np.add.outer(rows, 2 * columns)
    np.testing.assert_allclose(large[4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-5)


def test_points_of_a_tube_stand_for_its_volume(anatomy):
    vessel = anatomy.vessels[0]
    points, volume, owner, ahead = tube_cloud(vessel, 0.4)
    length = np.linalg.norm(np.diff(vessel.points_mm, axis=0), axis=1).sum()
    assert volume.sum() == pytest.approx(length * np.pi * (vessel.radii_mm**2).mean(), rel=0.03)
    distance = np.linalg.norm(points - vessel.points_mm[owner], axis=1)
    assert (distance < np.hypot(vessel.radii_mm[owner], 0.3)).all()
    assert np.abs(ahead).max() <= 0.5
