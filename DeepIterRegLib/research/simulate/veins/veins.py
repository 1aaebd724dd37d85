"""All veins of a generated patient, in the patient's head frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.veins.anastomotic_veins import grow_anastomotic_veins
from DeepIterRegLib.research.simulate.veins.cortical_veins import grow_bridging_veins
from DeepIterRegLib.research.simulate.veins.deep_veins import grow_deep_veins
from DeepIterRegLib.research.simulate.veins.given_veins import GivenVeins
from DeepIterRegLib.research.simulate.veins.posterior_fossa_veins import grow_posterior_fossa_veins
from DeepIterRegLib.research.simulate.veins.sinus_plan import SinusPlan
from DeepIterRegLib.research.simulate.veins.sinuses import grow_sinuses
from DeepIterRegLib.research.simulate.veins.skull_base_veins import grow_skull_base_veins
from DeepIterRegLib.research.simulate.veins.venous_tree import SIDES, VenousTree
from DeepIterRegLib.research.simulate.veins.venous_tributaries import grow_tributaries
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel, evenly_spaced


def grow_veins(
    shape: HeadShape, rng: np.random.Generator, first: int, given: GivenVeins | None = None
) -> tuple[list[Vessel], dict[str, str]]:
    """The veins of one patient, and which variants they show.

    first: index of the first vein in the patient's list of vessels; `upstream` and `downstream` count from there.
    given: veins of a real person, in the template, that take the place of those drawn.
    Points run with the blood. Every vein but the two internal jugular veins has a `downstream`, which comes before it
    in the list and on whose centreline its last point lies. `upstream` is set where a sinus goes on from another:
    sagittal (or, in a torcula without connection, straight) sinus - transverse - sigmoid - jugular, and cavernous -
    petrosal sinuses. A transverse sinus may thus have another `upstream` than the one that names it as `downstream`:
    the sagittal sinus names the dominant side, and both sides name it.
    """
    tree = VenousTree(shape, rng, first, given or {})
    sinuses = grow_sinuses(tree, SinusPlan.random(rng))
    base = grow_skull_base_veins(tree, sinuses)
    galen = grow_deep_veins(tree, sinuses, base)
    grow_posterior_fossa_veins(tree, galen, sinuses, base)
    for side, _ in SIDES:
        trunks = grow_bridging_veins(tree, side, sinuses) + grow_anastomotic_veins(tree, side, sinuses, base)
        grow_tributaries(tree, side, trunks)
    return _in_head(tree.vessels, shape), tree.variants


def _in_head(vessels: list[Vessel], shape: HeadShape) -> list[Vessel]:
    """The vessels brought from the template into the person's head, their points again `STEP_MM` apart."""
    ends = np.cumsum([len(vessel.points_mm) for vessel in vessels])
    points = np.split(shape.from_template(np.concatenate([vessel.points_mm for vessel in vessels])), ends[:-1])
    return [_evenly(vessel, moved) for vessel, moved in zip(vessels, points, strict=True)]


def _evenly(vessel: Vessel, points_mm: FloatArray) -> Vessel:
    points, radii = evenly_spaced(points_mm, vessel.radii_mm)
    return replace(vessel, points_mm=points, radii_mm=radii)
