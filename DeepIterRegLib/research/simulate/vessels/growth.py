"""Trees grown by space colonisation: tips extend towards the attractors that they are nearest to.

Method: Runions, Lane, Prusinkiewicz, "Modeling Trees with a Space Colonization Algorithm", Eurographics Workshop on
Natural Phenomena 2007 (after Runions et al. 2005, leaf venation). The same code serves arteries, grown from the trunk
to the tissue, and veins, grown from the sinus outwards and turned round afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Growth:
    """A forest of nodes, parents before children."""

    nodes_mm: FloatArray
    """(N, 3); the first ones are the seeds."""
    parent: IndexArray
    """(N,) index of each node's parent, smaller than its own; -1 at a root."""
    seeds: int
    """How many of the nodes were there before anything grew."""


@dataclass(frozen=True, eq=False)
class Branch:
    """An unbranched chain of a `Growth`, from where it leaves its parent to its end."""

    nodes: IndexArray
    """Indices of its nodes; of a side branch the first one is the node of the parent that it leaves from."""
    parent: int | None
    """Index of the parent in the list of branches; None where the chain begins at a root."""


def colonise(
    seeds_mm: FloatArray, attractors_mm: FloatArray, step_mm: float = 2.0, kill_mm: float = 3.0,
    influence_mm: float = 30.0, *, seed_parent: IndexArray | None = None,
    onto: Callable[[FloatArray], FloatArray] | None = None, inertia: float = 0.4, most_steps: int = 300,
) -> Growth:  # fmt: skip
    """Grow from the seeds (M, 3) until every attractor (K, 3) within reach is closer than `kill_mm` to a node.

    seed_parent: (M,) parents among the seeds, when they are the points of trunks (default: every seed is a root).
    onto: brings new nodes (n, 3) to where they may lie, e.g. onto the brain's surface.
    inertia: share of the direction in which a tip came that it keeps; 0 is the published method. Larger is straighter.
    influence_mm: an attractor farther than this from every node attracts none.
    """
    seeds_mm = np.atleast_2d(np.asarray(seeds_mm, dtype=np.float64))
    nodes = [seeds_mm]
    parents = [np.full(len(seeds_mm), -1, dtype=np.intp) if seed_parent is None else np.asarray(seed_parent, np.intp)]
    heading = np.zeros_like(seeds_mm)
    grown = parents[0] >= 0
    heading[grown] = _unit(seeds_mm[grown] - seeds_mm[parents[0][grown]])
    positions = seeds_mm
    live = np.array(attractors_mm, dtype=np.float64).reshape(-1, 3)
    distance = np.full(len(live), np.inf)
    nearest = np.zeros(len(live), dtype=np.intp)
    new, first = seeds_mm, 0
    for _ in range(most_steps):
        # Only the nodes of the last round can have become the nearest.
        d, i = cKDTree(new).query(live)
        closer = d < distance
        distance[closer], nearest[closer] = d[closer], i[closer] + first
        keep = distance > kill_mm
        live, distance, nearest = live[keep], distance[keep], nearest[keep]
        pulling = distance < influence_mm
        if not pulling.any():
            break
        owner, group = np.unique(nearest[pulling], return_inverse=True)
        pull = np.zeros((len(owner), 3))
        np.add.at(pull, group, (live[pulling] - positions[nearest[pulling]]) / distance[pulling][:, None])
        direction = _unit((1 - inertia) * _unit(pull) + inertia * heading[owner])
        new = positions[owner] + step_mm * direction
        if onto is not None:
            new = onto(new)
        # A node between attractors that pull opposite ways would bud for ever: it turns to the nearest one alone, and
        # an attractor that even so is not approached is given up.
        tree = cKDTree(positions)
        crowded = tree.query(new)[0] < 0.4 * step_mm
        if crowded.any():
            wanted = np.flatnonzero(pulling)
            order = np.lexsort((distance[wanted], group))
            target = wanted[order[np.searchsorted(group[order], np.flatnonzero(crowded))]]
            turned = positions[owner[crowded]] + step_mm * _unit(live[target] - positions[owner[crowded]])
            new[crowded] = turned if onto is None else onto(turned)
            still = tree.query(new[crowded])[0] < 0.4 * step_mm
            remains = np.ones(len(live), dtype=bool)
            remains[target[still]] = False
            live, distance, nearest = live[remains], distance[remains], nearest[remains]
            keep = np.ones(len(new), dtype=bool)
            keep[np.flatnonzero(crowded)[still]] = False
            owner, new = owner[keep], new[keep]
        if not len(new):
            new, first = positions, 0
            continue
        first = len(positions)
        positions = np.concatenate([positions, new])
        heading = np.concatenate([heading, _unit(new - positions[owner])])
        nodes.append(new)
        parents.append(owner)
    return Growth(positions, np.concatenate(parents), len(seeds_mm))


def terminals(parent: IndexArray) -> IndexArray:
    """(N,) how many ends of the tree lie beyond each node, its own included; a single node is one end."""
    ends = np.ones(len(parent), dtype=np.intp)
    ends[parent[parent >= 0]] = 0
    # Parents come first, so that one pass from the back adds everything up.
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            ends[parent[node]] += ends[node]
    return ends


def branches(growth: Growth) -> list[Branch]:
    """Cut the forest into chains, parents first; at a fork a chain goes on into the child with more ends.

    A trunk of seeds stays one chain, however much branches off it.
    """
    ends, count = terminals(growth.parent), len(growth.parent)
    order = np.argsort(ends + count * (np.arange(count) < growth.seeds), kind="stable")
    follows = np.full(count, -1, dtype=np.intp)
    has_parent = order[growth.parent[order] >= 0]
    follows[growth.parent[has_parent]] = has_parent  # the last writer is the largest child
    chains: list[Branch] = []
    chain_of = np.full(count, -1, dtype=np.intp)
    for node in range(count):
        up = int(growth.parent[node])
        if up >= 0 and follows[up] == node:
            continue
        nodes, at = ([up] if up >= 0 else []), node
        while at >= 0:
            nodes.append(at)
            chain_of[at] = len(chains)
            at = int(follows[at])
        chains.append(Branch(np.array(nodes, dtype=np.intp), int(chain_of[up]) if up >= 0 else None))
    return chains


def pruned(growth: Growth, shortest_mm: float) -> Growth:
    """Without the end branches shorter than `shortest_mm` (buds that reached their attractor at once); seeds stay."""
    drop = np.zeros(len(growth.parent), dtype=bool)
    chains = branches(growth)
    is_parent = {chain.parent for chain in chains}
    for number, chain in enumerate(chains):
        if number not in is_parent and chain.parent is not None and (chain.nodes[1:] >= growth.seeds).all():
            length = np.linalg.norm(np.diff(growth.nodes_mm[chain.nodes], axis=0), axis=1).sum()
            drop[chain.nodes[1:]] = length < shortest_mm
    if not drop.any():
        return growth
    renumbered = np.cumsum(~drop) - 1
    parent = growth.parent[~drop]
    # What carried only short ends may now be one itself.
    return pruned(
        Growth(growth.nodes_mm[~drop], np.where(parent >= 0, renumbered[parent], -1), growth.seeds), shortest_mm
    )


def smoothed(growth: Growth, rounds: int = 2) -> Growth:
    """Every grown node moved towards the middle of its neighbours along the tree; seeds and ends stay."""
    nodes, parent = growth.nodes_mm.copy(), growth.parent
    child = np.flatnonzero(parent >= 0)
    children = np.bincount(parent[child], minlength=len(parent))
    inner = np.flatnonzero((children > 0) & (np.arange(len(parent)) >= growth.seeds) & (parent >= 0))
    for _ in range(rounds):
        total = np.zeros_like(nodes)
        np.add.at(total, parent[child], nodes[child])
        below = total[inner] / children[inner][:, None]
        nodes[inner] = 0.5 * nodes[inner] + 0.25 * (nodes[parent[inner]] + below)
    return Growth(nodes, parent, growth.seeds)


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
