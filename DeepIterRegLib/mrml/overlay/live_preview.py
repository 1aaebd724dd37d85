"""The overlay that moves while a registration runs: of nodes that come and go; the scene's own stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.nodes.arrays import image_data, matrix_of_array
from DeepIterRegLib.mrml.nodes.detector_plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.nodes.new_node import add_passing_node
from DeepIterRegLib.mrml.nodes.scene_transaction import SceneTransaction
from DeepIterRegLib.mrml.overlay.drr_overlay import DRR_CLASS, OverlayPainter, no_vessels
from DeepIterRegLib.mrml.views.layout import arrange
from DeepIterRegLib.mrml.views.view_state import ViewState
from DeepIterRegLib.mrml.views.views import SLICE_VIEWS, fit_slice_view, show_in_slice_view, view_node
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.result import OutcomeView
from DeepIterRegLib.registration.shades import grey_window


class LivePreview:
    """Shows the DSAs with their DRRs in the slice views until it is closed; then the views are as they were before.

    Its nodes are hidden from editors and are not saved with the scene.
    """

    def __init__(
        self,
        scene: Any,
        cloud: VesselCloud,
        views: Sequence[OutcomeView],
        look: OverlayLook | None = None,
        equalize: Callable[[], None] = lambda: None,
        *,
        bones: VesselCloud | None = None,
        bones_first: bool = False,
    ) -> None:
        """cloud, bones: the CTA's vessels and skull. views: the DSAs, of which the first two are shown. look: of the
        overlay; what compares or looks back is left out of it. equalize: gives the views of a layout the same size.
        bones_first: as `OverlayPainter` takes it."""
        look = look or OverlayLook()
        self._scene = scene
        shows_none = not (look.arteries or look.veins or look.settled(bones_first).bones)
        self._look = replace(look, arteries=look.arteries or shows_none, comparison="none", frame=None, moment="after")
        self._bones, self._bones_first = bones, bones_first
        self._nodes: list[Any] = []
        self._painters: list[OverlayPainter] = []
        self._fitted: dict[Any, tuple[CArm, tuple[int, ...]]] = {}
        self._before = ViewState(scene, SLICE_VIEWS[: len(views)])
        if arrange(scene, "one" if len(views) == 1 else "two"):
            equalize()
        for name, view in zip(SLICE_VIEWS, views, strict=False):
            self._show(name, view, cloud)

    def show(self, pose: FloatArray) -> None:
        """Draw the vessels at a pose (4, 4). Nothing happens once it is closed."""
        self._fit()
        for painter in self._painters:
            painter.paint(pose, self._look, "quick")

    def close(self) -> None:
        """Take the preview away. Done again, or after the scene was closed, it does nothing."""
        if not self._nodes:
            return
        nodes, self._nodes, self._painters, self._fitted = self._nodes, [], [], {}
        self._before.restore()
        for node in nodes:
            if self._scene.IsNodePresent(node):
                self._scene.RemoveNode(node)

    def _fit(self) -> None:
        """Windows get their sizes after the layout was chosen: fit the views that have another one than before."""
        for node, fitted in self._fitted.items():
            dimensions = tuple(node.GetDimensions())
            if self._painters and dimensions != fitted[1]:
                fit_slice_view(node, fitted[0])
                self._fitted[node] = fitted[0], dimensions

    def _show(self, name: str, view: OutcomeView, cloud: VesselCloud) -> None:
        plane = self._add("vtkMRMLScalarVolumeNode", "DSA (preview)")
        plane.SetIJKToRASMatrix(matrix_of_array(plane_ijk_to_ras(view.carm)))
        plane.SetAndObserveImageData(image_data(view.minip[None]))
        low, high = grey_window(view.minip, view.valid)
        plane.GetDisplayNode().SetAutoWindowLevel(False)
        plane.GetDisplayNode().SetWindowLevelMinMax(low, high)
        drr = self._add(DRR_CLASS, "DRR (preview)")
        drr.SetAndObserveImageData(no_vessels(view.carm))
        with SceneTransaction(self._scene) as transaction:
            show_in_slice_view(self._scene, transaction, name, plane=plane, drr=drr, carm=view.carm)
        node = view_node(self._scene, "vtkMRMLSliceNode", name)
        self._fitted[node] = view.carm, tuple(node.GetDimensions())
        self._painters.append(
            OverlayPainter(drr, cloud, view.carm, view.valid, bones=self._bones, bones_first=self._bones_first)
        )

    def _add(self, class_name: str, name: str) -> Any:
        node = add_passing_node(self._scene, class_name, name)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetSaveWithScene(False)
        self._nodes += [node.GetDisplayNode(), node]
        return node
