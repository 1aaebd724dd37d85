"""What Slicer has around slicer-core, put in place for the time of a block."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from Testing.qt_adapter import handler_errors, other_modules, parameter_node, scripted_module, signals
from Testing.qt_adapter.application import application
from Testing.qt_adapter.layout_manager import LayoutManager
from Testing.qt_adapter.processes import ended_processes
from Testing.qt_adapter.proxy import proxy_of
from Testing.qt_adapter.qt_modules import CtkModule, QtModule, slicer_widgets


class DicomDatabase:
    """`slicer.dicomDatabase`: `files` has the path of each instance by its UID."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.isOpen = True

    def fileForInstance(self, uid: str) -> str:
        return self.files.get(uid, "")


@contextmanager
def installed(scene: Any = None) -> Iterator[SimpleNamespace]:
    """`qt`, `ctk` and the rest of `slicer` can be imported in the block. Gives them, and `scene`, by name.

    scene: of the application; a new one of `DeepIterRegLib.mrml.nodes.scene` if None. Exceptions in signal handlers are
    raised when the block ends, unless something else was.
    """
    import slicer

    app = application()
    if scene is None:
        from DeepIterRegLib.mrml.nodes.scene import new_scene

        scene = new_scene()
    app.scene, app.layout_manager = scene, LayoutManager(scene)
    app.logic = next(iter(getattr(scene, "deepiterreg_logics", ())), None)
    modules = {
        "qt": QtModule("qt"),
        "ctk": CtkModule("ctk"),
        "slicer.i18n": other_modules.i18n_module(),
        "slicer.parameterNodeWrapper": parameter_node.module(),
        "slicer.ScriptedLoadableModule": scripted_module.module(),
        "SampleData": other_modules.sample_data_module(),
    }
    attributes = {
        **{name.partition(".")[2]: made for name, made in modules.items() if "." in name},
        **slicer_widgets(),
        "app": proxy_of(app),
        "mrmlScene": scene,
        "modules": SimpleNamespace(),
        "dicomDatabase": DicomDatabase(),
        "selfTests": {},
    }
    modules_before = {name: sys.modules.get(name) for name in modules}
    attributes_before = {name: vars(slicer).get(name) for name in attributes}
    sys.modules.update(modules)
    vars(slicer).update(attributes)
    try:
        with handler_errors.observed():
            yield SimpleNamespace(qt=modules["qt"], ctk=modules["ctk"], slicer=slicer, scene=scene)
        handler_errors.raise_recorded()
        left = ended_processes()
        assert not left, f"Still running when the block ended: {left}"
    finally:
        ended_processes()
        _delete_windows()
        signals.disconnect(app, "startupCompleted()")
        app.layout_manager.close()
        _restore(sys.modules, modules_before)
        _restore(vars(slicer), attributes_before)
        app.scene = app.layout_manager = app.logic = None


def _delete_windows() -> None:
    """Delete what was not: a widget lives until its window is deleted, and selectors observe the scene until then."""
    from PySide6 import QtCore, QtWidgets

    for widget in QtWidgets.QApplication.topLevelWidgets():
        if widget.parent() is None:  # the list of a combo box has a window of its own
            widget.hide()
            widget.deleteLater()
    application().sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)


def _restore(holder: dict[str, Any], before: dict[str, Any]) -> None:
    for name, value in before.items():
        if value is None:
            holder.pop(name, None)
        else:
            holder[name] = value
