"""Edges of the best mixture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.similarity.mixture_edges import MixtureEdges
from DeepIterRegLib.similarity.tiled_gradient_correlation import TiledGradientCorrelation


def smooth(seed: int, shape=(48, 40)):
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5).astype(np.float32)


@pytest.fixture
def parts():
    return np.abs(np.stack([smooth(1), smooth(2)]))[None]


def test_the_mixture_that_the_image_is_made_of_has_its_edges(parts):
    fixed = 2 * parts[0, 0] + 0.5 * parts[0, 1] + 7
    edges = MixtureEdges(fixed, None, tile_px=8)
    itself = float(TiledGradientCorrelation(fixed, None, tile_px=8).value(fixed[None])[0])
    assert edges.value(parts)[0] == pytest.approx(itself, rel=1e-4)
    assert edges.value(np.roll(parts, 4, axis=-1))[0] < 0.5 * itself


def test_a_part_that_does_not_show_takes_no_gradient(parts):
    edges = MixtureEdges(parts[0, 0], None, tile_px=8)
    values, gradients = edges.value_and_gradient(np.stack([parts[0, 0], -parts[0, 0]])[None] + smooth(3) * 0.05)
    assert values[0] > 0.8
    assert gradients[0, 0].any()
    assert not gradients[0, 1].any()


def test_the_gradient_of_one_image_is_that_of_finite_differences(parts):
    edges = MixtureEdges(parts[0, 0], None, tile_px=8)
    moving = parts[:, 1:].astype(np.float64) + 0.5 * parts[:, :1]
    _, gradient = edges.value_and_gradient(moving.astype(np.float32))
    step = smooth(5).astype(np.float64)[None, None]
    h = 1e-3
    ahead, behind = (edges.value((moving + sign * h * step).astype(np.float32))[0] for sign in (1, -1))
    assert (gradient * step).sum() == pytest.approx((ahead - behind) / (2 * h), rel=0.02)
