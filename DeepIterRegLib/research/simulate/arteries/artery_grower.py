"""The arteries of one patient while they grow: named trunks through waypoints, cortical trees by space colonisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.growth import Branch, Growth, branches, colonise, pruned, smoothed
from DeepIterRegLib.research.simulate.vessels.murray import radii_from_terminals
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Side, Vessel, centreline, tapered

LEAST_RADIUS_MM = 0.33
"""Ends of the trees: about the thinnest arteries that a DSA of 0.3 mm pixels shows one by one."""

GROWTH_STEP_MM = 2.0


@dataclass(eq=False)
class ArteryGrower:
    """Grows in the template frame; vessels are in the order parents before children."""

    rng: np.random.Generator
    tortuosity: float
    """1 is an average adult; arteries elongate with age and pressure."""
    calibre: float
    """Common factor of all radii."""
    vessels: list[Vessel] = field(default_factory=list)
    variants: dict[str, str] = field(default_factory=dict)

    def add(
        self, name: str, side: Side, waypoints_mm: FloatArray | Sequence[Any],
        radii_mm: Sequence[float], upstream: int | None, *, downstream: int | None = None, jitter_mm: float = 1.0,
        wiggle_mm: float = 0.4,
    ) -> int:  # fmt: skip
        """Append a trunk through jittered waypoints (M, 3); returns its index.

        The first waypoint stays where it is, and the last one too where the vessel opens into another (`downstream`).
        """
        points = np.array(waypoints_mm, dtype=np.float64)
        last = len(points) - (downstream is not None)
        points[1:last] += self.rng.normal(0, 1, points[1:last].shape) * jitter_mm
        curve = self.bent(centreline(points), wiggle_mm, downstream is not None)
        radii = self.calibre * float(self.rng.uniform(0.94, 1.06)) * tapered(len(curve), *radii_mm)
        self.vessels.append(Vessel(name, curve, radii, False, side, upstream, downstream=downstream))
        return len(self.vessels) - 1

    def bent(self, points_mm: FloatArray, amplitude_mm: float, keep_end: bool = False) -> FloatArray:
        """A centreline with smooth random waves, none at its start (and end, if kept)."""
        s = STEP_MM * np.arange(len(points_mm))
        wave = np.zeros_like(points_mm)
        for wavelength_mm, share in ((34.0, 0.6), (17.0, 0.5), (9.0, 0.25)):
            phase = self.rng.uniform(0, 2 * np.pi, 3)
            wave += share * self.rng.normal(0, 1, 3) * np.sin(2 * np.pi * s[:, None] / wavelength_mm + phase)
        fade = np.clip(s / 10.0, 0, 1)
        if keep_end:
            fade = fade * np.clip((s[-1] - s) / 10.0, 0, 1)
        return points_mm + self.tortuosity * amplitude_mm * fade[:, None] * wave

    def point(self, vessel: int, fraction: float) -> FloatArray:
        """(3,) point at a fraction of a vessel's length."""
        points = self.vessels[vessel].points_mm
        return points[round(fraction * (len(points) - 1))].copy()

    def heading(self, vessel: int, fraction: float = 1.0) -> FloatArray:
        """(3,) unit tangent at a fraction of a vessel's length."""
        points = self.vessels[vessel].points_mm
        at = int(np.clip(round(fraction * (len(points) - 1)), 4, len(points) - 1))
        step = points[at] - points[at - 4]
        return step / max(float(np.linalg.norm(step)), 1e-9)

    def radius(self, vessel: int, fraction: float = 1.0) -> float:
        """Radius, mm, at a fraction of a vessel's length."""
        radii = self.vessels[vessel].radii_mm
        return float(radii[round(fraction * (len(radii) - 1))])

    def cut(self, vessel: int, length_mm: float) -> None:
        """Shorten the vessel to `length_mm` from its start, if it is longer."""
        whole = self.vessels[vessel]
        keep = round(length_mm / STEP_MM) + 1
        self.vessels[vessel] = replace(whole, points_mm=whole.points_mm[:keep], radii_mm=whole.radii_mm[:keep])

    def grow(
        self, trunks: Sequence[int], attractors_mm: FloatArray, onto: Callable[[FloatArray], FloatArray],
        within: Callable[[FloatArray], FloatArray], *, from_fraction: Sequence[float], kill_mm: float = 5.5,
        influence_mm: float = 28.0, shortest_mm: float = 10.0, wave_mm: float = 2.6, inertia: float = 0.45,
    ) -> None:  # fmt: skip
        """Let the trunks branch towards the attractors (K, 3); a trunk's own end grows on as part of the trunk.

        from_fraction: where along each trunk branching begins. onto: brings growing tips onto the surface; within:
        brings bent branches back into the space that they may not leave. wave_mm: amplitude of the meanders.
        Radii: Murray's law from the ends up, the trunk's radius the limit.
        """
        seeds: list[FloatArray] = []
        parents: list[int] = []
        owner: list[int] = []
        for trunk, fraction in zip(trunks, from_fraction, strict=True):
            points = self.vessels[trunk].points_mm
            at = np.unique(np.append(np.arange(round(fraction * (len(points) - 1)), len(points), 5), len(points) - 1))
            parents += [len(seeds) + number - 1 if number else -1 for number in range(len(at))]
            seeds += list(points[at])
            owner += [trunk] * len(at)
        growth = colonise(
            np.array(seeds), attractors_mm, GROWTH_STEP_MM, kill_mm, influence_mm,
            seed_parent=np.array(parents, dtype=np.intp), onto=onto, inertia=inertia,
        )  # fmt: skip
        growth = smoothed(pruned(growth, shortest_mm), 3)
        chains = branches(growth)
        nodes = self._meandering(growth, chains, wave_mm)
        nodes[growth.seeds :] = within(nodes[growth.seeds :])
        radii = self.calibre * radii_from_terminals(growth.parent, LEAST_RADIUS_MM)
        index_of: dict[int, int] = {}
        for number, chain in enumerate(chains):
            grown = chain.nodes[chain.nodes >= growth.seeds]
            if chain.parent is None:
                index_of[number] = owner[chain.nodes[0]]
                self._lengthen(index_of[number], nodes[grown], radii[grown])
            else:
                index_of[number] = self._branch(index_of[chain.parent], nodes[chain.nodes], radii[grown])

    def _branch(self, parent: int, points: FloatArray, radii: FloatArray) -> int:
        vessel = self.vessels[parent]
        name = vessel.name if vessel.name.endswith("twig") else f"{vessel.name} twig"
        curve = centreline(points)
        at = int(np.argmin(((vessel.points_mm - curve[0]) ** 2).sum(axis=1)))
        along = np.interp(np.linspace(0, 1, len(curve)), np.linspace(0, 1, len(radii)), radii)
        along = np.minimum(along * self.rng.uniform(0.92, 1.12), 0.95 * vessel.radii_mm[at])
        self.vessels.append(Vessel(name, curve, along, False, vessel.side, parent))
        return len(self.vessels) - 1

    def _lengthen(self, trunk: int, points: FloatArray, radii: FloatArray) -> None:
        """Continue the trunk through the nodes that grew at its end."""
        if not len(points):
            return
        vessel = self.vessels[trunk]
        tail = centreline(np.concatenate([vessel.points_mm[-1:], points]))[1:]
        end = vessel.radii_mm[-1]
        along = np.interp(np.linspace(0, 1, len(tail)), np.linspace(0, 1, len(radii)), radii)
        # From the trunk's radius to the grown tree's without a step.
        fade = np.exp(-STEP_MM * np.arange(len(tail)) / 12)
        along = np.minimum(along + fade * (end - along[0]), end)
        self.vessels[trunk] = replace(
            vessel,
            points_mm=np.concatenate([vessel.points_mm, tail]),
            radii_mm=np.concatenate([vessel.radii_mm, along]),
        )

    def _meandering(self, growth: Growth, chains: Sequence[Branch], wave_mm: float) -> FloatArray:
        """The grown nodes moved by smooth random waves, each chain by its own: neighbours do not run in step.

        A chain begins with its parent's displacement at the fork, so that it stays attached; seeds stay where they are.
        """
        waves = 18
        wavelength = np.exp(self.rng.uniform(np.log(10.0), np.log(34.0), waves))
        direction = self.rng.normal(size=(waves, 3))
        wave = 2 * np.pi * direction / np.linalg.norm(direction, axis=1, keepdims=True) / wavelength[:, None]
        # Amplitude grows with wavelength, so that every scale bends about as sharply.
        share = self.rng.normal(size=(waves, 3)) * (wavelength / 15)[:, None] * np.sqrt(2 / waves)
        phases = growth.nodes_mm @ wave.T
        shift = np.zeros_like(growth.nodes_mm)
        for chain in chains:
            grown = chain.nodes[chain.nodes >= growth.seeds]
            if not len(grown):
                continue
            run = np.arange(1, len(grown) + 1)[:, None] * GROWTH_STEP_MM
            own = np.sin(phases[grown] + self.rng.uniform(0, 2 * np.pi, waves)) @ share
            shift[grown] = np.exp(-run / 12) * shift[growth.parent[grown[0]]] + np.clip(run / 10, 0, 1) * own
        return growth.nodes_mm + wave_mm * self.tortuosity * shift
