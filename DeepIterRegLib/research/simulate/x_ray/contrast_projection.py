"""Contrast in vessels and tissue as the detector sees it over time: paths in mm of the injected concentration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.research.simulate.flow.arterial_passage import ArterialPassage
from DeepIterRegLib.research.simulate.flow.blush import Tissue
from DeepIterRegLib.research.simulate.flow.bolus import Bolus
from DeepIterRegLib.research.simulate.flow.haemodynamics import LEAST_FRACTION
from DeepIterRegLib.research.simulate.flow.venous_passage import VenousPassage
from DeepIterRegLib.research.simulate.vessels.tube_cloud import tube_cloud
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel
from DeepIterRegLib.research.simulate.x_ray.doubling import doubled
from DeepIterRegLib.research.simulate.x_ray.line_integrals import line_integrals

Frames = npt.NDArray[np.float32]
ARTERY_STEP_S, VEIN_STEP_S, TISSUE_STEP_S = 0.12, 0.25, 0.3
"""Points whose contrast arrives within such a step share one image."""
FINE_RADIUS_MM, COARSE_RADIUS_MM = 1.7, 3.0
"""Vessels up to the first are drawn with the detector's pixels, above with pairs of them, above the second in fours:
their edges are as blurred as the bilinear enlargement, their points far fewer."""
TISSUE_PX, TISSUE_MM = 8, 5.0
"""The stain of the tissue is drawn in pixels this many times larger, if they stay below so many mm."""


@dataclass(frozen=True, eq=False)
class ContrastFrames:
    """(T, rows, columns) each, mm."""

    arteries: Frames
    veins: Frames
    tissue: Frames


def contrast_frames(
    vessels: Sequence[Vessel], arterial: ArterialPassage, venous: VenousPassage, tissue: Tissue, bolus: Bolus,
    times_s: FloatArray, head_to_carm: FloatArray, carm: CArm,
) -> ContrastFrames:  # fmt: skip
    """Project everything that holds contrast at the given times.

    vessels and tissue: head's frame. head_to_carm: (4, 4). times_s: (T,) after the start of the injection.
    """
    shape = (len(times_s), carm.rows, carm.columns)
    arteries, veins = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for factor in (1, 2, 4):
        if carm.rows % factor or carm.columns % factor:
            continue
        finest = 0.0 if factor == 1 else FINE_RADIUS_MM if factor == 2 else COARSE_RADIUS_MM
        widest = {1: FINE_RADIUS_MM, 2: COARSE_RADIUS_MM, 4: np.inf}[factor]
        if carm.rows % (2 * factor) or carm.columns % (2 * factor):
            widest = np.inf
        kept = [
            _tubes(vessels, passage, is_vein, finest, widest, factor, carm)
            for passage, is_vein in ((arterial, False), (venous, True))
        ]
        for target, points, curve, step in (
            (arteries, kept[0], lambda arrival, entry: bolus.arterial(times_s, arrival), ARTERY_STEP_S),
            (veins, kept[1], lambda arrival, entry: bolus.venous(times_s, entry, arrival - entry), VEIN_STEP_S),
        ):  # fmt: skip
            if points is not None:
                _mix(target, *points, step, curve, head_to_carm, carm, factor)
    stained = (tissue.fraction >= LEAST_FRACTION) & np.isfinite(tissue.arrival_s)
    factor = next(
        f for f in (TISSUE_PX, 4, 2, 1)
        if carm.rows % f == 0 and carm.columns % f == 0 and (f == 1 or f * max(carm.pixel_spacing_mm) <= TISSUE_MM)
    )  # fmt: skip
    small = np.zeros((len(times_s), carm.rows // factor, carm.columns // factor), dtype=np.float32)
    if stained.any():
        _mix(
            small, tissue.points_mm[stained], (tissue.blood_mm3 * tissue.fraction)[stained], tissue.arrival_s[stained],
            tissue.arrival_s[stained], TISSUE_STEP_S, lambda arrival, entry: bolus.capillary(times_s, arrival),
            head_to_carm, carm.binned(factor), 1,
        )  # fmt: skip
    stain = np.stack([doubled(ndimage.gaussian_filter(image, 0.8), factor.bit_length() - 1) for image in small])
    return ContrastFrames(arteries, veins, stain)


def _tubes(
    vessels: Sequence[Vessel], passage: ArterialPassage | VenousPassage, is_vein: bool, finest: float, widest: float,
    factor: int, carm: CArm,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None:  # fmt: skip
    """Points (N, 3), volumes (N,) times fraction, arrival and entry of the contrast-filled vessels of some width."""
    # Wide vessels are few: more points smooth them.
    cell_mm = (0.7 if factor == 1 else 0.42) * factor * carm.pixel_spacing_mm[0] * carm.sid_mm / carm.sdd_mm
    parts: list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]] = []
    for index, vessel in enumerate(vessels):
        width = float(np.median(vessel.radii_mm))
        filled = passage.fraction[index] >= LEAST_FRACTION
        if vessel.is_vein != is_vein or not finest <= width < widest or not filled.any():
            continue
        points, volume, owner, ahead = tube_cloud(vessel, cell_mm, filled)
        arrival = _between(passage.arrival_s[index], owner, ahead)
        entry = arrival
        if isinstance(passage, VenousPassage):
            entry = _between(passage.entry_s[index], owner, ahead)
        parts.append((points, volume * passage.fraction[index][owner], arrival, entry))
    if not parts:
        return None
    points, volumes, arrival, entry = (np.concatenate(column) for column in zip(*parts, strict=True))
    return points, volumes, arrival, entry


def _between(values: FloatArray, owner: npt.NDArray[np.intp], ahead: FloatArray) -> FloatArray:
    """(M,) values of a centreline's points at places `ahead` of them; the nearest where the next has none."""
    beside = np.clip(owner + np.sign(ahead).astype(int), 0, len(values) - 1)
    other = np.where(np.isfinite(values[beside]), values[beside], values[owner])
    return values[owner] + np.abs(ahead) * (other - values[owner])


def _mix(
    target: Frames, points_mm: FloatArray, volumes_mm3: FloatArray, arrival_s: FloatArray, entry_s: FloatArray,
    step_s: float, curve: Callable[[float, float], npt.NDArray[np.float32]], head_to_carm: FloatArray, carm: CArm,
    factor: int,
) -> None:  # fmt: skip
    """Add to the frames one image per step of arrival, as strong as the curve of arrival and entry says."""
    # Every point belongs to the two steps that it lies between, so that no front shows within a vessel.
    position = arrival_s / step_s
    lower = np.floor(position).astype(int)
    upper_share = position - lower
    bins = np.concatenate([lower, lower + 1])
    order = np.argsort(bins, kind="stable")
    steps, starts = np.unique(bins[order], return_index=True)
    placed = np.tile(apply(head_to_carm, points_mm).astype(np.float32), (2, 1))[order]
    volumes = np.concatenate([volumes_mm3 * (1 - upper_share), volumes_mm3 * upper_share]).astype(np.float32)[order]
    entries = np.tile(entry_s, 2)[order]
    small = carm.binned(factor) if factor > 1 else carm
    total = target if factor == 1 else np.zeros((len(target), small.rows, small.columns), dtype=np.float32)
    for number, start, end in zip(steps, starts, [*starts[1:], len(bins)], strict=True):
        part = slice(start, end)
        weight = volumes[part]
        strength = curve(
            number * step_s, float(np.average(entries[part], weights=weight)) if weight.any() else number * step_s
        )
        shown = np.flatnonzero(strength > 0.003)
        if not len(shown):
            continue
        image = line_integrals(placed[part], weight, np.eye(4), small)
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        if not len(rows):
            continue
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        for frame in shown:
            total[frame][window] += strength[frame] * image[window]
    if factor > 1:
        for frame, image in zip(target, total, strict=True):
            if image.any():
                frame += doubled(image, factor.bit_length() - 1)
