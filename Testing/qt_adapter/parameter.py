"""One parameter of a parameter node: how Slicer keeps a value of its type, and what its annotations say."""

from __future__ import annotations

import enum
import typing
from dataclasses import dataclass
from typing import Any


@dataclass
class Default:
    value: Any


@dataclass
class Decimals:
    value: int


@dataclass
class SingleStep:
    value: float


@dataclass
class Minimum:
    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must be greater or equal to {self.minimum}, is {value}")


@dataclass
class Maximum:
    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must be less or equal to {self.maximum}, is {value}")


@dataclass
class WithinRange:
    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


class Choice:
    def __init__(self, choices: Any) -> None:
        self.choices = list(choices)

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value}")


class Parameter:
    """One field of a wrapped class: how it is kept in the node."""

    def __init__(self, name: str, annotated: Any, default: Any) -> None:
        arguments = typing.get_args(typing.Annotated[annotated, None])
        self.name, self.annotated, self.type = name, annotated, arguments[0]
        self.annotations = arguments[1:-1]
        self.kinds = typing.get_args(self.type) if typing.get_origin(self.type) is typing.Union else (self.type,)
        if not all(isinstance(kind, type) for kind in self.kinds):
            raise TypeError(f"Slicer's parameter node cannot keep {self.type}; of nodes, write Union[...]")
        self.node_classes = _node_classes(self.kinds)
        annotated_default = self.annotation(Default)
        self.default = annotated_default.value if annotated_default is not None else default
        if self.default is NOTHING:
            self.default = None if self.node_classes else _of_nothing(self.type)

    def annotation(self, kind: type) -> Any:
        return next((found for found in self.annotations if isinstance(found, kind)), None)

    def write(self, node: Any, value: Any) -> None:
        self._check(value)
        if self.node_classes:
            self._write_node(node, value)
        elif self.type is bool:
            node.SetParameter(self.name, "True" if value else "False")
        elif isinstance(value, enum.Enum):
            node.SetParameter(self.name, value.name)
        else:
            node.SetParameter(self.name, str(value))

    def _write_node(self, node: Any, value: Any) -> None:
        """A union keeps its value under the name and the position of the class."""
        fitting = [name for name, kind in self._slots() if isinstance(value, kind)]
        chosen = fitting[0] if fitting else self.name
        for name, _ in self._slots():
            if name != chosen:
                node.UnsetParameter(name)
                node.RemoveNodeReferenceIDs(name)
        node.SetParameter(chosen, "")
        node.SetNodeReferenceID(chosen, value.GetID() if value is not None else None)

    def _slots(self) -> list[tuple[str, type]]:
        if len(self.kinds) == 1:
            return [(self.name, self.kinds[0])]
        return [(f"{self.name}_{index}", kind) for index, kind in enumerate(self.kinds)]

    def read(self, node: Any) -> Any:
        if not any(node.HasParameter(name) for name, _ in self._slots()):
            self.write(node, self.default)
        if self.node_classes:
            return node.GetNodeReference(next(name for name, _ in self._slots() if node.HasParameter(name)))
        text = node.GetParameter(self.name)
        if self.type is bool:
            return text == "True"
        return self.type[text] if issubclass(self.type, enum.Enum) else self.type(text)

    def _check(self, value: Any) -> None:
        accepted = self.kinds if self.node_classes else {float: (int, float)}.get(self.type, (self.type,))
        of_no_node = value is None and self.node_classes and len(self.kinds) == 1
        if not (isinstance(value, accepted) or of_no_node):
            raise TypeError(f"Unable to write value '{value}' of type '{type(value)}' to {self.name}")
        for annotation in self.annotations:
            if hasattr(annotation, "validate"):
                annotation.validate(value)


NOTHING = object()


def _node_classes(kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    import slicer

    nodes = tuple(kind for kind in kinds if issubclass(kind, slicer.vtkMRMLNode))
    return nodes if len(nodes) == sum(kind is not type(None) for kind in kinds) else ()


def _of_nothing(kind: Any) -> Any:
    if issubclass(kind, enum.Enum):
        return next(iter(kind))
    if kind not in (str, bool, int, float):
        raise TypeError(f"The adapter's parameter node cannot keep {kind}")
    return kind()
