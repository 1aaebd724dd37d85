"""Veins of the cerebellum and brain stem, which an injection into a vertebral artery shows.

Courses in the template's frame are drawn from general anatomy.
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.veins.sinuses import Sinuses
from DeepIterRegLib.research.simulate.veins.skull_base_veins import SkullBase
from DeepIterRegLib.research.simulate.veins.venous_tree import SIDES, VenousTree
from DeepIterRegLib.research.simulate.vessels.vessel import Side


def grow_posterior_fossa_veins(tree: VenousTree, galen: int, sinuses: Sinuses, base: SkullBase) -> None:
    """Add them: to the vein of Galen, the straight, superior petrosal and transverse sinuses."""
    rng = tree.rng
    root = tree.at(galen, 0.3)
    x = float(rng.normal(0, 1))
    precentral = np.array([[x + 1, -34, -34], [x, -31, -22], [x, -31, -8], root])
    tree.add("precentral cerebellar vein", "middle", tree.free(precentral, 0.5), (0.3, 0.5), galen)
    root = tree.at(sinuses.straight, rng.uniform(0.0, 0.12))
    vermian = np.array([[x - 1, -62, -22], [x, -54, -12], [x, -46, -3], root])
    tree.add("superior vermian vein", "middle", tree.free(vermian, 0.6), (0.3, 0.55), sinuses.straight)
    for side, sign in SIDES:
        mirror = np.array([sign, 1, 1])
        petrosal = np.array([[8, -14, -46], [16, -20, -43], [24, -17, -42]]) + rng.normal(0, 1.5, (3, 3))
        root = tree.at(base.superior_petrosal[side], rng.uniform(0.35, 0.6))
        vein = tree.add("petrosal vein", side, tree.free(np.vstack([petrosal * mirror, root]), 0.4), (0.35, 0.75),
                        base.superior_petrosal[side])  # fmt: skip
        fissure = np.array([[44, -52, -44], [36, -38, -46], [27, -26, -43]]) + rng.normal(0, 1.5, (3, 3))
        root = tree.at(vein, 0.7)
        tree.add(
            "petrosal vein tributary", side, tree.free(np.vstack([fissure * mirror, root]), 0.6), (0.25, 0.42), vein
        )
        target = sinuses.transverse.get(side, sinuses.sigmoid[side])
        for _ in range(int(rng.integers(1, 4))):
            root = tree.at(target, rng.uniform(0.15, 0.75) if side in sinuses.transverse else rng.uniform(0, 0.1))
            _hemispheric(tree, side, root, target)
        root = tree.nearest(sinuses.straight, np.array([0, -68, -14]))
        inferior = np.array([[5, -62, -56], [4, -72, -46], [3, -75, -32]]) + rng.normal(0, 1.2, (3, 3))
        curve = tree.free(np.vstack([inferior * mirror, root]), 0.5)
        tree.add("inferior vermian vein", side, curve, (0.28, 0.48), sinuses.straight)


def _hemispheric(tree: VenousTree, side: Side, root: FloatArray, target: int) -> None:
    """A vein of the cerebellar hemisphere from below or above into the transverse sinus."""
    rng = tree.rng
    down = rng.uniform(12, 26) * (1 if rng.random() < 0.7 else -0.5)
    tip = root * np.array([0.75, 0.82, 1.0]) + [0, rng.normal(0, 6), -down]
    between = 0.5 * (root + tip) * np.array([1.04, 1.04, 1.0])
    path = tree.within(np.array([tip, between]), 3.0)
    tree.add("cerebellar vein", side, tree.free(np.vstack([path, root]), 0.6), (0.28, 0.55), target)
