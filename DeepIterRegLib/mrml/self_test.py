"""What a clinician does with the panel, as a test of it: in Slicer (DeepIterRegTest) and in pytest alike.

Everything goes through the widgets and the worker process, on a built-in patient whose true pose is known; with a main
window or without one. Each step raises AssertionError with a sentence.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.arrays import voxels_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.nodes.scene import write_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_volume

SMALL_DETECTOR_PX, SMALL_CT_COLUMNS = 256, 160
"""Coarser than the built-in patient otherwise is: a test that is run while one waits."""
REGISTER_TIMEOUT_S = 300.0
"""A first registration on a slow computer: the worker starts, segments and registers."""
REST_TIMEOUT_S = 30.0
LEAST_TURNS = 15
ENDS_WITHIN_MM = 2.0


@lru_cache(maxsize=1)
def built_in_patient() -> tuple[Any, Any]:
    """A simulated patient and its angiogram, as read from a DICOM file; the same one every time."""
    # By name, for the test alone: nothing of the product imports what is made for research.
    simulator = import_module("DeepIterRegLib.research.simulate.built_in")
    patient = simulator.built_in_patient(detector_px=SMALL_DETECTOR_PX, ct_columns=SMALL_CT_COLUMNS)
    return patient, simulator.angiograms_of(patient)[0]


class PanelTest:
    """One patient in front of one panel. widget: the module's widget, entered, in an empty scene. process_events: lets
    the application work."""

    def __init__(self, widget: Any, scene: Any, process_events: Callable[[], None]) -> None:
        self._widget = widget
        self._scene = scene
        self._process_events = process_events
        self.patient, self._angiogram = built_in_patient()

    def run(self) -> str:
        """All steps; returns a sentence with what was measured."""
        self.says_what_is_missing()
        self.cancel_leaves_the_scene_as_it_was()
        before_mm, after_mm = self.registers()
        self.sliders_move_the_cta_and_undo_takes_it_back()
        self.scene_comes_back_as_it_was_saved()
        return f"Mean projection error {before_mm:.1f} mm before, {after_mm:.1f} mm after"

    def select_images(self) -> None:
        """The patient's CTA and DSA, loaded and selected."""
        self._widget.ui.ctaSelector.setCurrentNode(add_volume(self._scene, self.patient.volume))
        self._widget.ui.dsaSelector.setCurrentNode(add_angiogram(self._scene, self._angiogram))

    def end_worker(self) -> None:
        """The process is gone afterwards, and Qt has been told."""
        self._panel.end_worker()
        self._settle(1.5)

    def says_what_is_missing(self) -> None:
        """The button names what is missing, until CTA and DSA are selected."""
        ui = self._widget.ui
        expect(not ui.registerButton.enabled, "Register is enabled without images")
        expect(ui.registerButton.text == "Select a CTA and a DSA", f"the button says {ui.registerButton.text!r}")
        ui.ctaSelector.setCurrentNode(add_volume(self._scene, self.patient.volume))
        expect(ui.registerButton.text == "Select a DSA", f"the button says {ui.registerButton.text!r}")
        ui.dsaSelector.setCurrentNode(add_angiogram(self._scene, self._angiogram))
        expect(ui.registerButton.text == "Register", f"the button says {ui.registerButton.text!r}")
        expect(ui.registerButton.enabled, "Register is not enabled with all images")

    def cancel_leaves_the_scene_as_it_was(self) -> None:
        """Cancelled while it registers, the scene has the nodes and transforms that it had."""
        before = self._nodes_and_pose()
        self._widget.ui.registerButton.click()
        expect(self._panel.register_section.is_running, "a press on Register started nothing")
        expect(self._widget.ui.registerButton.text == "Cancel", "the button does not offer to cancel")
        self._wait(lambda: self._widget.ui.progressBar.value > 0 and self._widget.ui.registerButton.enabled, "progress")
        self._widget.ui.registerButton.click()
        self._wait(lambda: not self._panel.register_section.is_running, "the end of the cancelled registration")
        expect(self._nodes_and_pose() == before, "a cancelled registration changed the scene")
        expect(self._panel.case is None, "a cancelled registration left a result")

    def registers(self) -> tuple[float, float]:
        """Register ends near the true pose, shown over the DSA; returns the mean projection errors in mm."""
        self._widget.ui.registerButton.click()
        self._wait(lambda: not self._panel.register_section.is_running, "the registration")
        # The panel reads the result in a turn of its own.
        self._settle(0.2)
        case = self._case()
        truth = self.patient.pose, self.patient.volume.centre_mm, self.patient.runs[0].carm
        before_mm = mean_projection_error_mm(case.initial_pose, *truth)
        after_mm = mean_projection_error_mm(case.pose, *truth)
        expect(after_mm < min(ENDS_WITHIN_MM, before_mm / 2), f"it ended {after_mm:.1f} mm from the truth")
        expect(case.is_applied, "the CTA is not under the transform")
        opacity = voxels_of(case.views[0].drr)[..., 3]
        expect(0.001 < (opacity > 0).mean() < 0.5, "the overlay shows no vessels")
        expect(self._widget.ui.similarityLabel.text not in ("", "–"), "the panel shows no similarity")
        return before_mm, after_mm

    def sliders_move_the_cta_and_undo_takes_it_back(self) -> None:
        """A slider moves the CTA's centre by what it says, the overlay follows, undo and redo go back and forth."""
        self._rest()
        case, ui = self._case(), self._widget.ui
        ui.adjustButton.collapsed = False
        automatic, drr = case.pose, voxels_of(case.views[0].drr).copy()
        ui.rightSlider.value = 8.0
        self._rest()
        shift_mm = apply(case.pose, case.centre_mm) - apply(automatic, case.centre_mm)
        expect(np.allclose(shift_mm, 8.0 * case.views[0].carm.column_direction, atol=1e-3), "right is not to the right")
        expect((voxels_of(case.views[0].drr) != drr).any(), "the overlay did not follow the slider")
        ui.undoButton.click()
        expect(np.allclose(case.pose, automatic, atol=1e-9), "undo did not take the slider's move back")
        expect(abs(ui.rightSlider.value) < 1e-6, "the slider did not follow undo")
        ui.redoButton.click()
        expect(abs(ui.rightSlider.value - 8.0) < 1e-3, "the slider did not follow redo")

    def scene_comes_back_as_it_was_saved(self) -> None:
        """Saved, closed and opened again: the same pose, the same overlay, the slider where it was."""
        self._rest()
        saved = self._case()
        pose, automatic, drr = saved.pose, saved.automatic_pose, voxels_of(saved.views[0].drr).copy()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "self_test.mrb"
            write_scene(self._scene, path)
            self._scene.Clear(False)
            self._settle(0.5)
            expect(self._panel.case is None, "a closed scene left a registration in the panel")
            expect(bool(self._scene.ReadFromMRB(str(path), True)), "the saved scene cannot be read")
            self._rest()
        case = self._case()
        expect(np.allclose(case.pose, pose, atol=1e-6), "the pose is not what was saved")
        expect(np.allclose(case.automatic_pose, automatic, atol=1e-12), "the automatic pose is not what was saved")
        changed = np.abs(voxels_of(case.views[0].drr).astype(int) - drr).max()
        expect(changed <= 2, f"the overlay is not what was saved: {changed} of 255 grey values apart")
        expect(abs(self._widget.ui.rightSlider.value - 8.0) < 1e-2, "the slider is not where it was")

    @property
    def _panel(self) -> Any:
        return self._widget.panel

    def _case(self) -> RegisteredCase:
        case = self._panel.case
        if case is None:
            raise AssertionError(f"no registration: {self._widget.ui.stageLabel.text!r}")
        return case

    def _nodes_and_pose(self) -> tuple[list[str], list[str | None]]:
        """The user's data: views, cameras and the like may be made by the application whenever it wants."""
        nodes = [self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())]
        data = [node for node in nodes if node.IsA("vtkMRMLStorableNode") and node.GetSingletonTag() is None]
        kept = [node for node in data if node.GetSaveWithScene()]
        volumes = [node for node in kept if node.IsA("vtkMRMLVolumeNode")]
        return [node.GetID() for node in kept], [node.GetTransformNodeID() for node in volumes]

    def _rest(self) -> None:
        """Until the overlay, which is coarser while the pose moves, has been drawn finely."""
        until = time.monotonic() + REST_TIMEOUT_S
        before = None
        while (now := self._drawn()) != before:
            expect(time.monotonic() < until, "the overlay is drawn again and again")
            before = now
            self._settle(0.4)

    def _drawn(self) -> list[int]:
        """When each overlay was drawn."""
        case = self._panel.case
        return [] if case is None else [view.drr.GetImageData().GetMTime() for view in case.views]

    def _settle(self, seconds: float) -> None:
        """Let the application work that long, and have some turns however long one of them takes."""
        until, turns = time.monotonic() + seconds, 0
        while turns < LEAST_TURNS or time.monotonic() < until:
            self._process_events()
            time.sleep(0.01)
            turns += 1

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + REGISTER_TIMEOUT_S
        while not condition():
            expect(time.monotonic() < until, f"{what} did not come within {REGISTER_TIMEOUT_S:.0f} s")
            self._process_events()
            time.sleep(0.01)


def expect(condition: bool, otherwise: str) -> None:
    """Raises AssertionError with a sentence."""
    if not condition:
        raise AssertionError(otherwise)
