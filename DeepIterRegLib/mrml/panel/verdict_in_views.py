"""The verdict in the corner of every view that shows the overlay it is about, and of no other."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.verdict import ShownVerdict
from DeepIterRegLib.mrml.views.captions import Caption
from DeepIterRegLib.mrml.views.views import SLICE_VIEWS, slice_shows


class VerdictInViews:
    """Follows what the slice views show until `close`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._case: RegisteredCase | None = None
        self._verdict: ShownVerdict | None = None
        self._captions: dict[str, tuple[Any, Caption]] = {}
        """By view: the renderer and what is in it."""
        self._observed: list[tuple[Any, int]] = []

    def show(self, case: RegisteredCase | None, verdict: ShownVerdict | None) -> None:
        """Show the verdict on a case; none without one."""
        self._case, self._verdict = case, verdict
        if case is None or verdict is None:
            self.close()
            return
        if not self._observed:
            for name in SLICE_VIEWS:
                composite = self._services.scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
                if composite is not None:
                    self._observed.append((composite, composite.AddObserver("ModifiedEvent", lambda *_: self._draw())))
        self._draw()

    def close(self) -> None:
        """Take it away and observe nothing."""
        self._case = self._verdict = None
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        for _, caption in self._captions.values():
            caption.close()
        self._observed, self._captions = [], {}

    def _draw(self) -> None:
        case, verdict = self._case, self._verdict
        if case is None or verdict is None:
            return
        for name in SLICE_VIEWS:
            shown = any(slice_shows(self._services.scene, name, view.drr) for view in case.views)
            caption = self._caption(name)
            if caption is not None and (text := verdict.short if shown else "") != caption.text.strip():
                caption.show(text, verdict.ground, verdict.ink)

    def _caption(self, name: str) -> Caption | None:
        window = self._services.view_window(name)
        known = self._captions.get(name)
        if known is not None and (window is None or window.renderer is not known[0]):
            self._captions.pop(name)[1].close()
            known = None
        if known is None and window is not None:
            known = self._captions[name] = window.renderer, Caption(window)
        return None if known is None else known[1]
