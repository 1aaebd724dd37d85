"""Arterial trees of the BraVa collection (SWC, mm): the six cerebral arteries, the circle, the basilar artery.

Wright et al., "Digital reconstruction and morphometric analysis of human brain arterial vasculature from magnetic
resonance angiography", NeuroImage 82:170 (2013). What the files show, all 50 alike: y is up (rows of a coronal image,
negated), z grows backwards, and x grows to the patient's *left*. The last cannot be seen in one tree. It follows from
the radiological image that (x, -y) are columns and rows of, and from the 50 trees together, whose occipital arteries
reach 1.5 mm (standard error 0.6) farther back and 1.7 mm (0.6) farther out on the side of large x, as the left
occipital lobe does. The second column numbers the arteries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.real_anatomy.artery_names import name_arteries
from DeepIterRegLib.research.simulate.real_anatomy.swc import Swc, read_swc
from DeepIterRegLib.research.simulate.real_anatomy.template_fit import Landmarks
from DeepIterRegLib.research.simulate.veins.given_veins import GivenVeins
from DeepIterRegLib.research.simulate.vessels.artery_tree import ArteryTree, path_to_root, rooted
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray

TERRITORIES = {2: "ACA left", 3: "MCA left", 4: "MCA right", 5: "ACA right", 6: "PCA left", 7: "PCA right"}
"""Meaning of the second column; 0 is what feeds and joins them."""
HEAD_MM = (90.0, 260.0)
MIDLINE_MM = 8.0
BASILAR_HALF_WIDTH_MM = 10.0
"""The free lower end of the basilar artery lies within this of the midline."""


@dataclass(frozen=True, eq=False)
class TracedTree:
    """What a source gives: a named tree where it was scanned, and what to align it by."""

    tree: ArteryTree
    landmarks: Landmarks
    variants: dict[str, str]
    source: str = "BraVa"
    whole_brain: bool = True
    """Whether the arteries reach the brain's surface all round."""
    to_cortex: bool = True
    """False where only the trunks are marked, to the lips of the Sylvian fissure: their branches are then generated."""
    veins: GivenVeins = field(default_factory=dict)
    """In the tree's frame; empty where a source has none."""


def read_brava(path: Path, option: str = "--arteries") -> TracedTree:
    """The tree of one subject, RAS, mm, x from the midline; blood enters at both carotids and the basilar artery.

    The files join all arteries into one tree through the posterior communicating arteries, and have no anterior one.
    Raises InputError for a damaged file, and for a tree that is not BraVa's with its arteries numbered.
    """
    swc = read_swc(path, option)
    kind = swc.kind
    extent = np.ptp(swc.points, axis=0)
    if set(TERRITORIES) - set(kind.tolist()):
        raise InputError(
            f"{path.name} does not number the six cerebral arteries (types 2 to 7 in the second column, as BraVa's"
            f" colour-coded trees do); give one of those with {option} PATH."
        )
    if not (HEAD_MM[0] < extent.max() < HEAD_MM[1]):
        raise InputError(
            f"{path.name} is {extent.max():.0f} long in its unit, which no brain is in mm; give a tree in mm with"
            f" {option} PATH."
        )
    ras = np.stack([-swc.points[:, 0], -swc.points[:, 2], swc.points[:, 1]], axis=1)
    ras[:, 0] -= np.median(ras[np.isin(kind, [2, 5]), 0])
    try:
        return _rooted_tree(swc, ras)
    except (StopIteration, IndexError, ValueError) as error:
        raise InputError(
            f"{path.name} does not lead from two carotid arteries to the six cerebral arteries; give a whole BraVa tree"
            f" with {option} PATH."
        ) from error


def _rooted_tree(swc: Swc, ras: FloatArray) -> TracedTree:
    kind = swc.kind
    ends = _supply(swc, ras)
    far = {name: _far_node(swc.parent, ras, kind == number) for number, name in TERRITORIES.items()}
    way = _way(swc.parent, ends["ICA right"], ends["ICA left"])
    edges = np.stack([np.flatnonzero(swc.parent >= 0), swc.parent[swc.parent >= 0]], axis=1)
    joins = []
    for side, along in (("right", way), ("left", way[::-1])):
        into = _last_shared(along[::-1], _way(swc.parent, along[-1], far[f"PCA {side}"]))
        end = along[along.index(into) - 1]
        edges = edges[~(((edges == into).any(axis=1)) & ((edges == end).any(axis=1)))]
        joins.append((end, into))
    variants = {}
    if "basilar" not in ends:  # the circle's back part alone: enter where it crosses the midline
        between = way[way.index(joins[0][1]) : way.index(joins[1][1]) + 1]
        ends["basilar"] = min(between, key=lambda node: abs(ras[node, 0]))
        variants["basilar"] = "not in the file, generated"
    order, parent = rooted(edges, [ends["ICA right"], ends["ICA left"], ends["basilar"]], len(kind))
    place = {int(node): number for number, node in enumerate(order)}
    joins = [(place[a], place[b]) for a, b in joins]
    territory = [TERRITORIES.get(int(number), "") for number in kind[order]]
    roots = {place[node]: name for name, node in ends.items()}
    names = name_arteries(ras[order], parent, territory, roots, joins)
    tree = ArteryTree(ras[order], parent, swc.radii[order], names, tuple(joins))
    return TracedTree(tree, landmarks_of(tree), variants)


def landmarks_of(tree: ArteryTree) -> Landmarks:
    """What the template fit goes by, from the names."""

    def last(name: str) -> FloatArray:
        mine = [node for node, other in enumerate(tree.names) if other == name]
        return tree.nodes_mm[mine[-1]]

    callosal = np.array([name.startswith("pericallosal") for name in tree.names])
    # Its far end may lie on the convexity, and its trunk under the falx.
    middle = callosal & (np.abs(tree.nodes_mm[:, 0] - np.median(tree.nodes_mm[callosal, 0])) < MIDLINE_MM)
    return Landmarks(last("ICA right"), last("ICA left"), last("basilar"), tree.nodes_mm[middle])


def _supply(swc: Swc, ras: FloatArray) -> dict[str, int]:
    """The free ends through which blood enters: the widest of each side, and the lowest in the midline."""
    degree = np.bincount(swc.parent[swc.parent >= 0], minlength=len(ras)) + (swc.parent >= 0)
    free = np.flatnonzero((degree == 1) & (swc.kind == 0))
    width = {int(end): float(np.median(swc.radii[_near_end(swc.parent, int(end))])) for end in free}
    found = {}
    for side, sign in (("right", 1), ("left", -1)):
        found[f"ICA {side}"] = max((end for end in width if sign * ras[end, 0] > 5), key=lambda end: width[end])
    carotids = ras[list(found.values())]
    central = [
        end for end in width
        if end not in found.values() and abs(ras[end, 0]) < BASILAR_HALF_WIDTH_MM
        and abs(ras[end, 1] - carotids[:, 1].mean()) < 25 and ras[end, 2] < carotids[:, 2].mean() + 25
    ]  # fmt: skip
    if central:
        found["basilar"] = max(central, key=lambda end: width[end] - 0.03 * ras[end, 2])
    return found


def _near_end(parent: IndexArray, end: int, count: int = 8) -> list[int]:
    """A free end and the nodes next to it, whichever way the file's parents point."""
    up = path_to_root(parent, end)[:count]
    if len(up) > 1:
        return up
    down = [end]
    while len(down) < count:
        more = np.flatnonzero(parent == down[-1])
        if len(more) != 1:
            break
        down.append(int(more[0]))
    return down


def _far_node(parent: IndexArray, ras: FloatArray, mine: np.ndarray) -> int:
    """The node that lies farthest along a territory's own arteries, in the part of them that is longest in all."""
    step = np.where((parent >= 0) & mine & mine[parent], np.linalg.norm(ras - ras[parent], axis=1), 0)
    own = np.flatnonzero(mine)
    total, come, top = np.zeros(len(parent)), np.zeros(len(parent)), np.arange(len(parent))
    for node in own.tolist():
        up = int(parent[node])
        if up >= 0 and mine[up]:
            come[node], top[node] = come[up] + step[node], top[up]
    np.add.at(total, top[own], step[own])
    largest = own[top[own] == np.argmax(total)]
    return int(largest[np.argmax(come[largest])])


def _way(parent: IndexArray, start: int, end: int) -> list[int]:
    """Nodes from `start` to `end` through the tree."""
    up, down = path_to_root(parent, start), path_to_root(parent, end)
    known = set(up)
    meet = next(node for node in down if node in known)
    return up[: up.index(meet) + 1] + down[: down.index(meet)][::-1]


def _last_shared(way: list[int], other: list[int]) -> int:
    """The node at which two ways that begin together part."""
    last = way[0]
    for a, b in zip(way, other, strict=False):
        if a != b:
            break
        last = a
    return last
