"""Which nodes a selector offers (qMRMLSortFilterProxyModel)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class NodeFilter:
    """By class, derived class, attribute and whether editors are to show a node."""

    types: list[str] = field(default_factory=list)
    hidden_types: list[str] = field(default_factory=list)
    """Classes derived from `types` that are not offered."""
    hidden_ids: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str | None]] = field(default_factory=list)
    """(node type, attribute, value): nodes of the type must have it, with that value unless it is None."""

    def shows(self, node: Any, flags: Mapping[str, bool]) -> bool:
        """flags: the selector's properties showHidden and showChildNodeTypes."""
        if node.GetID() in self.hidden_ids:
            return False
        if node.GetHideFromEditors() and not flags["showHidden"]:
            return False
        return any(self._shows_as(node, node_type, flags["showChildNodeTypes"]) for node_type in self.types)

    def _shows_as(self, node: Any, node_type: str, show_derived: bool) -> bool:
        if node.GetClassName() != node_type:
            if not show_derived or not node.IsA(node_type):
                return False
            if any(node.IsA(hidden) for hidden in self.hidden_types):
                return False
        return all(
            node.GetAttribute(name) is not None and (value is None or node.GetAttribute(name) == value)
            for of_type, name, value in self.attributes
            if of_type == node_type
        )
