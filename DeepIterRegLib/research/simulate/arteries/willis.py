"""The circle of Willis: which of its arteries are there, how wide, and the arteries themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.vessels.vessel import Side

SIDES: tuple[Side, Side] = ("right", "left")
# The shares below are chosen within what the larger series report, which differ by modality and by their threshold for
# "hypoplastic" (Krabbe-Hartkamp et al., Radiology 207:103 (1998) set the classification): Eaton et al., Brain
# Circulation 6:31 (2020: DSA, complete in 37 %); Hindenes et al., PLoS ONE 15:e0241373 (2020: complete
# in 11.9 %, only both PCOM missing or below 1 mm in 27.8 %); 2246 men in BioMed Research International 2015:976340
# (complete in 12 %, anterior part in 79 %). Full and partial fetal type: van Raamt et al., Cerebrovasc Dis 22:217
# (2006).
A1_ABSENT, A1_HYPOPLASTIC = 0.04, 0.10
"""Of people, one side."""
ACOM_ABSENT = 0.10
PCOM_BOTH_SMALL = 0.28
PCOM_ABSENT, PCOM_HYPOPLASTIC = 0.12, 0.20
"""Of sides, when not both are small."""
FETAL_FULL, FETAL_PARTIAL = 0.05, 0.08
"""Of sides."""


@dataclass(frozen=True)
class Circle:
    """Radii in mm; 0 where an artery is absent."""

    a1: dict[Side, float]
    acom: float
    pcom: dict[Side, float]
    p1: dict[Side, float]
    variants: dict[str, str]

    @classmethod
    def random(cls, rng: np.random.Generator) -> Circle:
        """One person's circle. Every territory keeps a way in: a missing A1 comes with a wide ACOM and other A1."""
        variants: dict[str, str] = {}
        a1 = {side: float(rng.normal(1.15, 0.1)) for side in SIDES}
        acom = 0.0 if rng.random() < ACOM_ABSENT else float(rng.uniform(0.4, 0.9))
        draw, weak = rng.random(), SIDES[int(rng.random() < 0.45)]
        if draw < A1_ABSENT + A1_HYPOPLASTIC:
            a1[weak] = 0.0 if draw < A1_ABSENT else float(rng.uniform(0.35, 0.5))
            a1["left" if weak == "right" else "right"] = float(rng.uniform(1.25, 1.45))
            acom = float(rng.uniform(0.8, 1.1))
            variants[f"A1 {weak}"] = "absent" if draw < A1_ABSENT else "hypoplastic"
        if acom == 0:
            variants["ACOM"] = "absent"
        pcom, p1 = {}, {}
        both_small = rng.random() < PCOM_BOTH_SMALL
        for side in SIDES:
            draw, size = rng.random(), rng.random()
            pcom[side], p1[side] = 0.55 + 0.3 * size, 1.05 + 0.2 * size
            kind = ""
            if draw < FETAL_FULL:
                pcom[side], p1[side], kind = 1.0 + 0.2 * size, 0.0, "fetal, full"
            elif draw < FETAL_FULL + FETAL_PARTIAL:
                pcom[side], p1[side], kind = 0.9 + 0.2 * size, 0.4 + 0.15 * size, "fetal, partial"
            elif both_small:
                kind = "absent" if size < 0.5 else "hypoplastic"
            elif draw < FETAL_FULL + FETAL_PARTIAL + PCOM_ABSENT:
                kind = "absent"
            elif draw < FETAL_FULL + FETAL_PARTIAL + PCOM_ABSENT + PCOM_HYPOPLASTIC:
                kind = "hypoplastic"
            if kind in ("absent", "hypoplastic"):
                pcom[side] = 0.0 if kind == "absent" else 0.3 + 0.18 * size
                variants[f"PCOM {side}"] = kind
            elif kind:
                variants[f"PCA {side}"] = kind
        return cls(a1, acom, pcom, p1, variants)


def grow_anterior_part(
    tree: ArteryGrower, circle: Circle, carotids: dict[Side, int], azygos: bool
) -> dict[Side, tuple[int, FloatArray]]:
    """A1 and ACOM; returns, per side, the vessel and the point on it from which A2 goes on.

    azygos: the A1s meet where the one A2 begins; a stump of ACOM stands for their fusion.
    """
    rng = tree.rng
    meeting = np.array([rng.normal(0, 1.0), 22 + rng.normal(0, 1.5), -17.5 + rng.normal(0, 1.5)])
    half = 0.6 if azygos else rng.uniform(1.2, 2.4)
    acom_mm = max(circle.acom, 1.0) if azygos else circle.acom
    origin: dict[Side, tuple[int, FloatArray]] = {}
    for side in sorted(SIDES, key=lambda one: -circle.a1[one]):
        s = 1.0 if side == "right" else -1.0
        if circle.a1[side] == 0:
            continue
        start = tree.point(carotids[side], 1.0)
        end = meeting + [s * half, 0, 0]
        bend = 0.5 * (start + end) + rng.normal(0, 1.5, 3) + [0, 1.5, rng.normal(0.5, 1.8)]
        a1 = tree.add(f"A1 {side}", side, [start, bend, end], (circle.a1[side],) * 2, carotids[side],
                      jitter_mm=0.2, wiggle_mm=0.3)  # fmt: skip
        origin[side] = (a1, tree.point(a1, 1.0))
    if len(origin) == 1:
        (given,) = origin
        lacking: Side = "left" if given == "right" else "right"
        s = 1.0 if lacking == "right" else -1.0
        first, start = origin[given]
        end = start + [s * rng.uniform(2.5, 4.5), rng.normal(0, 0.5), rng.normal(0, 0.5)]
        acom = tree.add("ACOM", "middle", [start, end], (acom_mm,) * 2, first, jitter_mm=0, wiggle_mm=0)
        origin[lacking] = (acom, tree.point(acom, 1.0))
    elif acom_mm > 0:
        wide = max(SIDES, key=lambda one: circle.a1[one])
        other: Side = "left" if wide == "right" else "right"
        tree.add("ACOM", "middle", [origin[wide][1], origin[other][1]], (acom_mm,) * 2, origin[wide][0],
                 downstream=origin[other][0], jitter_mm=0, wiggle_mm=0)  # fmt: skip
    return origin


def communicating_waypoints(tree: ArteryGrower, s: float, carotid: int, p2_start: FloatArray) -> list[FloatArray]:
    """PCOM from the carotid's posterior wall to where P1 becomes P2, above the oculomotor nerve."""
    start = tree.point(carotid, 0.955)
    middle = 0.5 * (start + p2_start) + tree.rng.normal(0, 0.9, 3) + [s * 0.6, 0, 0.3]
    return [start, middle, p2_start]
