"""Reads trees in SWC: one node per line as number, type, x, y, z, radius, parent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray
from DeepIterRegLib.research.simulate.vessels.tree_order import parents_first

COLUMNS = 7


@dataclass(frozen=True, eq=False)
class Swc:
    """The nodes, parents before their children."""

    kind: IntArray
    """(N,) what the writer meant by the second column."""
    points: FloatArray
    """(N, 3) in the file's axes and unit."""
    radii: FloatArray
    parent: IndexArray
    """(N,) index of the parent node, -1 without one."""


def read_swc(path: Path, option: str) -> Swc:
    """Raises InputError for what is no SWC, is cut off, or whose parents do not add up to trees."""
    again = f"copy it again or give another tree with {option} PATH"
    try:
        lines = path.read_text(encoding="utf-8", errors="strict").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no text file, which an SWC is; {again}.") from error
    rows = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    wrong = next((number for number, row in enumerate(rows, 1) if len(row) != COLUMNS), None)
    if not rows or wrong is not None:
        where = "holds no nodes" if not rows else f"has a node (number {wrong}) without its {COLUMNS} values"
        raise InputError(f"{path.name} {where}, so it is damaged or no SWC; {again}.")
    try:
        table = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{path.name} holds what is no number, so it is damaged or no SWC; {again}.") from error
    if not np.isfinite(table).all() or (table[:, 5] <= 0).any():
        raise InputError(f"{path.name} has a node without a finite place and a positive radius; {again}.")
    number = table[:, 0].astype(np.int64)
    index = {int(n): place for place, n in enumerate(number)}
    named = table[:, 6].astype(np.int64)
    parent = np.array([-1 if n < 0 else index.get(int(n), -2) for n in named], dtype=np.intp)
    if len(index) < len(number) or (parent == -2).any() or _has_cycle(parent):
        raise InputError(f"{path.name} has nodes whose parents are missing, doubled or circular; {again}.")
    order, _, above = parents_first(parent)
    kind = table[order, 1].astype(np.int64)
    return Swc(kind, table[order, 2:5], table[order, 5], above)


def _has_cycle(parent: IndexArray) -> bool:
    up = parent.copy()
    for _ in range(int(np.ceil(np.log2(len(parent) + 1))) + 1):  # doubles the stride: every chain is shorter than that
        up = np.where(up >= 0, up[up], -1)
    return bool((up >= 0).any())
