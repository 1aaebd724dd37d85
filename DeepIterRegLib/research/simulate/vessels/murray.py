"""Radii of a vessel tree by Murray's law: the radius cubed is shared out among the branches.

Murray, "The Physiological Principle of Minimum Work", PNAS 12:207 (1926). With another exponent the same rule, as
measured exponents lie between 2 and 3 (larger in small vessels).
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray, terminals

EXPONENT = 3.0


def radii_from_terminals(parent: IndexArray, terminal_mm: float | FloatArray, exponent: float = EXPONENT) -> FloatArray:
    """(N,) radii, mm, from the ends up: r_parent^x = sum of r_child^x.

    parent: (N,) of a tree, parents before children, -1 at a root. terminal_mm: radius of the ends, one or (N,) (read at
    the ends).
    """
    power = np.broadcast_to(np.asarray(terminal_mm, dtype=np.float64), parent.shape) ** exponent
    inner = parent[parent >= 0]
    total = power.copy()
    total[inner] = 0.0
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            total[parent[node]] += total[node]
    return total ** (1 / exponent)


def radii_from_root(
    parent: IndexArray, root_mm: float | FloatArray, exponent: float = EXPONENT, least_mm: float = 0.0
) -> FloatArray:
    """(N,) radii, mm, from the roots down: each node's share of its root's ends is its share of the root's r^x.

    root_mm: one or (N,) (read at the roots). least_mm: no vessel is thinner (nor wider than its root).
    """
    ends = terminals(parent).astype(np.float64)
    of_root = np.arange(len(parent))
    for node in range(len(parent)):
        if parent[node] >= 0:
            of_root[node] = of_root[parent[node]]
    root = np.broadcast_to(np.asarray(root_mm, dtype=np.float64), parent.shape)[of_root]
    return np.clip(root * (ends / ends[of_root]) ** (1 / exponent), np.minimum(least_mm, root), root)


def exponent_between(root_mm: float, terminal_mm: float, ends: int) -> float:
    """The exponent at which `ends` terminals of one radius add up to the root's: measured trees keep both."""
    return float(np.log(max(ends, 2)) / np.log(root_mm / terminal_mm))
