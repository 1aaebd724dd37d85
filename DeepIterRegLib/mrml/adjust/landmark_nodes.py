"""The lists of landmarks in the scene: one of the CTA, in the patient frame, and one of each DSA, on its detector.

A pair is two points of the same label. Labels are numbers, and a new point gets the lowest that its list does not have:
so a point that was deleted and placed again is in its pair again, which it would not be if pairs were counted off.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.resection import LandmarkView
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.mrml.adjust.place_mode import is_placing_into, observe_placing, start_placing, stop_placing
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.nodes.volume_node import volume_source_of

LIST_CLASS = "vtkMRMLMarkupsFiducialNode"
LANDMARKS_REFERENCE = PREFIX + "landmarks"
"""Reference from the pose to the list of the CTA, and from an image plane to the list of its DSA."""
CTA_ROLE, DSA_ROLE = "landmarks-cta", "landmarks-dsa"
COLORS = {CTA_ROLE: (0.3, 0.85, 0.4), DSA_ROLE: (1.0, 0.75, 0.1)}
ON_IMAGE_MM = 5.0
"""A point of a DSA that is farther from its detector was placed in another view, by mistake."""


@dataclass(frozen=True, eq=False)
class LandmarkPairs:
    """What is in the lists."""

    views: tuple[LandmarkView, ...]
    """For each DSA the pairs that it has a part in."""
    labels: tuple[tuple[str, ...], ...]
    """Their labels."""
    only_in_cta: tuple[str, ...]
    only_in_dsa: tuple[str, ...]
    off_the_image: tuple[str, ...]
    """Labels of points of a DSA that do not lie on its image; they are in no pair."""

    @property
    def number(self) -> int:
        """Points of the CTA that at least one DSA shows."""
        return len({label for labels in self.labels for label in labels})


class LandmarkLists:
    """The lists of one case. They are made when first placed into, and found again in a scene that was saved."""

    def __init__(self, scene: Any, case: RegisteredCase, on_change: Callable[[], None]) -> None:
        """on_change: a point came, went or moved, or placing began or ended."""
        self._scene = scene
        self._case = case
        self._on_change = on_change
        self._observed: list[tuple[Any, int]] = []
        self._numbered: dict[str, set[str]] = {}
        """By list, the points (both by ID) that have their number."""
        for node in self._nodes():
            self._listen(node)
        placing = observe_placing(scene, self._changed)
        if placing is not None:
            self._observed.append(placing)

    def use(self, case: RegisteredCase) -> None:
        """The same nodes, registered again."""
        self._case = case

    def close(self) -> None:
        """Let go of the scene."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed, self._numbered = [], {}

    def follow_cta(self) -> None:
        """Put the CTA's list under the pose when, and only when, the CTA is shown under it."""
        node = self.list_of(None)
        if node is not None:
            node.SetAndObserveTransformNodeID(self._case.pose_node.GetID() if self._case.is_applied else None)

    def list_of(self, view: int | None) -> Any:
        """The list of a DSA by its index, or of the CTA; None while there is none."""
        return self._owner(view).GetNodeReference(LANDMARKS_REFERENCE)

    def place(self, view: int | None, name: str) -> None:
        """Let the next clicks place points into a list, until `stop_placing`. name: of the list if it is made now."""
        node = self.list_of(view)
        if node is None:
            node = self._add(view, name)
        self.follow_cta()
        start_placing(self._scene, node)

    def stop_placing(self) -> None:
        """Clicks no longer place points into one of these lists."""
        if any(is_placing_into(self._scene, node) for node in self._nodes()):
            stop_placing(self._scene)

    def is_placing(self, view: int | None) -> bool:
        """Whether clicks place points into that list now."""
        return is_placing_into(self._scene, self.list_of(view))

    def outside_cta(self) -> tuple[str, ...]:
        """Labels of the CTA's points that do not lie in it: a click in a 3D view that missed the vessels lands on
        whatever was behind them."""
        try:
            source = volume_source_of(self._case.cta)
        except InputError:
            return ()
        last = np.array(source.voxels.shape[::-1]) - 1
        inside = np.linalg.inv(source.ijk_to_ras)
        labels = []
        for label, point_mm in _points(self.list_of(None)).items():
            ijk = apply(inside, point_mm[None])[0]
            if (ijk < -0.5).any() or (ijk > last + 0.5).any():
                labels.append(label)
        return tuple(labels)

    def remove_from_cta(self, labels: Container[str]) -> None:
        """Delete the CTA's points of these labels."""
        node = self.list_of(None)
        for index in reversed(_placed(node)):
            if node.GetNthControlPointLabel(index) in labels:
                node.RemoveNthControlPoint(index)

    def clear(self) -> None:
        """Delete all points."""
        for node in self._nodes():
            node.RemoveAllControlPoints()

    def pairs(self) -> LandmarkPairs:
        """What is in the lists now."""
        in_cta = _points(self.list_of(None))
        views, all_labels, off = [], [], []
        without_partner = dict(in_cta)
        only_in_dsa = []
        for index, view in enumerate(self._case.views):
            labels, pixels = [], []
            for label, point_mm in _points(self.list_of(index)).items():
                pixel, distance_mm = _on_detector(point_mm, view.carm)
                if abs(distance_mm) > ON_IMAGE_MM:
                    off.append(label)
                elif label in in_cta:
                    labels.append(label)
                    pixels.append(pixel)
                    without_partner.pop(label, None)
                else:
                    only_in_dsa.append(label)
            points_mm = np.array([in_cta[label] for label in labels]).reshape(-1, 3)
            views.append(LandmarkView(view.carm, points_mm, np.array(pixels).reshape(-1, 2)))
            all_labels.append(tuple(labels))
        return LandmarkPairs(tuple(views), tuple(all_labels), tuple(without_partner), tuple(only_in_dsa), tuple(off))

    def _owner(self, view: int | None) -> Any:
        return self._case.pose_node if view is None else self._case.views[view].plane

    def _nodes(self) -> list[Any]:
        nodes = [self.list_of(view) for view in (None, *range(len(self._case.views)))]
        return [node for node in nodes if node is not None]

    def _add(self, view: int | None, name: str) -> Any:
        role = CTA_ROLE if view is None else DSA_ROLE
        unique = self._scene.GenerateUniqueName(name)
        node = referenced_node(self._owner(view), LANDMARKS_REFERENCE, LIST_CLASS, unique, role)
        node.SetControlPointLabelFormat("%d")
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSelectedColor(*COLORS[role])
        display.SetColor(*COLORS[role])
        self._listen(node)
        return node

    def _listen(self, node: Any) -> None:
        if node.GetID() not in self._numbered:
            self._numbered[node.GetID()] = _ids(node)
            self._observe(node, node.PointPositionDefinedEvent, self._number)
            self._observe(node, node.PointModifiedEvent, self._changed)
            self._observe(node, node.PointRemovedEvent, self._number)

    def _observe(self, node: Any, event: int, handler: Callable[[Any, str], None]) -> None:
        self._observed.append((node, node.AddObserver(event, handler)))

    def _changed(self, _node: Any, _event: str) -> None:
        self._on_change()

    def _number(self, node: Any, _event: str) -> None:
        """Number what was placed since; the point under the mouse, which is not placed yet, does not count."""
        numbered = self._numbered[node.GetID()] & _ids(node)
        taken = set(_points(node, numbered))
        for index in _placed(node):
            if node.GetNthControlPointID(index) not in numbered:
                free = next(str(number) for number in count(1) if str(number) not in taken)
                taken.add(free)
                node.SetNthControlPointLabel(index, free)
        self._numbered[node.GetID()] = _ids(node)
        self._on_change()


def _placed(node: Any) -> list[int]:
    """Indices of the points that were placed."""
    indices = range(0 if node is None else node.GetNumberOfControlPoints())
    return [index for index in indices if node.GetNthControlPointPositionStatus(index) == node.PositionDefined]


def _ids(node: Any) -> set[str]:
    return {node.GetNthControlPointID(index) for index in _placed(node)}


def _points(node: Any, point_ids: Container[str] | None = None) -> dict[str, FloatArray]:
    """(3,) positions by label, in the list's own frame, of the points that were placed, or of some of them."""
    points: dict[str, FloatArray] = {}
    for index in _placed(node):
        if point_ids is None or node.GetNthControlPointID(index) in point_ids:
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPosition(index, position)
            points.setdefault(node.GetNthControlPointLabel(index), np.array(position))
    return points


def _on_detector(point_mm: FloatArray, carm: CArm) -> tuple[FloatArray, float]:
    """(2,) column and row under a point in the C-arm frame, and its distance in mm from the detector's plane."""
    offset = point_mm - carm.detector_origin_mm
    row_mm, column_mm = carm.pixel_spacing_mm
    pixel = np.array([offset @ carm.column_direction / column_mm, offset @ carm.row_direction / row_mm])
    return pixel, float(offset @ carm.normal)
