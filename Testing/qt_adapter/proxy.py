"""Objects of Qt as PythonQt shows them. The rules are in the package's docstring."""

from __future__ import annotations

import enum
import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore, QtWidgets

from Testing.qt_adapter import modal, properties, signals
from Testing.qt_adapter.handler_errors import guarded
from Testing.qt_adapter.values import Enumerator, QtClass, QtInstance, show_objects_as, unwrapped, wrapped

_proxies: weakref.WeakValueDictionary[int, Proxy] = weakref.WeakValueDictionary()
_classes: dict[type, ProxyType] = {}


class ProxyType(QtClass):
    """A class of Qt: enumerators and static methods are its attributes, calling it makes an object."""

    _qt_class: type

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        member = class_member(cls._qt_class, name)
        if member is None:
            raise AttributeError(f"{cls.__name__} has no attribute named '{name}'")
        return member

    def __setattr__(cls, name: str, value: Any) -> None:
        if cls in _classes.values() and not name.startswith("_"):
            raise AttributeError(f"'{name}' of {cls.__name__} cannot be assigned to")
        super().__setattr__(name, value)


class Proxy(QtInstance, metaclass=ProxyType):
    """An object of Qt."""

    _qt_class: type = object
    _object: Any

    def __init__(self, *arguments: Any) -> None:
        made = _shell_class(type(self))(*map(unwrapped, arguments))
        object.__setattr__(self, "_object", made)
        if type(self) not in _classes.values():
            made.python_object = self  # an object of a class derived in Python lives as long as Qt's object
        _remember(self)

    def _qt(self) -> Any:
        """The PySide object. Raises ValueError if Qt has deleted it."""
        if not shiboken6.isValid(self._object):
            raise ValueError(f"Trying to use a destroyed {type(self).__name__} object")
        return self._object

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_object" not in self.__dict__:
            raise AttributeError(name)
        qt_object = self._qt()
        if not isinstance(qt_object, QtCore.QObject):
            member = _method(self, qt_object, name)
            if member is None:
                raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")
            return member
        return _member(self, qt_object, name)

    def __setattr__(self, name: str, value: Any) -> None:
        qt_object = self._qt()
        class_name = type(self).__name__
        if isinstance(qt_object, QtCore.QObject):
            prop = properties.meta_property(qt_object, name)
            if prop is not None:
                properties.write(qt_object, prop, value)
                return
            if signals.bound_signal(qt_object, name) is not None:
                raise AttributeError(f"Signal '{name}' can not be overwritten on {class_name} object")
            if _method(self, qt_object, name) is not None:
                raise AttributeError(f"Slot '{name}' can not be overwritten on {class_name} object")
            if name in [bytes(known.data()).decode() for known in qt_object.dynamicPropertyNames()]:
                qt_object.setProperty(name, unwrapped(value))
                return
        if type(self) not in _classes.values():
            object.__setattr__(self, name, value)
            return
        raise AttributeError(
            f"'{name}' does not exist on {class_name} and creating new attributes on C++ objects is not allowed"
        )

    def className(self) -> str:
        qt_object = self._qt()
        return qt_object.metaObject().className() if isinstance(qt_object, QtCore.QObject) else type(self).__name__

    def inherits(self, class_name: str) -> bool:
        return any(cls.__name__ == class_name for cls in type(self).__mro__)

    def delete(self) -> None:
        shiboken6.delete(self._qt())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxy):
            return False
        if isinstance(self._object, QtCore.QObject) or isinstance(other._object, QtCore.QObject):
            return self._object is other._object
        return bool(self._object == other._object)

    def __hash__(self) -> int:
        return hash(id(self._object))

    def __bool__(self) -> bool:
        return shiboken6.isValid(self._object)

    def __repr__(self) -> str:
        return f"{type(self).__name__} (of {self._object!r})"


def proxy_of(qt_object: Any) -> Proxy:
    """The proxy of a PySide object; the same one for the same object while it is in use."""
    known = _proxies.get(shiboken6.getCppPointer(qt_object)[0]) if isinstance(qt_object, QtCore.QObject) else None
    if known is not None and known._object is qt_object:
        return known
    if hasattr(qt_object, "python_object"):
        return qt_object.python_object
    cls = proxy_class(type(qt_object))
    proxy: Proxy = object.__new__(cls)
    object.__setattr__(proxy, "_object", qt_object)
    _remember(proxy)
    return proxy


def living_objects() -> list[Any]:
    """The PySide objects that Python has references to."""
    return [proxy._object for proxy in list(_proxies.values()) if shiboken6.isValid(proxy._object)]


show_objects_as(proxy_of)


def proxy_class(qt_class: type) -> Any:
    """The proxy class of a PySide class, derived from those of its bases."""
    if qt_class not in _classes:
        bases = tuple(
            proxy_class(base) for base in qt_class.__bases__ if base.__module__ not in ("builtins", "Shiboken")
        )
        _classes[qt_class] = ProxyType(qt_class.__name__, bases or (Proxy,), {"_qt_class": qt_class})
    return _classes[qt_class]


def _remember(proxy: Proxy) -> None:
    if isinstance(proxy._object, QtCore.QObject):
        _proxies[shiboken6.getCppPointer(proxy._object)[0]] = proxy


def _member(proxy: Proxy, qt_object: Any, name: str) -> Any:
    """PythonQt's order: property, slot or signal, enumerator, dynamic property, child by its name."""
    prop = properties.meta_property(qt_object, name)
    if prop is not None:
        return properties.read(qt_object, prop)
    signal = signals.bound_signal(qt_object, name)
    if signal is not None:
        return signal
    method = _method(proxy, qt_object, name)
    if method is not None:
        return method
    if name in [bytes(known.data()).decode() for known in qt_object.dynamicPropertyNames()]:
        return wrapped(qt_object.property(name))
    for child in qt_object.children():
        if child.objectName() == name:
            return wrapped(child)
    raise AttributeError(f"{qt_object.metaObject().className()} has no attribute named '{name}'")


def _method(proxy: Proxy, qt_object: Any, name: str) -> Any:
    if isinstance(qt_object, QtCore.QObject):
        if name == "connect":
            return lambda *arguments: _connect(qt_object, *arguments)
        if name == "disconnect":
            return lambda signature, callable_=None: signals.disconnect(qt_object, signature, callable_)
    if isinstance(qt_object, QtWidgets.QDialog) and name in ("exec", "exec_"):
        return lambda: modal.executed(proxy)
    if name.startswith("_"):
        return None
    for attempt in (name, name.removesuffix("_")):
        if is_callable(type(qt_object), attempt):
            return _callable(getattr(qt_object, attempt))
    return class_member(type(qt_object), name)


def _connect(qt_object: Any, signature: str, *receiver: Any) -> bool:
    """`connect(signal, callable)` or `connect(signal, object, "slot()")`."""
    if len(receiver) == 1:
        return signals.connect(qt_object, signature, receiver[0])
    target, slot = receiver
    return signals.connect(qt_object, signature, slot_of(target._qt(), slot))


def slot_of(receiver: Any, signature: str) -> Callable[..., Any]:
    """The slot of a PySide object by its C++ signature, to be called with wrapped values."""
    name, _, types = signals.normalized(signature)[:-1].partition("(")
    known = receiver.metaObject().indexOfSlot(signals.normalized(signature)) >= 0
    if not known and not any(name in cls.__dict__.get("CALLABLE", ()) for cls in type(receiver).__mro__):
        raise AttributeError(f"{receiver.metaObject().className()} has no slot {signature}")
    method, count = getattr(receiver, name), len(types.split(",")) if types else 0
    return lambda *arguments: method(*map(unwrapped, arguments[:count]))


def is_callable(qt_class: type, name: str) -> bool:
    """Whether Python may call a method. Of a stand-in's own only what C++ declares as slot or Q_INVOKABLE."""
    for cls in qt_class.__mro__:
        if "CALLABLE" in cls.__dict__:
            if name in cls.__dict__["CALLABLE"]:
                return True
        elif cls.__module__.startswith("PySide6."):
            return type(getattr(cls, name, None)).__name__ in _METHODS
    return False


_METHODS = {"method_descriptor", "builtin_function_or_method"}


def _callable(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return wrapped(method(*map(_argument, arguments)))

    return call


def _argument(value: Any) -> Any:
    """As `unwrapped`; functions, as in QTimer.singleShot, report their exceptions."""
    value = unwrapped(value)
    is_function = callable(value) and not isinstance(value, (type, QtCore.QObject))
    return guarded(value) if is_function and type(value).__module__ != "PySide6" else value


def class_member(qt_class: type, name: str) -> Any:
    """An enumerator, an enumeration, a nested class or a static method; None if there is none of that name."""
    if modal.is_modal_function(qt_class, name):
        return modal.function(qt_class, name)
    for cls in qt_class.__mro__:
        found = cls.__dict__.get(name)
        if isinstance(found, enum.EnumMeta):
            return lambda value, members=found: Enumerator(members(value))
        if isinstance(found, type):
            return proxy_class(found)
        for nested in vars(cls).values():
            if isinstance(nested, enum.EnumMeta) and name in nested.__members__:
                return Enumerator(nested.__members__[name])
    method: Any = getattr(qt_class, name, None)
    if type(method).__name__ == "builtin_function_or_method":
        return _callable(method)
    if type(method).__name__ == "method_descriptor":
        return lambda self, *arguments: wrapped(method(unwrapped(self), *map(_argument, arguments)))
    return None


def _shell_class(cls: ProxyType) -> type:
    """The PySide class to make; of a class derived in Python one whose virtual methods call Python's."""
    if cls in _classes.values():
        return cls._qt_class
    if "_shell" not in cls.__dict__:
        overrides: dict[str, Any] = {}
        for base in cls.__mro__:
            if base in _classes.values():
                break
            for name, function in vars(base).items():
                if callable(function) and not name.startswith("_") and hasattr(cls._qt_class, name):
                    overrides.setdefault(name, _override(function))
        cls._shell = type(cls.__name__, (cls._qt_class,), overrides)
    return cls._shell


def _override(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any) -> Any:
        return unwrapped(function(self.python_object, *map(wrapped, arguments)))

    return call
