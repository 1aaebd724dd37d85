"""A generated head: air, skin, fat, muscle, skull, brain, in Hounsfield units on any grid."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.brain_calcifications import brain_calcifications
from DeepIterRegLib.research.simulate.head.brain_tissue import brain_hu
from DeepIterRegLib.research.simulate.head.craniotomy import Craniotomy
from DeepIterRegLib.research.simulate.head.face_bones import nose_and_sinuses, orbits
from DeepIterRegLib.research.simulate.head.head_detail import Detail, boxes, paint_slab
from DeepIterRegLib.research.simulate.head.head_outline import cranium, outer_bone, skin
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.head_variety import HeadVariety
from DeepIterRegLib.research.simulate.head.jaws import jaws
from DeepIterRegLib.research.simulate.head.lattice import Lattice, plane_finer
from DeepIterRegLib.research.simulate.head.neck_bones import neck_bones
from DeepIterRegLib.research.simulate.head.posture import Posture
from DeepIterRegLib.research.simulate.head.soft_tissue import SKIN_HU, SKIN_MM, outer_hu
from DeepIterRegLib.research.simulate.head.sutures import sutures
from DeepIterRegLib.research.simulate.head.temporal_bone import CELL_MM, sphenoid_bone, temporal_bones
from DeepIterRegLib.research.simulate.head.texture import Texture

T = TypeVar("T")
AIR_HU = -1000.0
LATTICE_MM = 2.0
COARSE_VOXEL_MM, LATTICE_VOXELS = 0.85, 3.0
"""In voxels larger than the first the lattice may be as wide as so many of them: nothing finer would be seen."""
EDGE_MM = 0.6
"""Width of every surface, so that voxels that it crosses mix both sides, as in a scan."""
CORTEX_MM = 1.8
"""Of each table of the vault."""


@dataclass(frozen=True, eq=False)
class Fields:
    """Smooth fields on a lattice, each (k, j, i nodes)."""

    below_skin: FloatArray
    cavity: FloatArray
    """Depth inside the inner table and above the floor, mm."""
    in_bone: FloatArray
    """Depth below the outer surface of the skull, mm."""
    soft_hu: FloatArray
    spongy_hu: FloatArray
    """What the marrow differs by from its mean."""
    template: tuple[FloatArray, FloatArray, FloatArray]
    """x, y, z of the template."""


@dataclass(frozen=True, eq=False)
class GeneratedHead:
    """A head of `shape` that never lived; implements `anatomy.Head`."""

    shape: HeadShape
    traits: HeadTraits | None = None
    """None: drawn by `hu` from its generator."""
    variety: HeadVariety = field(default_factory=HeadVariety)
    posture: Posture = field(default_factory=Posture)
    craniotomy: Craniotomy | None = None

    def posed(self, posture: Posture, craniotomy: Craniotomy | None = None) -> GeneratedHead:
        """The same head, held differently, with or without a bone flap."""
        return replace(self, posture=posture, craniotomy=craniotomy)

    def hu(self, ijk_to_head: FloatArray, size_kji: tuple[int, int, int], rng: np.random.Generator) -> FloatArray:
        """(K, J, I) Hounsfield units without contrast, noise and blur.

        ijk_to_head: (4, 4), indices (i, j, k) to the head's frame (RAS, mm about the middle of the brain); it may be
        turned and have voxels of any size. What is drawn from `rng` does not depend on the grid.
        """
        traits = self.variety.traits(self.traits or HeadTraits.random(rng))
        textures = [Texture(cell, rng) for cell in (4.6, 5.5, 9.0, 2.2)]
        voxel_mm = float(np.linalg.norm(ijk_to_head[:3, :3], axis=0).max())
        spacing_mm = max(LATTICE_MM, LATTICE_VOXELS * voxel_mm) if voxel_mm > COARSE_VOXEL_MM else LATTICE_MM
        lattice = Lattice.about(spacing_mm, size_kji, ijk_to_head)
        points_mm = lattice.points_mm(ijk_to_head)
        fields = _fields(self, traits, textures, points_mm)
        hu = np.empty(size_kji, dtype=np.float32)
        details = boxes(self._details(traits, rng), fields.template, lattice)

        def one_slab(first: int) -> None:
            _fill_slab(hu, first, fields, lattice, traits)
            paint_slab(hu, details, fields.template, lattice, slice(first, min(first + lattice.steps[0], len(hu))))

        parallel(one_slab, range(0, size_kji[0], lattice.steps[0]))
        return hu

    def _details(self, traits: HeadTraits, rng: np.random.Generator) -> list[Detail]:
        found = all_details(traits, rng, self.posture.jaw_deg, self.variety.suture_mm)
        return [*found, *self.variety.details(), *([self.craniotomy.detail()] if self.craniotomy else [])]


def all_details(
    traits: HeadTraits, rng: np.random.Generator, jaw_deg: float = 0.0, suture_mm: float = 0.0
) -> list[Detail]:
    """Everything that is painted onto the large surfaces, in order: what comes later covers what came before."""
    cells = Texture(CELL_MM, rng)
    return [
        *neck_bones(traits),
        *orbits(traits),
        *nose_and_sinuses(traits, cells),
        *sphenoid_bone(traits),
        *temporal_bones(traits, cells),
        *jaws(traits, rng, jaw_deg),
        *sutures(suture_mm),
        *brain_calcifications(traits, rng),
    ]


def parallel(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Do `work` on every item, in threads: numpy lets go of the interpreter's lock."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for _ in pool.map(work, items):
            pass


def _fields(head: GeneratedHead, traits: HeadTraits, textures: list[Texture], points_mm: FloatArray) -> Fields:
    folds, fat, uneven, spongy = textures
    shape, variety = head.shape, head.variety
    x, y, z = bones = _places(shape, points_mm)
    if head.posture != Posture():
        # Teeth and mandible turn as they are; what lies between them stretches.
        bones = _places(shape, head.posture.bone_at_rest(points_mm))
        x, y, z = _places(shape, head.posture.tissue_at_rest(points_mm))
    rough = variety.textures() if variety.inner_mm or variety.outer_mm or variety.wave_mm else None
    names = ("below_skin", "cavity", "in_bone", "soft_hu", "spongy_hu")
    results = {name: np.empty(x.shape, dtype=np.float32) for name in names}

    def one_plane(k: int) -> None:
        px, py, pz = x[k].ravel(), y[k].ravel(), z[k].ravel()
        cavity, thickness, table = cranium(px, py, pz, shape.vault_thickness_mm, uneven)
        below_skin = skin(px, py, pz, table, shape.vault_thickness_mm, traits)
        in_bone = outer_bone(px, py, pz, cavity, thickness)
        if rough is not None:
            inner, outer, wave = rough
            near = (cavity < 6) & (in_bone > -6)
            at = px[near], py[near], pz[near]
            cavity[near] += variety.inner_mm * inner(*at) + variety.wave_mm * wave(*at)
            in_bone[near] += variety.outer_mm * outer(*at)
        # Brain and muscle meet in the middle of the bone, where neither is seen.
        soft = np.zeros_like(cavity)
        inside = cavity > -0.4 * thickness
        outside = ~inside & (below_skin > -4)
        soft[inside] = brain_hu(px[inside], py[inside], pz[inside], cavity[inside], traits, folds)
        soft[outside] = outer_hu(px[outside], py[outside], pz[outside], below_skin[outside], traits, fat)
        texture = np.zeros_like(cavity)
        bone = (cavity < 2) & (in_bone > -2)
        texture[bone] = 130 * variety.spongy * spongy(px[bone], py[bone], pz[bone])
        for name, values in zip(names, (below_skin, cavity, in_bone, soft, texture), strict=True):
            results[name][k] = values.reshape(x.shape[1:])

    parallel(one_plane, range(len(x)))
    return Fields(**results, template=bones)


def _places(shape: HeadShape, points_mm: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """x, y, z in the template of (..., 3) points of the head."""
    template = shape.to_template(points_mm)
    x, y, z = (np.ascontiguousarray(template[..., axis]) for axis in range(3))
    return x, y, z


def _fill_slab(hu: FloatArray, first: int, fields: Fields, lattice: Lattice, traits: HeadTraits) -> None:
    """Fill the slices between two planes of the lattice."""
    node = first // lattice.steps[0]
    slab = hu[first : first + lattice.steps[0]]
    slab[:] = AIR_HU
    window = _window(fields.below_skin[node : node + 2].max(axis=0) > -1, lattice, hu.shape[1:])
    if window is None:
        return
    rows, columns = window
    across = (lattice.steps[1], lattice.steps[2])
    names = ("below_skin", "cavity", "in_bone", "soft_hu", "spongy_hu")
    values = [plane_finer(getattr(fields, name)[node], across, rows, columns) for name in names]
    if len(slab) > 1:
        rises = [
            (plane_finer(getattr(fields, name)[node + 1], across, rows, columns) - value) / np.float32(lattice.steps[0])
            for name, value in zip(names, values, strict=True)
        ]
    for number in range(len(slab)):
        if number:
            for value, rise in zip(values, rises, strict=True):
                value += rise
        slab[number, rows, columns] = _mixed(values, traits)


def _window(
    inside: npt.NDArray[np.bool_], lattice: Lattice, size: tuple[int, ...]
) -> tuple[slice, slice] | None:  # fmt: skip
    """Rows and columns, starting on nodes, that hold what is inside."""
    if not inside.any():
        return None
    spans = []
    for axis, (step, count) in enumerate(zip(lattice.steps[1:], size, strict=True)):
        hit = np.flatnonzero(inside.any(axis=1 - axis))
        spans.append(slice(max(hit[0] - 1, 0) * step, min((hit[-1] + 1) * step + 1, count)))
    return spans[0], spans[1]


def _mixed(values: list[FloatArray], traits: HeadTraits) -> FloatArray:
    """One slice of HU from the fields at full resolution; surfaces are thresholds, one voxel soft.

    values: skin's depth, cavity's depth, depth below the skull's surface, soft HU, spongy HU.
    """
    below_skin, cavity, in_bone, soft, spongy = values
    per_mm, half = np.float32(1 / EDGE_MM), np.float32(0.5)
    hu = soft.copy()
    part = (np.float32(SKIN_MM) - below_skin) * per_mm
    part += half
    np.clip(part, 0, 1, out=part)
    part *= SKIN_HU - soft
    hu += part
    depth = np.minimum(in_bone, -cavity)
    rows, columns = _bounds(depth > -EDGE_MM)
    window = np.s_[rows, columns]
    bone = depth[window]
    inner = np.clip((bone - np.float32(CORTEX_MM)) * np.float32(1.2) + half, 0, 1)
    inner *= np.maximum(np.float32(traits.marrow_hu) + spongy[window], 60) - np.float32(traits.cortex_hu)
    inner += np.float32(traits.cortex_hu)
    inner -= hu[window]
    inner *= np.clip(bone * per_mm + half, 0, 1)
    hu[window] += inner
    np.multiply(below_skin, per_mm, out=part)
    part += half
    np.clip(part, 0, 1, out=part)
    hu -= np.float32(AIR_HU)
    hu *= part
    hu += np.float32(AIR_HU)
    return hu


def _bounds(mask: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
