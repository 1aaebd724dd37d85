"""Small structures of the head, each painted at full resolution in its own box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.implicit import Point
from DeepIterRegLib.research.simulate.head.lattice import Box, Lattice

Paint = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], None]
PaintSide = Callable[[FloatArray, FloatArray, FloatArray, FloatArray, int], None]
Coordinates = tuple[FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True)
class Detail:
    """Something that `paint(hu, x, y, z)` changes in place, at points of the template within a box (mm, RAS)."""

    low: Point
    high: Point
    paint: Paint


def mirrored(low: Point, high: Point, paint: PaintSide) -> list[Detail]:
    """A detail of both sides, written for the right; `paint` gets x mirrored, and as last 0 (right) or 1 (left)."""

    def right(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        paint(hu, x, y, z, 0)

    def left(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        paint(hu, -x, y, z, 1)

    return [Detail(low, high, right), Detail((-high[0], low[1], low[2]), (-low[0], high[1], high[2]), left)]


def boxes(details: list[Detail], template: Coordinates, lattice: Lattice) -> list[tuple[Detail, Box]]:
    """The details that a scan shows, each with the voxels that hold its box. template: x, y, z on the lattice."""
    # Looking only where a box can be, along each axis, saves most of the time.
    others = ((1, 2), (0, 2), (0, 1))
    ranges = [[(values.min(axis=rest), values.max(axis=rest)) for rest in others] for values in template]
    shown = []
    for detail in details:
        near: list[slice] = []
        for axis in range(3):
            may = np.ones(template[0].shape[axis], dtype=bool)
            for extremes, low, high in zip(ranges, detail.low, detail.high, strict=True):
                may &= (extremes[axis][0] <= high) & (extremes[axis][1] >= low)
            hit = np.flatnonzero(may)
            near.append(slice(int(hit[0]), int(hit[-1]) + 1) if len(hit) else slice(0, 0))
        inside = np.ones([span.stop - span.start for span in near], dtype=bool)
        for values, low, high in zip(template, detail.low, detail.high, strict=True):
            part = values[tuple(near)]
            inside &= (part >= low) & (part <= high)
        if not inside.any():
            continue
        spans = []
        for axis in range(3):
            hit = near[axis].start + np.flatnonzero(inside.any(axis=tuple(n for n in range(3) if n != axis)))
            step, size = lattice.steps[axis], lattice.size_kji[axis]
            spans.append(slice(max((hit[0] - 1) * step, 0), min((hit[-1] + 1) * step, size)))
        if all(span.stop > span.start for span in spans):
            shown.append((detail, (spans[0], spans[1], spans[2])))
    return shown


def paint_slab(
    hu: FloatArray, shown: list[tuple[Detail, Box]], template: Coordinates, lattice: Lattice,
    slices: slice,
) -> None:  # fmt: skip
    """Paint into the given slices of `hu` (K, J, I), in the order of the list."""
    for detail, (along, rows, columns) in shown:
        start, stop = max(along.start, slices.start), min(along.stop, slices.stop)
        if start >= stop:
            continue
        box = (slice(start, stop), rows, columns)
        x, y, z = (lattice.finer(values, box) for values in template)
        part = np.ascontiguousarray(hu[box])
        detail.paint(part, x, y, z)
        hu[box] = part
