"""What segmentations take for vessels and is none: bone, enhanced dura, noise, ghosts of the skull.

Each function yields what it adds as flat indices, and draws the same number of random candidates whatever the amount
(0 to 1), of which the amount decides how many are used and how far they reach.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.research.simulate.segmentations.vessel_pieces import neighbours_of

BONE_HU = 300.0
"""Cancellous bone and up; thick vessels reach it too, so true vessels are taken out first."""
TISSUE_HU = (-20.0, 150.0)
BONES, BONE_MM = 20, (2.5, 7.5)
DURAS, DURA_MM, DURA_THICKNESS_MM = 10, (5.0, 14.0), 0.8
WORMS, WORM_MM, WORM_RADIUS_MM = 40, (6.0, 30.0), (0.3, 0.9)
GHOSTS = 16
NOISE_LINES, NOISE_LINE_MM = 80, (4.0, 22.0)

Hounsfield = npt.NDArray[np.int16] | npt.NDArray[np.float32]


def bone_stuck_to(
    vessels: BoolArray, hu: Hounsfield, spacing_kji: FloatArray, amount: float, rng: np.random.Generator
) -> Iterator[tuple[IntArray, int]]:
    """Pieces of bone (flat indices) where vessels touch it, each with the vessel's voxel that it sticks to."""
    beside = _beside_bone(vessels, hu)
    place, luck, size = rng.random((3, BONES))
    for number, own in enumerate(rng.spawn(BONES)):
        if luck[number] < amount and len(beside):
            seed = int(beside[int(place[number] * len(beside))])
            box, distance_mm, kji = _ball(seed, 1.6 * _between(size[number], BONE_MM), vessels.shape, spacing_kji)
            at_mm = np.stack(np.broadcast_arrays(*kji), axis=-1).reshape(-1, 3) * spacing_kji
            ragged = 1 + 0.3 * smooth_noise(at_mm.astype(np.float32), own, longest_mm=20.0)
            reach_mm = _between(size[number], BONE_MM) * ragged.reshape(distance_mm.shape)
            yield _flat((hu[box] > BONE_HU) & (distance_mm < reach_mm), box, vessels.shape), seed


def enhanced_dura(
    vessels: BoolArray, hu: Hounsfield, spacing_kji: FloatArray, amount: float, rng: np.random.Generator
) -> Iterator[tuple[IntArray, int]]:
    """Patches of dura, a layer of tissue on the inside of the bone, near vessels that lie there."""
    beside = _beside_bone(vessels, hu)
    place, luck, size = rng.random((3, DURAS))
    middle = np.array([np.mean(axis) for axis in np.unravel_index(np.flatnonzero(vessels)[::97], vessels.shape)])
    layers = max(1, round(DURA_THICKNESS_MM / float(spacing_kji.min())))
    for number in np.flatnonzero(luck < amount):
        if len(beside):
            seed = int(beside[int(place[number] * len(beside))])
            box, distance_mm, kji = _ball(seed, _between(size[number], DURA_MM), vessels.shape, spacing_kji)
            from_middle = np.sqrt(sum(((kji[a] - middle[a]) * spacing_kji[a]) ** 2 for a in range(3)))
            bone = hu[box] > BONE_HU
            tissue = (hu[box] > TISSUE_HU[0]) & (hu[box] < TISSUE_HU[1])
            inside = from_middle < (np.median(from_middle[bone]) if bone.any() else 0.0)
            sheet = ndimage.binary_dilation(bone, iterations=layers) & tissue & inside
            yield _flat(sheet & (distance_mm < _between(size[number], DURA_MM)), box, vessels.shape), seed


def worms(
    vessels: BoolArray, hu: Hounsfield, spacing_kji: FloatArray, amount: float, rng: np.random.Generator
) -> Iterator[tuple[IntArray, int]]:
    """Noise in the brain that looks like a short vessel, not far from true ones."""
    marks = np.flatnonzero(vessels)
    place, luck, length = rng.random((3, WORMS))
    for number, own in enumerate(rng.spawn(WORMS)):
        if luck[number] >= amount:
            continue
        near = int(marks[int(place[number] * len(marks))])
        start_mm = np.array(np.unravel_index(near, vessels.shape)) * spacing_kji + own.normal(0, 8, 3)
        path_mm = _random_walk(start_mm, _between(length[number], WORM_MM), float(spacing_kji.min()), own)
        flat = _tube(path_mm, own.uniform(*WORM_RADIUS_MM), vessels.shape, spacing_kji)
        values = hu.reshape(-1)[flat]
        yield flat[(values > TISSUE_HU[0]) & (values < TISSUE_HU[1])], near


def noise_lines(
    vessels: BoolArray, veins: BoolArray, spacing_mm: FloatArray, amount: float, rng: np.random.Generator
) -> Iterator[tuple[IntArray, bool]]:
    """Short lines on an image, where vessels are; each with whether it is taken for a vein."""
    marks = np.flatnonzero(vessels)
    place, luck, length, label = rng.random((4, NOISE_LINES))
    vein_share = _share(veins, vessels)
    for number, own in enumerate(rng.spawn(NOISE_LINES)):
        if luck[number] < amount and len(marks):
            near = int(marks[int(place[number] * len(marks))])
            start_mm = np.array(np.unravel_index(near, vessels.shape)) * spacing_mm + own.normal(0, 14, 2)
            path_mm = _random_walk(start_mm, _between(length[number], NOISE_LINE_MM), float(spacing_mm.min()), own)
            yield _tube(path_mm, own.uniform(0.25, 0.65), vessels.shape, spacing_mm), bool(label[number] < vein_share)


def skull_ghosts(
    vessels: BoolArray, veins: BoolArray, spacing_mm: FloatArray, amount: float, rng: np.random.Generator
) -> Iterator[tuple[IntArray, bool]]:
    """Arcs along the vault and lines across the skull base, where bone that moved does not subtract."""
    marks = np.argwhere(vessels)[::13]
    if len(marks) == 0:
        return
    low, high = np.percentile(marks * spacing_mm, [2, 98], axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    luck, label = rng.random((2, GHOSTS))
    vein_share = _share(veins, vessels)
    for number, own in enumerate(rng.spawn(GHOSTS)):
        if luck[number] >= amount:
            continue
        if number % 3 < 2:
            # The vault's tables, just outside of the vessels: an ellipse's upper half.
            begin = own.uniform(-0.1, 0.85) * np.pi
            angle = np.arange(begin, begin + own.uniform(0.12, 0.4) * np.pi, 0.3 / float(half.max()))
            shape = np.stack([-np.sin(angle), -np.cos(angle)], axis=1)
            path_mm = middle + half * own.uniform(1.0, 1.1, 2) * shape
        else:
            start_mm = middle + half * own.uniform([0.3, -0.8], [0.7, 0.6])
            path_mm = _random_walk(start_mm, own.uniform(10, 40), float(spacing_mm.min()), own, wander=0.02)
        yield _tube(path_mm, own.uniform(0.25, 0.6), vessels.shape, spacing_mm), bool(label[number] < vein_share)


def smooth_noise(
    positions_mm: npt.NDArray[np.float32], rng: np.random.Generator, longest_mm: float = 60.0
) -> npt.NDArray[np.float32]:
    """(N,) a smooth random field of unit variance at positions (N, D): plane waves of `longest_mm` and shorter."""
    total = np.zeros(len(positions_mm), dtype=np.float32)
    lengths_mm = longest_mm * np.array([1.0, 0.6, 0.37, 0.23, 0.15])
    for length_mm in lengths_mm:
        direction = rng.normal(size=positions_mm.shape[1])
        direction *= 2 * np.pi / length_mm / np.linalg.norm(direction)
        total += np.cos(positions_mm @ direction.astype(np.float32) + np.float32(rng.uniform(0, 2 * np.pi)))
    return total * np.float32(np.sqrt(2 / len(lengths_mm)))


def _share(veins: BoolArray, vessels: BoolArray) -> float:
    """How often something false is taken for a vein: as often as what is true is one, about."""
    return float(np.clip(veins.sum() / vessels.sum(), 0.1, 0.9)) if vessels.any() else 0.5


def _between(share: float, limits: tuple[float, float]) -> float:
    return limits[0] + share * (limits[1] - limits[0])


def _beside_bone(vessels: BoolArray, hu: Hounsfield) -> IntArray:
    """Flat indices of the vessels' voxels with bone one to three voxels away."""
    marks = np.flatnonzero(vessels)
    flat_hu, flat = hu.reshape(-1), vessels.reshape(-1)
    found = np.zeros(len(marks), dtype=bool)
    for step in (1, 2, 3):
        for near in neighbours_of(marks, vessels.shape, step):
            found |= (flat_hu[near] > BONE_HU) & ~flat[near]
    return marks[found]


def _ball(
    seed: int, radius_mm: float, shape: tuple[int, ...], spacing_mm: FloatArray
) -> tuple[tuple[slice, ...], FloatArray, list[IntArray]]:
    """The box around a voxel, the distance of its voxels from that one, and their indices along each axis."""
    centre = np.unravel_index(seed, shape)
    reach = [int(np.ceil(radius_mm / edge)) + 2 for edge in spacing_mm]
    box = tuple(slice(max(0, int(c) - r), min(n, int(c) + r + 1)) for c, r, n in zip(centre, reach, shape, strict=True))
    indices = list(np.ogrid[box])
    squares = [((axis - c) * edge) ** 2 for axis, c, edge in zip(indices, centre, spacing_mm, strict=True)]
    return box, np.sqrt(sum(squares)), indices


def _flat(mask: BoolArray, box: tuple[slice, ...], shape: tuple[int, ...]) -> IntArray:
    """Flat indices, in the whole grid, of a mask of the box."""
    inside = np.argwhere(mask) + np.array([part.start for part in box])
    return np.ravel_multi_index(tuple(inside.T), shape)


def _random_walk(
    start_mm: FloatArray, length_mm: float, step_mm: float, rng: np.random.Generator, wander: float = 0.12
) -> FloatArray:
    """(N, D) a path that changes its direction smoothly."""
    count = max(2, round(length_mm / step_mm))
    direction = rng.normal(size=len(start_mm)) + np.cumsum(rng.normal(0, wander, (count, len(start_mm))), axis=0)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return start_mm + step_mm * np.cumsum(direction, axis=0)


def _tube(path_mm: FloatArray, radius_mm: float, shape: tuple[int, ...], spacing_mm: FloatArray) -> IntArray:
    """Flat indices of the voxels within `radius_mm` of the path's points, at least those that hold one."""
    reach = np.maximum(np.ceil(radius_mm / spacing_mm).astype(int), 0)
    steps = np.indices(2 * reach + 1).reshape(len(reach), -1).T - reach
    steps = steps[np.linalg.norm(steps * spacing_mm, axis=1) <= max(radius_mm, 1e-6)]
    centres = np.round(path_mm / spacing_mm).astype(int)
    voxels = (centres[:, None] + steps).reshape(-1, len(reach))
    voxels = voxels[((voxels >= 0) & (voxels < shape)).all(axis=1)]
    return np.unique(np.ravel_multi_index(tuple(voxels.T), shape))
