"""The tributaries of the cortical veins, grown from their trunks over the brain's surface and turned round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.brain_surface import Hemisphere
from DeepIterRegLib.research.simulate.veins.venous_tree import VenousTree
from DeepIterRegLib.research.simulate.vessels.growth import Growth, branches, colonise, pruned, smoothed
from DeepIterRegLib.research.simulate.vessels.murray import radii_from_root
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Side, centreline

ATTRACTORS = 400
"""Per hemisphere: about every 9 mm."""
SEED_MM, STEP_GROWN_MM, KILL_MM, REACH_MM = 2.0, 2.2, 4.0, 32.0
SHORTEST_MM = 6.0
LEAST_MM = 0.2
"""Radius of the thinnest vein that an angiogram shows."""
TRUNK_LEAST = 0.45
"""Of its mouth's radius a trunk keeps this share: it also takes blood from veins too small to be grown, and from the
trunk that it anastomoses with."""
WAVE_MM, WAVELENGTHS_MM = 0.7, (11.0, 19.0, 31.0)
"""How far, and over which lengths, tributaries swerve."""
VEINS_IN_SULCI_MM = 2.0
"""Veins bridge the sulci that arteries dive into."""


def grow_tributaries(tree: VenousTree, side: Side, trunks: list[int]) -> None:
    """Add the tributaries of one side's trunks, and give all of them radii by Murray's law."""
    rng, sign = tree.rng, 1.0 if side == "right" else -1.0
    surface = replace(Hemisphere.random(sign, rng), sulcal_depth_mm=VEINS_IN_SULCI_MM)
    seeds: list[FloatArray] = []
    parent: list[int] = []
    owner: list[int] = []
    for trunk in trunks:
        every = round(SEED_MM / STEP_MM)
        # From the mouth upwards: what grows leaves the trunk against its stream.
        points = tree[trunk].points_mm[::-1][::every]
        start = len(owner)
        seeds.append(points)
        parent += [-1, *range(start, start + len(points) - 1)]
        owner += [trunk] * len(points)
    growth = colonise(
        np.concatenate(seeds), surface.attractors(ATTRACTORS, rng)[1], STEP_GROWN_MM, KILL_MM, REACH_MM,
        seed_parent=np.array(parent, dtype=np.intp), onto=surface.onto, inertia=0.3,
    )  # fmt: skip
    growth = _winding(smoothed(pruned(growth, SHORTEST_MM), 3), rng)
    mouth_mm = np.array([tree[trunk].radii_mm[-1] for trunk in owner])
    root_mm = np.concatenate([mouth_mm, np.ones(len(growth.parent) - len(owner))])
    radii = radii_from_root(growth.parent, root_mm, least_mm=LEAST_MM)
    begin = 0
    for trunk, points in zip(trunks, seeds, strict=True):
        least = TRUNK_LEAST * tree[trunk].radii_mm[-1]
        _resize(tree, trunk, np.maximum(radii[begin : begin + len(points)][::-1], least))
        begin += len(points)
    _add_branches(tree, side, growth, radii, owner)


def _winding(growth: Growth, rng: np.random.Generator) -> Growth:
    """The grown nodes moved by a smooth random field, which fades towards the seeds: branches stay attached."""
    nodes = growth.nodes_mm
    shift = np.zeros_like(nodes)
    for length in WAVELENGTHS_MM:
        wave = rng.normal(size=(3, 3))
        wave *= 2 * np.pi / length / np.linalg.norm(wave, axis=0)
        shift += np.sin(nodes @ wave + rng.uniform(0, 2 * np.pi, 3))
    away = np.zeros(len(nodes))
    for node in range(growth.seeds, len(nodes)):
        away[node] = away[growth.parent[node]] + 1
    fade = np.clip(away * STEP_GROWN_MM / 8, 0, 1)[:, None]
    return Growth(nodes + WAVE_MM * fade * shift, growth.parent, growth.seeds)


def _resize(tree: VenousTree, trunk: int, at_seeds: FloatArray) -> None:
    """Radii that the trunk's seeds ask for, smoothed: a vein widens gradually where a tributary comes in."""
    count = len(tree[trunk].points_mm)
    radii = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(at_seeds)), at_seeds)
    width = max(3, min(count // 3, round(6 / STEP_MM)))
    padded = np.concatenate([np.full(width, radii[0]), radii, np.full(width, radii[-1])])
    tree.resize(trunk, np.convolve(padded, np.ones(width) / width, mode="same")[width:-width])


def _add_branches(tree: VenousTree, side: Side, growth: Growth, radii: FloatArray, owner: list[int]) -> None:
    # Every seed as a root of its own: the chains are then the tributaries alone.
    parent = growth.parent.copy()
    parent[: growth.seeds] = -1
    index_of: dict[int, int] = {}
    for number, chain in enumerate(branches(Growth(growth.nodes_mm, parent, growth.seeds))):
        root = int(chain.nodes[0])
        if len(chain.nodes) < 2:
            index_of[number] = owner[root] if root < growth.seeds else -1
            continue
        into = owner[root] if root < growth.seeds else index_of[chain.parent if chain.parent is not None else -1]
        trunk = tree[into].name
        name = trunk.removesuffix(" tributary").removesuffix(f" {side}") + " tributary"
        curve = centreline(growth.nodes_mm[chain.nodes[::-1]])
        along = radii[chain.nodes[1:]][::-1]
        widths = np.interp(np.linspace(0, len(along) - 1, len(curve)), np.arange(len(along)), along)
        index_of[number] = tree.add(name, side, curve, widths, into)
