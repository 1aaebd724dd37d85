"""Names for the arteries of a traced tree, from what feeds them, where they lead and how far they have come."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.artery_tree import lengths_below, path_to_root, side_of, subtree
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray

M1_MM, M2_MM, A1_MM, P1_MM, P2_MM = 30.0, 30.0, 20.0, 8.0, 32.0
"""Longest M1 (to where it must have divided), and the lengths at which an unnamed end is taken: textbook averages."""
FETAL_PCOM_MM = 14.0
FORK_SHARE = 0.2
"""The first fork of M1 whose smaller part feeds at least this share of the territory is the bifurcation."""
PERICALLOSAL_MM = 110.0
"""From the carotid terminus around the corpus callosum to its splenium."""
EARLY_FORK_MM = 8.0
"""Before this M1 gives off early temporal branches, but does not divide."""
MIDLINE_MM = 3.0
SCA_MM = 6.0
"""A basilar branch within this of the top is the superior cerebellar artery."""
V4_MM = 22.0

_PART = {"ACA": "ACA branch", "MCA": "M4 branch", "PCA": "PCA branch"}


def name_arteries(
    nodes_mm: FloatArray, parent: IndexArray, territory: Sequence[str], root_names: dict[int, str],
    joins: Sequence[tuple[int, int]],
) -> tuple[str, ...]:  # fmt: skip
    """(N,) a canonical name per node of a forest.

    nodes_mm: (N, 3) RAS, mm, x from the midline. territory: (N,) "ACA", "MCA", "PCA" or "", with or without a side.
    root_names: "ICA right", "ICA left" and "basilar" by root; a side goes down its tree where the territory has none.
    joins: the ends of communicating arteries, and where they open.
    """
    side = _sides(nodes_mm, parent, territory, root_names)
    part = [name.split()[0] if name else "" for name in territory]
    names = [f"{_PART.get(p, 'artery')} {s}" for p, s in zip(part, side, strict=True)]
    below, come = lengths_below(nodes_mm, parent), _come(nodes_mm, parent)
    targets = {target for _, target in joins}
    for root, name in root_names.items():
        inside = np.zeros(len(parent), dtype=bool)
        inside[subtree(parent, root)] = True
        if name.startswith("ICA"):
            _name_carotid(names, nodes_mm, parent, part, side, inside, below, come, name)
        else:
            _name_basilar(names, nodes_mm, parent, part, side, inside, come, name, targets)
    for end, target in joins:
        _name_join(names, parent, end, target)
    return tuple(names)


def carotid_terminus(names: Sequence[str], parent: IndexArray, side: str) -> int | None:
    """The last node of the carotid's trunk; None where there is no such artery."""
    trunk = [node for node, name in enumerate(names) if name == f"ICA {side}"]
    return max(trunk, key=lambda node: len(path_to_root(parent, node))) if trunk else None


def name_vertebral_ends(named: list[str], parent: IndexArray, nodes_mm: FloatArray) -> None:
    """Name the last part of each vertebral artery V4, at most half of it, in (N,) names that labels gave."""
    vertebral = np.array([name.startswith("VA") for name in named])
    goes_on = np.zeros(len(named), dtype=bool)
    goes_on[parent[vertebral]] = True  # the roots' -1 marks the last node, which is no vertebral one's parent
    ends = np.flatnonzero(vertebral & ~goes_on).tolist()
    for side in ("right", "left"):
        mine = [end for end in ends if named[end] == f"VA {side}"]
        if not mine:
            continue
        path = path_to_root(parent, max(mine, key=lambda end: nodes_mm[end, 2]))
        steps = [float(np.linalg.norm(nodes_mm[node] - nodes_mm[up])) for node, up in pairwise(path)]
        longest, run = min(V4_MM, 0.5 * sum(steps)), 0.0
        for node, step in zip(path, steps, strict=False):
            run += step
            if run > longest:
                break
            if named[node] == f"VA {side}":
                named[node] = f"V4 {side}"


def split_first_part(
    named: list[str], parent: IndexArray, nodes_mm: FloatArray, first: str, second: str, longest_mm: float,
    joins: Sequence[tuple[int, int]],
) -> None:  # fmt: skip
    """Name `second` what lies beyond the first part of an artery, in (N,) names that labels gave.

    The first part ends where a communicating artery leaves or opens, or after `longest_mm`. All of an artery that hangs
    on a communicating artery is `second`: a fetal P2.
    """
    mine = [node for node, name in enumerate(named) if name == first]
    opens = {target for _, target in joins}
    opens |= {int(parent[node]) for node, name in enumerate(named) if "COM" in name and parent[node] >= 0}
    come: dict[int, float] = {}
    beyond: set[int] = set()
    for node in mine:
        up = int(parent[node])
        if up in come:
            come[node] = come[up] + float(np.linalg.norm(nodes_mm[node] - nodes_mm[up]))
        else:
            come[node] = 0.0
            if up >= 0 and "COM" in named[up]:
                beyond.add(node)
        if up in beyond or come[node] > longest_mm or (up in come and up in opens):
            beyond.add(node)
    for node in beyond:
        named[node] = second


def _sides(nodes_mm: FloatArray, parent: IndexArray, territory: Sequence[str], root_names: dict[int, str]) -> list[str]:
    sides: list[str] = []
    for node, name in enumerate(territory):
        own: str = side_of(name) if name else "middle"
        if own == "middle":
            up = int(parent[node])
            above = sides[up] if up >= 0 else side_of(root_names.get(node, ""))
            own = above if above != "middle" else "right" if nodes_mm[node, 0] > 0 else "left"
            if up >= 0 and root_names.get(path_to_root(parent, node)[-1]) == "basilar":
                own = "right" if nodes_mm[node, 0] > 0 else "left"
        sides.append(own)
    return sides


def _come(nodes_mm: FloatArray, parent: IndexArray) -> FloatArray:
    """(N,) mm from the root along the tree."""
    come = np.zeros(len(parent))
    for node in range(len(parent)):
        up = parent[node]
        if up >= 0:
            come[node] = come[up] + np.linalg.norm(nodes_mm[node] - nodes_mm[up])
    return come


def _farthest(part: Sequence[str], which: str, inside: np.ndarray, come: FloatArray) -> int | None:
    mine = [node for node in np.flatnonzero(inside).tolist() if part[node] == which]
    return int(max(mine, key=lambda node: come[node])) if mine else None


def _fork(parent: IndexArray, one: int, other: int) -> int:
    """Where the ways to two nodes of a tree part."""
    mine = set(path_to_root(parent, one))
    return next(node for node in path_to_root(parent, other) if node in mine)


def _where_most_leaves(parent: IndexArray, mine: np.ndarray, way_up: list[int]) -> int:
    """The node of a way, from its end up to the root, at which the largest part of a territory leaves it."""
    count = mine.astype(np.int64)
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            count[parent[node]] += count[node]
    leaving = [count[node] - count[before] for before, node in pairwise(way_up)]
    return way_up[1 + int(np.argmax(leaving))]


def _between(parent: IndexArray, top: int, end: int) -> list[int]:
    """Nodes from below `top` to `end`."""
    path = path_to_root(parent, end)
    return path[: path.index(top)][::-1]


def _name_carotid(
    names: list[str], nodes: FloatArray, parent: IndexArray, part: Sequence[str], sides: Sequence[str],
    inside: np.ndarray, below: FloatArray, come: FloatArray, name: str,
) -> None:  # fmt: skip
    side = name.split()[-1]
    mca, aca = (_farthest(part, which, inside, come) for which in ("MCA", "ACA"))
    if mca is None and aca is None:
        return
    if mca is None or aca is None:  # the other one comes from elsewhere: the trunk ends where the territory begins
        path = path_to_root(parent, mca if mca is not None else int(aca or 0))[::-1]
        terminus = next(node for node in path if part[node] != "")
    else:
        terminus = _where_most_leaves(parent, np.array([p == "ACA" for p in part]) & inside, path_to_root(parent, mca))
    beyond = set(subtree(parent, terminus).tolist())
    for node in np.flatnonzero(inside).tolist():
        if part[node] in ("MCA", "ACA") and node not in beyond:
            names[node] = f"artery {side}"
    for node in path_to_root(parent, terminus):
        names[node] = name
    _name_fetal(names, parent, part, inside, come, side)
    if mca is not None:
        _name_middle(names, nodes, parent, below, come, terminus, mca, side)
    for which in (side, "left" if side == "right" else "right"):
        own = inside & np.array([s == which for s in sides])
        aca = _farthest(part, "ACA", own, come)
        for node in _between(parent, _fork(parent, terminus, aca), aca) if aca is not None else []:
            if names[node].startswith(("A1", "pericallosal")):
                continue
            run, up = come[node] - come[terminus], names[parent[node]]
            at_end = run > A1_MM or abs(nodes[node, 0]) < MIDLINE_MM or not up.startswith(("A1", "ICA"))
            if run < PERICALLOSAL_MM:
                names[node] = f"pericallosal {which}" if at_end else f"A1 {side}"


def _name_fetal(
    names: list[str], parent: IndexArray, part: Sequence[str], inside: np.ndarray, come: FloatArray, side: str
) -> None:
    """A posterior cerebral artery that hangs on the carotid: its way there is the communicating artery."""
    far = _farthest(part, "PCA", inside, come)
    if far is None:
        return
    path = [node for node in path_to_root(parent, far)[::-1] if not names[node].startswith("ICA")]
    for node in path:
        run = come[node] - come[path[0]]
        if run < FETAL_PCOM_MM:
            names[node] = f"PCOM {side}"
        elif run < FETAL_PCOM_MM + P2_MM:
            names[node] = f"P2 {side}"


def _name_middle(
    names: list[str], nodes: FloatArray, parent: IndexArray, below: FloatArray, come: FloatArray, terminus: int,
    mca: int, side: str,
) -> None:  # fmt: skip
    step = np.linalg.norm(nodes - nodes[parent], axis=1)
    children: dict[int, list[int]] = {}
    for child in np.flatnonzero(parent >= 0).tolist():
        children.setdefault(int(parent[child]), []).append(child)
    start = _between(parent, terminus, mca)[0]
    trunk, node, best = [start], start, (0.0, 0)
    while come[node] - come[terminus] < M1_MM:
        heavy = sorted(children.get(node, []), key=lambda child: -(below[child] + step[child]))
        if not heavy:
            break
        if len(heavy) > 1 and come[node] - come[terminus] > EARLY_FORK_MM:
            share = min(float(below[heavy[1]] + step[heavy[1]]) / max(float(below[start]), 1e-6), FORK_SHARE)
            best = max(best, (share, len(trunk)), key=lambda one: one[0])  # the first of those that share enough
        node = heavy[0]
        trunk.append(node)
    trunk = trunk[: best[1]] if best[1] else trunk
    for node in trunk:
        names[node] = f"M1 {side}"
    divides = sorted(children.get(trunk[-1], []), key=lambda child: -(below[child] + step[child]))[:2]
    height = {child: nodes[subtree(parent, child), 2].mean() for child in divides}
    for child in divides:
        which = "superior" if height[child] == max(height.values()) else "inferior"
        at: int | None = child
        while at is not None and come[at] - come[child] < M2_MM:
            names[at] = f"M2 {which} {side}"
            at = max(children.get(at, []), key=lambda c: below[c] + step[c], default=None)


def _name_basilar(
    names: list[str], nodes: FloatArray, parent: IndexArray, part: Sequence[str], side: Sequence[str],
    inside: np.ndarray, come: FloatArray, name: str, targets: set[int],
) -> None:  # fmt: skip
    ends = {}
    for which in ("right", "left"):
        own = inside & np.array([s == which for s in side])
        end = _farthest(part, "PCA", own, come)
        if end is not None:
            ends[which] = end
    if not ends:
        return
    both = list(ends.values())
    top = _fork(parent, both[0], both[-1]) if len(both) == 2 else next(
        n for n in path_to_root(parent, both[0])[::-1] if part[n] == "PCA"
    )  # fmt: skip
    trunk = path_to_root(parent, top)
    for node in np.flatnonzero(inside).tolist():
        if part[node] != "PCA":
            off = next((n for n in path_to_root(parent, node) if n in set(trunk)), top)
            branch = "SCA" if come[top] - come[off] < SCA_MM else "AICA"
            names[node] = f"{branch} {'right' if nodes[node, 0] > 0 else 'left'}"
    for node in trunk:
        names[node] = name
    for which, end in ends.items():
        path = _between(parent, top, end)
        joined = [node for node in path if node in targets]
        change = come[joined[0]] if joined else come[top] + P1_MM
        for node in path:
            if come[node] <= change + 1e-6:
                names[node] = f"P1 {which}"
            elif come[node] <= change + P2_MM:
                names[node] = f"P2 {which}"


def _name_join(names: list[str], parent: IndexArray, end: int, target: int) -> None:
    """From the end of a communicating artery up to the trunk that it leaves."""
    carotids = names[path_to_root(parent, end)[-1]].startswith("ICA") and names[
        path_to_root(parent, target)[-1]
    ].startswith("ICA")
    side = side_of(names[path_to_root(parent, end)[-1]])
    side = side if side != "middle" else side_of(names[path_to_root(parent, target)[-1]])
    for node in path_to_root(parent, end):
        if names[node].split()[0] in ("ICA", "A1", "pericallosal", "P1", "P2", "basilar", "M1"):
            break
        names[node] = "ACOM" if carotids else f"PCOM {side}"
