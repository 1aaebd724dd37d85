"""Chalk that most old brains have: in the pineal gland and in the plexus of the lateral ventricles."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import Point, blend, ellipsoid

PINEAL_MM: Point = (0.0, -20.0, -6.0)
PLEXUS_MM: Point = (22.0, -34.0, 5.0)
"""Right; the left is its mirror image."""
CHALK_HU = (180.0, 550.0)


def brain_calcifications(traits: HeadTraits, rng: np.random.Generator) -> list[Detail]:
    """One clump for each place that `traits` says is calcified; the generator gives size and density."""
    places = [(PINEAL_MM, traits.pineal_calcified), (PLEXUS_MM, traits.choroid_calcified)]
    places.append(((-PLEXUS_MM[0], PLEXUS_MM[1], PLEXUS_MM[2]), traits.choroid_calcified))
    sizes, densities = rng.uniform(1.0, 2.8, (3, 3)), rng.uniform(*CHALK_HU, 3)
    drift = rng.normal(0, 1.0, (3, 3))
    details = []
    for (place, calcified), half_axes, density, shift in zip(places, sizes, densities, drift, strict=True):
        if calcified:
            a, b, c = (float(value) for value in half_axes)
            x, y, z = (float(value) for value in np.array(place) + shift)
            details.append(_clump((x, y, z), (a, b, c), float(density)))
    return details


def _clump(centre: Point, half_axes: Point, density_hu: float) -> Detail:
    def paint(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        blend(hu, ellipsoid(x, y, z, centre, half_axes), density_hu)

    low, high = np.array(centre) - 5, np.array(centre) + 5
    return Detail((low[0], low[1], low[2]), (high[0], high[1], high[2]), paint)
