"""Qt properties as attributes: reading and assigning, at least as strict as PythonQt."""

from __future__ import annotations

import enum
from typing import Any

from PySide6 import QtCore

from Testing.qt_adapter.values import Enumerator, unwrapped, wrapped

ALIASES = {"name": "objectName"}


def meta_property(qt_object: Any, name: str) -> Any:
    """The QMetaProperty of that name, None if there is none."""
    meta = qt_object.metaObject()
    if name == "singleShot" and isinstance(qt_object, QtCore.QTimer):
        return None  # PythonQt keeps the name for the static method; use setSingleShot and isSingleShot
    index = meta.indexOfProperty(ALIASES.get(name, name))
    return meta.property(index) if index >= 0 else None


def read(qt_object: Any, prop: Any) -> Any:
    own = _own_property(qt_object, prop.name())
    if own is not None:
        return wrapped(own.fget(qt_object))
    return wrapped(prop.read(qt_object))


def write(qt_object: Any, prop: Any, value: Any) -> None:
    """Raises AttributeError, as PythonQt does, for what cannot be written or is of the wrong type."""
    name, type_name = prop.name(), prop.typeName()
    class_name = qt_object.metaObject().className()
    own = _own_property(qt_object, name)
    if not prop.isWritable() or (own is not None and own.fset is None):
        raise AttributeError(f"Property '{name}' of {class_name} object is not writable")
    if accepts(prop, type_name, value):
        if own is not None:
            own.fset(qt_object, unwrapped(value))
            return
        if prop.write(qt_object, unwrapped(value)):
            return
    raise AttributeError(
        f"Property '{name}' of type '{type_name}' of {class_name} does not accept an object of type "
        f"{type(value).__name__} ({value!r})"
    )


def accepts(prop: Any, type_name: str, value: Any) -> bool:
    """Stricter than PythonQt, which turns any object into a string and cuts the decimals off a float."""
    if type_name == "bool":
        return type(value) is bool
    if type_name in ("int", "uint", "qlonglong", "short"):
        return isinstance(value, int) and not isinstance(value, bool)
    if type_name in ("double", "float"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if type_name == "QString":
        return type(value) is str
    if type_name == "QStringList":
        return isinstance(value, (list, tuple)) and all(type(item) is str for item in value)
    if prop.isEnumType() or isinstance(value, Enumerator):
        return isinstance(value, Enumerator) and type(value.member).__name__ in _enum_names(type_name)
    return value is not None and not isinstance(value, (bool, int, float, str, enum.Enum))


def _enum_names(type_name: str) -> set[str]:
    """An enumeration and its flags: Qt::Alignment is a set of Qt::AlignmentFlag."""
    name = type_name.rpartition("::")[2].removesuffix(">")
    return {name, f"{name}Flag", name.removesuffix("s"), f"{name.removesuffix('s')}Flag"}


def _own_property(qt_object: Any, name: str) -> Any:
    """The Python side of a stand-in's property: called directly, so that its exceptions reach the test."""
    for cls in type(qt_object).__mro__:
        found = cls.__dict__.get(name)
        if isinstance(found, QtCore.Property):
            return found
    return None
