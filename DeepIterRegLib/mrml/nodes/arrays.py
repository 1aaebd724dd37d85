"""Arrays and matrices in and out of MRML nodes, without slicer.util, which needs a global scene."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray


def array_of_matrix(matrix: Any) -> FloatArray:
    """(4, 4) of a vtkMatrix4x4."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def matrix_of_array(array: FloatArray) -> Any:
    """vtkMatrix4x4 of a (4, 4) array."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            matrix.SetElement(row, column, float(array[row, column]))
    return matrix


def has_voxels(node: Any) -> bool:
    """Whether a volume node has an image with values in it."""
    image = node.GetImageData()
    return image is not None and image.GetPointData().GetScalars() is not None


def voxels_of(node: Any) -> npt.NDArray[Any]:
    """(K, J, I) view, not a copy, of a volume node's voxels; (K, J, I, components) for colours and vectors.

    After writing into it, call `node.GetImageData().Modified()`. The node must have some (`has_voxels`).
    """
    from vtk.util.numpy_support import vtk_to_numpy

    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars()
    shape = tuple(reversed(image.GetDimensions()))
    components = scalars.GetNumberOfComponents()
    return vtk_to_numpy(scalars).reshape(shape if components == 1 else (*shape, components))


def image_data(voxels: npt.NDArray[Any]) -> Any:
    """vtkImageData with a copy of (K, J, I) or (K, J, I, components) voxels; only the node knows where they lie."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(voxels.shape[:3]))
    scalars = np.ascontiguousarray(voxels).reshape(-1, *voxels.shape[3:])
    image.GetPointData().SetScalars(numpy_to_vtk(scalars, deep=True))
    return image


def put_voxels(node: Any, voxels: npt.NDArray[Any]) -> None:
    """Show (K, J, I) or (K, J, I, components) voxels in a volume node: in place, where those before were alike."""
    if has_voxels(node):
        before = voxels_of(node)
        if before.shape == voxels.shape and before.dtype == voxels.dtype:
            before[:] = voxels
            node.GetImageData().GetPointData().GetScalars().Modified()
            node.GetImageData().Modified()
            return
    node.SetAndObserveImageData(image_data(voxels))


def ijk_to_ras_of(node: Any) -> FloatArray:
    """(4, 4) of a volume node: index (i, j, k, 1) to RAS mm, the node's own transform not applied."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return array_of_matrix(matrix)


def to_parent_of(node: Any) -> FloatArray:
    """(4, 4) to-parent matrix of a linear transform node."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToParent(matrix)
    return array_of_matrix(matrix)
