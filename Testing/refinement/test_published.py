"""The published method: two stages of Adam, the most similar pose kept in each."""

from __future__ import annotations

import re

import numpy as np
import pytest

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.refinement.adam import AdamSchedule, adam
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.published import MASK_SCHEDULE, MINIP_SCHEDULE, refine_published
from DeepIterRegLib.similarity.names import NCC, SIMILARITY_NAMES
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL, prepared_angiogram, prepared_volume

START = radiological_pose(CENTRE_MM)
TRUTH = PivotedCorrection.about_patient_point(START, CENTRE_MM).pose(np.array([0.03, -0.02, 0.03, -3.0, 4.0, 3.0]))
NEAR = PivotedCorrection.about_patient_point(TRUTH, CENTRE_MM).pose(np.array([0.008, -0.006, 0.01, -1.0, 1.0, 1.0]))


class Bowl:
    """A similarity with its summit `summit_mm` away along one axis, as steep everywhere as Adam likes least."""

    name = "bowl"

    def __init__(self, summit_mm):
        self.summit_mm = summit_mm

    def value(self, poses):
        return -np.abs(poses[:, 0, 3] - self.summit_mm)

    def value_and_gradient(self, poses):
        gradient = np.zeros((len(poses), 6))
        gradient[:, 3] = np.sign(self.summit_mm - poses[:, 0, 3])
        return self.value(poses), gradient


def test_adam_takes_its_first_step_with_the_given_size():
    parameters = PoseParameters.around(np.eye(4), np.zeros(3))
    found = adam(Bowl(100.0), parameters, AdamSchedule(iterations=1, step_mm=0.5))
    np.testing.assert_allclose(found.pose[0, 3], 0.5, rtol=1e-6)


def test_adam_keeps_the_most_similar_pose_it_passed_and_not_the_last():
    parameters = PoseParameters.around(np.eye(4), np.zeros(3))
    seen = []
    found = adam(
        Bowl(2.0),
        parameters,
        AdamSchedule(iterations=6, step_mm=0.9),
        lambda step, value, pose: seen.append(value),
    )
    # 0.9, 1.8, 2.7: momentum carries it past the summit.
    assert found.similarity == max(seen)
    np.testing.assert_allclose(found.pose[0, 3], 1.8, atol=0.05)
    assert found.evaluations == 7
    assert seen[found.found_after - 2] < seen[found.found_after - 1] == max(seen)


def test_published_method_registers_a_small_offset_in_two_stages():
    seen = []
    stages = refine_published(
        prepared_volume(),
        [prepared_angiogram(TRUTH)],
        START,
        report=lambda name, fraction, value, pose: seen.append(fraction),
    )
    assert [stage.similarity_name for stage in stages] == ["NCC", "MI"]
    assert [stage.evaluations for stage in stages] == [MASK_SCHEDULE.iterations + 1, MINIP_SCHEDULE.iterations + 1]
    assert all(stage.similarity >= stage.similarity_before for stage in stages)
    assert all(1 < stage.found_after <= stage.evaluations for stage in stages)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert mean_projection_error_mm(START, TRUTH, CENTRE_MM, LATERAL) > 5
    assert mean_projection_error_mm(stages[-1].pose, TRUTH, CENTRE_MM, LATERAL) < 1


def test_published_method_can_stop_after_the_masks():
    stages = refine_published(prepared_volume(), [prepared_angiogram(TRUTH)], START, minip_stage=False)
    assert [stage.similarity_name for stage in stages] == ["NCC"]


def test_published_method_takes_ncc_of_the_masks_unless_told_otherwise():
    volume, angiograms = prepared_volume(), [prepared_angiogram(TRUTH)]
    options = {"minip_stage": False, "size_px": 64}
    by_default = refine_published(volume, angiograms, START, **options)
    by_name = refine_published(volume, angiograms, START, similarity=NCC, **options)
    np.testing.assert_array_equal(by_default[0].pose, by_name[0].pose)
    assert by_default[0].similarity_name == "NCC"


@pytest.mark.parametrize("name", SIMILARITY_NAMES)
def test_published_method_improves_any_similarity_of_the_masks_and_comes_nearer(name):
    volume, angiograms = prepared_volume(), [prepared_angiogram(TRUTH)]
    # Near: thin vessels' edges overlap with nothing from afar, so gradients lead astray from 8 mm.
    masks, minip = refine_published(volume, angiograms, NEAR, similarity=name, size_px=128)
    assert masks.similarity > masks.similarity_before
    assert minip.similarity_name == "MI", "the second stage is the paper's, whatever the first compares"
    error_mm = [mean_projection_error_mm(pose, TRUTH, CENTRE_MM, LATERAL) for pose in (NEAR, masks.pose)]
    assert error_mm[1] < 0.5 * error_mm[0]


def test_a_similarity_that_there_is_not_is_refused_before_anything_is_compared():
    with pytest.raises(InputError, match=re.escape(", ".join(SIMILARITY_NAMES))) as refused:
        refine_published(prepared_volume(), [prepared_angiogram(TRUTH)], START, similarity="ssd")
    assert refused.value.field is Field.SIMILARITY
