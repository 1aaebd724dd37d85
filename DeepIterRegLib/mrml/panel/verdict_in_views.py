"""The verdict in the corner of every view that shows the overlay it is about, and of no other; the patient's sides."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.overlay.look_attribute import look_of
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.verdict import ShownVerdict
from DeepIterRegLib.mrml.views.captions import Caption
from DeepIterRegLib.mrml.views.source_view import SideLetters
from DeepIterRegLib.mrml.views.views import SLICE_VIEWS, slice_shows


class VerdictInViews:
    """Follows what the slice views show until `close`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._case: RegisteredCase | None = None
        self._verdict: ShownVerdict | None = None
        self._captions: dict[str, tuple[Any, Caption, SideLetters]] = {}
        """By view: the renderer and what is in it."""
        self._observed: list[tuple[Any, int]] = []

    def show(self, case: RegisteredCase | None, verdict: ShownVerdict | None) -> None:
        """Show the verdict on a case; none without one."""
        self._case, self._verdict = case, verdict
        if case is None or verdict is None:
            self.close()
            return
        scene = self._services.scene
        composites = [scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode") for name in SLICE_VIEWS]
        # The pose's node keeps the overlay's look, too.
        self._observe([node for node in (*composites, case.pose_node) if node is not None])
        self._draw()

    def close(self) -> None:
        """Take it away and observe nothing."""
        self._case = self._verdict = None
        self._observe([])
        for _, caption, sides in self._captions.values():
            caption.close()
            sides.close()
        self._captions = {}

    def _observe(self, nodes: list[Any]) -> None:
        if nodes != [node for node, _ in self._observed]:
            for node, tag in self._observed:
                node.RemoveObserver(tag)
            self._observed = [(node, node.AddObserver("ModifiedEvent", lambda *_: self._draw())) for node in nodes]

    def _draw(self) -> None:
        case, verdict = self._case, self._verdict
        if case is None or verdict is None:
            return
        for name in SLICE_VIEWS:
            view = next((one for one in case.views if slice_shows(self._services.scene, name, one.drr)), None)
            found = self._in(name)
            if found is None:
                continue
            caption, sides = found
            is_of_it = view is not None and look_of(case.pose_node).moment == "after"
            if (text := verdict.short if is_of_it else "") != caption.text:
                caption.show(text, verdict.ground, verdict.ink)
            pose = pose_or_none(case)
            if view is None or pose is None:
                sides.hide()
            else:
                sides.show(view.carm.column_direction, pose)

    def _in(self, name: str) -> tuple[Caption, SideLetters] | None:
        window = self._services.view_window(name)
        known = self._captions.get(name)
        if known is not None and (window is None or window.renderer is not known[0]):
            del self._captions[name]
            known[1].close()
            known[2].close()
            known = None
        if known is None and window is not None:
            known = self._captions[name] = window.renderer, Caption(window), SideLetters(window)
        return None if known is None else known[1:]


def pose_or_none(case: RegisteredCase) -> FloatArray | None:
    """(4, 4) the pose in use, None where somebody made it something else than a rigid motion."""
    try:
        return case.pose
    except InputError:
        return None
