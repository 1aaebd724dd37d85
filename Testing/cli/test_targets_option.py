"""`--targets`: into report, overlay and scene; refused before anything is registered."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.cli.clock import StepClock
from DeepIterRegLib.cli.main import main
from DeepIterRegLib.cli.register import write_result
from DeepIterRegLib.mrml.nodes.packed_voxels import Packing
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import read_scene
from DeepIterRegLib.mrml.saving.read_registered import read_registered
from DeepIterRegLib.mrml.targets.mark_nodes import outline_nodes
from DeepIterRegLib.mrml.targets.target_nodes import placed_targets
from Testing.registration.test_report_of_targets import placed, registered


def test_targets_stand_in_report_overlay_and_scene(tmp_path):
    registration = registered(angles_deg=(0.0,))
    report = write_result(
        tmp_path, registration, Packing(()), lambda step: None, StepClock(), targets=placed(registration)
    )
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [target["name"] for target in written["targets"]] == ["clot", "way"]
    assert written["targets"] == report["targets"]
    assert (tmp_path / "overlay.png").stat().st_size > 1000
    (case,) = registered_cases(read_scene(tmp_path / "scene.mrb"))
    in_scene = {target.name: target for target in placed_targets(case.pose_node)}
    assert list(in_scene) == ["clot", "way"]
    assert in_scene["clot"].points_mm == pytest.approx(np.array(written["targets"][0]["points_mm"]), abs=0.01)
    assert len(outline_nodes(case.views[0].plane)) == 4
    # And go along to another run.
    along = read_registered(tmp_path / "scene.mrb").targets
    assert [(target.name, target.is_path) for target in along] == [("clot", False), ("way", True)]
    np.testing.assert_allclose(along[0].points_mm, in_scene["clot"].points_mm)


def test_a_pose_that_is_most_probably_wrong_is_written_with_its_targets_and_no_marks(tmp_path):
    registration = dataclasses.replace(registered("wrong", (0.0,)))
    write_result(tmp_path, registration, Packing(()), lambda step: None, StepClock(), targets=placed(registration))
    (case,) = registered_cases(read_scene(tmp_path / "scene.mrb"))
    assert len(placed_targets(case.pose_node)) == 2
    assert outline_nodes(case.views[0].plane) == []


def test_a_bad_file_is_refused_before_any_image_is_read(tmp_path, capsys):
    for name in ("cta.nrrd", "dsa.dcm"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "targets.csv").write_text("name,x,y,z\nclot,1,2,3\n", encoding="utf-8")
    code = main([
        "register", "--cta", str(tmp_path / "cta.nrrd"), "--dsa", str(tmp_path / "dsa.dcm"),
        "--targets", str(tmp_path / "targets.csv"), "--output", str(tmp_path / "out"),
    ])  # fmt: skip
    assert code == 2
    assert "begin with name,R,A,S or name,L,P,S" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
