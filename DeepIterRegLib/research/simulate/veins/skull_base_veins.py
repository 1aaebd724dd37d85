"""Cavernous and petrosal sinuses and the pterygoid plexus: small, and faint on a CTA, but on every lateral DSA.

Courses in the template's frame are drawn from general anatomy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.research.simulate.veins.sinuses import Sinuses
from DeepIterRegLib.research.simulate.veins.venous_tree import SIDES, VenousTree
from DeepIterRegLib.research.simulate.vessels.vessel import Side, centreline


@dataclass(frozen=True)
class SkullBase:
    """Indices, for what drains into them."""

    cavernous: dict[Side, int]
    superior_petrosal: dict[Side, int]
    pterygoid: dict[Side, int]


def grow_skull_base_veins(tree: VenousTree, sinuses: Sinuses) -> SkullBase:
    """Add the sinuses of the skull base, both sides on their own."""
    rng = tree.rng
    cavernous, superior, pterygoid = {}, {}, {}
    for side, sign in SIDES:
        mirror, jitter = np.array([sign, 1, 1]), rng.normal(0, 0.6, 3)
        jugular, sigmoid = sinuses.jugular[side], sinuses.sigmoid[side]
        # To the sigmoid sinus' begin along the petrous ridge, and below it to the jugular bulb.
        back = np.array([13.5, 5, -36]) + jitter
        ridge = np.array([back, [20, -5, -37.5], [31, -17, -38], [44, -28, -35]]) * mirror
        size = float(rng.uniform(0.7, 1.2))
        superior[side] = tree.add(
            "superior petrosal sinus", side, centreline(np.vstack([ridge, tree.at(sigmoid, 0.03)])),
            (0.5 * size, 0.6 * size, 0.75 * size), sigmoid,
        )  # fmt: skip
        size = float(rng.uniform(0.7, 1.3))
        clivus = np.array([back, [12, -4, -43], [16, -13, -51]]) * mirror
        inferior = tree.add(
            "inferior petrosal sinus", side, centreline(np.vstack([clivus, tree.at(jugular, rng.uniform(0.0, 0.08))])),
            (0.8 * size, 1.0 * size), jugular,
        )  # fmt: skip
        front = np.array([[13, 23, -30.5], [14.5, 17, -33], [14.5, 10, -35]]) + jitter
        cavernous[side] = tree.add(
            "cavernous sinus", side, centreline(np.vstack([front * mirror, tree.at(inferior, 0.0)])),
            (0.5, 1.4, 1.5, 1.0), inferior,
        )  # fmt: skip
        tree.feed(inferior, cavernous[side])
        tree.feed(superior[side], cavernous[side])
        pterygoid[side] = _pterygoid(tree, side, sign, jugular)
    return SkullBase(cavernous, superior, pterygoid)


def _pterygoid(tree: VenousTree, side: Side, sign: float, jugular: int) -> int:
    """A few winding strands beside the pterygoid muscles, and their way to the jugular vein behind the mandible."""
    rng, mirror = tree.rng, np.array([sign, 1, 1])
    size = float(rng.uniform(0.7, 1.3))
    end = tree.at(jugular, rng.uniform(0.4, 0.55))
    way = np.array([[31, 12, -60], [36, 4, -66], [42, -3, -78], [42, -8, -90]]) + rng.normal(0, 1.5, (4, 3))
    main = tree.add("pterygoid plexus", side, tree.free(np.vstack([way * mirror, end]), 1.0, intracranial=False),
                    (0.7 * size, 1.1 * size, 1.3 * size), jugular)  # fmt: skip
    for _ in range(int(rng.integers(2, 5))):
        root = tree.at(main, rng.uniform(0.0, 0.4))
        tip = root + [rng.normal(0, 5), rng.uniform(4, 16), rng.normal(3, 5)]
        middle = 0.5 * (root + tip) + rng.normal(0, 3, 3)
        strand = tree.free([tip, middle, root], 1.2, intracranial=False)
        tree.add("pterygoid plexus tributary", side, strand, (0.4, 0.7), main)
    return main
