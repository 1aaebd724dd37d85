"""The cranial cavity: where the brain is. Without one the volume shows no head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.preparation.boxes import bounding_box
from DeepIterRegLib.preparation.components import label_components, largest_component, touching
from DeepIterRegLib.preparation.distance import closed, dilated, eroded, opened
from DeepIterRegLib.preparation.hounsfield_limits import AIR_BELOW_HU

COARSE_EDGE_MM = 2.0
"""Enough for the cavity: its shape matters to a few millimetres."""
SOFT_HU = (-200.0, 250.0)
"""Fat to blood; below lies air, above bone and well-filled vessels (Hounsfield's scale: cortical bone from 300)."""
CORE_HU = (800.0, 650.0, 500.0, 400.0)
"""For the core alone, which foramina and thin bone do not widen: what bounds it, the first that closes. High, so that
bright arteries do not cut it to pieces; lower where thick slices mix the vault with brain and scalp: at 3 mm, thin bone
that runs across the slice direction falls below 800, and the core comes out through it."""
CORE_DEPTH_MM = 12.0
"""Eroding by it cuts the brain from the neck at the foramen magnum (about 30 x 35 mm) with its bone and odontoid."""
CORE_LOWEST_PERCENTILE = 1.0
"""Where the eroded brain ends; a thread of it may reach through the foramen magnum."""
BELOW_CORE_MM = 17.0
"""The core keeps 12 mm from bone, and 5 mm are for a brain stem that is wider than its canal."""
BACK_MM = 20.0
"""How far the cavity reaches from the eroded core, corners (temporal poles, posterior fossa) included."""
NECK_MM = 5.0
"""Foramina and fissures narrower than twice this do not let the cavity leak out."""
GROOVE_MM = 10.0
"""Closing radius: sinuses, up to about 10 mm deep, that are too bright to count as soft tissue return to the cavity."""
BRIDGE_MM = 4.0
"""Half the thickness of what holds a head on its rest: straps, tape, foam."""
SMALLEST_CORE_ML = 150.0
MOST_CANDIDATES = 12
"""A trunk has heart, liver, spleen, shoulders and muscles, each as large as a brain."""
ENCLOSED = 0.6
"""Share of the core's surroundings that is bone: about 0.75 to 0.98 for a head, up to 0.53 for neck and trunk."""
LEAST_SEEN = 0.3
"""Share of its surface, with what the volume's border cuts, that is bone: in a box that was cut out of a brain the
vessels alone are as bright, and they enclose nothing."""
CLOSED = 0.85
"""The same where the core stays inside: 0.89 to 0.98 measured; 0.74 to 0.76 where it came out through the vault. A
real skull in 5 mm slices never reaches it (0.76 to 0.80, nothing comes out), so the best is taken where none does."""


@dataclass(frozen=True, eq=False)
class Cavity:
    """The inside of the skull on a coarse grid."""

    core: BoolArray
    """(k, j, i) deep brain, at least `CORE_DEPTH_MM` from everything that is no soft tissue."""
    inside: BoolArray
    """(k, j, i) the whole cavity up to the inner table, vessels along it included."""
    spacing_kji: FloatArray


def find_cavity(hu: FloatArray, spacing_kji: FloatArray) -> Cavity | None:
    """The largest soft-tissue core that bone encloses in `hu` (k, j, i); None where nothing like a head is shown.

    The volume's own border counts neither as bone nor as open, so a scan that ends below the vertex still has a head.
    """
    soft = (hu > SOFT_HU[0]) & (hu < SOFT_HU[1])
    best: tuple[float, BoolArray] | None = None
    for bone_hu in CORE_HU:
        found = _enclosed_core(hu, soft, bone_hu, spacing_kji)
        if found is not None and (best is None or found[0] > best[0]):
            best = found
        if best is not None and best[0] >= CLOSED:
            break
    if best is None:
        return None
    core = best[1]
    roomy = eroded(soft, NECK_MM, spacing_kji)
    body = touching((roomy & dilated(core, BACK_MM, spacing_kji)) | core, core)
    brain = dilated(body, NECK_MM + float(spacing_kji.max()), spacing_kji) & soft
    inside = closed(brain, GROOVE_MM, spacing_kji)
    return Cavity(core, inside, spacing_kji)


def _enclosed_core(
    hu: FloatArray, soft: BoolArray, bone_hu: float, spacing_kji: FloatArray
) -> tuple[float, BoolArray] | None:
    """The core that bone encloses best, once `bone_hu` and more bound it, with the share; None where none does."""
    massive = (hu > SOFT_HU[0]) & (hu < bone_hu)
    labels, sizes = label_components(eroded(massive, CORE_DEPTH_MM, spacing_kji))
    smallest = SMALLEST_CORE_ML * 1000 / np.prod(spacing_kji)
    candidates = [1 + int(n) for n in np.argsort(sizes[1:])[::-1] if sizes[1 + n] >= smallest]
    best: tuple[float, BoolArray] | None = None
    for label in candidates[:MOST_CANDIDATES]:
        core = labels == label
        share = _enclosed(core, soft, hu, spacing_kji)
        if share >= ENCLOSED and (best is None or share > best[0]):
            best = share, core
    return best


def _enclosed(core: BoolArray, soft: BoolArray, hu: FloatArray, spacing_kji: FloatArray) -> float:
    """Share of the voxels around the core, grown back to where soft tissue ends, that are bone."""
    step = float(spacing_kji.max())
    box = bounding_box(core, margin=2 + int((CORE_DEPTH_MM + 2.01 * step) / spacing_kji.min()))
    grown = dilated(core[box], CORE_DEPTH_MM + step, spacing_kji) & soft[box]
    rim = dilated(grown, 1.01 * step, spacing_kji) & ~grown
    bone = int(np.count_nonzero(hu[box][rim] >= SOFT_HU[1]))
    cut = grown.copy()
    cut[1:-1, 1:-1, 1:-1] = False
    if bone < LEAST_SEEN * (np.count_nonzero(rim) + np.count_nonzero(cut)):
        return 0.0
    return bone / np.count_nonzero(rim) if rim.any() else 0.0


def find_body(hu: FloatArray, spacing_kji: FloatArray) -> BoolArray:
    """(k, j, i) the patient: the largest thing in the air once thin bridges to table and headrest are cut."""
    return largest_component(opened(hu > AIR_BELOW_HU, BRIDGE_MM, spacing_kji))
