"""Connecting by the C++ signature, and how many of a signal's arguments a Python function gets."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from Testing.qt_adapter.handler_errors import guarded
from Testing.qt_adapter.values import unwrapped, wrapped

_connections: dict[int, list[tuple[str, Any, Any, Any]]] = {}
"""By address of the sender: (signature, the user's callable, PySide's signal, the slot that calls it)."""
_signatures: dict[type, list[str]] = {}


def normalized(signature: str) -> str:
    meta_object: Any = QtCore.QMetaObject  # whose type hints say bytes where it takes str
    return bytes(meta_object.normalizedSignature(signature).data()).decode()


def stand_in_signals(qt_class: type) -> dict[str, str]:
    """C++ signatures of a stand-in's own signals, with the names of the PySide signals behind them."""
    found: dict[str, str] = {}
    for cls in reversed(qt_class.__mro__):
        found.update(cls.__dict__.get("SIGNALS", {}))
    return found


def signal_of(sender: Any, signature: str) -> tuple[Any, int | None]:
    """PySide's signal for a C++ signature, and to how many arguments it is cut. Raises AttributeError if unknown."""
    signature = normalized(signature)
    own = stand_in_signals(type(sender))
    if signature in own:
        return getattr(sender, own[signature]), None
    meta = sender.metaObject()
    index = meta.indexOfSignal(signature)
    name, _, types = signature[:-1].partition("(")
    if index < 0 or name in own.values():
        raise AttributeError(f"{meta.className()} has no signal {signature}; its signals: {signatures(sender)}")
    signal = getattr(sender, name)
    try:
        return (signal[types] if types else signal), len(types.split(",")) if types else 0
    except (IndexError, KeyError):
        return signal, len(types.split(",")) if types else 0


def signatures(sender: Any) -> list[str]:
    """All C++ signatures that can be connected to."""
    if type(sender) not in _signatures:
        _signatures[type(sender)] = _all_signatures(sender)
    return _signatures[type(sender)]


def _all_signatures(sender: Any) -> list[str]:
    meta, own = sender.metaObject(), stand_in_signals(type(sender))
    found = list(own)
    for index in range(meta.methodCount()):
        method = meta.method(index)
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal:
            text = bytes(method.methodSignature().data()).decode()
            if text.partition("(")[0] not in own.values():
                found.append(text)
    return found


def number_of_arguments(callable_: Callable[..., Any]) -> int | None:
    """How many positional arguments PythonQt passes at most; None: all. Default values count as arguments."""
    function, bound = callable_, 0
    if inspect.ismethod(callable_):
        function, bound = callable_.__func__, 1
    if not inspect.isfunction(function) or function.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return function.__code__.co_argcount - bound


def connect(sender: Any, signature: str, callable_: Callable[..., Any]) -> bool:
    """Call a function when the signal is sent. Raises AttributeError for an unknown signal."""
    if not callable(callable_):
        raise TypeError(f"{callable_!r} cannot be called")
    signal, signal_count = signal_of(sender, signature)
    count = number_of_arguments(callable_)

    def call(*arguments: Any) -> None:
        given = arguments if signal_count is None else arguments[:signal_count]
        callable_(*(wrapped(argument) for argument in (given if count is None else given[:count])))

    slot = guarded(call)
    signal.connect(slot)
    _records(sender).append((normalized(signature), callable_, signal, slot))
    return True


def disconnect(sender: Any, signature: str, callable_: Callable[..., Any] | None = None) -> bool:
    """Undo one `connect` (all of the signal without a callable). False if there was none, as in PythonQt."""
    signal_of(sender, signature)
    records = _records(sender)
    found = False
    for record in list(records):
        same = callable_ is None or record[1] == callable_
        if record[0] == normalized(signature) and same:
            record[2].disconnect(record[3])
            records.remove(record)
            found = True
            if callable_ is not None:
                break
    return found


def _records(sender: Any) -> list[tuple[str, Any, Any, Any]]:
    address = shiboken6.getCppPointer(sender)[0]
    if address not in _connections:
        _connections[address] = []
        sender.destroyed.connect(lambda *_: _connections.pop(address, None))
    return _connections[address]


class BoundSignal:
    """A signal as an attribute: `connect(f)`, `disconnect(f)`, `emit(...)`, and a call, which emits too."""

    def __init__(self, sender: Any, signature: str) -> None:
        self._sender = sender
        self._signature = signature

    def __getitem__(self, types: str) -> BoundSignal:
        return BoundSignal(self._sender, f"{self._signature.partition('(')[0]}({types})")

    def connect(self, callable_: Callable[..., Any]) -> bool:
        return connect(self._sender, self._signature, callable_)

    def disconnect(self, callable_: Callable[..., Any] | None = None) -> bool:
        return disconnect(self._sender, self._signature, callable_)

    def emit(self, *arguments: Any) -> None:
        signal_of(self._sender, self._signature)[0].emit(*map(unwrapped, arguments))

    __call__ = emit


def bound_signal(sender: Any, name: str) -> BoundSignal | None:
    """The signal called `name`, None if there is none. Of several overloads the first one, as in PythonQt."""
    for signature in signatures(sender):
        if signature.partition("(")[0] == name:
            return BoundSignal(sender, signature)
    return None
