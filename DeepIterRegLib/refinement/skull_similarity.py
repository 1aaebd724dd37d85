"""The skull's part of the posterior: how likely an image of the head is, with the CTA's bones at a pose."""

from __future__ import annotations

import math

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.skull.image import CLIP_SPREADS, SkullImage
from DeepIterRegLib.refinement.phases import MAX_CORRELATION, log_likelihood
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.sampling import binning_factor, pixel_at_isocentre_mm
from DeepIterRegLib.similarity.tiled_gradient_correlation import TiledGradientCorrelation

OBSERVATIONS = 480.0
"""How many independent observations an image of the whole skull is worth at 64 px, where it is trusted: eight times an
image of vessels, which may show others than the CTA does. In proportion to the pixels along a side it is worth more in
a finer image: there are as many more pieces of edges, and noise lets each of them correlate less. A quarter of it let
the vessels of runs with motion draw heads away (docs/measurements/skull.md)."""
LARGEST_CELL = 0.7
"""Of a point's cell, the share that a pixel at the isocentre has to be wide. Below it the points' lattice makes
stripes."""
LEAST_PX = 32
FINE_PX, FINE_CLIP_SPREADS = 192, 2.5
"""From this size on air and skin are clipped farther below the head. What keeps them from misleading a search from afar
also takes the beginning of the vault's edge, so that the head seems smaller and farther from the source
(docs/measurements/skull.md)."""
TILE_MM = ((64, 80.0), (128, 60.0), (1024, 40.0))
"""Edges of the tiles on the detector, for images up to so many pixels: a tile of less than about a dozen pixels shows
no course of an edge."""


def clip_spreads(size_px: int) -> float:
    """Of `SkullImage.binned`, for an image of `size_px` along its shorter side."""
    return CLIP_SPREADS if size_px < FINE_PX else FINE_CLIP_SPREADS


def tile_mm(size_px: int) -> float:
    """Edge on the detector of the tiles in which an image of `size_px` along its shorter side is compared."""
    return next(edge for size, edge in TILE_MM if size_px <= size or size == TILE_MM[-1][0])


def skull_factor(carm: CArm, skull: VesselCloud, size_px: int) -> int:
    """Block size that brings the detector's shorter side to about `size_px` pixels, fewer where points would leave
    holes: a zoomed detector shows a small part of the head."""
    factor = binning_factor(carm, size_px)
    hole_free = math.ceil(LARGEST_CELL * skull.cell_mm / pixel_at_isocentre_mm(carm))
    return int(np.clip(max(factor, hole_free), 1, max(1, min(carm.rows, carm.columns) // LEAST_PX)))


class SkullSimilarity:
    """Log likelihood of one angiogram's skull. A `PoseSimilarity`, in nats, 0 where no edge agrees.

    renderer: of the skull cloud, on the angiogram's detector binned by `factor`. size_px: the level's, which says how
    large the tiles are.
    Anticorrelated edges are no likelier than none: bone attenuates.
    """

    name = "log likelihood"
    correlation_name = TiledGradientCorrelation.name

    def __init__(self, renderer: Renderer, image: SkullImage, factor: int, size_px: int) -> None:
        fixed, weights = image.binned(factor, clip_spreads(size_px))
        tile_px = max(4, round(tile_mm(size_px) / max(renderer.carm.pixel_spacing_mm)))
        self._renderer = renderer
        self._similarity = TiledGradientCorrelation(fixed, weights, tile_px)
        self._observations = OBSERVATIONS * max(1.0, size_px / 64) * image.trust

    def correlation(self, poses: FloatArray) -> FloatArray:
        """(B,) tiled gradient correlations, -1 to 1, at (B, 4, 4) poses."""
        return self._similarity.value(self._renderer.render(poses))

    def worst_quarter(self, pose: FloatArray) -> float:
        """The least of the correlations in the four quarters of what is valid, at a pose (4, 4)."""
        return min(self._similarity.of_quarters(self._renderer.render(pose[None])))

    def edge_fields(self, pose: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """(2, rows, columns) edges of the X-ray and of the DRR at a pose (4, 4), (rows, columns) the weights of their
        pixels, and a pixel's edge on the detector, mm."""
        fixed, moving, weights = self._similarity.gradient_fields(self._renderer.render(pose[None]))
        return fixed, moving, weights, max(self._renderer.carm.pixel_spacing_mm)

    def value(self, poses: FloatArray) -> FloatArray:
        return log_likelihood(np.maximum(self.correlation(poses), 0), self._observations)

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        correlation, gradients = self._similarity.value_and_gradient(self._renderer.render(poses))
        correlation = np.clip(correlation, 0, MAX_CORRELATION)
        slope = self._observations * correlation / (1 - correlation**2)
        gradients *= slope.astype(gradients.dtype)[:, None, None]
        likelihood = log_likelihood(correlation, self._observations)
        return likelihood, self._renderer.backward(poses, gradients.astype(np.float32, copy=False))
