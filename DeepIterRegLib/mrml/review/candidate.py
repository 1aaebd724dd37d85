"""A transform node of the scene as a pose to compare."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import require_rigid
from DeepIterRegLib.mrml.nodes.arrays import array_of_matrix
from DeepIterRegLib.mrml.review.session import Candidate


def candidate_of(node: Any) -> Candidate:
    """The node's transform to world. Raises InputError where it is no rigid motion."""
    return Candidate(node.GetName(), require_rigid(_to_world(node), f"The transform “{node.GetName()}”"))


def _to_world(node: Any) -> FloatArray:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    if not node.IsTransformToWorldLinear() or not node.GetMatrixTransformToWorld(matrix):
        raise InputError("The transform “{name}” is not linear; choose a rigid one.", name=node.GetName())
    return array_of_matrix(matrix)
