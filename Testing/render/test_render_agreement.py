"""Splat and DiffDRR, the reference, show the same vessels and pull the pose the same way.

The reference is siddon with several rays per pixel, averaged: with one ray per pixel it is aliased. Full-size numbers:
`deepiterreg benchmark render --agreement`.
"""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.geometry.rigid import se3_exp
from DeepIterRegLib.render.diffdrr import DiffDrr
from DeepIterRegLib.render.sampling import fitting_cell_mm, resampled
from DeepIterRegLib.render.splat_numba import SplatNumba
from DeepIterRegLib.research.benchmark.vessel_tree import VesselTree, random_tree
from DeepIterRegLib.research.benchmark.workload import (
    central_differences,
    gradient_error,
    head_carm,
    ncc,
    smooth_weights,
)

pytest.importorskip("diffdrr")

POSE = se3_exp(np.array([0.1, -0.2, 0.15, 3.0, -4.0, 5.0]))
ANATOMIES = {
    "large arteries": (5, (28.0, 30.0, 28.0), 0.5, 2.5, 0.03),
    "arteries and veins": (2, (28.0, 30.0, 28.0), 0.6, 3.0, 0.04),
    "sinuses": (3, (30.0, 32.0, 30.0), 0.75, 4.5, 0.06),
}
"""Seed, box, voxel, radius of the trunk, share of the box."""


@pytest.fixture(scope="module", params=ANATOMIES, ids=lambda name: name.replace(" ", "-"))
def tree(request: pytest.FixtureRequest) -> VesselTree:
    return random_tree(*ANATOMIES[request.param])


def splat_of(tree: VesselTree, size: int) -> SplatNumba:
    carm = head_carm(size)
    return SplatNumba(resampled(tree.cloud, fitting_cell_mm(tree.cloud, carm)), carm)


@pytest.mark.parametrize("size", [128, 256])
def test_images_agree_with_supersampled_siddon(tree: VesselTree, size: int) -> None:
    reference = DiffDrr(
        tree.mask, tree.ijk_to_ras, head_carm(size), supersample=8, rays_per_tile=16384, skip_empty=True
    )  # fmt: skip
    expected, image = reference.render(POSE[None]), splat_of(tree, size).render(POSE[None])
    assert ncc(image, expected) >= 0.999
    assert image.sum() == pytest.approx(expected.sum(), rel=1e-3)


def test_gradients_agree_with_central_differences(tree: VesselTree) -> None:
    size = 128
    carm, weights = head_carm(size), smooth_weights(size, seed=7)
    splat = splat_of(tree, size)
    gradient = splat.backward(POSE[None], weights)[0]
    own_steps = np.array([2e-3, 2e-3, 2e-3, 0.02, 0.02, 0.2])
    assert gradient_error(gradient, central_differences(splat, POSE, weights, own_steps)) < 0.005
    reference = DiffDrr(
        tree.mask, tree.ijk_to_ras, carm, supersample=8, rays_per_tile=16384, skip_empty=True
    )  # fmt: skip
    assert gradient_error(gradient, central_differences(reference, POSE, weights)) < 0.05
