"""Presets and the image's turn in the C-arm form, on real Qt widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from Testing.support.inputs_panel import InputsPanel, inputs_panel  # isort: skip  (skips where PySide6 is missing)

from DeepIterRegLib.geometry.carm_presets import shipped_presets
from DeepIterRegLib.geometry.image_turn import ALL_TURNS, ImageTurn
from DeepIterRegLib.mrml.nodes.carm_choices import PRESET, TURN, chosen_preset, chosen_turn
from DeepIterRegLib.mrml.nodes.carm_values import typed_geometry
from DeepIterRegLib.mrml.nodes.scene import read_scene, write_scene
from DeepIterRegLib.mrml.panel.turn_choice import upright
from DeepIterRegLib.mrml.panel.user_presets import SETTING, user_presets
from Testing.mrml.panel.test_inputs_panel import plain_run
from Testing.support.paths import OUTPUT


@pytest.fixture
def panel() -> Any:
    with inputs_panel() as opened:
        opened.ui.dsaSelector.setCurrentNode(plain_run(opened))
        yield opened


def choose(panel: InputsPanel, name: str) -> None:
    """As a user does: the list opens, a click takes one, and it closes."""
    panel.ui.dsaPresetChoose.click()
    assert panel.shown("dsaPresetList")
    names = panel.ui.dsaPresetList._qt()
    (item,) = [names.item(row) for row in range(names.count()) if names.item(row).text() == name]
    names.setCurrentItem(item)
    assert not panel.shown("dsaPresetList")


def run_of(panel: InputsPanel) -> Any:
    return panel.ui.dsaSelector.currentNode()


def test_a_preset_fills_in_what_is_missing_and_is_marked(panel: InputsPanel, tmp_path: Path) -> None:
    preset = next(each for each in shipped_presets() if each.sid_mm is not None)
    assert panel.row("Sid") == ("", "missing", False)
    choose(panel, preset.name)
    assert panel.row("Sid") == (f"{preset.sid_mm:g} mm", "preset", False)
    assert panel.row("PrimaryAngle")[1] == "missing", "angles are the run's"
    assert preset.source in panel.ui.dsaPresetEdit.toolTip
    panel.type("dsaSidEdit", "777")
    assert panel.row("Sid") == ("777 mm", "typed", True)
    panel.ui.dsaSidUndo.click()
    assert panel.row("Sid")[1] == "preset"
    geometry = typed_geometry(run_of(panel))
    assert geometry is not None
    assert geometry.preset == preset
    assert geometry.sid_mm is None
    write_scene(panel.scene, tmp_path / "a.mrb")
    again = read_scene(tmp_path / "a.mrb").GetFirstNodeByName("frames")
    assert chosen_preset(again) == preset, "with its values, whoever opens it"
    choose(panel, "None")
    assert panel.row("Sid") == ("", "missing", False)


def test_a_users_own_preset_is_kept_chosen_and_forgotten(panel: InputsPanel) -> None:
    panel.type("dsaSddEdit", "1180")
    panel.type("dsaPixelSpacingEdit", "0.308")
    panel.type("dsaPresetEdit", "Room 3")
    assert panel.ui.dsaPresetKeep.text == "Keep"
    panel.ui.dsaPresetKeep.click()
    (own,) = user_presets(panel.settings)
    assert (own.name, own.sdd_mm, own.sid_mm, own.pixel_spacing_mm) == ("Room 3", 1180, None, 0.308)
    assert panel.ui.dsaPresetEdit.text == "Room 3"
    panel.ui.dsaSddUndo.click()
    assert panel.row("Sdd") == ("1180 mm", "preset", False)
    # Another run may have it, too.
    panel.ui.dsaSelector.setCurrentNode(plain_run(panel, "other"))
    assert panel.ui.dsaPresetEdit.text == ""
    choose(panel, "Room 3")
    assert panel.row("PixelSpacing") == ("0.308 mm", "preset", False)
    assert panel.ui.dsaPresetKeep.text == "Forget"
    panel.ui.dsaPresetKeep.click()
    assert not user_presets(panel.settings)
    assert panel.row("PixelSpacing")[1] == "missing"


def test_a_preset_that_cannot_be_kept_is_said(panel: InputsPanel) -> None:
    panel.type("dsaPresetEdit", "Empty")
    panel.ui.dsaPresetKeep.click()
    assert "no distance and no pixel size" in panel.ui.dsaCArmNote.text
    panel.type("dsaSddEdit", "1180")
    panel.ui.dsaPresetEdit.text = shipped_presets()[0].name.upper()
    panel.ui.dsaPresetKeep.click()
    assert "comes with the program" in panel.ui.dsaCArmNote.text
    assert not user_presets(panel.settings)


@pytest.mark.parametrize("text", ["{", "{}", '[1, {"name": ""}, null]'])
def test_damaged_settings_hold_no_presets(panel: InputsPanel, text: str) -> None:
    panel.settings[SETTING] = text
    assert user_presets(panel.settings) == []


def test_a_turn_is_chosen_with_a_preview(panel: InputsPanel) -> None:
    assert panel.ui.dsaTurnTold.checked
    assert not panel.shown("dsaTurnPreview")
    panel.ui.dsaTurnMirror.click()
    assert chosen_turn(run_of(panel)) == ImageTurn(0, True)
    assert panel.ui.dsaTurn0.checked
    panel.ui.dsaTurn90.click()
    assert chosen_turn(run_of(panel)) == ImageTurn(1, True)
    assert panel.shown("dsaTurnPreview")
    assert "<img src=" in panel.ui.dsaTurnPreview.text
    geometry = typed_geometry(run_of(panel))
    assert geometry is not None
    assert geometry.image_turn == ImageTurn(1, True)
    panel.form._qt().resize(400, 900)
    panel.form._qt().show()
    OUTPUT.mkdir(exist_ok=True)
    panel.screenshot(OUTPUT / "carm_choices.png")
    panel.ui.dsaTurnTold.click()
    assert chosen_turn(run_of(panel)) is None
    assert not panel.ui.dsaTurnMirror.checked
    assert not panel.shown("dsaTurnPreview")


@pytest.mark.parametrize("turn", ALL_TURNS, ids=str)
def test_the_preview_undoes_the_turn(turn: ImageTurn) -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    stored = np.rot90(image, -turn.quarter_turns)
    stored = stored[:, ::-1] if turn.mirrored else stored
    np.testing.assert_array_equal(upright(stored, turn), image)


def test_what_makes_no_sense_in_an_edited_scene_is_passed_over(panel: InputsPanel) -> None:
    run = run_of(panel)
    for text in ("{", "[7, true]", "[1]", '"x"', "null"):
        run.SetAttribute(TURN, text)
        run.SetAttribute(PRESET, text)
        assert chosen_turn(run) is None
        assert chosen_preset(run) is None
        assert typed_geometry(run) is None
