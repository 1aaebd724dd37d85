"""Which vessels the vein mask of an angiographic run shows.

Shares and chances were set by hand until the masks resembled the vein masks that our preparation finds in 93
simulated patients (seeds 0 to 93); how often sinuses fill was counted there, the rest was judged by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.train.cta_veins import clean_veins
from DeepIterRegLib.research.train.vein_anatomy import Floats, TrainingAnatomy

ARTERIES_INSTEAD = 0.15
"""Share of the runs with hardly a vein, of which the initializer takes the mask of all vessels."""
VERTEBRAL = 0.08
OCCLUDED = 0.06
"""Share of the carotid runs in which only the deep and lower veins fill."""
BOTH_SIDES = 0.12
THIN_MM = 1.3
HOLE = 0.2
"""Share of the runs with a territory that does not fill."""
STRAY_ARTERIES, MANY_ARTERIES = 0.35, 0.08
DEEP = ("basal vein", "internal cerebral vein", "vein of Galen", "thalamostriate vein", "septal vein",
        "medial atrial vein", "inferior sagittal sinus", "deep middle cerebral vein")  # fmt: skip
BELOW = ("cavernous sinus", "inferior petrosal sinus", "superior petrosal sinus", "superficial Sylvian vein",
         "pterygoid plexus")  # fmt: skip
FOSSA = ("cerebellar vein", "inferior vermian vein", "superior vermian vein", "precentral cerebellar vein",
         "petrosal vein", "basal vein", "vein of Galen")  # fmt: skip
NECK_AND_FACE = ("ICA", "ECA", "facial", "occipital", "maxillary", "MMA", "STA", "STA frontal", "STA parietal",
                 "ophthalmic", "VA")  # fmt: skip


@dataclass(frozen=True)
class Filling:
    """How the contrast of a run spread, and how far it came."""

    side: int
    """Of the injection: -1 left, 1 right."""
    vertebral: bool
    reach: float
    """Where its front stands at the run's end: 0 to 1 along the sagittal sinus, to 2 in the transverse, to 3 in the
    sigmoid sinus, to 4 in the jugular vein."""
    smallest_mm: float
    """Radius below which most veins are lost."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> Filling:
        """Every second run is long enough for the jugular veins, every fourth ends in the sagittal sinus."""
        step = float(rng.choice(5, p=[0.24, 0.12, 0.12, 0.12, 0.4]))
        return cls(
            int(rng.choice([-1, 1])), bool(rng.random() < VERTEBRAL), step + float(rng.random()),
            float(rng.uniform(0.05, 0.45)),
        )  # fmt: skip


def opacified_vessels(anatomy: TrainingAnatomy, rng: np.random.Generator, amount: float = 1.0) -> tuple[Floats, Floats]:
    """Points (M, 3) mm in the head's frame and their volumes (M,) mm3 of the vessels that a run's vein mask shows.

    amount: 0 for exactly the veins of `clean_veins` (the paper's pairs of CTA and CTA), 1 for what is seen in
    prepared runs, in a share of which the mask is that of the arteries (ARTERIES_INSTEAD); between them the share of
    the runs that are as bad. There may be no points.
    """
    if rng.random() >= amount:
        keep = clean_veins(anatomy)[anatomy.vessel]
        return anatomy.points_mm[keep], anatomy.volumes_mm3[keep]
    filling = Filling.random(rng)
    if rng.random() < ARTERIES_INSTEAD:
        low, high = _arterial_tree(anatomy, filling, rng)
    else:
        low, high = _veins(anatomy, filling, rng)
        low = np.where(_stray_arteries(anatomy, filling, rng), 0, low)
    _break_off(low, high, anatomy.mean_radius_mm, rng)
    keep = (anatomy.along >= low[anatomy.vessel]) & (anatomy.along <= high[anatomy.vessel])
    return anatomy.points_mm[keep], anatomy.volumes_mm3[keep]


def _veins(anatomy: TrainingAnatomy, filling: Filling, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(V,) where along each vessel the mask begins and ends; begins beyond 1 where it shows none of it."""
    kind, count = anatomy.kind, len(anatomy.kind)
    mine, middle = anatomy.side == filling.side, anatomy.side == 0
    late = filling.reach > 1
    contralateral = 0.7 if rng.random() < BOTH_SIDES else 0.03
    chance = np.where(mine | middle, 0.94, contralateral)
    deep, fossa = np.isin(kind, DEEP), np.isin(kind, FOSSA)
    chance[deep] *= 0.85 if late else 0.35
    chance[np.isin(kind, BELOW)] *= 0.5
    only_low = filling.vertebral or rng.random() < OCCLUDED
    if only_low:
        chance = np.where(fossa, 0.7, np.where(anatomy.middle_mm[:, 1] < rng.uniform(-60, -35), 0.5, 0.03))
    else:
        chance[fossa & ~deep] *= 0.15
    if rng.random() < HOLE:
        about = anatomy.middle_mm[rng.integers(anatomy.vein_count)]
        chance[((anatomy.middle_mm - about) ** 2).sum(axis=1) < rng.uniform(15, 45) ** 2] *= 0.1
    # Thin ones are lost.
    chance = chance / (1 + np.exp(-(anatomy.mean_radius_mm - filling.smallest_mm) / 0.07))
    low = np.where(anatomy.is_vein & (rng.random(count) < chance), 0, 2).astype(np.float32)
    _drop_without_trunk(low, anatomy, rng)
    high = np.ones(count, np.float32)
    _fill_sinuses(low, high, anatomy, filling, only_low, rng)
    return low, high


def _drop_without_trunk(low: Floats, anatomy: TrainingAnatomy, rng: np.random.Generator) -> None:
    """Most tributaries of veins that do not show do not show either."""
    twigs = np.flatnonzero(anatomy.is_twig & anatomy.is_vein)
    hidden = (low[anatomy.trunk[twigs]] > 1) & (rng.random(len(twigs)) < 0.7)
    low[twigs[hidden]] = 2


def _fill_sinuses(
    low: Floats, high: Floats, anatomy: TrainingAnatomy, filling: Filling, only_low: bool, rng: np.random.Generator
) -> None:
    """Set the stretches of the sinuses and jugular veins, in the order in which they fill."""
    kind, reach = anatomy.kind, max(filling.reach, 1.5) if only_low else filling.reach
    sagittal = kind == "superior sagittal sinus"
    if only_low:
        low[sagittal] = rng.uniform(0.65, 1.1)
    else:
        low[sagittal] = 0 if rng.random() < 0.35 else rng.uniform(0.0, 0.25)
        high[sagittal] = min(1.0, 0.15 + reach)
    low[kind == "straight sinus"] = 0 if rng.random() < (0.85 if reach > 1.3 else 0.25) else 2
    other_chance = rng.choice([0.1, 0.5, 0.95])
    drained: BoolArray = (anatomy.side == filling.side) | (rng.random(len(kind)) < other_chance)
    if rng.random() < 0.15:
        # The sagittal sinus' blood goes to the other side.
        drained = (anatomy.side == -filling.side) | (rng.random(len(kind)) < 0.3)
    for step, name in enumerate(("transverse sinus", "sigmoid sinus", "internal jugular vein"), start=1):
        these = kind == name
        low[these] = np.where(drained[these] & (reach > step), 0, 2)
        high[these] = np.clip(reach - step, 0.1, 1.0)


def _injected_tree(anatomy: TrainingAnatomy, filling: Filling, rng: np.random.Generator, external: float) -> BoolArray:
    """(V,) arteries that the injection fills."""
    side, across = ("left", "right") if filling.side < 0 else ("right", "left")
    if filling.vertebral:
        return (anatomy.root == f"VA {side}") | (anatomy.root == "basilar")
    tree = anatomy.root == f"ICA {side}"
    if rng.random() < external:
        tree = tree | (anatomy.root == f"ECA {side}")
    if rng.random() < 0.1:
        # Through the anterior communicating artery.
        tree = tree | ((anatomy.root == f"ICA {across}") & _anterior(anatomy))
    if rng.random() < 0.1:
        tree = tree | ((anatomy.root == "basilar") & (anatomy.side == filling.side))
    return tree


def _anterior(anatomy: TrainingAnatomy) -> BoolArray:
    return np.char.startswith(anatomy.kind, "A") & ~np.char.startswith(anatomy.kind, "AICA") | (
        anatomy.kind == "pericallosal"
    )


def _arterial_tree(anatomy: TrainingAnatomy, filling: Filling, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(V,) stretches of the mask of all vessels, where no vein filled."""
    shown = _injected_tree(anatomy, filling, rng, external=0.75) & (anatomy.mean_radius_mm > rng.uniform(0.1, 0.4))
    closed = rng.random()
    if closed < 0.3:
        # Occluded at the end of the carotid, or beyond: the runs of strokes.
        shown &= np.isin(anatomy.kind, NECK_AND_FACE) | (rng.random(len(shown)) < rng.choice([0.0, 0.1]))
    elif closed < 0.5:
        shown &= ~np.char.startswith(anatomy.kind, "M")
    elif closed < 0.6:
        shown &= ~_anterior(anatomy)
    if rng.random() < 0.2:
        shown |= anatomy.is_vein & (anatomy.side == filling.side) & (rng.random(len(shown)) < 0.15)
    return np.where(shown, 0, 2).astype(np.float32), np.ones(len(shown), np.float32)


def _stray_arteries(anatomy: TrainingAnatomy, filling: Filling, rng: np.random.Generator) -> BoolArray:
    """(V,) arteries that were late in washing out and are taken for veins: single ones, or the far ones of a tree."""
    kind = rng.random()
    if kind > STRAY_ARTERIES:
        return np.zeros(len(anatomy.kind), dtype=bool)
    tree = _injected_tree(anatomy, filling, rng, external=0.3)
    if kind < MANY_ARTERIES:
        return tree & (anatomy.mean_radius_mm < 0.5) & (rng.random(len(tree)) < rng.uniform(0.2, 0.9))
    return tree & (rng.random(len(tree)) < rng.choice([0.02, 0.06]))


def _break_off(low: Floats, high: Floats, radius_mm: FloatArray, rng: np.random.Generator) -> None:
    """Shorten some vessels at either end, mostly thin ones."""
    count = len(low)
    chance = np.where(radius_mm < THIN_MM, 1.0, 0.15)
    begins, ends = rng.random(count) < 0.25 * chance, rng.random(count) < 0.12 * chance
    low[begins] += 0.6 * rng.random(begins.sum(), dtype=np.float32) * (low[begins] < 1)
    high[ends] -= 0.5 * rng.random(ends.sum(), dtype=np.float32)
