"""A CTA with known vessels in a real head: the Visible Human's CT, a real subject's arteries, drawn sinuses.

Bone, teeth, air cells, neck and shoulders are real, and so are the shapes of the arteries (BraVa); the sinuses run
along the real inner table. Everything is scaled and placed by rule, so the truth is exact but the anatomy is a blend.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from DeepIterRegLib.images.volume import Volume
from Testing.support.cases import CASES

HEAD_BOX = (slice(0, 234), slice(0, 235), slice(88, 268))
"""K, J, I of head_ct.nrrd: without the table and most of the shoulders."""


@dataclass(frozen=True, eq=False)
class ContrastHead:
    volume: Volume
    arteries: np.ndarray
    """(K, J, I) share of each voxel that is artery, 0 to 1, before the scanner's blur."""
    veins: np.ndarray
    """The same of the sinuses (and the jugular veins)."""
    sinuses: np.ndarray
    """The same without the jugular veins: what follows the skull."""


@cache
def head_ct() -> tuple[np.ndarray, np.ndarray]:
    """(K, J, I) approx. HU at 1 mm, index axes S, P, L; and the cranial cavity, roughly."""
    image = sitk.ReadImage(str(CASES / "anatomy" / "skull-ct" / "head_ct.nrrd"))
    ct = sitk.GetArrayFromImage(image)[HEAD_BOX].astype(np.float32)
    soft = ndimage.binary_erosion((ct > -100) & (ct < 200), iterations=6)
    soft[:86] = False  # below the foramen magnum
    labels, _ = ndimage.label(soft)
    brain = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    cavity = ndimage.binary_dilation(brain, iterations=7) & (ct < 300)
    return ct, cavity


def contrast_head(
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    tree: str = "BG10",
    artery_hu: float = 350.0,
    vein_hu: float = 280.0,
    noise_hu: float = 12.0,
    seed: int = 0,
) -> ContrastHead:
    """The head with contrast, on a grid of `spacing_mm` (along k, j, i)."""
    ct, cavity = head_ct()
    tubes_veins, tubes_jugular = _sinuses(cavity)
    tubes_arteries = _arteries(cavity, tree)
    spacing = np.array(spacing_mm)
    shape = tuple(int(n) for n in np.floor(np.array(ct.shape) / spacing))
    base = ndimage.affine_transform(ct, spacing, offset=(spacing - 1) / 2, output_shape=shape, order=1, mode="nearest")
    arteries = _paint(tubes_arteries, shape, spacing)
    sinuses = _paint(tubes_veins, shape, spacing)
    veins = np.maximum(sinuses, _paint(tubes_jugular, shape, spacing))
    blur = 0.45 / spacing
    hu = base
    for occupancy, level in ((veins, vein_hu), (arteries, artery_hu)):
        share = ndimage.gaussian_filter(occupancy, blur)
        hu = hu + share * (level - hu)
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 0.6)
    hu = hu + noise * (noise_hu / noise.std())
    ijk_to_ras = np.zeros((4, 4))
    ijk_to_ras[0, 0], ijk_to_ras[1, 1], ijk_to_ras[2, 2], ijk_to_ras[3, 3] = -spacing[2], -spacing[1], spacing[0], 1
    volume = Volume(np.clip(np.rint(hu), -1024, 3071).astype(np.int16), ijk_to_ras, "cta", "contrast head")
    return ContrastHead(volume, arteries, veins, sinuses)


def _surface(cavity: np.ndarray, origin: np.ndarray, directions: np.ndarray, depth_mm: float) -> np.ndarray:
    """(N, 3) points `depth_mm` inside the inner table on the rays from `origin` (K, J, I at 1 mm)."""
    steps = np.arange(0, 130, 0.5)
    points = origin + directions[:, None] * steps[None, :, None]
    inside = ndimage.map_coordinates(cavity.astype(np.float32), points.reshape(-1, 3).T, order=1).reshape(
        points.shape[:2]
    )
    last = steps.size - 1 - np.argmax(inside[:, ::-1] > 0.5, axis=1)
    reach = ndimage.gaussian_filter1d(steps[last], 1.5, mode="nearest") - depth_mm
    return origin + directions * reach[:, None]


def _sinuses(cavity: np.ndarray) -> tuple[list, list]:
    """Centrelines (K, J, I at 1 mm) with radii: the sinuses, and the jugular veins."""
    centre = np.argwhere(cavity).mean(axis=0)
    middle = centre[2]
    # Superior sagittal sinus: from the forehead over the vertex to the torcular, in the midline.
    angle = np.radians(np.linspace(15, 195, 90))
    up = np.stack([np.sin(angle), -np.cos(angle), np.zeros_like(angle)], axis=1)
    sagittal_r = np.linspace(1.3, 4.5, len(angle))
    sagittal = _surface(cavity, centre, up, 3.0)
    torcular = sagittal[-1]
    tubes = [(sagittal, sagittal_r)]
    jugulars = []
    for side, r in ((-1, 4.0), (1, 3.0)):
        around = np.radians(np.linspace(2, 62, 40))
        level = np.array([torcular[0] + 2, centre[1], middle])
        out = np.stack([np.zeros_like(around), np.cos(around), side * np.sin(around)], axis=1)
        transverse = _surface(cavity, level, out, r - 0.5)
        end = transverse[-1]
        # Sigmoid: on from the end of the transverse sinus, down and inwards along the posterior fossa.
        down = np.linspace(0, 1, 30)[:, None]
        levels = level + down * np.array([-32.0, 0, 0])
        swing = np.radians(62 + 6 * np.sin(np.pi * down[:, 0]))
        rays = np.stack([np.zeros_like(swing), np.cos(swing), side * np.sin(swing)], axis=1)
        sigmoid = np.concatenate(
            [_surface(cavity, o, d[None], r - 0.5) for o, d in zip(levels, rays, strict=True)], axis=0
        )
        sigmoid = ndimage.gaussian_filter1d(sigmoid, 1.5, axis=0, mode="nearest")
        tubes += [
            (np.vstack([torcular, transverse]), np.full(len(transverse) + 1, r)),
            (np.vstack([end, sigmoid]), np.full(len(sigmoid) + 1, r)),
        ]
        bulb = sigmoid[-1]
        neck = np.array(
            [
                bulb,
                bulb + np.array([-12, -6, -side * 8]),
                [50, bulb[1] + 2, middle + side * 36],
                [2, bulb[1], middle + side * 34],
            ]
        )
        jugulars.append((neck, np.array([r, r, 4.5, 5.0])))
        # Two cortical veins per side that drain into the sagittal sinus.
        for at in (35, 60):
            fan = np.linspace(0, 1, 25)[:, None]
            rays = up[at] * (1 - fan) + fan * np.array([0.15, up[at][1] * 0.6, side * 0.95])
            rays /= np.linalg.norm(rays, axis=1, keepdims=True)
            tubes.append((_surface(cavity, centre, rays, 2.5), np.linspace(1.5, 0.7, 25)))
    galen = centre + np.array([-2.0, 12.0, 0.0])
    straight = np.array([torcular, 0.5 * (torcular + galen) + np.array([3, 0, 0]), galen])
    tubes.append((straight, np.array([2.5, 2.0, 1.8])))
    for side in (-1, 1):
        inner = np.array([galen, galen + np.array([8, -12, side * 4]), galen + np.array([6, -30, side * 5])])
        tubes.append((inner, np.array([1.4, 1.1, 0.8])))
    return tubes, jugulars


def _arteries(cavity: np.ndarray, tree: str) -> list:
    """The BraVa tree (mm; x left-right, y up, z back) fitted into the cavity, and carotids and vertebrals below it."""
    rows = np.loadtxt(CASES / "anatomy" / "brava" / f"{tree}.swc")
    points = rows[:, [3, 4, 2]]
    inside = np.argwhere(cavity)
    low, high = np.percentile(inside, [1, 99], axis=0)
    brain = points[points[:, 0] > np.median(points[:, 0]) - 30]
    from_low, from_high = np.percentile(brain, [1, 99], axis=0)
    # The tree's lowest branches lie at the skull base, well above the lowest point of the cavity.
    low = low + np.array([32.0, 8.0, 8.0])
    high = high - np.array([6.0, 10.0, 8.0])
    scale = (high - low) / (from_high - from_low)
    placed = low + (points - from_low) * scale
    radii = rows[:, 5]
    parents = rows[:, 6].astype(int)
    index = {int(n): i for i, n in enumerate(rows[:, 0])}
    tubes = []
    for i, parent in enumerate(parents):
        if parent > 0:
            j = index[parent]
            tubes.append((placed[[j, i]], radii[[j, i]]))
    middle = inside.mean(axis=0)[2]
    for side in (-1, 1):
        half = [i for i in range(len(radii)) if (placed[i, 2] - middle) * side > 0 and radii[i] > 1.4]
        root = placed[min(half, key=lambda i: placed[i, 0])]
        neck = np.array(
            [
                root,
                root + np.array([-6, 10, side * 12]),
                [60, root[1] + 14, middle + side * 27],
                [2, root[1] + 22, middle + side * 26],
            ]
        )
        tubes.append((neck, np.array([2.2, 2.3, 2.6, 3.0])))
    return tubes


def _paint(tubes: list, shape: tuple[int, ...], spacing: np.ndarray) -> np.ndarray:
    """Share of each voxel that lies in a tube, to about a tenth."""
    occupancy = np.zeros(shape, dtype=np.float32)
    edge = float(np.prod(spacing) ** (1 / 3))
    for points, radii in tubes:
        for a, b, ra, rb in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
            _paint_cone(occupancy, a, b, ra, rb, spacing, edge)
    return occupancy


def _paint_cone(
    occupancy: np.ndarray, a: np.ndarray, b: np.ndarray, ra: float, rb: float, spacing: np.ndarray, edge: float
) -> None:
    margin = max(ra, rb) + edge
    # Index k of the fine grid lies at (k + 1/2) * spacing - 1/2 of the 1 mm grid.
    first = np.maximum(np.floor((np.minimum(a, b) - margin + 0.5) / spacing - 0.5), 0).astype(int)
    last = np.minimum(np.ceil((np.maximum(a, b) + margin + 0.5) / spacing + 0.5), occupancy.shape).astype(int)
    if np.any(last <= first):
        return
    axes = [(np.arange(f, e) + 0.5) * s - 0.5 for f, e, s in zip(first, last, spacing, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) - a
    axis = b - a
    t = np.clip(grid @ axis / max(float(axis @ axis), 1e-9), 0, 1)
    distance = np.linalg.norm(grid - t[..., None] * axis, axis=-1)
    radius = ra + t * (rb - ra)
    share = np.clip((radius - distance) / edge + 0.5, 0, 1)
    # A tube thinner than a voxel fills no voxel: its section bounds the share.
    share = np.minimum(share, np.pi * radius**2 / edge**2)
    window = tuple(slice(f, e) for f, e in zip(first, last, strict=True))
    occupancy[window] = np.maximum(occupancy[window], share)
