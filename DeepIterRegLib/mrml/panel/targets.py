"""The Targets section: points and paths placed on the CTA's vessels, and where every DSA shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.guidance.targets import Target, behind, is_inside
from DeepIterRegLib.mrml.adjust.debounce import Debounced
from DeepIterRegLib.mrml.adjust.place_mode import is_placing_into, observe_placing, start_placing, stop_placing
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, pose_nodes_of
from DeepIterRegLib.mrml.nodes.volume_node import volume_source_of
from DeepIterRegLib.mrml.overlay.look_attribute import look_of
from DeepIterRegLib.mrml.panel.background_preparation import Ask
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.targets.case_targets import covariance_in_use, marks_in, show_targets_on_dsas, targets_in
from DeepIterRegLib.mrml.targets.centreline_node import keep_centreline, kept_centreline
from DeepIterRegLib.mrml.targets.target_nodes import (
    POINTS_REFERENCE,
    add_path_node,
    follow_cta,
    free_name,
    path_nodes,
    placed_targets,
    points_node,
    points_of,
    put_way,
    remove_target,
    rename_target,
    take_over_targets,
)
from DeepIterRegLib.mrml.views.hidden_planes import HiddenPlanes
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.worker.payload import centreline_from_json
from DeepIterRegLib.worker.sent_cloud import cloud_arrays, cloud_fields

DEBOUNCE_MS = 50
MOVED_MM = 0.05
"""Less is not worth a change of a node."""


class TargetsSection:
    """Places targets, puts them onto the vessels, and keeps the marks on the DSAs true. Implements `JobListener`.

    ui: the widgets of Targets.ui. ask: lets the worker find centrelines when it is free, `BackgroundPreparation.ask`.
    show_vessels: in 3D, so that there is something to click on.
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        ask: Ask,
        show_vessels: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._services, self._scene = services, services.scene
        self._call_later = services.call_later
        self._ = services.translate
        self._ask = ask
        self._show_vessels = show_vessels
        self._case: RegisteredCase | None = None
        self._centreline: Centreline | None = None
        self._is_finding = self._busy = self._settling = False
        self._said = ""
        self._listed: list[str] = []
        self._path: Any = None
        """The curve that is being placed."""
        self._observed: list[tuple[Any, int]] = []
        self._named: dict[str, set[str]] = {}
        """By node, the points (both by ID) that have their name."""
        self._planes = HiddenPlanes(services.scene)
        self._debounced = Debounced(self._draw, services.call_later, DEBOUNCE_MS)
        self._drawn: tuple[object, ...] = ()
        ui.placePointButton.connect("toggled(bool)", self._place_point)
        ui.placePathButton.connect("toggled(bool)", self._place_path)
        ui.removeTargetButton.connect("clicked()", self._remove)
        ui.renameTargetButton.connect("clicked()", self._rename)
        ui.targetList.connect("currentRowChanged(int)", lambda _: self._tell())
        ui.behindList.connect("currentRowChanged(int)", lambda _: self._tell())
        self.show(None)

    def show(self, case: RegisteredCase | None) -> None:
        """Work on the targets of a registration; on none."""
        same = case is not None and self._case is not None and case.pose_node is self._case.pose_node
        if not same:
            self._stop()
            self._said, self._path = "", None
        self._let_go()
        self._case, self._centreline, self._drawn = case, None, ()
        if case is not None:
            take_over_targets(case.pose_node, pose_nodes_of(case.cta))
            try:
                self._centreline = kept_centreline(case.pose_node, case.vessels)
            except InputError:
                self._case = None
        if self._case is not None:
            self._observe()
            follow_cta(self._case.pose_node, self._case.is_applied)
            if placed_targets(self._case.pose_node):
                self._look_for_centreline()
        self._update()

    def busy(self, running: bool) -> None:
        """Nothing is placed while a registration runs."""
        self._busy = running
        if running:
            self._stop()
        self._update()

    def close(self) -> None:
        """Let go of the scene."""
        self._stop()
        self._let_go()
        self._debounced.stop()
        self._case = None

    # What the worker's client calls: see `JobListener`.

    def started(self) -> None: ...

    def prepared(self, preview: Any) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def done(self, result: Any) -> None:
        self._is_finding = False
        case = self._case
        if case is None:
            return
        try:
            self._centreline = centreline_from_json(result)
            keep_centreline(case.pose_node, self._centreline, case.vessels)
        except (KeyError, TypeError, ValueError, InputError):
            self._said = self._("The vessels' centrelines could not be found; targets stay where they are placed.")
        self._settle()

    def failed(self, error: UserError) -> None:
        self._is_finding = False
        self._said = told(error, self._)
        self._settle()

    def cancelled(self) -> None:
        self._is_finding = False

    def _place_point(self, on: bool) -> None:
        if self._case is None or not on:
            self._stop()
            return
        self._begin(points_node(self._case.pose_node))

    def _place_path(self, on: bool) -> None:
        if self._case is None or not on:
            self._stop()
            return
        self._path = add_path_node(self._case.pose_node, self._next_name())
        self._begin(self._path)

    def _begin(self, node: Any) -> None:
        assert self._case is not None
        self._said = ""
        self._show_vessels()
        self._let_go()
        self._observe()
        follow_cta(self._case.pose_node, self._case.is_applied)
        self._planes.hide()
        start_placing(self._scene, node)
        self._look_for_centreline()
        self._update()

    def _stop(self) -> None:
        """Clicks no longer place targets."""
        if any(is_placing_into(self._scene, node) for node in self._nodes()):
            stop_placing(self._scene)
        self._planes.show()

    def _placing_changed(self, _node: Any, _event: str) -> None:
        if not any(is_placing_into(self._scene, node) for node in self._nodes()):
            self._planes.show()
            # Slicer may still be taking the unplaced point away.
            self._call_later(self._settle, 0)
        self._update()

    def _changed(self, _node: Any, _event: str) -> None:
        if not self._settling:
            self._debounced.changed()

    def _placed(self, _node: Any, _event: str) -> None:
        """A point came or was let go of: not now, for Slicer is still at it."""
        if not self._settling:
            self._call_later(self._settle, 0)

    def _settle(self) -> None:
        """Refuse what lies outside the CTA, name what is new, put all onto the vessels, and draw."""
        case = self._case
        if case is None:
            return
        with self._on_its_own():
            for node in self._nodes():
                self._refuse_outside(node)
            self._name_new_points()
            self._snap(case)
            self._end_path()
        self._draw()

    def _refuse_outside(self, node: Any) -> None:
        assert self._case is not None
        try:
            source = volume_source_of(self._case.cta)
        except InputError:
            return
        for index in reversed(range(node.GetNumberOfControlPoints())):
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
                place = [0.0, 0.0, 0.0]
                node.GetNthControlPointPosition(index, place)
                if not is_inside(np.array(place), source.ijk_to_ras, source.voxels.shape):
                    node.RemoveNthControlPoint(index)
                    self._said = self._("That point lay outside the CTA and was taken back: click on a vessel.")

    def _name_new_points(self) -> None:
        assert self._case is not None
        node = self._case.pose_node.GetNodeReference(POINTS_REFERENCE)
        if node is None:
            return
        named = self._named.setdefault(node.GetID(), set())
        for index in range(node.GetNumberOfControlPoints()):
            point = node.GetNthControlPointID(index)
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined and point not in named:
                named.add(point)
                node.SetNthControlPointLabel(index, "")
                node.SetNthControlPointLabel(index, self._next_name())

    def _snap(self, case: RegisteredCase) -> None:
        """Put points and paths onto the centrelines, where those are known."""
        if self._centreline is None:
            return
        targets = targets_in(case, self._centreline)
        points = iter([target for target in targets if not target.is_path])
        node = case.pose_node.GetNodeReference(POINTS_REFERENCE)
        for index in range(0 if node is None else node.GetNumberOfControlPoints()):
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
                target = next(points)
                if np.linalg.norm(target.end_mm - target.placed_mm[0]) > MOVED_MM:
                    node.SetNthControlPointPosition(index, *map(float, target.end_mm))
        paths = iter([target for target in targets if target.is_path])
        for curve in path_nodes(case.pose_node):
            if len(points_of(curve)) > 1:
                target = next(paths)
                moved = np.nan_to_num(target.snapped_mm).max() > MOVED_MM
                if not is_placing_into(self._scene, curve) and (curve is self._path or moved):
                    put_way(curve, target.points_mm)

    def _end_path(self) -> None:
        """A path that is no longer placed is there, or was given up."""
        curve = self._path
        if curve is None or is_placing_into(self._scene, curve) or (self._is_finding and len(points_of(curve)) > 1):
            return
        self._path = None
        if len(points_of(curve)) < 2:
            self._scene.RemoveNode(curve)
            self._said = self._said or self._("A path needs two points at least.")

    def _draw(self) -> None:
        """The marks on the DSAs, and what is said about them."""
        case = self._case
        if case is None:
            return
        with self._on_its_own():
            show_targets_on_dsas(case, targets_in(case, self._centreline))
        self._update()

    def _look_for_centreline(self) -> None:
        case = self._case
        if case is None or self._centreline is not None or self._is_finding:
            return
        try:
            vessels = case.vessels
        except InputError:
            return
        if len(vessels):
            self._is_finding = True
            fields, arrays = cloud_fields(vessels), cloud_arrays(vessels)
            self._ask(lambda to: self._services.worker.run("centreline", fields, to, arrays), self)

    def _remove(self) -> None:
        if self._case is not None:
            remove_target(self._case.pose_node, self._chosen(self._ui.targetList))
            self._said = ""
            self._draw()

    def _rename(self) -> None:
        old, wanted = self._chosen(self._ui.targetList), self._ui.targetNameEdit.text.strip()
        if self._case is not None and wanted and wanted != old:
            others = [target.name for target in placed_targets(self._case.pose_node) if target.name != old]
            name = free_name(wanted, others)
            rename_target(self._case.pose_node, old, name)
            self._draw()

    def _next_name(self) -> str:
        assert self._case is not None
        wanted = self._ui.targetNameEdit.text.strip() or self._("target")
        taken = [label for label, _ in points_of(self._case.pose_node.GetNodeReference(POINTS_REFERENCE))]
        return free_name(wanted, [*taken, *(node.GetName() for node in path_nodes(self._case.pose_node))])

    def _nodes(self) -> list[Any]:
        if self._case is None:
            return []
        node = self._case.pose_node.GetNodeReference(POINTS_REFERENCE)
        return [*([] if node is None else [node]), *path_nodes(self._case.pose_node)]

    def _observe(self) -> None:
        """Listen to the targets, to the pose and its look, and to placing."""
        import slicer

        assert self._case is not None
        pose_node = self._case.pose_node
        events = [
            (pose_node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._pose_changed),
            (pose_node, _modified_event(), self._pose_changed),
        ]
        for node in self._nodes():
            points = (node.GetNthControlPointID(index) for index in range(node.GetNumberOfControlPoints()))
            self._named.setdefault(node.GetID(), set(points))
            events += [
                (node, node.PointPositionDefinedEvent, self._placed),
                (node, node.PointEndInteractionEvent, self._placed),
                (node, node.PointModifiedEvent, self._changed),
                (node, node.PointRemovedEvent, self._changed),
            ]
        self._observed = [(node, node.AddObserver(event, handler)) for node, event, handler in events]
        placing = observe_placing(self._scene, self._placing_changed)
        if placing is not None:
            self._observed.append(placing)

    def _let_go(self) -> None:
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed = []

    def _pose_changed(self, _node: Any, _event: str) -> None:
        """Draw again where pose, frame or moment on show are others than before."""
        case = self._case
        if case is None or self._settling or not self._nodes():
            return
        drawn = _what_is_drawn(case)
        if drawn != self._drawn:
            self._drawn = drawn
            self._debounced.changed()

    @contextmanager
    def _on_its_own(self) -> Iterator[None]:
        """What this section changes in the block is no news to it."""
        before, self._settling = self._settling, True
        try:
            yield
        finally:
            self._settling = before

    def _update(self) -> None:
        """Buttons, list and text."""
        ui, case = self._ui, self._case
        ready = case is not None and not self._busy
        placing = [node for node in self._nodes() if is_placing_into(self._scene, node)]
        with _silent(ui.placePointButton), _silent(ui.placePathButton):
            ui.placePointButton.enabled = ui.placePathButton.enabled = ready
            ui.placePathButton.checked = bool(placing) and placing[0] in path_nodes(case.pose_node if case else None)
            ui.placePointButton.checked = bool(placing) and not ui.placePathButton.checked
        names = [] if case is None else [target.name for target in placed_targets(case.pose_node)]
        self._list(names)
        for widget in (ui.targetList, ui.removeTargetButton, ui.renameTargetButton):
            widget.enabled = ready and bool(names)
        ui.behindList.enabled = ready and len(names) > 1
        self._tell()

    def _tell(self) -> None:
        """What is known about the selected target."""
        lines = [self._said]
        case = self._case
        if case is not None:
            targets = {target.name: target for target in targets_in(case, self._centreline)}
            chosen = targets.get(self._chosen(self._ui.targetList))
            if chosen is None:
                lines.append(self._("Name a target, press Point or Path, and click on a vessel of the CTA."))
            else:
                lines += self._about(case, chosen)
                lines += self._behind(case, chosen, targets.get(self._chosen(self._ui.behindList)))
        self._ui.targetLabel.text = "\n".join(filter(None, lines))

    def _chosen(self, list_widget: Any) -> str:
        """The name that is selected in one of the lists, "" for none."""
        row = int(list_widget.currentRow)
        return self._listed[row] if 0 <= row < len(self._listed) else ""

    def _list(self, names: list[str]) -> None:
        """Let both lists hold these names; what is selected stays so where as many are there, a new one is selected."""
        if names == self._listed:
            return
        more, same_number = len(names) > len(self._listed), len(names) == len(self._listed)
        rows = []
        for list_widget in (self._ui.targetList, self._ui.behindList):
            chosen, row = self._chosen(list_widget), int(list_widget.currentRow)
            rows.append(names.index(chosen) if chosen in names else row if same_number else -1)
        added = next((row for row, name in enumerate(names) if name not in self._listed), -1)
        rows[0] = added if more else rows[0] if rows[0] >= 0 else len(names) - 1
        self._listed = names
        for list_widget, row in zip((self._ui.targetList, self._ui.behindList), rows, strict=True):
            with _silent(list_widget):
                list_widget.clear()
                for name in names:
                    list_widget.addItem(name)
                list_widget.currentRow = row

    def _about(self, case: RegisteredCase, target: Target) -> list[str]:
        covariance = covariance_in_use(case)
        if self._is_finding:
            place = self._("The vessels' centrelines are being found …")
        elif target.is_path:
            place = self._("{length:.0f} mm along the vessels.").format(length=target.length_mm)
            if target.gap_mm > 0:
                place += " " + self._("{gap:.0f} mm of it where the CTA shows none.").format(gap=target.gap_mm)
        elif target.radius_mm is None:
            place = self._("No vessel is near: it stays where it was placed.")
        else:
            place = self._("On a vessel of {radius:.1f} mm radius.").format(radius=target.radius_mm)
        if covariance is None:
            return [
                place,
                self._("It is not drawn on the DSA, for how sure the position is is not known: register or refine."),
            ]
        return [place, *self._sizes(case, target, covariance)]

    def _sizes(self, case: RegisteredCase, target: Target, covariance: Any) -> list[str]:
        sentences = (
            self._("On the DSA within {mm:.1f} mm, in 95 % of such registrations."),
            self._("On the second DSA within {mm:.1f} mm."),
        )
        lines = []
        for sentence, view in zip(sentences, case.views, strict=False):
            for mark in marks_in(case, view, [target], covariance, OverlayLook()):
                lines.append(sentence.format(mm=mark.ellipses[-1].semi_axes_mm[0]))
        return lines

    def _behind(self, case: RegisteredCase, target: Target, other: Target | None) -> list[str]:
        """How far behind another target along the beams."""
        if other is None or other.name == target.name:
            return []
        try:
            pose = case.pose
        except InputError:
            return []
        sentences = (
            (
                self._("On the DSA {mm:.0f} mm behind {other}, seen from the source."),
                self._("On the DSA {mm:.0f} mm in front of {other}, seen from the source."),
            ),
            (
                self._("On the second DSA {mm:.0f} mm behind {other}."),
                self._("On the second DSA {mm:.0f} mm in front of {other}."),
            ),
        )
        lines = []
        for (farther, nearer), view in zip(sentences, case.views, strict=False):
            found = behind(target, other, pose, view.carm)
            if found is not None:
                sentence = farther if found.behind_mm >= 0 else nearer
                lines.append(sentence.format(mm=abs(found.behind_mm), other=other.name))
        return lines


def _what_is_drawn(case: RegisteredCase) -> tuple[object, ...]:
    look = look_of(case.pose_node)
    try:
        pose = case.pose.tobytes()
    except InputError:
        pose = b""
    return pose, look.frame, look.moment


def _modified_event() -> int:
    import vtk

    return int(vtk.vtkCommand.ModifiedEvent)


@contextmanager
def _silent(widget: Any) -> Iterator[None]:
    before = widget.blockSignals(True)
    try:
        yield
    finally:
        widget.blockSignals(before)
