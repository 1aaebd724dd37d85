"""What is rendered in the render benchmark: a head's vessel tree, a C-arm, a pose, and the scalar of the gradient."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import se3_exp
from DeepIterRegLib.render.protocol import Images, Renderer

DETECTOR_MM = 300.0
POSE = se3_exp(np.array([0.10, -0.20, 0.15, 3.0, -4.0, 5.0]))
"""Oblique to every axis of the volume, so that no renderer profits from rows of voxels in line with its rays."""
STEPS = np.array([0.02, 0.02, 0.02, 0.5, 3.0, 0.5])
"""Central differences: rad and mm. Smaller ones would measure the rays' aliasing, which they divide by the step. The
fifth is nearly the depth of `head_carm`, which hardly matters to the image and needs a larger one."""


def head_carm(size: int) -> CArm:
    """A detector of size x size pixels and always the same area, its principal point off centre."""
    return CArm.from_angles(
        20.0, 10.0, 1200.0, 760.0, DETECTOR_MM / size, size, size,
        (0.53 * size - 0.5, 0.47 * size - 0.5),
    )  # fmt: skip


def smooth_weights(size: int, seed: int = 0) -> Images:
    """(1, size, size) smooth random weights: the scalar whose gradient is compared is the sum of weights x image."""
    noise = np.random.default_rng(seed).normal(size=(size, size))
    weights = gaussian_filter(noise, size / 16)
    return (weights / weights.std()).astype(np.float32)[None]


def central_differences(renderer: Renderer, pose: FloatArray, weights: Images, steps: FloatArray = STEPS) -> FloatArray:
    """(6,) derivative of the sum of weights x image by a left twist, from two images per component."""
    result = np.empty(6)
    for axis, step in enumerate(steps):
        twist = np.zeros(6)
        twist[axis] = step
        images = renderer.render(np.stack([se3_exp(twist) @ pose, se3_exp(-twist) @ pose])).astype(np.float64)
        result[axis] = ((images[0] - images[1]) * weights[0]).sum() / (2 * step)
    return result


def gradient_error(gradient: FloatArray, reference: FloatArray) -> float:
    """Relative error of a pose gradient: the larger of its rotation's and its translation's part."""
    parts = (slice(0, 3), slice(3, 6))
    return max(float(np.linalg.norm((gradient - reference)[p]) / np.linalg.norm(reference[p])) for p in parts)


def ncc(a: Images, b: Images) -> float:
    """Normalised cross-correlation of two images."""
    a, b = (np.asarray(image, dtype=np.float64) - image.mean(dtype=np.float64) for image in (a, b))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
