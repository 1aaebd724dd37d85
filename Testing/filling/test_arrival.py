"""When contrast arrives at a branch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.filling.arrival import arrival, times_of
from DeepIterRegLib.filling.branches import branches
from DeepIterRegLib.filling.evidence import BranchView
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.render.choose import splat_renderer
from Testing.support.vessel_tree_case import CENTRE_MM, FRONTAL, prepared_angiogram, tree_cloud

POSE = radiological_pose(CENTRE_MM)
TIMES_S = np.arange(16) / 4


def test_half_of_the_peak_of_a_ramp_is_in_its_middle() -> None:
    times = np.arange(12.0)
    ramp = np.clip((times - 2) / 6, 0, 1)
    later = np.clip((times - 3) / 6, 0, 1)
    half, sd, peak = times_of(np.stack([ramp, 5 * later, 0 * ramp], axis=1), times)
    np.testing.assert_allclose(half[:2], [5.0, 6.0], atol=1e-6)
    assert (peak[:2] >= [8, 9]).all()
    assert (sd[:2] >= 1).all(), "an interval between frames at least"
    assert np.isnan([half[2], sd[2], peak[2]]).all(), "nothing arrives"


def test_what_was_full_from_the_first_frame_has_arrived_then_and_noise_never_arrives() -> None:
    times = 10 + np.arange(20) / 3
    noise = np.random.default_rng(0).normal(size=20)
    half, _, peak = times_of(np.stack([np.linspace(1, 0, 20), noise], axis=1), times)
    assert half[0] == times[0]
    assert peak[0] == times[0]
    assert np.isnan(half[1])


def of_two_sides(times_s: np.ndarray | None) -> tuple[PreparedAngiogram, np.ndarray]:
    """A run in which the left side's arteries are at half of their peak after 1 s, the right side's after 2 s."""
    cloud = tree_cloud()
    is_left = cloud.positions_mm[:, 0] < CENTRE_MM[0]
    sides = [
        splat_renderer(cloud.subset(~cloud.is_vein & side), FRONTAL).render(POSE[None])[0]
        for side in (is_left, ~is_left)
    ]
    curves = [np.clip((TIMES_S - half_s) / 1.0 + 0.5, 0, 1) for half_s in (1.0, 2.0)]
    prepared = prepared_angiogram(POSE, FRONTAL, noise=0.0)
    frames = 1000 - 20 * sum(curve[:, None, None] * side[None] for curve, side in zip(curves, sides, strict=True))
    run = Angiogram(frames.astype(np.float32), FRONTAL, prepared.angiogram.valid, times_s)
    return replace(prepared, angiogram=run), is_left


@pytest.mark.parametrize("in_seconds", [True, False])
def test_each_side_of_a_head_gets_its_own_time(in_seconds: bool) -> None:
    run, is_left = of_two_sides(TIMES_S if in_seconds else None)
    cloud = tree_cloud()
    cut = branches(cloud)
    found = arrival(BranchView(cloud, cut, run), run, POSE, np.ones(len(cut), dtype=bool))
    assert found is not None
    assert found.in_seconds is in_seconds
    left = np.array([is_left[cut.of_point == number].mean() for number in range(len(cut))])
    unit = 1.0 if in_seconds else 4.0
    for side, half_s in ((left > 0.95, 1.0), (left < 0.05, 2.0)):
        times = found.half[side & ~cut.is_vein & np.isfinite(found.half)]
        assert len(times) >= 5
        assert np.median(times) == pytest.approx(half_s * unit, abs=0.1 * unit)


def test_of_what_is_not_filled_and_of_single_frames_nothing_is_said() -> None:
    run, _ = of_two_sides(TIMES_S)
    cloud = tree_cloud()
    cut = branches(cloud)
    view = BranchView(cloud, cut, run)
    found = arrival(view, run, POSE, np.zeros(len(cut), dtype=bool))
    assert found is not None
    assert np.isnan(found.half).all()
    short = replace(run, angiogram=replace(run.angiogram, frames=run.angiogram.frames[:3], frame_times_s=None))
    assert arrival(view, short, POSE, np.ones(len(cut), dtype=bool)) is None
