"""What the worker remembers between registrations."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The last `size` things that were put or asked for, by key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._things: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        if key in self._things:
            self._things.move_to_end(key)
        return self._things.get(key)

    def put(self, key: str, thing: T) -> T:
        self._things[key] = thing
        self._things.move_to_end(key)
        while len(self._things) > self._size:
            self._things.popitem(last=False)
        return thing

    def clear(self) -> None:
        self._things.clear()
