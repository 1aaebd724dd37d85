"""What Slicer's views show, as arrays, without a window: slice views by their logic, 3D views off-screen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
THREE_D_MANAGERS = (
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
)


def slice_view_image(scene: Any, view: str, rows: int, columns: int) -> Picture:
    """(rows, columns, 3) RGB of a slice view of that size, first row at the top; its field of view is kept."""
    node = scene.GetSingletonNode(view, "vtkMRMLSliceNode")
    node.SetDimensions(columns, rows, 1)
    return picture_of(slice_logic(scene, view))


def resized_slice_view_image(scene: Any, view: str, rows: int, columns: int) -> Picture:
    """As Slicer does it when a window changes its size: the pixels of the view keep their size in mm."""
    node = scene.GetSingletonNode(view, "vtkMRMLSliceNode")
    width, height, _ = node.GetDimensions()
    field = node.GetFieldOfView()
    node.SetFieldOfView(field[0] * columns / width, field[1] * rows / height, field[2])
    return slice_view_image(scene, view, rows, columns)


def slice_logic(scene: Any, view: str) -> Any:
    """The logic that makes a slice view's picture. Keep it: what it has put into the scene goes with it."""
    import slicer

    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLScene(scene)
    logic.SetSliceNode(scene.GetSingletonNode(view, "vtkMRMLSliceNode"))
    logic.UpdatePipeline()
    return logic


def picture_of(logic: Any) -> Picture:
    """(rows, columns, 3) RGB of a slice logic, first row at the top."""
    blend = logic.GetBlend()
    blend.Update()
    image = blend.GetOutput()
    columns, rows, _ = logic.GetSliceNode().GetDimensions()
    assert image.GetDimensions() == (columns, rows, 1)
    return _upright(image)


class ThreeDView:
    """The 3D view "1" of a scene, rendered off-screen by Slicer's own displayable managers."""

    def __init__(self, scene: Any, rows: int, columns: int) -> None:
        import slicer
        import vtk

        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(columns, rows)
        self.window.SetMultiSamples(0)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        application = slicer.vtkMRMLApplicationLogic()
        application.SetMRMLScene(scene)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self.renderer)
        self._managers = []
        for name in THREE_D_MANAGERS:
            manager = getattr(slicer, name)()
            manager.SetMRMLApplicationLogic(application)
            self._group.AddDisplayableManager(manager)
            self._managers.append(manager)
        self._application = application
        self._group.SetMRMLDisplayableNode(scene.GetSingletonNode("1", "vtkMRMLViewNode"))

    def image(self) -> Picture:
        """(rows, columns, 3) RGB, first row at the top."""
        import vtk

        self.renderer.ResetCameraClippingRange()
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        return _upright(grab.GetOutput())

    def close(self) -> None:
        """Let go of the scene."""
        self._group.SetMRMLDisplayableNode(None)
        self.window.Finalize()


def _upright(image: Any) -> Picture:
    from vtk.util.numpy_support import vtk_to_numpy

    columns, rows, _ = image.GetDimensions()
    pixels: Picture = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)
    # VTK's first row is at the bottom.
    return pixels[::-1, :, :3].copy()
