"""A real arterial tree as nodes with names, and how it becomes `Vessel`s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray
from DeepIterRegLib.research.simulate.vessels.vessel import Side, Vessel, arc_length_mm, centreline

SMOOTH_RADIUS_MM = 4.0
"""Standard deviation, along the vessel, with which measured radii are smoothed: they jump from node to node."""


@dataclass(frozen=True, eq=False)
class ArteryTree:
    """A forest of centreline nodes, parents before their children, one root per supplying artery."""

    nodes_mm: FloatArray
    """(N, 3), RAS."""
    parent: IndexArray
    """(N,) index of the node upstream; -1 at a root."""
    radii_mm: FloatArray
    """(N,)"""
    names: tuple[str, ...]
    """(N,) of the artery that each node belongs to, space, side: "M1 right"; no side in the midline ("basilar")."""
    joins: tuple[tuple[int, int], ...] = ()
    """(last node of a communicating artery, node of another tree that it opens into)."""

    def moved(self, nodes_mm: FloatArray) -> ArteryTree:
        """The same tree with its nodes elsewhere."""
        return replace(self, nodes_mm=nodes_mm)


def side_of(name: str) -> Side:
    """The side that a name ends with (a trailing "twig" aside)."""
    words = name.split()
    return "right" if "right" in words else "left" if "left" in words else "middle"


def rooted(edges: IndexArray, roots: Sequence[int], count: int) -> tuple[IndexArray, IndexArray]:
    """Direct the undirected edges (E, 2) of a graph of `count` nodes away from the roots, breadth first.

    Returns order: (M,) the nodes reached, parents before children, and parent: (M,) as positions in `order`, -1 at the
    roots. An edge that would close a loop is dropped.
    """
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    order, parent, place = list(roots), [-1] * len(roots), dict.fromkeys(roots, 0)
    for number, node in enumerate(order):
        place[node] = number
        for other in neighbours[node]:
            if other not in place:
                place[other] = -1
                order.append(other)
                parent.append(number)
    return np.array(order, dtype=np.intp), np.array(parent, dtype=np.intp)


def lengths_below(nodes_mm: FloatArray, parent: IndexArray) -> FloatArray:
    """(N,) mm of centreline beyond each node, all branches together."""
    below = np.zeros(len(parent))
    step = np.linalg.norm(nodes_mm - nodes_mm[parent], axis=1)
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            below[parent[node]] += below[node] + step[node]
    return below


def path_to_root(parent: IndexArray, node: int) -> list[int]:
    """From the node up to its root, both included."""
    path = [node]
    while parent[path[-1]] >= 0:
        path.append(int(parent[path[-1]]))
    return path


def subtree(parent: IndexArray, node: int) -> IndexArray:
    """The node and all that lies beyond it."""
    inside = np.zeros(len(parent), dtype=bool)
    inside[node] = True
    for other in range(node + 1, len(parent)):
        inside[other] = parent[other] >= 0 and inside[parent[other]]
    return np.flatnonzero(inside)


def without_spurs(tree: ArteryTree, shortest_mm: float) -> ArteryTree:
    """Drop end branches shorter than `shortest_mm`: buds that the tracing left on the wall. Joins and names stay."""
    parent = tree.parent
    below = lengths_below(tree.nodes_mm, parent)
    step = np.linalg.norm(tree.nodes_mm - tree.nodes_mm[parent], axis=1)
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    kept_ends = {end for end, _ in tree.joins}
    drop = np.zeros(len(parent), dtype=bool)
    for node in range(len(parent)):
        up = int(parent[node])
        if up < 0:
            continue
        whole = below[node] + step[node]
        begins = children[up] > 1 and whole < shortest_mm and whole < below[up] - whole
        drop[node] = drop[up] or (begins and not any(end in kept_ends for end in subtree(parent, node)))
    return _kept(tree, ~drop)


def _kept(tree: ArteryTree, keep: np.ndarray) -> ArteryTree:
    number = np.cumsum(keep) - 1
    parent = tree.parent[keep]
    return ArteryTree(
        tree.nodes_mm[keep], np.where(parent >= 0, number[parent], -1), tree.radii_mm[keep],
        tuple(np.array(tree.names, dtype=object)[keep]),
        tuple((int(number[a]), int(number[b])) for a, b in tree.joins if keep[a] and keep[b]),
    )  # fmt: skip


def smoothed(tree: ArteryTree, rounds: int = 4) -> ArteryTree:
    """Take the staircase of the voxels out of the nodes; roots, ends and the points where trees join stay."""
    nodes, parent = tree.nodes_mm.copy(), tree.parent
    child = np.flatnonzero(parent >= 0)
    children = np.bincount(parent[child], minlength=len(parent))
    free = (children > 0) & (parent >= 0)
    free[[node for join in tree.joins for node in join]] = False
    inner = np.flatnonzero(free)
    for _ in range(rounds):
        total = np.zeros_like(nodes)
        np.add.at(total, parent[child], nodes[child])
        nodes[inner] = 0.5 * nodes[inner] + 0.25 * (nodes[parent[inner]] + total[inner] / children[inner][:, None])
    return tree.moved(nodes)


def chains(tree: ArteryTree) -> list[list[int]]:
    """Cut into unbranched stretches of one name, parents first; all but those at roots begin with the parent's node."""
    parent = tree.parent
    same = np.array([parent[n] >= 0 and tree.names[n] == tree.names[parent[n]] for n in range(len(parent))], dtype=bool)
    # Of its own name, so that a trunk does not end in the first millimetres of a large branch.
    beyond = lengths_below(tree.nodes_mm, np.where(same, parent, -1))
    beyond += np.where(same, np.linalg.norm(tree.nodes_mm - tree.nodes_mm[parent], axis=1), 0.0)
    follows = np.full(len(parent), -1, dtype=np.intp)
    for node in np.argsort(beyond, kind="stable"):
        if same[node]:
            follows[parent[node]] = node  # the one with most beyond it comes last
    found = []
    for node in range(len(parent)):
        up = int(parent[node])
        if up >= 0 and follows[up] == node:
            continue
        chain = [up, node] if up >= 0 else [node]
        while follows[chain[-1]] >= 0:
            chain.append(int(follows[chain[-1]]))
        found.append(chain)
    return found


def without_buds(tree: ArteryTree, longest_mm: float = 8.0) -> ArteryTree:
    """Name the beginnings of branches, which a mesh or mask counts to the trunk they leave, like what they lead to."""
    names = list(tree.names)
    for _ in range(4):
        renamed = 0
        named = replace(tree, names=tuple(names))
        for chain in chains(named):
            mine = [node for node in chain if tree.parent[node] >= 0][1 if tree.parent[chain[0]] >= 0 else 0 :]
            if tree.parent[chain[0]] < 0 or not mine or names[mine[0]] != names[chain[0]]:
                continue
            run = np.linalg.norm(np.diff(tree.nodes_mm[chain], axis=0), axis=1).sum()
            beyond = [n for n in np.flatnonzero(tree.parent == chain[-1]) if names[n] != names[chain[-1]]]
            if run < longest_mm and beyond:
                for node in mine:
                    names[node] = names[beyond[0]]
                renamed += 1
        if not renamed:
            break
    return replace(tree, names=tuple(names))


def vessels(tree: ArteryTree) -> list[Vessel]:
    """The tree as unbranched vessels, points every `STEP_MM`, radii smoothed, parents before their branches."""
    cut = [chain for chain in chains(tree) if len(chain) > 1]
    owner = np.full(len(tree.parent), -1, dtype=np.intp)
    for number, chain in enumerate(cut):
        owner[chain[1:] if tree.parent[chain[0]] >= 0 or owner[chain[0]] >= 0 else chain] = number
    opens_into = dict(tree.joins)
    made: list[Vessel] = []
    for chain in cut:
        starts_at_root = tree.parent[chain[0]] < 0 and owner[chain[0]] == len(made)
        points, target = tree.nodes_mm[chain], opens_into.get(chain[-1])
        radii = tree.radii_mm[chain].copy()
        if not starts_at_root:
            radii[0] = radii[1]
        if target is not None:
            points = np.concatenate([points, tree.nodes_mm[target][None]])
            radii = np.append(radii, radii[-1])
        name = tree.names[chain[-1]]
        upstream = None if starts_at_root else int(owner[chain[0]])
        if upstream is not None and made[upstream].name.removesuffix(" twig") == name:
            name += " twig"
        curve = centreline(_apart(points))
        along = _radii_along(points, radii, len(curve))
        into = None if target is None else int(owner[target])
        made.append(Vessel(name, curve, along, False, side_of(name), upstream, downstream=into))
    return made


def _apart(points: FloatArray) -> FloatArray:
    """Without points that repeat the one before, which a spline cannot pass; at least two stay."""
    keep = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > 0.05])
    if keep.sum() < 2:
        return np.stack([points[0], points[-1] + [0, 0, 0.1]])
    return points[keep]


def _radii_along(points: FloatArray, radii: FloatArray, count: int) -> FloatArray:
    """(count,) radii, smoothed along the vessel, that widen nowhere by more than a few percent."""
    s = arc_length_mm(points)
    even = np.linspace(0, s[-1], count)
    weight = np.exp(-0.5 * ((even[:, None] - s) / SMOOTH_RADIUS_MM) ** 2)
    smooth = weight @ radii / weight.sum(axis=1)
    return np.minimum(smooth, 1.1 * np.minimum.accumulate(smooth))
