"""The points of a Markups node, in the patient frame: what a user has marked on the vessels."""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import apply, invert
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase

MARKUP_CLASSES = ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsCurveNode", "vtkMRMLMarkupsLineNode")


def marked_points_mm(markup: Any, case: RegisteredCase) -> FloatArray:
    """(N, 3) control points, RAS of the CTA. Raises InputError for a node without a placed point.

    Under the registration's transform points are the CTA's own; elsewhere they lie where the scene shows the CTA.
    """
    defined = [
        index
        for index in range(markup.GetNumberOfControlPoints())
        if markup.GetNthControlPointPositionStatus(index) == markup.PositionDefined
    ]
    if not defined:
        raise InputError("The marked node has no point yet; place one on a vessel.")
    if _is_under(markup, case.pose_node):
        return np.array([markup.GetNthControlPointPosition(index) for index in defined])
    world = np.array([markup.GetNthControlPointPositionWorld(index) for index in defined])
    return apply(invert(case.pose), world) if case.is_applied else world


def _is_under(node: Any, transform: Any) -> bool:
    return node.GetParentTransformNode() is transform
