"""How contrast comes back: from the tissue into the nearest veins, and with all their blood into the sinuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.flow.blush import Tissue, sides_apart
from DeepIterRegLib.research.simulate.flow.haemodynamics import LEAST_FRACTION
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

FASTEST_MM_PER_S, SLOWEST_MM_PER_S = 220.0, 22.0
COLLECTORS = ("sinus", "jugular", "Galen", "plexus")
"""Words in the names of veins that get blood from other veins, not from tissue."""
TOUCHING_MM = 2.5


@dataclass(frozen=True, eq=False)
class VenousPassage:
    """Lists go by the index in the anatomy's vessels; arteries have 0 and inf."""

    flow_mm3_s: list[FloatArray]
    """(N,) at each centreline point."""
    fraction: list[FloatArray]
    """(N,) of blood that came from the catheter."""
    entry_s: list[FloatArray]
    """(N,) mean time at which the contrast at the point entered the capillaries."""
    arrival_s: list[FloatArray]
    """(N,) mean time of arrival, after the start of the injection; inf where none comes."""
    left_mm3_s: float
    """Flow that leaves through the veins that open into no other."""


def drain(
    vessels: Sequence[Vessel], shape: HeadShape, tissue: Tissue, transit_s: float, rng: np.random.Generator
) -> VenousPassage:
    """Flow, mixing and times in the veins among `vessels`.

    Tissue drains into the nearest point of a vein that is no sinus, `transit_s` (mean) after contrast has entered it.
    Where streams meet they mix; where a vein's blood divides (`upstream` of several), it does so by the cube of their
    radii. A vein without `downstream` opens into what its last point touches, else it leaves the head.
    """
    veins = [index for index, vessel in enumerate(vessels) if vessel.is_vein]
    size = [len(vessel.points_mm) for vessel in vessels]
    # At each point: flow, contrast, and contrast times its time of entry and of arrival.
    gained: list[FloatArray] = [np.zeros((4, n)) for n in size]
    _take_from_tissue(gained, veins, vessels, shape, tissue, transit_s, rng)
    receivers = _receivers(veins, vessels)
    waiting = dict.fromkeys(veins, 0)
    for outlets in receivers.values():
        for index, _, _ in outlets:
            waiting[index] += 1
    result = VenousPassage(
        [np.zeros(n) for n in size], [np.zeros(n) for n in size], [np.full(n, np.inf) for n in size],
        [np.full(n, np.inf) for n in size], 0.0,
    )  # fmt: skip
    left = 0.0
    done: set[int] = set()
    ready = [index for index in veins if not waiting[index]]
    while len(done) < len(veins):
        # A ring of veins (there should be none) is entered anywhere.
        index = ready.pop() if ready else min(set(veins) - done)
        if index in done:
            continue
        done.add(index)
        passed = _along(vessels[index], gained[index], result, index)
        last = passed[:, -1]
        if not receivers[index]:
            left += float(last[0])
        for other, at, share in receivers[index]:
            gained[other][:, at] += share * last
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    return VenousPassage(result.flow_mm3_s, result.fraction, result.entry_s, result.arrival_s, left)


def _take_from_tissue(
    gained: list[FloatArray], veins: list[int], vessels: Sequence[Vessel], shape: HeadShape, tissue: Tissue,
    transit_s: float, rng: np.random.Generator,
) -> None:  # fmt: skip
    small = [i for i in veins if _drains_tissue(vessels[i].name)] or veins
    every = 5
    owners = np.concatenate([np.full(len(vessels[i].points_mm[::every]), i) for i in small])
    at = np.concatenate([np.arange(0, len(vessels[i].points_mm), every) for i in small])
    points = np.concatenate([vessels[i].points_mm[::every] for i in small])
    nearest = cKDTree(sides_apart(points, shape)).query(sides_apart(tissue.points_mm, shape))[1]
    # Frontal veins fill before parietal ones, and no two heads alike: transit varies smoothly over the brain.
    direction = rng.normal(0, 1, (4, 3))
    waves = np.sin(tissue.points_mm @ direction.T / 28.0 + rng.uniform(0, 2 * np.pi, 4)).mean(axis=1)
    transit = transit_s * (1 + 0.25 * waves)
    contrast = tissue.flow_mm3_s * tissue.fraction
    entry = np.where(contrast > 0, np.where(np.isfinite(tissue.arrival_s), tissue.arrival_s, 0.0), 0.0)
    parts = np.stack([tissue.flow_mm3_s, contrast, contrast * entry, contrast * (entry + transit)])
    for number, target in enumerate(parts):
        for owner, where, value in zip(*_summed(owners[nearest], at[nearest], target), strict=True):
            gained[owner][number, where] += value


def _drains_tissue(name: str) -> bool:
    return name.startswith("inferior sagittal") or not any(word in name for word in COLLECTORS)


def _summed(owner: FloatArray, at: FloatArray, value: FloatArray) -> tuple[list[int], list[int], list[float]]:
    """Sums of the values that share an owner and a place."""
    key = owner.astype(np.int64) * 1_000_000 + at
    keys, inverse = np.unique(key, return_inverse=True)
    sums = np.bincount(inverse, value)
    return (keys // 1_000_000).tolist(), (keys % 1_000_000).tolist(), sums.tolist()


def _receivers(veins: list[int], vessels: Sequence[Vessel]) -> dict[int, list[tuple[int, int, float]]]:
    """For each vein what its blood goes on to: (vein, index of the point it enters at, share)."""
    result: dict[int, list[tuple[int, int, float]]] = {}
    fed_by: dict[int, list[int]] = {}
    for index in veins:
        upstream = vessels[index].upstream
        if upstream is not None and vessels[upstream].is_vein:
            fed_by.setdefault(upstream, []).append(index)
    for index in veins:
        outlets = [(other, 0) for other in fed_by.get(index, [])]
        into = vessels[index].downstream
        if into is None and not outlets:
            into = _touched(index, veins, vessels)
        if into is not None and into not in [other for other, _ in outlets]:
            end = vessels[index].points_mm[-1]
            outlets.append((into, int(((vessels[into].points_mm - end) ** 2).sum(axis=1).argmin())))
        cubes = np.array([float(vessels[other].radii_mm[at]) ** 3 for other, at in outlets])
        result[index] = [(other, at, float(c / cubes.sum())) for (other, at), c in zip(outlets, cubes, strict=True)]
    return result


def _touched(index: int, veins: list[int], vessels: Sequence[Vessel]) -> int | None:
    """The larger vein that the last point of a vein lies in or next to, if any."""
    end, radius = vessels[index].points_mm[-1], float(vessels[index].radii_mm[-1])
    best, best_gap = None, TOUCHING_MM
    for other in veins:
        if other == index or vessels[other].upstream == index or vessels[other].radii_mm.max() < radius:
            continue
        distance = np.linalg.norm(vessels[other].points_mm - end, axis=1)
        at = int(distance.argmin())
        gap = float(distance[at] - vessels[other].radii_mm[at])
        # Not into the spring of its own stream.
        if gap < best_gap and at < len(distance) - 1:
            best, best_gap = other, gap
    return best


def _along(vessel: Vessel, gained: FloatArray, result: VenousPassage, index: int) -> FloatArray:
    """(4, N) flow, contrast and its moments along a vein, given what enters at each point; fills the result."""
    flow, contrast = np.cumsum(gained[0]), np.cumsum(gained[1])
    velocity = np.clip(flow / (np.pi * vessel.radii_mm**2), SLOWEST_MM_PER_S, FASTEST_MM_PER_S)
    step = np.linalg.norm(np.diff(vessel.points_mm, axis=0), axis=1)
    transit = np.concatenate([[0.0], np.cumsum(step / velocity[:-1])])
    entry = np.cumsum(gained[2])
    # Relative to the vein's own clock what has entered keeps its time: only the clock moves on.
    arrival = np.cumsum(gained[3] - gained[1] * transit) + contrast * transit
    some = (contrast > 0) & (flow > 0)
    fraction = np.divide(contrast, flow, out=np.zeros_like(flow), where=some)
    seen = fraction >= LEAST_FRACTION
    result.flow_mm3_s[index][:] = flow
    result.fraction[index][:] = np.where(seen, fraction, 0.0)
    np.divide(entry, contrast, out=result.entry_s[index], where=seen)
    np.divide(arrival, contrast, out=result.arrival_s[index], where=seen)
    return np.stack([flow, contrast, entry, arrival])
