"""Vessels that fill together: the parts of the CTA's cloud that a run shows or does not show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.cloud import VesselCloud, joined

MIN_SHARE = 0.03
"""Of the cloud's contrast; a smaller group is left with its neighbour, it cannot be told from noise."""

RIGHT = np.array([1.0, 0.0, 0.0])
"""Of a head that lies straight in the CTA."""


def vessel_groups(
    cloud: VesselCloud, across: FloatArray = RIGHT, filled: FloatArray | None = None
) -> list[VesselCloud]:
    """The cloud in groups that an injection fills or leaves empty: large veins, other vessels left and right.

    across: (3,) the head's right, patient frame; the middle plane goes through the cloud's centre, at right angles to
    it. A vessel tree of one side only (3DRA) and one without veins stay whole. filled: (N,) how much of each point's
    weight counts, 0 to 1; the groups themselves do not depend on it.
    """
    veins = cloud.is_vein
    left = ~veins & (cloud.positions_mm @ across < cloud.centre_mm @ across)
    right = ~veins & ~left
    total = float(cloud.weights_mm3.sum())
    masks = [mask for mask in (veins, left, right) if cloud.weights_mm3[mask].sum() >= MIN_SHARE * total]
    counted = cloud
    if filled is not None:
        counted = replace(cloud, weights_mm3=(cloud.weights_mm3 * filled).astype(np.float32))
    if len(masks) < 2:
        return [counted]
    leftover = ~np.logical_or.reduce(masks)
    masks[-1] = masks[-1] | leftover
    return [counted.subset(mask) for mask in masks]


def weighted_sum(groups: Sequence[VesselCloud], gains: FloatArray) -> VesselCloud:
    """One cloud of all groups whose gain is positive, weights times the gain relative to the largest.

    Where no gain is positive (nothing of the run looks like the vessels) it is the sum of all groups as they are.
    """
    largest = float(np.max(gains))
    relative = np.ones(len(groups)) if largest <= 0 else np.asarray(gains) / largest
    return joined([
        replace(group, weights_mm3=group.weights_mm3 * np.float32(gain))
        for group, gain in zip(groups, relative, strict=True)
        if gain > 0
    ])  # fmt: skip
