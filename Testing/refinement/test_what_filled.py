"""Vessels that are registered alone: which of them filled is found out with the pose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.refinement.default import LEVELS, refine_default
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.what_filled import WhatFilled
from Testing.support.skull_case import pose_off_by
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL, prepared_angiogram, prepared_volume, tree_cloud

NEAR = pose_off_by([3, -2, 4], [6, 9, -7])
WRONG = pose_off_by([3, -2, 4], [6, 30, -25])
START = radiological_pose(CENTRE_MM)
POINTS_OF_A_VESSEL = 120


@pytest.fixture(scope="module")
def case():
    """A run that fills eight of the twenty-four arteries."""
    cloud = tree_cloud()
    vessel = np.arange(len(cloud)) // POINTS_OF_A_VESSEL
    shown = ~cloud.is_vein & np.isin(vessel, np.arange(12, 20))
    run = prepared_angiogram(NEAR, shown=[cloud.subset(shown)], noise=0.02)
    faint = run.contrast > 0.1  # of single vessels; the phantom's own mask holds where several meet
    return cloud, shown, replace(run, vessels=faint, arteries=faint)


def explainer(run) -> WhatFilled:
    return WhatFilled(prepared_volume(), [run], ("vessels",), PosePrior([START], CENTRE_MM, LATERAL), "cpu")


def test_the_right_pose_finds_the_vessels_that_the_run_shows_and_a_wrong_one_hardly_any(case):
    cloud, shown, run = case
    right, wrong = (explainer(run).explained(pose) for pose in (NEAR, WRONG))
    assert mean_projection_error_mm(right.pose, NEAR, CENTRE_MM, LATERAL) < 1
    assert right.filled[shown].mean() > 0.6
    assert right.filled[~shown].mean() < 0.3
    assert right.similarity > wrong.similarity + 20
    assert right.filled.shape == (len(cloud),)


def test_hypotheses_come_back_the_best_first_and_each_is_told(case):
    told = []
    found = explainer(case[2]).best_first([WRONG, NEAR], told.append)
    assert len(told) == 2
    assert [one.similarity for one in found] == sorted((one.similarity for one in told), reverse=True)


def test_a_run_of_few_vessels_is_registered_where_vessels_decide(case):
    stages = refine_default(
        prepared_volume(), [case[2]], [START], terms=("vessels",), vessels_decide=True, levels=LEVELS[:2]
    )
    names = [stage.name for stage in stages]
    assert names.index(stage_names.WHAT_FILLED) == names.index(stage_names.COARSE_ALIGNMENT) + 1
    assert mean_projection_error_mm(stages[-1].pose, NEAR, CENTRE_MM, LATERAL) < 1.5


def test_where_the_skull_decides_it_is_not_asked(case):
    stages = refine_default(prepared_volume(), [case[2]], [START], terms=("vessels",), levels=LEVELS[:1])
    assert stage_names.WHAT_FILLED not in [stage.name for stage in stages]
