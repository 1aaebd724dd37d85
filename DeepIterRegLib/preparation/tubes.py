"""Tubularity: how tube-like the surroundings of a voxel are (after Frangi)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray

SCALES_MM = (1.0, 2.0)
"""Standard deviations of the Gaussians: vessels of about 2 to 7 mm. Thinner ones are found by the first, thicker ones
need no shape: nothing else in the cavity is both thick and bright."""
STRUCTURE = 1 / 12
"""Second derivative of a filled vessel at its own scale, as a share of its contrast, that counts as structure. A
cylinder of radius 1.5 s, smoothed by s, has 0.2/s²; noise of a tenth of the contrast has 0.03/s²."""
LEAST_STRUCTURE = STRUCTURE / 4
"""In a volume without noise, too: grey matter, glands and partial volume are structure of some kind as well."""
TEXTURE_PERCENTILE = 95.0
"""Of the background's second derivatives: the few vessels in it lie above, its noise below."""
TEXTURE_SAMPLES = 20000

ALPHA = BETA = 0.5
"""Frangi's: how soon a plate, and a blob, count as no tube."""


def tubularity(
    hu: FloatArray,
    contrast_hu: float,
    spacing_kji: FloatArray,
    asked: BoolArray,
    background: BoolArray | None = None,
    textured: BoolArray | None = None,
) -> npt.NDArray[np.float32]:
    """(k, j, i) 0 to 1: bright tubes high; plates, blobs and noise low; the best of the scales; 0 where not `asked`.

    background: (k, j, i) tissue with few vessels. Where `textured` (k, j, i), what stands out of its texture counts as
    structure, although it is less than a filled vessel has: so thin arteries are found where the noise allows it.

    Source: Frangi 1998, as generalised by Antiga 2007 (ITK's objectness of dimension 1), without the factor that
    prefers bright vessels to thin ones. Own arithmetic, because ITK's filter takes no mask, and few voxels are asked.
    """
    image = sitk.GetImageFromArray(hu.astype(np.float32, copy=False))
    image.SetSpacing([float(edge) for edge in spacing_kji[::-1]])
    best = np.zeros(np.count_nonzero(asked), dtype=np.float32)
    in_texture = None if textured is None else textured[asked]
    for scale in SCALES_MM:
        smooth = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(image, scale))
        # Differences over the scale, not over a voxel, where voxels are finer than it.
        steps = np.maximum(1, (scale / spacing_kji * 1.01).astype(int))
        structure = np.full(len(best), STRUCTURE * contrast_hu / scale, dtype=np.float32)
        if background is not None and in_texture is not None and background.any():
            texture = np.linalg.norm(_hessians(smooth, _sampled(background), steps, spacing_kji), axis=(1, 2))
            least = max(float(np.percentile(texture, TEXTURE_PERCENTILE)), LEAST_STRUCTURE * contrast_hu / scale)
            structure[in_texture] = np.minimum(structure[in_texture], least)
        values = np.linalg.eigvalsh(_hessians(smooth, asked, steps, spacing_kji))
        np.maximum(best, _tube_measure(values, structure), out=best)
    tube = np.zeros(hu.shape, dtype=np.float32)
    tube[asked] = best
    return tube


def _sampled(mask: BoolArray) -> BoolArray:
    """About `TEXTURE_SAMPLES` voxels of `mask`, evenly spread over it."""
    places = np.flatnonzero(mask)
    sampled = np.zeros_like(mask)
    sampled.reshape(-1)[places[:: max(1, len(places) // TEXTURE_SAMPLES)]] = True
    return sampled


def _hessians(
    smooth: FloatArray, asked: BoolArray, steps: IntArray, spacing_kji: FloatArray
) -> npt.NDArray[np.float32]:
    """(N, 3, 3) second derivatives, HU/mm², at the voxels asked, by central differences over `steps` voxels."""
    padded = np.pad(smooth, [(int(step), int(step)) for step in steps], mode="edge")
    flat = padded.reshape(-1)
    strides = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    places = (np.argwhere(asked) + steps) @ strides
    to_next = strides * steps
    lengths = (steps * spacing_kji).astype(np.float32)
    hessian = np.empty((len(places), 3, 3), dtype=np.float32)
    centre = 2 * flat[places]
    for a in range(3):
        hessian[:, a, a] = (flat[places + to_next[a]] + flat[places - to_next[a]] - centre) / lengths[a] ** 2
        for b in range(a):
            with_, against = to_next[a] + to_next[b], to_next[a] - to_next[b]
            mixed = flat[places + with_] + flat[places - with_] - flat[places + against] - flat[places - against]
            hessian[:, a, b] = hessian[:, b, a] = mixed / (4 * lengths[a] * lengths[b])
    return hessian


def _tube_measure(eigenvalues: npt.NDArray[np.float32], structure: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N,) 0 to 1 from eigenvalues (N, 3) of the Hessian: two large and negative, one small, is a bright tube.

    structure: (N,) length of the eigenvalues that counts as structure.
    """
    order = np.argsort(np.abs(eigenvalues), axis=1)
    small, middle, large = np.take_along_axis(eigenvalues, order, axis=1).T
    bright = (middle < 0) & (large < 0)
    middle, large = np.where(bright, -middle, 1), np.where(bright, -large, 1)
    not_plate = 1 - np.exp(-0.5 * (middle / large / ALPHA) ** 2)
    not_blob = np.exp(-0.5 * (small / middle) * (small / large) / BETA**2)
    some = 1 - np.exp(-0.5 * (small**2 + middle**2 + large**2) / structure**2)
    return np.asarray(bright * not_plate * not_blob * some, dtype=np.float32)
