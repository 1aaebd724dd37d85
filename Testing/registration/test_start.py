"""Where a registration starts: with the head, however it lies in its CT and wherever the CT ends."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from DeepIterRegLib.geometry.pose import PATIENT_AXES, radiological_pose
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.head_frame import HeadFrame
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.report import build_report, report_schema
from DeepIterRegLib.registration.result import outcome_of
from DeepIterRegLib.registration.start import start_poses
from Testing.support.three_bars import registered_bars
from Testing.support.vessel_tree_case import CENTRE_MM, prepared_angiogram, prepared_volume

HEAD = HeadFrame(CENTRE_MM + [4.0, -9.0, 130.0], Rotation.from_euler("xyz", (30, 5, 80), degrees=True).as_matrix())


def images(head: HeadFrame | None, position: str = "HFS") -> PreparedImages:
    volume = prepared_volume()
    if head is not None:
        volume = replace(volume, head=head, cloud=replace(volume.cloud, centre_mm=head.centre_mm))
    return PreparedImages(volume, (prepared_angiogram(np.eye(4), patient_position=position),))


def test_without_a_head_the_start_is_the_grids():
    (start,) = start_poses(images(None))
    np.testing.assert_array_equal(start, radiological_pose(CENTRE_MM))


@pytest.mark.parametrize("position", ["HFS", "FFS", "HFDR"])
def test_the_heads_axes_lie_as_the_patient_does_and_its_centre_at_the_isocentre(position):
    starts = start_poses(images(HEAD, position))
    assert len(starts) == (1 if position == "HFS" else 2)
    for start, lies in zip(starts, (position, "HFS"), strict=False):
        np.testing.assert_allclose(apply(start, HEAD.centre_mm), 0, atol=1e-9)
        np.testing.assert_allclose(start[:3, :3] @ HEAD.axes, PATIENT_AXES[lies], atol=1e-9)


def test_the_report_says_where_the_head_was_taken_to_be():
    registration = registered_bars()
    volume = registration.volume
    assert _report(registration)["volume"]["head"] is None
    centre = volume.volume.centre_mm + [0.0, 30.0, 40.0]
    head = HeadFrame(centre, HEAD.axes)
    found = replace(volume, head=head, cloud=replace(volume.cloud, centre_mm=centre))
    registration = replace(registration, images=replace(registration.images, volume=found))
    report = _report(registration)
    said = report["volume"]["head"]
    assert said["off_grid_mm"] == pytest.approx(50)
    assert said["askew_deg"] == pytest.approx(np.degrees(Rotation.from_matrix(HEAD.axes).magnitude()), abs=1e-4)
    np.testing.assert_allclose(said["centre_mm"], centre)
    # The pose's node turns about the volume's centre, whatever the registration started with.
    np.testing.assert_allclose(report["volume"]["centre_mm"], volume.volume.centre_mm)
    np.testing.assert_array_equal(outcome_of(registration, report).cloud.centre_mm, volume.volume.centre_mm)


def _report(registration):
    report = build_report(registration, compare_views(registration))
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    return report
