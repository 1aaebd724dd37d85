"""The veins of a generated patient: where they lie, that they drain, and how often their variants come."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from DeepIterRegLib.research.simulate.head.brain_surface import TEMPLATE_SKULL
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.veins.sinus_plan import RostralEnd, SinusPlan
from DeepIterRegLib.research.simulate.veins.sinuses import theta_deg
from DeepIterRegLib.research.simulate.veins.veins import grow_veins
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM

FIRST = 7
SEEDS = range(6)


def grown(seed):
    shape = HeadShape.random(stream(seed, "head"))
    return shape, *grow_veins(shape, stream(seed, "veins"), FIRST)


@pytest.fixture(scope="module")
def heads():
    return [grown(seed) for seed in SEEDS]


def of_name(vessels, start):
    return [vessel for vessel in vessels if vessel.name.startswith(start)]


def depth_mm(shape, points):
    return TEMPLATE_SKULL.depth_below_table(*shape.to_template(points).T)


def test_equal_seeds_give_equal_veins_and_other_seeds_other_ones(heads):
    _, vessels, variants = grown(SEEDS[0])
    _, again, variants_again = heads[0]
    assert variants == variants_again
    assert [vessel.name for vessel in vessels] == [vessel.name for vessel in again]
    assert all(np.array_equal(a.points_mm, b.points_mm) for a, b in zip(vessels, again, strict=True))
    sagittal = [of_name(head[1], "superior sagittal sinus")[0].points_mm for head in heads]
    ends = np.array([points[-1] for points in sagittal])
    assert ends.std(axis=0)[[0, 2]].min() > 1


def test_every_vein_drains_through_earlier_ones_into_a_jugular_vein(heads):
    for _, vessels, _ in heads:
        for number, vessel in enumerate(vessels):
            at = number
            while vessels[at].downstream is not None:
                assert FIRST <= vessels[at].downstream < FIRST + at
                at = vessels[at].downstream - FIRST
            assert vessels[at].name.startswith("internal jugular vein"), vessel.name


def test_every_vein_ends_on_the_centreline_of_its_drain(heads):
    for _, vessels, _ in heads:
        for vessel in vessels:
            if vessel.downstream is not None:
                drain = vessels[vessel.downstream - FIRST].points_mm
                gap = np.linalg.norm(drain - vessel.points_mm[-1], axis=1).min()
                assert gap < 0.75 * STEP_MM, vessel.name


def test_blood_that_a_sinus_goes_on_with_comes_in_at_its_first_point(heads):
    for _, vessels, _ in heads:
        for vessel in vessels:
            if vessel.upstream is not None:
                feeder = vessels[vessel.upstream - FIRST].points_mm
                assert np.linalg.norm(feeder - vessel.points_mm[0], axis=1).min() < 0.75 * STEP_MM, vessel.name
        fed = {vessel.name.rsplit(" ", 1)[0] for vessel in vessels if vessel.upstream is not None}
        assert {"transverse sinus", "internal jugular vein"} <= fed


def test_points_lie_a_step_apart_and_radii_are_those_of_veins(heads):
    for _, vessels, _ in heads:
        for vessel in vessels:
            step = np.linalg.norm(np.diff(vessel.points_mm, axis=0), axis=1)
            assert abs(step.mean() - STEP_MM) < 0.05
            assert step.max() < 1.2 * STEP_MM
            assert vessel.radii_mm.shape == (len(vessel.points_mm),)
            assert vessel.radii_mm.min() > 0.15
            assert vessel.radii_mm.max() < 8


def test_large_sinuses_lie_inside_the_skull_and_against_it(heads):
    for shape, vessels, _ in heads:
        for vessel in of_name(vessels, "superior sagittal") + of_name(vessels, "transverse sinus"):
            wall = depth_mm(shape, vessel.points_mm) - vessel.radii_mm
            assert wall.min() > -0.5, vessel.name
            assert np.percentile(wall, 90) < 3, vessel.name
            assert vessel.follows_skull


def test_veins_of_the_brain_lie_inside_the_skull(heads):
    outside = ("internal jugular", "pterygoid", "sigmoid", "inferior petrosal")
    for shape, vessels, _ in heads:
        for vessel in vessels:
            leaves = vessels[(vessel.downstream or FIRST) - FIRST].name.startswith("pterygoid")
            if not leaves and not vessel.name.startswith(outside):
                assert depth_mm(shape, vessel.points_mm).min() > 0, vessel.name


def test_at_least_fifteen_cortical_veins_drain_into_the_sagittal_sinus_mostly_against_its_stream(heads):
    against = []
    for _, vessels, _ in heads:
        number, sinus = next((i, v) for i, v in enumerate(vessels) if v.name == "superior sagittal sinus")
        bridging = [v for v in of_name(vessels, "cortical vein") if v.downstream == FIRST + number]
        assert len(bridging) >= 15
        assert {v.side for v in bridging} == {"right", "left"}
        for vein in bridging:
            at = int(np.linalg.norm(sinus.points_mm - vein.points_mm[-1], axis=1).argmin())
            stream_mm = sinus.points_mm[min(at + 5, len(sinus.points_mm) - 1)] - sinus.points_mm[max(at - 5, 0)]
            against.append(float(stream_mm @ (vein.points_mm[-1] - vein.points_mm[-16])) < 0)
        # All but a superior frontal vein leave the coronal suture free, and end well before the torcula.
        mouths = theta_deg(np.array([v.points_mm[-1] for v in bridging]))
        assert mouths.max() < 165
    assert np.mean(against) > 0.85


def test_radii_shrink_against_the_stream(heads):
    for _, vessels, _ in heads:
        for vessel in of_name(vessels, "cortical vein"):
            assert vessel.radii_mm[-1] >= 0.95 * vessel.radii_mm[0], vessel.name
            if "tributary" in vessel.name:
                drain = vessels[vessel.downstream - FIRST]
                assert vessel.radii_mm[-1] < 1.05 * drain.radii_mm.max(), vessel.name


def test_all_named_deep_and_superficial_veins_grow(heads):
    always = {
        "superior sagittal sinus", "inferior sagittal sinus", "straight sinus", "vein of Galen",
        *(f"{name} {side}" for side in ("right", "left") for name in
          ("sigmoid sinus", "internal jugular vein", "internal cerebral vein", "basal vein", "thalamostriate vein",
           "cortical vein")),
    }  # fmt: skip
    for _, vessels, variants in heads:
        names = {vessel.name for vessel in vessels}
        assert always <= names
        for side in ("right", "left"):
            for name in ("vein of Labbe", "vein of Trolard", "superficial Sylvian vein"):
                assert (f"{name} {side}" in names) != (variants.get(f"{name} {side}") == "absent")


def test_the_smaller_transverse_sinus_is_as_the_variants_say(heads):
    for _, vessels, variants in heads:
        dominant = variants["dominant transverse sinus"]
        other = "left" if dominant == "right" else "right"
        radius = {v.side: np.median(v.radii_mm) for v in of_name(vessels, "transverse sinus")}
        ratio = radius.get(other, 0.0) / radius[dominant]
        low, high = {"absent": (0, 0), "hypoplastic": (0.3, 0.72), "symmetric": (0.75, 1.05)}[
            variants[f"transverse sinus {other}"]
        ]
        assert low <= ratio <= high
        sagittal = of_name(vessels, "superior sagittal sinus")[0]
        assert vessels[sagittal.downstream - FIRST].name == f"transverse sinus {dominant}"


def test_variants_come_as_often_as_the_cited_studies_found_them():
    plans = [SinusPlan.random(stream(seed, "veins")) for seed in range(1500)]
    smaller = Counter((p.smaller, p.dominant) for p in plans)
    share = {key: count / len(plans) for key, count in smaller.items()}
    # Alper et al. 2004: 21 absent and 41 hypoplastic on the left, 4 and 6 on the right, of 105.
    assert share["absent", "right"] == pytest.approx(0.20, abs=0.035)
    assert share["hypoplastic", "right"] == pytest.approx(0.39, abs=0.04)
    assert share["absent", "left"] == pytest.approx(0.04, abs=0.02)
    assert share["hypoplastic", "left"] == pytest.approx(0.06, abs=0.025)
    # Singh et al. 2004: 35 % confluence, 14 % bifurcation, 51 % to one side.
    torcula = Counter(p.torcula for p in plans)
    assert torcula["confluence"] / len(plans) == pytest.approx(0.35, abs=0.04)
    assert torcula["one-sided"] / len(plans) == pytest.approx(0.51, abs=0.04)
    # San Millan Ruiz et al. 2012: rostral hypoplasia of one half in 7, of both in 3 of 100.
    rostral = Counter(p.rostral for p in plans)
    assert (rostral[RostralEnd.LEFT] + rostral[RostralEnd.RIGHT]) / len(plans) == pytest.approx(0.07, abs=0.02)
    assert rostral[RostralEnd.ABSENT] / len(plans) == pytest.approx(0.03, abs=0.015)
    # To the right of the midline in 64 % of cadavers at lambda, at most about 10 mm.
    drift = np.array([p.drift_mm for p in plans])
    assert np.mean(drift > 1.5) == pytest.approx(0.62, abs=0.06)
    assert abs(drift).max() <= 10
    # Mean diameters 6.7 and 5.4 mm.
    right, left = ([2 * p.radius_mm(side) for p in plans if p.radius_mm(side) > 0] for side in ("right", "left"))
    assert np.mean(right) == pytest.approx(6.65, abs=0.4)
    assert np.mean(left) == pytest.approx(5.37, abs=0.6)
