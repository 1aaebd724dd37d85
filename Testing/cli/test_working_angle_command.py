"""`deepiterreg working-angle` and `deepiterreg presets`, from a scene's file to files."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.cli.working_angle import OUTPUT_NAMES
from DeepIterRegLib.geometry.carm_presets import shipped_presets
from DeepIterRegLib.registration.working_angle_report import working_angle_schema

pytest.importorskip("slicer")

from DeepIterRegLib.mrml.nodes.scene import write_scene
from Testing.support.overlay_case import artery_mm, registered_tubes
from Testing.support.small_registration import LATERAL


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "scene.mrb"
    case = registered_tubes()
    write_scene(case.cta.GetScene(), path)
    return path


def at(point) -> str:
    return "--at=" + ",".join(f"{value:.2f}" for value in point)


@pytest.fixture(scope="module")
def output(scene, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("angle") / "output"
    words = ["working-angle", "--scene", str(scene), at(artery_mm()[200]), "--output", str(folder)]
    assert main(words) == 0
    return folder


def test_three_files_are_written_and_the_numbers_fit_their_schema(output):
    assert sorted(path.name for path in output.iterdir()) == sorted(OUTPUT_NAMES)
    report = json.loads((output / "working_angle.json").read_text())
    jsonschema.Draft202012Validator(working_angle_schema()).validate(report)
    assert report["reach"]["from"] == "assumed"
    assert np.shape(report["map"]["overlap"]) == (45, 91)
    # The run lies prone; its tags are the patient's, for the pose is about that of one who lies supine.
    assert report["patient_position"] == "HFP"
    assert report["today"]["patient"]["primary_deg"] == pytest.approx(LATERAL.primary_angle_deg)
    assert report["today"]["table"]["primary_deg"] == pytest.approx(LATERAL.primary_angle_deg - 180)


def test_the_pictures_show_the_map_and_the_vessel(output):
    expected = np.asarray(Image.open(output / "expected.png").convert("RGB")).astype(int)
    orange = (expected[..., 0] > 220) & (expected[..., 1] < 180) & (expected[..., 2] < 90)
    # In each of the four pictures.
    quarters = np.array_split(orange, 4, axis=1)
    assert all(quarter.sum() > 20 for quarter in quarters)
    colours = np.asarray(Image.open(output / "working_angle.png").convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 50


def test_what_was_found_is_printed_to_be_dialled(scene, tmp_path, capsys):
    words = ["working-angle", "--scene", str(scene), at(artery_mm()[100]), at(artery_mm()[160])]
    assert main([*words, "--reach", "30,40,20,20", "--output", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Vessel about ")
    assert "(patient)" in said
    assert "(table)" in said
    assert "assumed" not in said
    report = json.loads((tmp_path / "working_angle.json").read_text())
    assert all(-30 <= sight["table"]["primary_deg"] <= 40 for sight in report["best"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "1,2"], "--at: '1,2' is not three numbers"),
        (["--at", "1,2,x"], "'x' is not a finite number"),
        (["--at", "900,0,0"], "from the nearest vessel of the CTA"),
        (["--at", "0,0,0", "--view", "2"], "leave out --view 2"),
        (["--at", "0,0,0", "--reach", "200,1,1,1"], "does not reach 200 degrees"),
        (["--at", "0,0,0", "--reach", "1,1,1"], "not four numbers"),
        (["--at", "0,0,0", "--preset", "none"], "There is no C-arm preset 'none'"),
        (["--at", "0,0,0", "--length", "500"], "not between 8 and 60 mm"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(scene, tmp_path, capsys, words, said):
    folder = tmp_path / "out"
    assert main(["working-angle", "--scene", str(scene), *words, "--output", str(folder)]) == 2
    assert said in capsys.readouterr().err
    assert not folder.exists()


def test_a_scene_that_is_none_is_refused(tmp_path, capsys):
    (tmp_path / "a.mrb").write_bytes(b"nothing")
    for name, said in (("a.mrb", "is not a Slicer scene"), ("b.mrb", "does not exist")):
        words = ["working-angle", "--scene", str(tmp_path / name), "--at", "0,0,0", "--output", str(tmp_path / "o")]
        assert main(words) == 2
        assert said in capsys.readouterr().err


def test_presets_are_listed_with_their_sources(capsys):
    assert main(["presets"]) == 0
    said = capsys.readouterr().out
    for preset in shipped_presets():
        assert preset.name in said
        assert f"source: {preset.source}" in said
    assert main(["presets", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == [each.name for each in shipped_presets()]
