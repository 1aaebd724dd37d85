"""Nodes of a tree in an order in which parents come before their children."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

IndexArray = npt.NDArray[np.intp]


def parents_first(parent: IndexArray) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Order, places and parents of (N,) nodes sorted by their depth, stably.

    parent: (N,) index of each node's parent, negative for a root; without cycles. Returns the old index of each new
    place, the new place of each old index, and the parents in the new order (-1 for a root).
    """
    depth, up = np.zeros(len(parent), dtype=np.intp), parent
    while (up >= 0).any():
        depth += up >= 0
        up = np.where(up >= 0, parent[up], -1)
    order = np.argsort(depth, kind="stable")
    place = np.argsort(order)
    above = parent[order]
    return order, place, np.where(above >= 0, place[above], -1).astype(np.intp)
