"""The generated arteries: complete, connected, inside the head, as dense and as varied as real ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from DeepIterRegLib.research.simulate.arteries.anterior_cerebral import Callosum, grow_anterior_cerebrals
from DeepIterRegLib.research.simulate.arteries.arteries import grow_arteries
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.arteries.carotid import grow_carotid
from DeepIterRegLib.research.simulate.arteries.willis import SIDES, Circle, grow_anterior_part
from DeepIterRegLib.research.simulate.head.brain_surface import TEMPLATE_SKULL, Hemisphere
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel
from Testing.support.cases import CASES, needs_cases

SEEDS = range(4)
MCA, ACA, PCA = ("M1", "M2", "M4"), ("A2", "pericallosal", "ACA"), ("P2", "PCA")


def grown(seed: int) -> tuple[HeadShape, list[Vessel], dict[str, str]]:
    shape = HeadShape.random(stream(seed, "head"))
    return shape, *grow_arteries(shape, stream(seed, "arteries"))


@pytest.fixture(scope="module")
def people() -> list[tuple[HeadShape, list[Vessel], dict[str, str]]]:
    return [grown(seed) for seed in SEEDS]


def length_mm(points) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def root(vessels: list[Vessel], number: int) -> str:
    upstream = vessels[number].upstream
    return vessels[number].name if upstream is None else root(vessels, upstream)


def test_one_seed_gives_one_anatomy_and_another_seed_another(people):
    _, again, variants = grown(0)
    first = people[0][1]
    assert variants == people[0][2]
    assert [v.name for v in again] == [v.name for v in first]
    assert all((a.points_mm == b.points_mm).all() for a, b in zip(again, first, strict=True))
    other = people[1][1]
    mine, others = (next(v for v in tree if v.name == "M4 central right") for tree in (first, other))
    assert np.abs(mine.points_mm[-1] - others.points_mm[-1]).max() > 1


def test_every_vessel_begins_on_its_parent_and_ends_on_the_vessel_it_opens_into(people):
    for _, vessels, _ in people:
        for number, vessel in enumerate(vessels):
            if vessel.upstream is not None:
                assert vessel.upstream < number
                assert (vessels[vessel.upstream].points_mm == vessel.points_mm[0]).all(axis=1).any(), vessel.name
            if vessel.downstream is not None:
                assert (vessels[vessel.downstream].points_mm == vessel.points_mm[-1]).all(axis=1).any(), vessel.name


def test_centrelines_are_finite_and_sampled_evenly(people):
    for _, vessels, _ in people:
        for vessel in vessels:
            steps = np.linalg.norm(np.diff(vessel.points_mm, axis=0), axis=1)
            assert np.isfinite(vessel.points_mm).all()
            assert len(vessel.points_mm) == len(vessel.radii_mm)
            assert steps.min() > 0, vessel.name
            assert steps.max() < 1.35 * STEP_MM, vessel.name
            assert vessel.radii_mm.min() > 0.15, vessel.name
            assert vessel.radii_mm.max() < 3.6, vessel.name


def test_the_named_arteries_are_there_on_both_sides(people):
    brain = ("ICA", "ophthalmic", "M1", "M2 superior", "pericallosal", "P2", "PCA calcarine")
    always = (*brain, "VA", "V4", "PICA", "AICA", "SCA", "ECA", "STA", "MMA", "occipital", "facial", "maxillary")
    for _, vessels, variants in people:
        names = Counter(vessel.name for vessel in vessels)
        assert names["basilar"] == 1
        assert names["A2"] or names["A2 right"] == names["A2 left"] == 1
        for side in ("right", "left"):
            for name in always:
                assert names[f"{name} {side}"] == 1, name
            assert (names[f"A1 {side}"] == 0) == (variants.get(f"A1 {side}") == "absent")
            assert (names[f"PCOM {side}"] == 0) == (variants.get(f"PCOM {side}") == "absent")
            assert (names[f"P1 {side}"] == 0) == (variants.get(f"PCA {side}") == "fetal, full")


def test_blood_comes_from_the_neck_through_the_right_artery(people):
    for _, vessels, variants in people:
        for number, vessel in enumerate(vessels):
            source = root(vessels, number)
            if vessel.name.startswith(MCA):
                assert source == f"ICA {vessel.side}"
            if vessel.name.startswith(ACA):
                assert source.startswith("ICA")
            if vessel.name.startswith(PCA):
                fetal = variants.get(f"PCA {vessel.side}", "").startswith("fetal")
                assert source == (f"ICA {vessel.side}" if fetal else f"VA {variants['dominant vertebral artery']}")
            assert source.startswith(("ICA", "VA", "ECA"))


def test_the_vertebral_arteries_meet_and_the_dominant_one_feeds_the_basilar(people):
    for _, vessels, variants in people:
        basilar = next(number for number, vessel in enumerate(vessels) if vessel.name == "basilar")
        v4 = {vessel.side: number for number, vessel in enumerate(vessels) if vessel.name.startswith("V4")}
        assert all(vessels[number].downstream == basilar for number in v4.values())
        assert vessels[basilar].upstream == v4[variants["dominant vertebral artery"]]


def test_brain_arteries_stay_inside_the_skull_and_on_their_side(people):
    for shape, vessels, _ in people:
        for vessel in vessels:
            points = shape.to_template(vessel.points_mm)
            if vessel.name.startswith((*MCA, *ACA, *PCA, "SCA", "P1", "A1")):
                assert TEMPLATE_SKULL.depth_below_table(*points.T).min() > 0.5, vessel.name
            if vessel.name.startswith("M4"):
                assert (np.sign(points[:, 0]) == (1 if vessel.side == "right" else -1)).all()
            if vessel.name.startswith("STA frontal"):
                assert TEMPLATE_SKULL.depth_below_table(*points[-1]) < -6.5


def test_branches_are_no_wider_than_the_artery_they_leave(people):
    for _, vessels, _ in people:
        for vessel in vessels:
            if vessel.upstream is not None and vessel.name.endswith("twig"):
                parent = vessels[vessel.upstream]
                at = np.argmin(((parent.points_mm - vessel.points_mm[0]) ** 2).sum(axis=1))
                assert vessel.radii_mm[0] < 1.05 * parent.radii_mm[at]


def test_a_carotid_injection_shows_60_to_170_branches_and_no_two_alike(people):
    counts = [
        sum(vessel.side == side and vessel.name.startswith((*MCA, *ACA)) for vessel in vessels)
        for _, vessels, _ in people
        for side in ("right", "left")
    ]
    assert min(counts) >= 60
    assert max(counts) <= 170
    assert len(set(counts)) > 4


@pytest.mark.parametrize("pattern", ["azygos", "bihemispheric right", "bihemispheric left"])
def test_rare_anterior_arteries_cross_the_midline(pattern):
    rng = np.random.default_rng(5)
    tree, circle = ArteryGrower(rng, 1.0, 1.0), Circle.random(rng)
    carotids = {side: grow_carotid(tree, side) for side in SIDES}
    hemispheres = {side: Hemisphere.random(1.0 if side == "right" else -1.0, rng) for side in SIDES}
    folded = {side: hemispheres[side].attractors(1500, rng)[1] for side in SIDES}
    attractors = {side: points[np.abs(points[:, 0]) < 14] for side, points in folded.items()}
    origins = grow_anterior_part(tree, circle, carotids, pattern == "azygos")
    grow_anterior_cerebrals(tree, origins, hemispheres, attractors, Callosum.random(rng), pattern)
    names = Counter(vessel.name for vessel in tree.vessels)
    if pattern == "azygos":
        assert names["A2"] == 1
        assert names["A2 right"] == names["A2 left"] == 0
        shared = next(number for number, vessel in enumerate(tree.vessels) if vessel.name == "A2")
        assert {v.side for v in tree.vessels if v.upstream == shared} == {"right", "left"}
    else:
        giving = pattern.split()[1]
        sign = 1 if giving == "left" else -1
        twigs = [v for v in tree.vessels if v.side == giving and v.name.endswith("twig")]
        assert sum((sign * v.points_mm[-1, 0] > 0.5) and v.points_mm[-1, 1] < 0 for v in twigs) > 3


def bendiness(curves: list[np.ndarray]) -> float:
    """Median ratio of way to distance over 20 mm."""
    ratios = []
    for curve in curves:
        run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
        at = np.arange(0, run[-1], 1.0)
        even = np.column_stack([np.interp(at, run, curve[:, axis]) for axis in range(3)])
        ratios += [20 / np.linalg.norm(even[i + 20] - even[i]) for i in range(0, len(even) - 20, 10)]
    return float(np.median(ratios))


@needs_cases
def test_middle_cerebral_trees_are_as_long_and_as_winding_as_brava_s(people):
    real_length, real_bend = [], []
    for path in sorted((CASES / "anatomy" / "brava").glob("*.swc"))[:6]:
        rows = np.loadtxt(path)
        place = {int(number): row for row, number in enumerate(rows[:, 0])}
        parent = np.array([place.get(int(number), 0) for number in rows[:, 6]])
        for label in (3, 4):  # the two middle cerebral arteries
            own = np.flatnonzero((rows[:, 1] == label) & (rows[:, 6] > 0))
            real_length.append(np.linalg.norm(rows[own, 2:5] - rows[parent[own], 2:5], axis=1).sum())
        real_bend.append(bendiness(_chains(rows[:, 2:5], parent)))
    length, bend = [], []
    for _, vessels, _ in people:
        for side in ("right", "left"):
            curves = [v.points_mm for v in vessels if v.side == side and v.name.startswith(MCA)]
            length.append(sum(map(length_mm, curves)))
            bend.append(bendiness(curves))
    # A DSA shows more small branches than the MR angiograms that BraVa was traced on.
    assert 0.9 * np.median(real_length) < np.median(length) < 1.9 * np.median(real_length)
    assert np.median(bend) == pytest.approx(np.median(real_bend), abs=0.12)


def _chains(points: np.ndarray, parent: np.ndarray) -> list[np.ndarray]:
    """Unbranched runs of an SWC tree whose nodes follow their parents."""
    runs: list[list[int]] = []
    for node in range(1, len(points)):
        if runs and parent[node] == runs[-1][-1]:
            runs[-1].append(node)
        else:
            runs.append([int(parent[node]), node])
    return [points[run] for run in runs if len(run) > 12]


def test_circles_of_willis_vary_in_the_proportions_of_the_literature():
    rng = np.random.default_rng(0)
    circles = [Circle.random(rng) for _ in range(4000)]
    share = Counter(f"{name.split()[0]} {kind}" for c in circles for name, kind in c.variants.items())
    complete = np.mean([not c.variants for c in circles])
    both_small = np.mean([max(c.pcom.values()) < 0.5 for c in circles])
    a1_weak = (share["A1 absent"] + share["A1 hypoplastic"]) / 4000
    fetal = np.mean([any(kind.startswith("fetal") for kind in c.variants.values()) for c in circles])
    assert 0.11 < complete < 0.38  # 12 % (Hindenes 2020) to 37 % (Eaton 2020)
    assert 0.25 < both_small < 0.55
    assert 0.08 < a1_weak < 0.20
    assert 0.04 < fetal < 0.29
    for circle in circles:
        for side, other in (("right", "left"), ("left", "right")):
            assert circle.a1[side] > 0 or (circle.acom > 0 and circle.a1[other] > 0)
            assert circle.p1[side] > 0 or circle.pcom[side] > 0


def test_tips_on_the_folded_surface_lie_inside_the_skull_on_their_side():
    rng = np.random.default_rng(2)
    hemisphere = Hemisphere.random(-1.0, rng)
    flat, folded = hemisphere.attractors(800, rng)
    assert len(flat) == len(folded) > 500
    assert (folded[:, 0] < 0).all()
    depth = TEMPLATE_SKULL.depth_below_table(*folded.T)
    assert depth.min() > 2
    # Sulci lead below the crowns of the gyri.
    assert (depth > 6).mean() > 0.2
