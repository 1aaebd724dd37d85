"""The arteries of neck and skull base that a scan of the brain leaves out: generated ones, led to the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.arteries.carotid import grow_carotid
from DeepIterRegLib.research.simulate.arteries.external_carotid import grow_external_carotid
from DeepIterRegLib.research.simulate.arteries.posterior import grow_vertebrobasilar
from DeepIterRegLib.research.simulate.arteries.willis import SIDES
from DeepIterRegLib.research.simulate.vessels.artery_tree import ArteryTree, vessels
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel, centreline

LED_OVER_MM = 45.0
"""Length over which a generated artery bends towards the real one that it leads to."""
GRAFT_MM = 15.0
"""Length over which a generated branch forgets that its origin was moved."""
REAL_BRANCH_MM = 20.0
"""A branch of which this much is in the real tree is not generated once more."""
SHORTEST_BASILAR_MM = 8.0
TRUNK_RADII_MM = 1.5


def completed(tree: ArteryTree, rng: np.random.Generator) -> tuple[list[Vessel], dict[str, str]]:
    """The vessels of a real tree, in the template, supplied by generated ones from the neck; and what was drawn.

    tree: roots named "ICA right", "ICA left" and "basilar". Added: carotids up to where the real ones begin, with their
    ophthalmic and anterior choroidal arteries, external carotids, vertebrals, and the cerebellar arteries it lacks.
    """
    generated = ArteryGrower(rng, float(np.clip(np.exp(rng.normal(0, 0.28)), 0.5, 1.8)), 1.0)
    carotids = {side: grow_carotid(generated, side) for side in SIDES}
    for side in SIDES:
        grow_external_carotid(generated, side, carotids[side])
    basilar = grow_vertebrobasilar(generated)
    real = vessels(_with_trunks(tree))
    merged = _Merged(generated.vessels, real)
    for side in SIDES:
        merged.lead(carotids[side], f"ICA {side}")
    if merged.real_vertebrals:
        merged.lead_vertebrals(basilar)
    else:
        merged.join_vertebrals(basilar)
    merged.add_branches([*carotids.values(), basilar])
    variants = generated.variants
    if merged.real_vertebrals or merged.widened > 1.1:
        variants = {name: value for name, value in variants.items() if value != "hypoplastic"}
    if merged.real_vertebrals:
        variants.pop("dominant vertebral artery", None)
    return merged.vessels, {name: value for name, value in variants.items() if not name.startswith("carotid siphon")}


@dataclass(eq=False)
class _Merged:
    """The real vessels, then the generated ones that are kept, in the order parents first."""

    generated: list[Vessel]
    real: list[Vessel]
    vessels: list[Vessel] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)
    """Where the generated vessels have gone."""
    widened: float = 1.0
    """What the vertebral arteries were multiplied with, to feed a real basilar artery wider than they were drawn."""

    def __post_init__(self) -> None:
        # The V4 come before the basilar artery that they feed.
        for number, vessel in enumerate([] if self.real_vertebrals else self.generated):
            if vessel.name.startswith(("VA ", "V4 ")) and "twig" not in vessel.name:
                self._append(number, vessel)
        first = len(self.vessels)
        self.vessels += [
            replace(
                vessel,
                upstream=None if vessel.upstream is None else vessel.upstream + first,
                downstream=None if vessel.downstream is None else vessel.downstream + first,
            )
            for vessel in self.real
        ]

    @property
    def real_vertebrals(self) -> bool:
        """Whether the real tree begins in the vertebral arteries, not in the basilar artery."""
        return any(vessel.name.startswith("VA ") for vessel in self.real)

    def lead_vertebrals(self, basilar: int) -> None:
        """Put the lower parts of the generated vertebral arteries before the real ones."""
        for number, vessel in enumerate(self.generated):
            if vessel.name in ("VA right", "VA left"):
                self.lead(number, vessel.name)
            elif vessel.name in ("V4 right", "V4 left"):
                self.place[number] = self._named(vessel.name)
        self.place[basilar] = self._named("basilar")

    def _append(self, number: int, vessel: Vessel) -> None:
        upstream = None if vessel.upstream is None else self.place[vessel.upstream]
        self.place[number] = len(self.vessels)
        self.vessels.append(replace(vessel, upstream=upstream, downstream=None))

    def _root(self, name: str) -> int:
        return next(n for n, vessel in enumerate(self.vessels) if vessel.name == name and vessel.upstream is None)

    def lead(self, number: int, name: str) -> None:
        """Put the lower part of a generated artery before the real one of that name."""
        at, root = self.generated[number], self._root(name)
        real = self.vessels[root]
        lower, count = _led_to(at.points_mm, real.points_mm[:20])
        # As wide as the real one: a thin neck would throttle what the scan shows to be fed.
        radii = at.radii_mm[:count] * np.median(real.radii_mm[:30]) / at.radii_mm[count]
        points = np.concatenate([lower, real.points_mm])
        self.vessels[root] = replace(real, points_mm=points, radii_mm=np.concatenate([radii, real.radii_mm]))
        self.place[number] = root

    def join_vertebrals(self, number: int) -> None:
        """Let both V4 open into the real basilar artery, which is lengthened down to where they meet."""
        root = self._root("basilar")
        real, at = self.vessels[root], self.generated[number]
        top, join = real.points_mm[0], at.points_mm[0]
        if top[2] < join[2] + SHORTEST_BASILAR_MM:
            join = top + [0.0, -1.5, -3.0]
        supply = [n for n, vessel in enumerate(self.generated) if vessel.downstream == number]
        wide = np.cbrt(sum(self.generated[n].radii_mm[-1] ** 3 for n in supply))
        self.widened = max(1.0, float(np.median(real.radii_mm[:30])) / float(wide))
        for n, drawn in enumerate(self.generated):
            if n in self.place and drawn.name.startswith(("VA ", "V4 ")):
                was = self.vessels[self.place[n]]
                self.vessels[self.place[n]] = replace(was, radii_mm=self.widened * was.radii_mm)
        lower = centreline(np.stack([join, 0.5 * (join + top) + [0.0, 0.6, 0.0], top]))[:-1]
        radii = np.linspace(max(real.radii_mm[0], 0.8 * at.radii_mm[0]), real.radii_mm[0], len(lower))
        for old, vessel in enumerate(self.generated):
            if old in self.place and vessel.downstream == number:
                moved = _shifted(vessel.points_mm, join - vessel.points_mm[-1], from_end=True)
                mine = self.place[old]
                self.vessels[mine] = replace(self.vessels[mine], points_mm=moved, downstream=root)
        feeder = self.place[int(at.upstream or 0)]
        points = np.concatenate([lower, real.points_mm])
        self.vessels[root] = replace(
            real, points_mm=points, radii_mm=np.concatenate([radii, real.radii_mm]), upstream=feeder
        )
        self.place[number] = root

    def add_branches(self, trunks: list[int]) -> None:
        """The generated arteries that hang on what was kept, unless the real tree has them."""
        length: dict[str, float] = {}
        for vessel in self.real:
            name = vessel.name.removesuffix(" twig")
            length[name] = length.get(name, 0.0) + STEP_MM * len(vessel.points_mm)
        for number, vessel in enumerate(self.generated):
            name = vessel.name.removesuffix(" twig")
            if number in self.place or number in trunks or length.get(name, 0.0) > REAL_BRANCH_MM:
                continue
            side = SIDES[0] if vessel.side == "right" else SIDES[1]
            host = self.vessels[self._named(f"ICA {side}") if vessel.upstream is None else self.place[vessel.upstream]]
            start = vessel.points_mm[0]
            origin = host.points_mm[int(np.argmin(((host.points_mm - start) ** 2).sum(axis=1)))]
            self._append(number, replace(vessel, points_mm=_shifted(vessel.points_mm, origin - start)))

    def _named(self, name: str) -> int:
        return next(n for n, vessel in enumerate(self.vessels) if vessel.name == name)


def _with_trunks(tree: ArteryTree) -> ArteryTree:
    """Roots that are cut off right at their first fork get a millimetre of trunk, so that there is one to feed."""
    parent = tree.parent
    follows = {int(parent[n]) for n in np.flatnonzero(parent >= 0) if tree.names[n] == tree.names[parent[n]]}
    bare = [int(root) for root in np.flatnonzero(parent < 0) if int(root) not in follows]
    if not bare:
        return tree
    count, up = len(bare), parent + len(bare)
    up[parent < 0] = -1
    up[bare] = np.arange(count)
    return ArteryTree(
        np.concatenate([tree.nodes_mm[bare] + [0.0, -0.3, -1.0], tree.nodes_mm]),
        np.concatenate([np.full(count, -1), up]).astype(np.intp),
        np.concatenate([np.maximum(tree.radii_mm[bare], TRUNK_RADII_MM), tree.radii_mm]),
        (*(tree.names[root] for root in bare), *tree.names),
        tuple((a + count, b + count) for a, b in tree.joins),
    )


def _led_to(path: FloatArray, start: FloatArray) -> tuple[FloatArray, int]:
    """The part of a generated course before where it is most like the real start, bent to end there; its length."""
    heading = np.gradient(path, axis=0)
    heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-9)
    real = start[-1] - start[0]
    real = real / max(float(np.linalg.norm(real)), 1e-9)
    unlike = np.linalg.norm(path - start[0], axis=1) / 4.0 - 1.5 * heading @ real
    at = max(int(np.argmin(unlike)), 4)
    return _shifted(path[: at + 1], start[0] - path[at], from_end=True, over_mm=LED_OVER_MM)[:-1], at


def _shifted(path: FloatArray, by: FloatArray, from_end: bool = False, over_mm: float = GRAFT_MM) -> FloatArray:
    """A centreline whose first (or last) point is moved by `by` and the rest less and less."""
    s = STEP_MM * np.arange(len(path))
    share = _ease(1 - (s[::-1] if from_end else s) / over_mm)
    return path + share[:, None] * by


def _ease(t: FloatArray) -> FloatArray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
