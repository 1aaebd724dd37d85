"""Two views whose tags are off: the angles are found with the pose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import PivotedCorrection, invert, rotation_angle_deg, se3_log
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.refinement.angle_correction import (
    SCHEDULE,
    angles_can_be_corrected,
    correct_angles,
    refine_angles,
    with_corrected_angles,
)
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.render.choose import splat_renderer
from Testing.support.vessel_tree_case import (
    CENTRE_MM,
    FRONTAL,
    LATERAL,
    prepared_angiogram,
    prepared_volume,
    tree_cloud,
)

START = radiological_pose(CENTRE_MM)
TRUTH = PivotedCorrection.about_patient_point(START, CENTRE_MM).pose(
    np.concatenate([np.radians([3.0, -2.0, 4.0]), [4.0, -6.0, 5.0]])
)
OFF_DEG = (0.5, -0.4)


def volume_with_skull():
    """The tree stands for the bones as well: thin, with edges everywhere."""
    return replace(prepared_volume(), skull=tree_cloud())


def seen(carm):
    view = prepared_angiogram(TRUTH, carm=carm)
    shadow = splat_renderer(tree_cloud(), carm).render(TRUTH[None])[0]
    return replace(view, skull=SkullImage(shadow, False, view.angiogram.valid, "mask frame"))


def views_with_wrong_tags():
    """Both views as the true C-arms see them; the lateral one's tags are off by `OFF_DEG`."""
    views = [seen(carm) for carm in (FRONTAL, LATERAL)]
    wrong = LATERAL.with_angles_changed(-OFF_DEG[0], -OFF_DEG[1])
    return [views[0], replace(views[1], angiogram=replace(views[1].angiogram, carm=wrong))]


def test_angles_changed_are_those_of_a_c_arm_made_with_them():
    turned = LATERAL.with_angles_changed(3.0, -2.0)
    made = CArm.from_angles(
        LATERAL.primary_angle_deg + 3.0, LATERAL.secondary_angle_deg - 2.0, LATERAL.sdd_mm, LATERAL.sid_mm,
        LATERAL.pixel_spacing_mm, LATERAL.rows, LATERAL.columns, LATERAL.principal_point_px,
    )  # fmt: skip
    for name in ("source_mm", "detector_origin_mm", "column_direction", "row_direction"):
        assert getattr(turned, name) == pytest.approx(getattr(made, name), abs=1e-9)


def test_wrong_angles_are_found_and_the_pose_is_better_for_it():
    views = views_with_wrong_tags()
    found = refine_angles(volume_with_skull(), views, [START], TRUTH)
    assert found is not None
    stage, corrections = found
    assert stage.similarity > stage.similarity_before
    between = [corrections[1].primary_deg - corrections[0].primary_deg, corrections[1].secondary_deg]
    assert between[0] == pytest.approx(OFF_DEG[0], abs=0.2)
    # What both views share is a turned head: the prior halves it between them, the pose takes the rest.
    corrected = with_corrected_angles(views, corrections)
    apart = corrected[1].angiogram.carm.normal @ corrected[0].angiogram.carm.normal
    assert np.degrees(np.arccos(apart)) == pytest.approx(
        np.degrees(np.arccos(LATERAL.normal @ FRONTAL.normal)), abs=0.15
    )
    assert rotation_angle_deg(stage.pose @ invert(TRUTH)) < 0.6


def test_right_angles_stay():
    views = [seen(carm) for carm in (FRONTAL, LATERAL)]
    stage, corrections = refine_angles(volume_with_skull(), views, [START], TRUTH)
    for correction in corrections:
        assert max(abs(correction.primary_deg), abs(correction.secondary_deg)) < 0.15
    assert np.linalg.norm(se3_log(stage.pose @ invert(TRUTH))[3:]) < 0.6


def test_nothing_is_corrected_where_it_cannot_be_told():
    assert not angles_can_be_corrected([LATERAL])
    assert not angles_can_be_corrected([LATERAL, LATERAL.with_angles_changed(5.0, 0.0)])
    assert not angles_can_be_corrected([FRONTAL, LATERAL.mirrored()])
    assert angles_can_be_corrected([FRONTAL, LATERAL])
    one = prepared_angiogram(TRUTH, carm=FRONTAL)
    assert refine_angles(volume_with_skull(), [one], [START], TRUTH) is None


def test_corrections_come_in_the_order_of_the_views():
    views = views_with_wrong_tags()[::-1]
    volume = volume_with_skull()
    evidence = Evidence(volume, views, vessel_sizes_px=[128], skull_sizes_px=[128])
    carms = [view.angiogram.carm for view in views]
    found = correct_angles(
        [evidence.of_view(view, 128, 128) for view in views], carms, PosePrior([START], CENTRE_MM, carms[0]), TRUTH,
        CENTRE_MM, SCHEDULE,
    )  # fmt: skip
    assert found.similarity > found.similarity_before
    assert found.corrections[0].primary_deg - found.corrections[1].primary_deg == pytest.approx(OFF_DEG[0], abs=0.25)
