"""The generated head, the stroke and the CT angiogram of a simulated patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.arteries.stroke import SITE_SHARES, Stroke, downstream_of, draw_stroke, in_clot
from DeepIterRegLib.research.simulate.ct.ct_angiogram import CtScan, scan
from DeepIterRegLib.research.simulate.ct.ct_detector import detect
from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan
from DeepIterRegLib.research.simulate.head import head_tissue
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.head_tissue import GeneratedHead
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.vessels.lumen import fill_balls, thinned
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel, centreline
from Testing.support.patients import average_anatomy

TRAITS = HeadTraits()
PLAN = CtPlan(columns=128, slices=100, voxel_mm=1.8, slice_mm=2.0, centre_mm=(0, 2, -30), noise_hu=8, sinus_hu=260)
HEAD_TO_PATIENT = np.eye(4)
HEAD_TO_PATIENT[:3, :3] = Rotation.from_euler("xyz", [12, -4, 6], degrees=True).as_matrix()
HEAD_TO_PATIENT[:3, 3] = 5.0, -150.0, 430.0


def around(point_mm: Sequence[float], head: GeneratedHead, turn_deg: float = 0.0) -> np.ndarray:
    """HU of a small grid whose middle voxel is at `point_mm` of the head's frame."""
    matrix = np.eye(4)
    matrix[:3, :3] = 0.7 * Rotation.from_euler("xyz", [turn_deg, turn_deg / 2, -turn_deg], degrees=True).as_matrix()
    matrix[:3, 3] = np.array(point_mm) - matrix[:3, :3] @ [4, 4, 4]
    return head.hu(matrix, (9, 9, 9), np.random.default_rng(7))


@pytest.mark.parametrize(
    ("place", "at_mm", "lowest", "highest"),
    [
        ("air in front of the face", (40, 112, -20), -1001, -999),
        ("inner table", (0.0, 0, 64.0), 900, 1800),
        ("outer table", (0.0, 0, 68.5), 900, 1800),
        ("white matter", (24, -18, 26), 5, 42),
        ("lateral ventricle", (9, 12, 15), 5, 20),
        ("clivus", (0, 0, -42), 250, 1700),
        ("brain stem's cistern", (0, -3, -36), 0, 36),
        ("eyeball", (31, 73, -39), 5, 20),
        ("fat behind the eye", (31, 57, -40), -100, -60),
        ("sphenoid sinus", (4, 26, -41), -1000, -900),
        ("maxillary sinus", (30, 62, -64), -1000, -900),
        ("ear canal", (56, -13, -51), -1000, -800),
        ("otic capsule", (36, -15.5, -44), 1000, 2000),
        ("dens", (0, -15, -80), 150, 1400),
        ("spinal cord", (0, -33, -95), 25, 45),
        ("throat", (0, 10, -100), -1001, -950),
        ("mandible", (45, 20, -100), 250, 1700),
        ("crown of an upper molar", (24.6, 56, -100), 1300, 2700),
    ],
)
def test_tissue_lies_where_anatomy_puts_it(
    place: str, at_mm: tuple[float, float, float], lowest: float, highest: float
) -> None:
    middle = around(at_mm, GeneratedHead(HeadShape(), replace(TRAITS, chin_drop_mm=0.0)))[4, 4, 4]
    assert lowest <= middle <= highest, place


def test_foramen_magnum_is_open_and_the_floor_beside_it_is_closed() -> None:
    head = GeneratedHead(HeadShape(), TRAITS)
    assert around((0, -40, -67), head)[4, 4, 4] < 120
    assert around((0, -56, -66.5), head).max() > 700


def test_a_turned_grid_shows_the_same_head() -> None:
    head = GeneratedHead(HeadShape(wider_right=0.01, skew=0.03), TRAITS)
    for point in ((0.0, 0.0, 64.0), (31.0, 73.0, -39.0), (52.0, -25.0, -55.0), (9.0, 12.0, 15.0)):
        straight, turned = around(point, head)[4, 4, 4], around(point, head, 17.0)[4, 4, 4]
        # Surfaces are held on a lattice that lies otherwise in the other grid.
        assert abs(straight - turned) < 130


def test_a_wider_head_has_its_bone_further_out() -> None:
    line = np.diag([0.25, 1, 1, 1])
    line[:3, 3] = 55, 0, 20

    def inner_table_mm(shape: HeadShape) -> float:
        hu = GeneratedHead(shape, TRAITS).hu(line, (1, 1, 120), np.random.default_rng(7))[0, 0]
        return 55 + 0.25 * int(np.argmax(hu > 600))

    assert inner_table_mm(HeadShape(scale=(1.08, 1, 1))) == pytest.approx(1.08 * inner_table_mm(HeadShape()), abs=0.5)


def test_traits_of_a_head_differ_and_stay_within_reason() -> None:
    drawn = [HeadTraits.random(np.random.default_rng(seed)) for seed in range(200)]
    assert 0.1 < np.std([traits.ventricle_scale for traits in drawn]) < 0.4
    assert {traits.missing_teeth for traits in drawn} == {0, 2, 5, 10, 28}
    assert any(min(traits.frontal_sinus) < 0.3 for traits in drawn)
    assert all(0.7 <= traits.ventricle_scale <= 1.5 for traits in drawn)


def straight(
    start: Sequence[float], end: Sequence[float], name: str, upstream: int | None = None, **more: object
) -> Vessel:
    points = centreline(np.array([start, end], dtype=float))
    return Vessel(name, points, np.full(len(points), 1.0), False, "right", upstream, **more)  # type: ignore[arg-type]


ICA = straight((0, 0, -40), (0, 0, 0), "ICA right")
M1 = straight((0, 0, 0), (20, 0, 0), "M1 right", 0)
M2 = straight((20, 0, 0), (40, 0, 0), "M2 superior right", 1)
A1 = straight((0, 0, 0), (-10, 0, 0), "A1 right", 0)
ACA = straight((-10, 0, 0), (-10, 0, 40), "pericallosal right", 3)
OTHER = straight((-30, 0, -40), (-30, 0, 0), "ICA left")
ACOM = straight((-30, 0, 0), (-10, 0, 0), "ACOM", 5, downstream=3)


def test_what_lies_behind_a_clot_is_the_rest_of_the_vessel_and_its_branches() -> None:
    stroke = Stroke("M1", "right", 1, 5.0, 8.0, 1)
    vessels = [ICA, M1, M2, A1, ACA]
    behind, clot = downstream_of(stroke, vessels), in_clot(stroke, vessels)
    along = STEP_MM * np.arange(len(M1.points_mm))
    assert np.array_equal(clot[1], (along >= 5.0) & (along < 13.0))
    assert np.array_equal(behind[1] > 0, along >= 13.0)
    assert behind[2].all()
    assert not any(part.any() for part in (behind[0], behind[3], behind[4], clot[2]))


def test_a_clot_longer_than_its_vessel_goes_on_in_the_branches() -> None:
    stroke = Stroke("ICA-T", "right", 0, 36.0, 10.0, 1)
    clot = in_clot(stroke, [ICA, M1, M2, A1, ACA])
    assert clot[0].sum() * STEP_MM == pytest.approx(4.0, abs=0.5)
    assert clot[1].sum() * STEP_MM == pytest.approx(6.0, abs=0.5)
    assert clot[3].sum() * STEP_MM == pytest.approx(6.0, abs=0.5)


def test_a_communicating_artery_fills_what_lies_behind_a_clot_from_the_other_side() -> None:
    stroke = Stroke("ICA-T", "right", 0, 36.0, 8.0, 1)
    without = downstream_of(stroke, [ICA, M1, M2, A1, ACA, OTHER])
    assert without[4].all()
    assert without[2].all()
    vessels = [ICA, M1, M2, A1, ACA, OTHER, ACOM]
    rescued = downstream_of(stroke, vessels)
    assert not rescued[3].any()
    assert not rescued[4].any()
    assert rescued[2].all()
    thin = replace(ACOM, radii_mm=np.full(len(ACOM.radii_mm), 0.2))
    assert downstream_of(stroke, [*vessels[:6], thin])[4].all()


def test_strokes_are_as_frequent_as_in_the_registry_and_collaterals_worse_with_a_blocked_carotid() -> None:
    vessels = average_anatomy().vessels
    strokes = [draw_stroke(vessels, np.random.default_rng(seed)) for seed in range(600)]
    for site, share in SITE_SHARES.items():
        assert np.mean([stroke.site == site for stroke in strokes]) == pytest.approx(share, abs=0.05)
    assert 0.4 < np.mean([stroke.side == "left" for stroke in strokes if stroke.side != "middle"]) < 0.6
    scores = {site: [s.collateral_score for s in strokes if s.site == site] for site in ("M1", "ICA-T")}
    assert np.mean(scores["ICA-T"]) < np.mean(scores["M1"]) - 0.15
    assert set(scores["M1"]) == {0, 1, 2, 3}
    for stroke in strokes:
        assert vessels[stroke.vessel].name.startswith(stroke.site.removesuffix("-T"))
        assert 0 <= stroke.from_mm <= STEP_MM * len(vessels[stroke.vessel].points_mm)


def test_a_tree_without_large_arteries_cannot_have_a_stroke() -> None:
    with pytest.raises(InputError, match="no carotid"):
        draw_stroke([ACA], np.random.default_rng(0))


@pytest.mark.parametrize("radius_mm", [0.3, 0.6, 1.5, 3.0])
def test_a_painted_vessel_holds_as_much_as_a_tube_of_its_radius(radius_mm: float) -> None:
    ijk_to_head = np.eye(4)
    ijk_to_head[:3, :3] = Rotation.from_euler("xyz", [10, 5, 30], degrees=True).as_matrix() @ np.diag([0.5, 0.5, 0.7])
    ijk_to_head[:3, 3] = ijk_to_head[:3, :3] @ [-30, -30, -30]
    points = centreline(np.array([[-4.0, -3, -6], [3, 5, 7]]))
    radii = np.full(len(points), radius_mm)
    keep = thinned(radii, STEP_MM)
    scratch = np.zeros((61, 61, 61), dtype=np.int32)
    filled = fill_balls(points[keep], radii[keep], np.full(len(keep), 350.0), np.linalg.inv(ijk_to_head), scratch)
    length = STEP_MM * (len(points) - 1)
    # Balls stand out at both ends by two thirds of a radius each.
    expected = np.pi * radius_mm**2 * (length + 4 / 3 * radius_mm)
    assert filled.fill.sum() * 0.5 * 0.5 * 0.7 == pytest.approx(expected, rel=0.12)
    assert not scratch.any()
    assert (np.diff(filled.voxels) > 0).all()
    assert (filled.hu == 350).all()


def test_where_two_vessels_share_a_voxel_the_fuller_one_decides_its_brightness() -> None:
    points = np.array([[5.0, 5, 5], [5.4, 5, 5]])
    scratch = np.zeros((11, 11, 11), dtype=np.int32)
    filled = fill_balls(points, np.array([2.0, 0.3]), np.array([100.0, 400.0]), np.eye(4), scratch)
    middle = np.flatnonzero(filled.voxels == np.ravel_multi_index((5, 5, 5), (11, 11, 11)))
    assert filled.hu[middle] == 100


def taken(plan: CtPlan = PLAN, stroke: Stroke | None = None, vessels: list[Vessel] | None = None) -> CtScan:
    anatomy = Anatomy(GeneratedHead(HeadShape(), TRAITS), tuple(vessels or average_anatomy().vessels))
    return scan(anatomy, stroke, HEAD_TO_PATIENT, plan, np.random.default_rng(5))


@pytest.fixture(scope="module")
def late_scan() -> CtScan:
    return taken()


def indices(vessel: Vessel, result: CtScan) -> tuple[np.ndarray, ...]:
    """k, j, i of the voxels nearest to a vessel's points, those within the volume."""
    patient = vessel.points_mm @ HEAD_TO_PATIENT[:3, :3].T + HEAD_TO_PATIENT[:3, 3]
    to_ijk = np.linalg.inv(result.volume.ijk_to_ras)
    kji = np.round(patient @ to_ijk[:3, :3].T + to_ijk[:3, 3]).astype(int)[:, ::-1]
    return tuple(kji[((kji >= 0) & (kji < result.volume.voxels.shape)).all(axis=1)].T)


def test_contrast_lies_in_the_vessels_of_a_turned_head(late_scan: CtScan) -> None:
    vessels = average_anatomy().vessels
    voxels = late_scan.volume.voxels
    carotid = indices(next(vessel for vessel in vessels if vessel.name == "ICA left"), late_scan)
    sinus = indices(next(vessel for vessel in vessels if vessel.name == "superior sagittal sinus"), late_scan)
    assert np.median(voxels[carotid]) == pytest.approx(PLAN.artery_hu, abs=70)
    assert np.median(voxels[sinus]) == pytest.approx(PLAN.sinus_hu, abs=60)
    assert late_scan.artery_mask[carotid].mean() > 0.9
    assert late_scan.skull_vein_mask[sinus].mean() > 0.7
    assert not (late_scan.skull_vein_mask & ~late_scan.vein_mask).any()


def test_head_without_contrast_shows_blood_where_the_vessels_are(late_scan: CtScan) -> None:
    plain = late_scan.plain_head
    assert plain.voxels.dtype == np.int16
    assert np.array_equal(plain.ijk_to_ras, late_scan.volume.ijk_to_ras)
    vessels = average_anatomy().vessels
    basilar = indices(next(vessel for vessel in vessels if vessel.name == "basilar"), late_scan)
    assert 20 < np.median(plain.voxels[basilar]) < 80
    away = ~(late_scan.artery_mask | late_scan.vein_mask)
    assert abs(np.median(late_scan.volume.voxels[away].astype(float) - plain.voxels[away])) < 5


def test_early_scan_has_no_veins_to_find() -> None:
    early = taken(replace(PLAN, sinus_hu=70, cortical_vein_hu=65, deep_vein_hu=65, jugular_hu=60))
    assert early.artery_mask.sum() > 500
    assert not early.vein_mask.any()


def test_no_vessel_is_seen_outside_the_skin() -> None:
    points = centreline(np.array([[0.0, 60, 20], [0, 125, 20]]))
    stray = Vessel("STA frontal left", points, np.full(len(points), 2.0), False, "left")
    result = taken(vessels=[stray])
    inside, outside = (indices(replace(stray, points_mm=part), result) for part in (points[20:40], points[-40:-5]))
    assert np.median(result.volume.voxels[inside]) > 300
    assert result.volume.voxels[outside].max() < -900
    assert not result.artery_mask[outside].any()


def test_nothing_enhances_behind_a_clot_without_collaterals_and_nearly_all_with_good_ones() -> None:
    vessels = average_anatomy().vessels
    index = next(number for number, vessel in enumerate(vessels) if vessel.name == "M1 left")
    stroke = Stroke("M1", "left", index, 2.0, 6.0, 0)
    m2 = next(vessel for vessel in vessels if vessel.name == "M2 superior left")
    poor, good = taken(stroke=stroke), taken(stroke=replace(stroke, collateral_score=3))
    where = indices(m2, poor)
    assert np.median(poor.volume.voxels[where]) < 90
    assert not poor.artery_mask[where].any()
    assert np.median(good.volume.voxels[where]) > np.median(poor.volume.voxels[where]) + 60


def test_plaques_are_dense_with_and_without_contrast() -> None:
    siphons = CtPlan(columns=120, slices=60, voxel_mm=0.5, slice_mm=0.6, centre_mm=(0, 14, -34), noise_hu=8)
    anatomy = Anatomy(GeneratedHead(HeadShape(), TRAITS), average_anatomy().vessels)
    scans = [scan(anatomy, None, HEAD_TO_PATIENT, siphons, np.random.default_rng(seed)) for seed in range(4)]
    plaques = [(result, plaque) for result in scans for plaque in result.calcifications if "siphon" in plaque.where]
    result, plaque = max(plaques, key=lambda item: len(item[1].points_mm) * item[1].radii_mm.mean())
    grain = Vessel("grain", plaque.points_mm, plaque.radii_mm, False, "left")
    assert result.plain_head.voxels[indices(grain, result)].max() > 0.8 * plaque.hu
    assert result.volume.voxels[indices(grain, result)].max() > 0.5 * plaque.hu
    assert plaque.where in result.defects["plaques"]
    assert len({len(item.calcifications) for item in scans}) > 1


def test_equal_seeds_give_equal_scans_on_any_number_of_threads(
    late_scan: CtScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_tissue.os, "cpu_count", lambda: 1)
    alone = taken()
    assert np.array_equal(alone.volume.voxels, late_scan.volume.voxels)
    assert np.array_equal(alone.plain_head.voxels, late_scan.plain_head.voxels)


def test_noise_is_as_strong_as_planned_and_weaker_at_the_edge() -> None:
    plan = CtPlan(columns=256, slices=30, voxel_mm=1.0, slice_mm=1.0, noise_hu=15.0)
    voxels = detect(np.zeros((30, 256, 256), dtype=np.float32), plan, np.random.default_rng(1))
    assert voxels[:, 118:138, 118:138].std() == pytest.approx(15.0, rel=0.1)
    assert voxels[:, :20, :20].std() < 9
    neighbours = np.corrcoef(voxels[:, 120:136, 120:135].ravel(), voxels[:, 120:136, 121:136].ravel())[0, 1]
    assert neighbours > 0.5


def test_kernel_blurs_an_edge_and_a_sharp_one_overshoots() -> None:
    edge = np.zeros((20, 64, 64), dtype=np.float32)
    edge[:, :, 32:] = 1000
    plan = CtPlan(columns=64, slices=20, voxel_mm=0.5, slice_mm=0.5, noise_hu=0.0, blur_mm=0.5)
    soft = detect(edge, plan, np.random.default_rng(0))
    sharp = detect(edge, replace(plan, sharpening=0.6), np.random.default_rng(0))
    assert 0 < soft[10, 32, 31] < 500 < soft[10, 32, 32] < 1000
    assert soft.max() == 1000
    assert sharp.max() > 1020


def test_plans_stay_in_the_range_of_clinical_scanners() -> None:
    plans = [CtPlan.random(np.random.default_rng(seed)) for seed in range(300)]
    assert all(0.45 <= plan.voxel_mm <= 0.7 and 0.5 <= plan.slice_mm <= 0.8 for plan in plans)
    assert all(8 <= plan.noise_hu <= 22 and 180 < plan.artery_hu < 540 for plan in plans)
    tops = [plan.centre_mm[2] + plan.slices * plan.slice_mm / 2 for plan in plans]
    bottoms = [plan.centre_mm[2] - plan.slices * plan.slice_mm / 2 for plan in plans]
    assert 80 < min(tops) < max(tops) < 98
    assert -142 < min(bottoms) < max(bottoms) < -103
    veins = np.array([plan.sinus_hu for plan in plans])
    assert np.percentile(veins, 5) < 150
    assert np.percentile(veins, 95) > 250
    coarse = CtPlan.random(np.random.default_rng(1), columns=128)
    assert coarse.voxel_mm * 128 == pytest.approx(CtPlan.random(np.random.default_rng(1)).voxel_mm * 512)


def test_a_plan_without_voxels_is_refused() -> None:
    with pytest.raises(ValueError, match="16 columns"):
        CtPlan(columns=8)
