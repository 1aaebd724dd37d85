"""The modules `qt` and `ctk`, made of PySide6 and the stand-ins."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.qt_adapter.proxy import proxy_class
from Testing.qt_adapter.ui_loader import QUiLoader
from Testing.qt_adapter.widgets import STAND_INS

LIBRARIES = (QtCore, QtGui, QtWidgets)


class QtModule(ModuleType):
    """`qt`: all of Qt's classes in one module."""

    QUiLoader = proxy_class(QUiLoader)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("Q"):
            for library in LIBRARIES:
                found = getattr(library, name, None)
                if isinstance(found, type):
                    return proxy_class(found)
        raise AttributeError(f"module 'qt' has no attribute '{name}'")


class CtkModule(ModuleType):
    """`ctk`: the stand-ins of CTK's widgets."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("ctk") and name in STAND_INS:
            return proxy_class(STAND_INS[name])
        raise AttributeError(f"module 'ctk' has no attribute '{name}' (or the adapter no stand-in for it)")


def slicer_widgets() -> dict[str, Any]:
    """The proxies of the stand-ins that Slicer has in its own module, by name."""
    return {name: proxy_class(cls) for name, cls in STAND_INS.items() if name.startswith("qMRML")}
