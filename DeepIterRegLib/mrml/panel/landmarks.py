"""The landmarks of "Adjust by hand": placing them, what is missing, how well they fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.landmarks import MIN_LANDMARKS, LandmarkPose, pose_from_landmarks
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.mrml.adjust.landmark_nodes import LandmarkLists, LandmarkPairs
from DeepIterRegLib.mrml.adjust.pose_editor import PoseEditor
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.views.hidden_planes import HiddenPlanes

LANDMARKS = "landmarks"
"""Control of the history."""
TOO_GOOD_MM = 0.3
"""Three pairs that fit better than clicks are exact say nothing but that they were aligned to."""


class LandmarksGroup:
    """A part of `AdjustSection`. ui: the widgets of Adjust.ui."""

    def __init__(self, ui: Any, services: Services, editor: PoseEditor, arrange: Callable[[], None]) -> None:
        """arrange: shows the CTA's vessels in 3D beside the DSA, so that there is something to click on."""
        self._arrange = arrange
        self._ui = ui
        self._scene = services.scene
        self._ = services.translate
        self._editor = editor
        self._lists: LandmarkLists | None = None
        self._call_later = services.call_later
        self._planes = HiddenPlanes(services.scene)
        self._key: tuple[Any, ...] = ()
        self._said = ""
        self._buttons: list[tuple[int | None, Any]] = [
            (None, ui.placeCtaButton), (0, ui.placeDsaButton), (1, ui.placeSecondDsaButton)
        ]  # fmt: skip
        for view, button in self._buttons:
            button.connect("toggled(bool)", self._place(view))
        ui.clearLandmarksButton.connect("clicked()", self._clear)
        ui.alignButton.connect("clicked()", self._align)

    def show(self, case: RegisteredCase | None) -> None:
        """Work on the landmarks of a registration; on none."""
        key = () if case is None else (case.pose_node, *(view.plane for view in case.views))
        if key != self._key:
            self.close()
            self._key, self._said = key, ""
            self._lists = None if case is None else LandmarkLists(self._scene, case, self.update)
        elif self._lists is not None and case is not None:
            self._lists.use(case)
        if self._lists is not None:
            self._lists.follow_cta()

    def close(self) -> None:
        """Let go of the scene."""
        if self._lists is not None:
            self._lists.stop_placing()
            self._lists.close()
        self._lists, self._key = None, ()
        self._planes.show()

    def stop_placing(self) -> None:
        if self._lists is not None:
            self._lists.stop_placing()

    def update(self) -> None:
        """Follow the lists and the pose."""
        ui, case, lists = self._ui, self._editor.case, self._lists
        for view, button in self._buttons:
            exists = case is not None and lists is not None and (view is None or view < len(case.views))
            button.enabled = exists
            before = button.blockSignals(True)
            button.checked = exists and lists is not None and lists.is_placing(view)
            button.blockSignals(before)
        ui.placeSecondDsaButton.visible = case is not None and len(case.views) > 1
        if case is None or lists is None:
            ui.landmarksLabel.text, ui.alignedLabel.text = self._advice(None), ""
            ui.alignedLabel.visible = False
            ui.alignButton.enabled = ui.clearLandmarksButton.enabled = False
            return
        if lists.is_placing(None):
            self._planes.hide()
        else:
            self._planes.show()
        if lists.outside_cta():
            # Not now: Slicer is still placing it.
            self._call_later(self._refuse, 0)
        pairs = lists.pairs()
        anything = bool(pairs.number or pairs.only_in_cta or pairs.only_in_dsa or pairs.off_the_image)
        ui.clearLandmarksButton.enabled = anything
        ui.alignButton.enabled = pairs.number >= MIN_LANDMARKS and self._editor.ready
        ui.landmarksLabel.text = self._advice(pairs)
        ui.alignedLabel.text = "\n".join(filter(None, (self._said, self._distances(pairs))))
        ui.alignedLabel.visible = bool(ui.alignedLabel.text)

    def _place(self, view: int | None) -> Callable[[bool], None]:
        def place(checked: bool) -> None:
            lists = self._lists
            if lists is None:
                return
            if checked:
                if view is None:
                    self._arrange()
                lists.place(view, self._list_name(view))
            else:
                lists.stop_placing()
            self.update()

        return place

    def _refuse(self) -> None:
        """Take back points that were placed outside of the CTA."""
        outside = () if self._lists is None else self._lists.outside_cta()
        if self._lists is not None and outside:
            self._said = self._("That point lay outside of the CTA and was taken back: click on a vessel of the CTA.")
            self._lists.remove_from_cta(outside)
            self.update()

    def _list_name(self, view: int | None) -> str:
        if view is None:
            return self._("Landmarks in the CTA")
        return self._("Landmarks in the DSA") if view == 0 else self._("Landmarks in the second DSA")

    def _clear(self) -> None:
        self._said = ""
        if self._lists is not None:
            self._lists.stop_placing()
            self._lists.clear()
        self.update()

    def _align(self) -> None:
        case, lists = self._editor.case, self._lists
        if case is None or lists is None or not self._editor.ready:
            return
        pairs = lists.pairs()
        try:
            found = pose_from_landmarks(pairs.views, self._editor.pose, case.centre_mm)
        except InputError as error:
            self._said = told(error, self._)
            self.update()
            return
        lists.stop_placing()
        self._said = self._judgement(found, sum(map(len, pairs.labels)))
        self._editor.move(found.pose, LANDMARKS)

    def _advice(self, pairs: LandmarkPairs | None) -> str:
        """How many pairs there are, and what to do next."""
        if pairs is None or not (pairs.number or pairs.only_in_cta or pairs.only_in_dsa or pairs.off_the_image):
            return self._(
                "Where nothing else helps: mark at least three points, such as forks of vessels, in the CTA and in the"
                " DSA, in the same order."
            )
        lines = [self._("{number} pairs of landmarks.").format(number=pairs.number)]
        if pairs.number == 1:
            lines = [self._("1 pair of landmarks.")]
        for sentence, labels in (
            (self._("Missing in the DSA: {labels}."), pairs.only_in_cta),
            (self._("Missing in the CTA: {labels}."), pairs.only_in_dsa),
            (self._("Not on the image of the DSA: {labels}; place them in its slice view."), pairs.off_the_image),
        ):
            if labels:
                lines.append(sentence.format(labels=", ".join(labels)))
        if pairs.number < MIN_LANDMARKS and len(lines) == 1:
            lines.append(self._("At least three are needed."))
        return " ".join(lines)

    def _judgement(self, found: LandmarkPose, count: int) -> str:
        """One sentence on what may be wrong with the fit, or how good it is. count: of the pairs, in all views."""
        if found.nearly_in_a_row:
            return self._("The landmarks lie almost in a row, so the turn about it is a guess; add one beside it.")
        if found.fits_poorly:
            return self._(
                "The landmarks do not fit together ({rms:.1f} mm); check that each number is the same point in both."
            ).format(rms=found.rms_mm)
        if count <= MIN_LANDMARKS:
            return self._("Three pairs always fit, right or wrong: place a fourth one, and press Align again.")
        if found.equally_good > 1:
            return self._("Several positions fit equally well, the nearest was taken; one more landmark decides.")
        return self._("Aligned; the landmarks fit to {rms:.1f} mm on the detector.").format(rms=found.rms_mm)

    def _distances(self, pairs: LandmarkPairs) -> str:
        """Between each landmark of the CTA, projected where the head is now, and its partner."""
        lines: list[str] = []
        total = sum(map(len, pairs.labels))
        for index, (view, labels) in enumerate(zip(pairs.views, pairs.labels, strict=True)):
            if not labels:
                continue
            row_mm, column_mm = view.carm.pixel_spacing_mm
            offsets = project(apply(self._editor.pose, view.points_mm), view.carm) - view.pixels
            distances_mm = np.linalg.norm(offsets * (column_mm, row_mm), axis=1)
            if total <= MIN_LANDMARKS and distances_mm.max() < TOO_GOOD_MM:
                # Aligned to them, of course they fit.
                continue
            words = ", ".join(
                f"{mm:.1f}\u00a0mm\u00a0({label})" for label, mm in zip(labels, distances_mm, strict=True)
            )
            sentence = (
                self._("Distances on the DSA: {distances}.")
                if index == 0
                else self._("Distances on the second DSA: {distances}.")
            )
            lines.append(sentence.format(distances=words))
        return "\n".join(lines)
