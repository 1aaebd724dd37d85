"""A new head's vessels for every training sample, as points that stand ready to be picked from and projected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.arteries.arteries import grow_arteries
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.veins.veins import grow_veins
from DeepIterRegLib.research.simulate.vessels.tube_points import tube_points
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

FIRST_TRAINING_SEED = 10_000_000
"""Simulated patients have smaller seeds: no head is both trained on and tested on."""
STRIDE = 3
"""Of the centreline's points only every third is filled: 1.2 mm, finer than the network's images."""
CELL_MM = 1.3
TWIG_ENDINGS = (" twig", " tributary")
SIDE_SIGN = {"left": -1, "middle": 0, "right": 1}

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scan:
    """What is somebody's own in a head that was made from their CTA (`scanned_anatomy`)."""

    centre_mm: FloatArray
    """(3,) centre of the CTA, the head's frame."""
    is_scanned: BoolArray
    """(N,) points of the CTA; the others are lent by a generated head."""
    is_large_vein: BoolArray
    """(N,) points that the CTA's segmentation takes for large veins."""


@dataclass(frozen=True, eq=False)
class TrainingAnatomy:
    """N points that fill V vessels, veins first. Frame: the head's (RAS, mm about the middle of the brain)."""

    points_mm: Floats
    """(N, 3)."""
    volumes_mm3: Floats
    """(N,) what each point stands for."""
    vessel: npt.NDArray[np.int32]
    """(N,) number of the vessel that a point lies in; does not fall."""
    along: Floats
    """(N,) how far along its vessel a point lies, with the blood: 0 to 1."""
    radius_mm: Floats
    """(N,) of the vessel there."""
    vein_points: int
    """The first so many points are veins'."""
    names: tuple[str, ...]
    """(V,)."""
    kind: npt.NDArray[np.str_]
    """(V,) name without the side, and without "twig" or "tributary": "transverse sinus", "M4 angular"."""
    is_twig: BoolArray
    """(V,) smaller branches of the vessel of the same kind."""
    side: npt.NDArray[np.int8]
    """(V,) -1 left, 0 middle, 1 right."""
    is_vein: BoolArray
    """(V,)."""
    follows_skull: BoolArray
    """(V,) the paper's "veins that surround the skull"."""
    mean_radius_mm: FloatArray
    """(V,)."""
    length_mm: FloatArray
    """(V,)."""
    middle_mm: FloatArray
    """(V, 3) mean of its points."""
    trunk: npt.NDArray[np.int32]
    """(V,) the vein that a vein opens into; -1 for jugular veins and arteries."""
    root: npt.NDArray[np.str_]
    """(V,) name of the neck artery (or "basilar") from which an artery fills; "" for veins."""
    scan: Scan | None = None
    """None for a head that nobody has."""

    def __len__(self) -> int:
        return len(self.points_mm)

    @property
    def vein_count(self) -> int:
        return int(self.is_vein.sum())

    @classmethod
    def draw(cls, seed: int) -> TrainingAnatomy:
        """The vessels of head `seed` (>= 0; training begins at FIRST_TRAINING_SEED); equal seeds, equal heads."""
        shape = HeadShape.random(stream(seed, "training head shape"))
        veins, _ = grow_veins(shape, stream(seed, "training veins"), 0)
        arteries, _ = grow_arteries(shape, stream(seed, "training arteries"))
        return cls.of_vessels(veins, arteries)

    @classmethod
    def of_vessels(cls, veins: list[Vessel], arteries: list[Vessel]) -> TrainingAnatomy:
        """Grown vessels as points. Veins' `downstream` counts from the first vein, arteries' from the first artery."""
        vessels = [*veins, *arteries]
        points, volumes, owner, along, radius = _filled(vessels)
        return cls(
            points_mm=points,
            volumes_mm3=volumes,
            vessel=owner,
            along=along,
            radius_mm=radius,
            vein_points=int(np.searchsorted(owner, len(veins))),
            names=tuple(vessel.name for vessel in vessels),
            kind=np.array([_kind(vessel.name) for vessel in vessels]),
            is_twig=np.array([vessel.name.endswith(TWIG_ENDINGS) for vessel in vessels]),
            side=np.array([SIDE_SIGN[vessel.side] for vessel in vessels], dtype=np.int8),
            is_vein=np.arange(len(vessels)) < len(veins),
            follows_skull=np.array([vessel.follows_skull for vessel in vessels]),
            mean_radius_mm=np.array([vessel.radii_mm.mean() for vessel in vessels]),
            length_mm=np.array([vessel.arc_mm[-1] for vessel in vessels]),
            middle_mm=np.array([vessel.points_mm.mean(axis=0) for vessel in vessels]),
            trunk=np.array(
                [-1 if vessel.downstream is None or not vessel.is_vein else vessel.downstream for vessel in vessels],
                dtype=np.int32,
            ),
            root=np.array([*[""] * len(veins), *_roots(arteries)]),
        )


def _filled(vessels: list[Vessel]) -> tuple[Floats, Floats, npt.NDArray[np.int32], Floats, Floats]:
    """Points, volumes, vessel, place along it and radius there, of all vessels."""
    # One call for all of them: joined end to end they make one long vessel, whose few odd tangents do not show.
    centre = np.concatenate([vessel.points_mm[::STRIDE] for vessel in vessels])
    radii = np.concatenate([vessel.radii_mm[::STRIDE] for vessel in vessels])
    counts = np.array([len(vessel.points_mm[::STRIDE]) for vessel in vessels])
    number = np.repeat(np.arange(len(vessels), dtype=np.int32), counts)
    place = np.arange(len(centre)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = place / np.repeat([max(1, (len(vessel.points_mm) - 1) / STRIDE) for vessel in vessels], counts)
    chain = Vessel("", centre, radii, False, "middle")
    with np.errstate(invalid="ignore"):
        points, volumes, owner = tube_points(chain, CELL_MM)
    good = np.isfinite(points).all(axis=1)
    points, volumes, owner = points[good], STRIDE * volumes[good], owner[good]
    return (
        points.astype(np.float32),
        volumes.astype(np.float32),
        number[owner],
        np.minimum(share, 1)[owner].astype(np.float32),
        radii[owner].astype(np.float32),
    )


def _kind(name: str) -> str:
    for ending in (*TWIG_ENDINGS, " left", " right"):
        name = name.removesuffix(ending)
    return name


def _roots(arteries: list[Vessel]) -> list[str]:
    """For every artery the neck artery that it fills from; the basilar artery, which has two, is a root of its own."""
    roots: list[str] = []
    for artery in arteries:
        is_root = artery.upstream is None or artery.name == "basilar"
        roots.append(artery.name if is_root or artery.upstream is None else roots[artery.upstream])
    return roots
