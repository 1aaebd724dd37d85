"""Blood flow and contrast in networks small enough to know the answer, and the way back through the veins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.arteries.collaterals import behind
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.flow.arterial_passage import ArterialPassage
from DeepIterRegLib.research.simulate.flow.blush import Tissue
from DeepIterRegLib.research.simulate.flow.bolus import Bolus
from DeepIterRegLib.research.simulate.flow.haemodynamics import VENOUS_MMHG, Injection, inject
from DeepIterRegLib.research.simulate.flow.venous_passage import drain
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.vessels.vessel import Side, Vessel, centreline

VISCOSITY_MMHG_S = 3.5e-3 / 133.322


def tube(
    name: str, start, end, radius: float, upstream: int | None = None, downstream: int | None = None,
    side: Side = "middle", vein: bool = False,
) -> Vessel:  # fmt: skip
    points = centreline(np.array([start, end], dtype=float))
    return Vessel(name, points, np.full(len(points), radius), vein, side, upstream, downstream=downstream)


def y_tree() -> list[Vessel]:
    """A carotid that divides into a thick and a thin branch, and another carotid, on its own."""
    return [
        tube("ICA right", (20, 0, -60), (20, 0, 0), 2.0),
        tube("M1 right", (20, 0, 0), (50, 0, 0), 1.2, upstream=0),
        tube("A1 right", (20, 0, 0), (0, 20, 20), 0.6, upstream=0),
        tube("ICA left", (-20, 0, -60), (-20, 0, 0), 2.0),
    ]


def circle_of_willis(pcom_mm: float, p1_mm: float = 1.0) -> list[Vessel]:
    """One carotid and the basilar artery, joined by a posterior communicating artery into the posterior cerebral."""
    return [
        tube("ICA right", (12, 10, -140), (12, 10, 0), 2.2),
        tube("M1 right", (12, 10, 0), (45, 10, 0), 1.4, upstream=0),
        tube("VA right", (0, -10, -140), (0, -10, 0), 1.6),
        tube("P1 right", (0, -10, 0), (12, -10, 0), p1_mm, upstream=2, downstream=5),
        tube("PCOM right", (12, 10, 0), (12, -10, 0), pcom_mm, upstream=0, downstream=5),
        tube("P2 right", (12, -10, 0), (20, -60, 0), 1.0, upstream=3),
        tube("SCA right", (0, -10, 0), (-30, -30, -10), 1.0, upstream=2),
    ]


def mass_defect(passage: ArterialPassage) -> float:
    """Greatest difference of what flows into and out of a node that is no inlet, relative to the whole flow."""
    network = passage.network
    net = np.zeros(network.nodes)
    np.add.at(net, network.end, passage.piece_flow_mm3_s)
    np.add.at(net, network.start, -passage.piece_flow_mm3_s)
    for index, node in network.terminals.items():
        net[node] -= passage.terminal_flow_mm3_s[index]
    inner = np.setdiff1d(np.arange(network.nodes), list(network.roots.values()))
    return float(np.abs(net[inner]).max() / np.abs(passage.piece_flow_mm3_s).max())


@pytest.mark.parametrize("vessels", [y_tree(), circle_of_willis(0.5), circle_of_willis(1.1, 0.4)])
def test_no_blood_is_lost_at_any_node(vessels):
    assert mass_defect(inject(vessels, Injection("ICA right"))) < 1e-6


def test_branches_share_the_flow_by_the_cube_of_their_radii():
    passage = inject(y_tree(), Injection("ICA right", push_mmhg=0.0))
    m1, a1 = passage.terminal_flow_mm3_s[1], passage.terminal_flow_mm3_s[2]
    # Their own resistance takes a few percent off Murray's 8 : 1.
    assert m1 / a1 == pytest.approx((1.2 / 0.6) ** 3, rel=0.1)


def test_pressure_falls_along_a_tube_as_hagen_and_poiseuille_say():
    vessels = y_tree()
    passage = inject(vessels, Injection("ICA left", push_mmhg=0.0))
    flow, length_mm = passage.terminal_flow_mm3_s[3], 60.0
    fall = passage.pressure_mmhg[passage.network.roots[3]] - passage.pressure_mmhg[passage.network.terminals[3]]
    assert fall == pytest.approx(8 * VISCOSITY_MMHG_S * length_mm * flow / (np.pi * 2.0**4), rel=1e-6)
    assert passage.pressure_mmhg.min() > VENOUS_MMHG


def test_contrast_goes_downstream_of_the_injected_artery_only():
    passage = inject(y_tree(), Injection("ICA right"))
    for index in (0, 1, 2):
        np.testing.assert_allclose(passage.fraction[index], 1.0)
    assert not passage.fraction[3].any()
    assert np.isinf(passage.arrival_s[3]).all()


def test_contrast_arrives_by_path_over_velocity():
    vessels = y_tree()
    passage = inject(vessels, Injection("ICA right"))
    velocity = passage.flow_mm3_s[0][0] / (np.pi * 2.0**2)
    assert 60 < velocity < 260
    assert passage.arrival_s[0][-1] == pytest.approx(60 / velocity, rel=1e-3)
    assert (np.diff(passage.arrival_s[1]) > 0).all()
    assert passage.arrival_s[1][0] == pytest.approx(passage.arrival_s[0][-1])


def test_contrast_starts_at_the_catheters_tip():
    passage = inject(y_tree(), Injection("ICA right", tip_mm=30.0, reflux_mm=5.0))
    along = np.linspace(0, 60, len(passage.fraction[0]))
    assert not passage.fraction[0][along < 15].any()
    assert (passage.fraction[0][along > 31] == 1).all()
    assert passage.arrival_s[0][np.abs(along - 30).argmin()] < 0.05


def test_normal_posterior_communicating_artery_leaves_the_posterior_cerebral_to_the_basilar():
    vessels = circle_of_willis(0.35)
    assert inject(vessels, Injection("ICA right")).fraction[5][-1] < 0.2
    assert inject(vessels, Injection("VA right", push_mmhg=3)).fraction[5][-1] > 0.8


def test_fetal_posterior_cerebral_artery_fills_from_the_carotid():
    vessels = circle_of_willis(1.1, p1_mm=0.3)
    assert inject(vessels, Injection("ICA right")).fraction[5][-1] > 0.9
    assert inject(vessels, Injection("VA right")).fraction[5][-1] < 0.1


def test_mixing_is_by_flow():
    vessels = circle_of_willis(0.9)
    passage = inject(vessels, Injection("ICA right"))
    from_carotid, from_basilar = passage.flow_mm3_s[4][-1], passage.flow_mm3_s[3][-1]
    assert from_carotid > 0 < from_basilar
    assert passage.fraction[5][-1] == pytest.approx(from_carotid / (from_carotid + from_basilar), rel=1e-6)


def test_two_arteries_may_join_into_one_that_belongs_to_either():
    """Both vertebral arteries name the basilar as their end, and the basilar one of them as its origin."""
    vessels = [
        tube("VA right", (15, -10, -140), (0, -10, -50), 1.5, downstream=2),
        tube("VA left", (-15, -10, -140), (0, -10, -50), 1.5, downstream=2),
        tube("basilar", (0, -10, -50), (0, -10, -20), 1.6, upstream=0),
    ]
    passage = inject(vessels, Injection("VA left", push_mmhg=0.0))
    assert passage.fraction[2][-1] == pytest.approx(0.5, abs=0.01)
    assert mass_defect(passage) < 1e-6
    pushed = inject(vessels, Injection("VA left", push_mmhg=15.0))
    assert pushed.fraction[2][-1] == pytest.approx(1.0)
    assert pushed.fraction[0][-1] == pytest.approx(1.0), "no reflux into the other vertebral artery"


def branching() -> tuple[list[Vessel], Stroke]:
    vessels = [
        *y_tree(),
        tube("M2 superior right", (50, 0, 0), (60, 10, 30), 0.8, upstream=1),
        tube("M2 inferior right", (50, 0, 0), (60, -20, -10), 0.8, upstream=1),
    ]
    # The anterior cerebral artery's tip lies near that of the superior trunk, across the watershed.
    vessels[2] = tube("A1 right", (20, 0, 0), (50, 12, 40), 0.9, upstream=0)
    return vessels, Stroke("M1", "right", 1, 10.0, 8.0, 0)


def test_nothing_fills_behind_a_clot_without_collaterals():
    vessels, stroke = branching()
    passage = inject(vessels, Injection("ICA right"), stroke)
    assert behind(passage.network, vessels, stroke) == [1, 4, 5]
    for index in (4, 5):
        assert not passage.fraction[index].any()
        assert passage.terminal_flow_mm3_s[index] == pytest.approx(0.0, abs=1e-3)
    along = np.linspace(0, 30, len(passage.fraction[1]))
    assert not passage.fraction[1][along > 10.5].any()
    assert passage.fraction[1][0] == 1.0, "the stump before the clot fills a little"
    assert passage.fraction[2][-1] == 1.0


def test_collaterals_fill_the_territory_backwards_late_and_the_better_the_more():
    vessels, stroke = branching()
    flows = []
    for score in (1, 2, 3):
        # A generator that finds every connection: only the conductance differs.
        class Always(np.random.Generator):
            def random(self, *args, **kwargs):
                return np.zeros(args[0])

        scored = replace(stroke, collateral_score=score)
        passage = inject(vessels, Injection("ICA right"), scored, rng=Always(np.random.PCG64(0)))
        flows.append(passage.terminal_flow_mm3_s[5])
        # Up the superior trunk against its direction, down the inferior one.
        assert passage.flow_mm3_s[4][5] < 0 < passage.flow_mm3_s[5][5]
        assert passage.fraction[5][-1] == pytest.approx(1.0)
        assert passage.arrival_s[5][-1] > passage.arrival_s[2][-1] + 1
        assert mass_defect_with_links(passage) < 1e-6
    assert 0 < flows[0] < flows[1] < flows[2]


def mass_defect_with_links(passage: ArterialPassage) -> float:
    """Blood enters at the inlets and leaves through the terminals, whatever collaterals do between."""
    network = passage.network
    entering = 0.0
    for node in network.roots.values():
        entering += passage.piece_flow_mm3_s[network.start == node].sum()
    leaving = sum(passage.terminal_flow_mm3_s.values())
    return abs(entering - leaving) / leaving


def test_thrombectomy_opens_the_artery_and_slow_flow_delays_it():
    vessels, stroke = branching()
    healthy = inject(vessels, Injection("ICA right"))
    treated = inject(vessels, Injection("ICA right"), stroke, patency=1.0)
    slow = inject(vessels, Injection("ICA right"), stroke, patency=1.0, slow_flow=0.5)
    np.testing.assert_allclose(treated.arrival_s[5], healthy.arrival_s[5], rtol=1e-6)
    assert slow.arrival_s[5][-1] > healthy.arrival_s[5][-1] + 0.1
    assert slow.arrival_s[2][-1] == pytest.approx(healthy.arrival_s[2][-1])


def test_an_artery_that_is_not_there_cannot_be_injected():
    with pytest.raises(InputError, match="'VA left' to inject"):
        inject(y_tree(), Injection("VA left"))


def tissue(points, flow, fraction, arrival) -> Tissue:
    n = len(points)
    return Tissue(
        np.array(points, dtype=float), np.ones(n), *(np.array(x, dtype=float) for x in (flow, fraction, arrival))
    )


def venous_system() -> list[Vessel]:
    """Cortical veins of both sides into a sagittal sinus that divides; the right transverse sinus is twice as wide."""
    return [
        tube("cortical vein right", (40, 0, 40), (0, 0, 37), 1.0, downstream=2, vein=True),
        tube("cortical vein left", (-40, 0, 40), (0, 0, 37), 1.0, downstream=2, vein=True),
        tube("superior sagittal sinus", (0, 40, 55), (0, -80, 0), 3.0, downstream=3, vein=True),
        tube("transverse sinus right", (0, -80, 0), (55, -30, -20), 4.0, upstream=2, vein=True),
        tube("transverse sinus left", (0, -80, 0), (-55, -30, -20), 2.0, upstream=2, vein=True),
    ]


def test_veins_of_the_injected_side_are_full_and_the_sinuses_diluted():
    supply = tissue([(42, 0, 38), (-42, 0, 38)], [3000, 1000], [1.0, 0.0], [1.0, np.inf])
    veins = drain(venous_system(), HeadShape(), supply, 2.0, np.random.default_rng(0))
    assert veins.fraction[0][-1] == pytest.approx(1.0)
    assert not veins.fraction[1].any()
    assert veins.fraction[2][-1] == pytest.approx(0.75)
    np.testing.assert_allclose([veins.fraction[3][-1], veins.fraction[4][-1]], 0.75)
    assert 1 + 2 * 0.7 < veins.arrival_s[0][0] < 1 + 2 * 1.3
    assert veins.arrival_s[2][-1] > veins.arrival_s[0][-1]
    np.testing.assert_allclose(veins.entry_s[3][-1], 1.0)


def test_all_blood_that_enters_the_veins_leaves_them_and_the_wider_sinus_takes_more():
    supply = tissue([(42, 0, 38), (-42, 0, 38)], [3000, 1000], [1.0, 0.0], [1.0, np.inf])
    veins = drain(venous_system(), HeadShape(), supply, 2.0, np.random.default_rng(0))
    assert veins.left_mm3_s == pytest.approx(4000)
    assert veins.flow_mm3_s[3][-1] / veins.flow_mm3_s[4][-1] == pytest.approx((4.0 / 2.0) ** 3)


def test_a_vein_without_downstream_opens_into_what_it_touches_or_leaves_the_head():
    vessels = venous_system()
    vessels[0] = replace(vessels[0], downstream=None)
    vessels[1] = tube("cortical vein left", (-40, 0, 40), (-30, 0, 60), 1.0, vein=True)
    supply = tissue([(42, 0, 38), (-42, 0, 38)], [3000, 1000], [1.0, 0.0], [1.0, np.inf])
    veins = drain(vessels, HeadShape(), supply, 2.0, np.random.default_rng(0))
    assert veins.flow_mm3_s[2][-1] == pytest.approx(3000)
    assert veins.left_mm3_s == pytest.approx(4000)


def test_bolus_comes_later_lower_and_longer_the_further_it_has_gone():
    times = np.arange(0, 20, 0.05)
    bolus = Bolus()
    curves = [bolus.arterial(times, 0.1), bolus.arterial(times, 1.5), bolus.venous(times, 1.5, 3.0)]
    peaks = [float(times[curve.argmax()]) for curve in curves]
    heights = [float(curve.max()) for curve in curves]
    assert peaks == sorted(peaks)
    assert 1 > heights[0] > heights[1] > heights[2] > 0.4
    areas = [curve.sum() * 0.05 for curve in curves]
    # What is injected passes every point, sooner or later.
    np.testing.assert_allclose(areas, areas[0], rtol=0.03)
    assert 4 < peaks[2] < 7
    half = (bolus.capillary(times, 1.5) > 0.5 * bolus.capillary(times, 1.5).max()).sum() * 0.05
    assert half > bolus.duration_s
