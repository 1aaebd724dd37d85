"""QUiLoader with the stand-ins, and strict: what the form names must exist."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets

from Testing.qt_adapter import signals
from Testing.qt_adapter.proxy import slot_of
from Testing.qt_adapter.widgets import STAND_INS


class _Loader(QtUiTools.QUiLoader):
    def createWidget(self, className: str, parent: Any = None, name: str = "") -> QtWidgets.QWidget:
        if className in STAND_INS:
            widget = STAND_INS[className](parent)
            widget.setObjectName(name)
            return widget
        if not className.startswith("Q"):
            raise RuntimeError(f"The adapter has no stand-in for {className} ({name})")
        return super().createWidget(className, parent, name)


class QUiLoader(QtCore.QObject):
    """What slicer.util.loadUI uses."""

    CALLABLE = frozenset({"load"})

    def load(self, file: QtCore.QFile, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
        """The form's top widget. Raises RuntimeError for classes, properties, signals and slots that do not exist."""
        root = ET.fromstring(bytes(file.readAll().data()))
        _check_classes(root)
        _check_names(root)
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = _Loader().load(buffer, parent)
        if widget is None:
            raise RuntimeError(f"{file.fileName()} is not a form")
        by_name = {child.objectName(): child for child in (widget, *widget.findChildren(QtCore.QObject))}
        _check_properties(root, by_name)
        for connection in connections if connections is not None else ():
            fields = {key: str(connection.findtext(key)) for key in ("sender", "signal", "receiver", "slot")}
            slot = slot_of(by_name[fields["receiver"]], fields["slot"])
            signals.connect(by_name[fields["sender"]], fields["signal"], slot)
        return widget


def _check_classes(root: ET.Element) -> None:
    declared = {custom.findtext("class") for custom in root.iter("customwidget")}
    for widget in root.iter("widget"):
        class_name = str(widget.get("class"))
        if not class_name.startswith("Q") and class_name not in STAND_INS:
            raise RuntimeError(f"The adapter has no stand-in for {class_name} ({widget.get('name')})")
        if class_name in STAND_INS and class_name not in declared:
            raise RuntimeError(f"The form uses {class_name} and does not declare it under <customwidgets>")


def _check_names(root: ET.Element) -> None:
    names = [str(widget.get("name")) for widget in root.iter("widget")]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise RuntimeError(f"Names that two widgets have: {sorted(twice)}")


def _check_properties(root: ET.Element, by_name: dict[str, Any]) -> None:
    for element in (*root.iter("widget"), *root.iter("layout")):
        found = by_name.get(str(element.get("name")))
        if found is None:
            continue
        for prop in element.findall("property"):
            name = str(prop.get("name"))
            margins = name.endswith("Margin") or name in ("horizontalSpacing", "verticalSpacing")
            is_layout_extra = element.tag == "layout" and margins
            known = found.metaObject().indexOfProperty(name) >= 0 or is_layout_extra
            if prop.get("stdset") == "0":
                continue
            if not known:
                class_name = found.metaObject().className()
                raise RuntimeError(f"{element.get('name')}: {class_name} has no property {name}")
