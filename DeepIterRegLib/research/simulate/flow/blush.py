"""The brain tissue between arteries and veins: who supplies it, how much blood it gets, when contrast stains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.flow.arterial_passage import ArterialPassage
from DeepIterRegLib.research.simulate.head.head_shape import (
    TEMPLATE_DEPTH_MM,
    TEMPLATE_HALF_LENGTH_MM,
    TEMPLATE_HALF_WIDTH_MM,
    TEMPLATE_HEIGHT_MM,
    HeadShape,
)
from DeepIterRegLib.research.simulate.head.skull import Skull
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

SAMPLES = 60_000
CAPILLARY_FRACTION = 0.016
"""Blood in the capillaries and smallest vessels per volume of grey matter: of a cerebral blood volume of some 4 to 5 %
about half is in vessels large enough to be drawn one by one (general physiology texts)."""
WHITE_TO_GREY, DEEP_TO_CORTEX = 0.3, 0.6
CORTEX_MM = 14.0
"""Depth below the inner table that counts as cortex with its sulci."""
MIDLINE_MM, TENTORIUM_MM = 14.0, 30.0
"""How far apart two points on either side of the falx or the tentorium count, beyond their distance: arteries do not
cross them."""
TIP_TO_TISSUE_MM_PER_S = 40.0
"""Through the arterioles that no centreline stands for."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """The brain as N small volumes."""

    points_mm: FloatArray
    """(N, 3), head's frame."""
    blood_mm3: FloatArray
    """(N,) volume of the capillary blood that each stands for."""
    flow_mm3_s: FloatArray
    """(N,) what of its artery's flow goes through it; over all tissue the arteries' flow into the brain."""
    fraction: FloatArray
    """(N,) of that blood which comes from the catheter."""
    arrival_s: FloatArray
    """(N,) when contrast enters its capillaries; inf: never."""


def perfused_tissue(
    shape: HeadShape, vessels: Sequence[Vessel], passage: ArterialPassage, rng: np.random.Generator,
    samples: int = SAMPLES,
) -> Tissue:  # fmt: skip
    """The brain's tissue, each sample fed by the nearest artery that ends on its side of falx and tentorium."""
    points, weight, each_mm3 = _sampled_brain(shape, samples, rng)
    tips = [index for index in passage.network.terminals if not _is_external(index, vessels)]
    ends = np.array([vessels[index].points_mm[-1] for index in tips]).reshape(-1, 3)
    distance, nearest = cKDTree(sides_apart(ends, shape)).query(sides_apart(points, shape))
    share = np.bincount(nearest, weight, minlength=len(tips))
    flows = np.array([passage.terminal_flow_mm3_s[index] for index in tips])
    fraction = np.array([passage.fraction[index][-1] for index in tips])[nearest]
    arrival = np.array([passage.arrival_s[index][-1] for index in tips])[nearest]
    way = np.clip(distance, 0, 25) / TIP_TO_TISSUE_MM_PER_S
    return Tissue(
        points, CAPILLARY_FRACTION * each_mm3 * weight, flows[nearest] * weight / share[nearest], fraction,
        arrival + way,
    )  # fmt: skip


def _is_external(index: int, vessels: Sequence[Vessel]) -> bool:
    """Whether an artery feeds the eye or comes from the external carotid."""
    for _ in range(len(vessels)):
        if vessels[index].name.startswith(("ECA", "ophthalmic", "MMA", "STA")):
            return True
        upstream = vessels[index].upstream
        if upstream is None:
            break
        index = upstream
    return False


def _sampled_brain(shape: HeadShape, samples: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    """Points (N, 3) of the brain, head's frame, their weight (N,) by perfusion, and the volume of each in mm3."""
    skull = Skull(TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_LENGTH_MM, TEMPLATE_HEIGHT_MM, TEMPLATE_DEPTH_MM)
    low = np.array([-skull.half_width_mm, -skull.half_length_mm, -60.0])
    high = np.array([skull.half_width_mm, skull.half_length_mm, skull.height_mm])
    template = rng.uniform(low, high, (2 * samples, 3))
    depth = skull.depth_below_table(*template.T)
    x, y, z = template.T
    inside = (depth > 3) & (z > skull.floor_mm(y) + 3)
    template, depth = template[inside], depth[inside]
    x, y, z = template.T
    deep_grey = (np.hypot(np.abs(x) - 18, (y - 2) * 0.6) < 12) & (np.abs(z) < 12)
    medial = (np.abs(x) < 9) & (z > -15)
    cortex = (depth < CORTEX_MM) | medial | _infratentorial(template)
    deep_grey |= (np.hypot(np.abs(x) - 40, z + 3) < 10) & (np.abs(y - 4) < 22)
    weight = np.where(cortex, 1.0, np.where(deep_grey, DEEP_TO_CORTEX, WHITE_TO_GREY))
    ventricles = (((np.abs(x) - 11) / 7) ** 2 + ((y - 0) / 30) ** 2 + ((z - 14) / 7) ** 2) < 1
    weight = np.where(ventricles, 0.02, weight)
    # Gyri and sulci: perfusion is uneven on a scale of a centimetre.
    for wave in rng.normal(0, 1, (6, 3)):
        weight = weight * (1 + 0.16 * np.sin(template @ (wave / np.linalg.norm(wave) * rng.uniform(0.3, 0.7))
                                             + rng.uniform(0, 2 * np.pi)))  # fmt: skip
    volume = float(np.prod(high - low)) / (2 * samples) * float(np.prod(shape.scale))
    return shape.from_template(template), weight, volume


def _infratentorial(template: FloatArray) -> BoolArray:
    """(N,) True for points of the template below the tentorium."""
    x, y, z = template.T
    return (y < -8) & (z < -20 - 0.25 * (y + 40) + 0.12 * np.abs(x))


def sides_apart(points_mm: FloatArray, shape: HeadShape) -> FloatArray:
    """(N, 5) the points with two more coordinates that keep the sides of falx and tentorium apart."""
    template = shape.to_template(points_mm)
    side = MIDLINE_MM / 2 * np.tanh(template[:, 0] / 2.0)
    below = np.where(_infratentorial(template), TENTORIUM_MM, 0.0)
    return np.column_stack([points_mm, side, below])
