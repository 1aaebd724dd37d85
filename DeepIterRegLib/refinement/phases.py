"""The similarity of the default method: arterial phase with the CTA's arteries, venous phase with its large veins, and
the edges of all vessels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.refinement.fixed_image import fixed_contrast
from DeepIterRegLib.refinement.pose_similarity import group_images, group_twists
from DeepIterRegLib.refinement.saturation import saturated, saturation_slope
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.sampling import binning_factor
from DeepIterRegLib.similarity.mixture_correlation import MixtureCorrelation
from DeepIterRegLib.similarity.mixture_edges import MixtureEdges

INDEPENDENT_PIXELS = 60.0
"""How many independent observations an image of vessels is worth. Neighbouring pixels err together (a missed branch, a
motion ghost), so it is about the number of vessel pieces; the smaller it is, the more the prior weighs."""
MIN_VEIN_SHARE = 0.05
"""Of the vessels' area; with less, the venous phase is not compared by itself."""
EDGES_FROM_PX = 128
"""Of the detector's shorter side. In coarser images vessels are no wider than a pixel, and their edges are noise."""
TILES = 8
"""Of the edges, along the detector's shorter side."""
MAX_CORRELATION = 0.999
"""Higher ones count as this: at 1 the log likelihood is infinite."""


@dataclass(frozen=True, eq=False)
class Phase:
    """What one phase of a run shows, and which vessel groups may explain it."""

    groups: list[int]
    fixed: FloatArray
    """(rows, columns), binned contrast."""
    observations: float
    """How many independent observations this phase is worth."""


def phases(groups: Sequence[VesselCloud], prepared: PreparedAngiogram, factor: int) -> list[Phase]:
    """The phases of a run, binned by `factor`; each worth as much as its share of the vessels' area on the detector.

    One phase with all groups where the CTA has only one kind of vessel or the run shows hardly any vein.
    """
    veins = [index for index, group in enumerate(groups) if _is_vein(group)]
    arteries = [index for index in range(len(groups)) if index not in veins]
    artery_area, vein_area = float(prepared.arteries.sum()), float(prepared.veins.sum())
    if not veins or not arteries or vein_area <= MIN_VEIN_SHARE * (artery_area + vein_area):
        return [Phase([*arteries, *veins], fixed_contrast(prepared.contrast, factor), INDEPENDENT_PIXELS)]
    arterial = INDEPENDENT_PIXELS * artery_area / (artery_area + vein_area)
    return [
        Phase(arteries, fixed_contrast(prepared.artery_contrast, factor), arterial),
        Phase(veins, fixed_contrast(prepared.vein_contrast, factor), INDEPENDENT_PIXELS - arterial),
    ]


def _is_vein(group: VesselCloud) -> bool:
    return bool(group.is_vein.mean() > 0.5)


def log_likelihood(correlation: FloatArray, observations: float) -> FloatArray:
    """Of a linear relation with unknown gains and Gaussian noise, at its best fit, relative to no relation at all."""
    return -observations / 2 * np.log1p(-(np.minimum(correlation, MAX_CORRELATION) ** 2))


class PhaseSimilarity:
    """Log likelihood of one angiogram: each phase against the best mixture of its vessel groups, saturated; and, in
    images that are fine enough, the edges of the whole contrast against those of the mixture of all groups.

    renderers: of all groups, on the detector binned to about `size_px`. A `PoseSimilarity`.
    """

    name = "log likelihood"

    def __init__(
        self,
        renderers: Sequence[Renderer],
        groups: Sequence[VesselCloud],
        prepared: PreparedAngiogram,
        size_px: int,
    ) -> None:
        factor = binning_factor(prepared.angiogram.carm, size_px)
        valid = binned(prepared.angiogram.valid, factor)
        self._renderers = tuple(renderers)
        self._parts: list[tuple[list[int], MixtureCorrelation | MixtureEdges, float]] = [
            (phase.groups, MixtureCorrelation(phase.fixed, valid), phase.observations)
            for phase in phases(groups, prepared, factor)
        ]
        if size_px >= EDGES_FROM_PX:
            edges = MixtureEdges(fixed_contrast(prepared.contrast, factor), valid, max(1, min(valid.shape) // TILES))
            self._parts.append((list(range(len(groups))), edges, INDEPENDENT_PIXELS))

    def value(self, poses: FloatArray) -> FloatArray:
        images = saturated(self._images(poses))
        return np.sum(
            [
                log_likelihood(np.maximum(part.value(images[:, groups]), 0), worth)
                for groups, part, worth in self._parts
            ],
            axis=0,
        )

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        lengths = self._images(poses)
        images = saturated(lengths)
        values, gradients = np.zeros(len(poses)), np.zeros_like(images)
        for groups, part, worth in self._parts:
            correlation, gradient = part.value_and_gradient(images[:, groups])
            # Edges that run against one another tell no more than none.
            correlation = np.clip(correlation, 0, MAX_CORRELATION)
            values += log_likelihood(correlation, worth)
            slope = worth * correlation / (1 - correlation**2)
            gradients[:, groups] += slope.astype(images.dtype)[:, None, None, None] * gradient
        gradients *= saturation_slope(lengths)
        return values, group_twists(self._renderers, poses, gradients)

    def _images(self, poses: FloatArray) -> FloatArray:
        return group_images(self._renderers, poses)
