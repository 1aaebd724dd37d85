"""The difficulty of the simulated patients is what docs/calibration.md says, and the offsets are the paper's."""

from __future__ import annotations

import ast
import importlib
import re

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.research.evaluate.results import MM_PER_PX
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.x_ray.offset import draw_offset, target_mpe_mm
from DeepIterRegLib.research.simulate.x_ray.positioning import draw_positioning
from Testing.support.paths import ROOT

PAGE = ROOT / "docs" / "calibration.md"
KNOBS = re.findall(r"^\| `([\w.]+)\.(\w+)` \| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_lists_the_knobs():
    assert len(KNOBS) >= 10


@pytest.mark.parametrize(("module", "name", "value"), KNOBS, ids=[name for _, name, _ in KNOBS])
def test_a_knob_has_the_documented_value(module: str, name: str, value: str):
    actual = getattr(importlib.import_module(f"DeepIterRegLib.research.simulate.{module}"), name)
    assert actual == ast.literal_eval(value), "harder? then say so in docs/calibration.md; easier is not allowed"


@pytest.mark.parametrize("first_seed", [0, 94, 1000, 123456])
def test_94_patients_have_the_papers_offsets(first_seed: int):
    errors_px = [
        mean_projection_error_mm(
            place.radiological_pose, place.pose, (np.linalg.inv(place.radiological_pose))[:3, 3], place.carms["lateral"]
        )
        / MM_PER_PX
        for place in (
            draw_positioning(seed, seed % 2 == 0, 1024, 260.0, -20.0) for seed in range(first_seed, first_seed + 94)
        )
    ]
    assert np.mean(errors_px) == pytest.approx(26, rel=0.1)
    assert np.percentile(errors_px, 95) == pytest.approx(55, rel=0.1)


def test_heads_slouch_more_than_they_slide():
    centre_mm = np.array([3.0, -140.0, -600.0])
    start = radiological_pose(centre_mm)
    carm = CArm.from_angles(90, 0, 1150, 750, 0.3, 1024, 1024)
    shifts = np.array([
        (draw_offset(start, centre_mm, carm, target_mpe_mm(seed), stream(seed, "offset")) @ np.append(centre_mm, 1))[:3]
        for seed in range(200)
    ])  # fmt: skip
    right, anterior, superior = np.abs(shifts).mean(axis=0)
    assert anterior > 1.3 * superior
    assert anterior > 1.3 * right


def test_an_offset_has_the_size_that_was_asked_for():
    centre_mm = np.array([0.0, -100.0, 40.0])
    start = radiological_pose(centre_mm)
    carm = CArm.from_angles(-90, 5, 1050, 740, 0.3, 1024, 1024)
    pose = draw_offset(start, centre_mm, carm, 31.0, np.random.default_rng(5))
    assert mean_projection_error_mm(start, pose, centre_mm, carm) == pytest.approx(31.0, abs=1e-3)


def test_the_operator_keeps_the_head_on_the_detector():
    for seed in range(40):
        place = draw_positioning(seed, False, 1024, 260.0, -20.0)
        head_mm = (place.pose @ place.head_to_patient)[:3, 3]
        assert np.linalg.norm(head_mm) < 75
