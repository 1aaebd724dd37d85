"""The arteries of a simple patient: two carotids with siphon, ACA and MCA with branches, vertebrals, basilar, PCA."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.skull import Skull
from DeepIterRegLib.research.simulate.vessels.vessel import Side, Vessel, centreline, tapered, tortuous

# Where the branches end, as a lateral view shows them: (name, y, z) in mm. Course and names: Osborn, "Diagnostic
# Cerebral Angiography" (1999), drawn from memory of the anatomy, not digitised.
MCA_SUPERIOR = (
    ("orbitofrontal", 56, -8), ("prefrontal", 58, 22), ("precentral", 30, 49), ("central", 8, 56),
    ("anterior parietal", -14, 55), ("posterior parietal", -38, 46),
)  # fmt: skip
MCA_INFERIOR = (
    ("angular", -58, 28), ("temporo-occipital", -69, 4), ("posterior temporal", -52, -14),
    ("middle temporal", -24, -26), ("anterior temporal", 10, -30), ("temporopolar", 30, -28),
)  # fmt: skip
ACA_BRANCHES = (
    ("orbitofrontal", 52, -16), ("frontopolar", 69, 6), ("anterior frontal", 60, 32), ("middle frontal", 38, 50),
    ("posterior frontal", 12, 57), ("paracentral", -14, 56), ("precuneal", -42, 46),
)  # fmt: skip


class ArteryGrower:
    """Grows one patient's arteries; `vessels` is the result, parents before their branches."""

    def __init__(self, skull: Skull, rng: np.random.Generator) -> None:
        self.skull, self.rng = skull, rng
        self.vessels: list[Vessel] = []

    def add(
        self, name: str, side: Side, waypoints: FloatArray, radii_mm: tuple[float, ...], upstream: int | None,
        wiggle_mm: float = 0.4, jitter_mm: float = 1.2,
    ) -> int:  # fmt: skip
        """Append a vessel through jittered waypoints (the first stays, so that it is attached); returns its index."""
        points = np.asarray(waypoints, dtype=np.float64).copy()
        points[1:] += self.rng.normal(0, jitter_mm, points[1:].shape)
        curve = tortuous(centreline(points), wiggle_mm, self.rng)
        scale = float(self.rng.uniform(0.92, 1.08))
        radii = scale * tapered(len(curve), *radii_mm)
        self.vessels.append(Vessel(name, curve, radii, False, side, upstream))
        return len(self.vessels) - 1

    def point(self, vessel: int, fraction: float) -> FloatArray:
        """(3,) point at a fraction of a vessel's length."""
        points = self.vessels[vessel].points_mm
        return points[round(fraction * (len(points) - 1))]

    def surface_path(self, start: FloatArray, target: FloatArray, steps: int = 4) -> list[FloatArray]:
        """Waypoints from `start` to `target` that hug the brain's surface, a few mm below the inner table."""
        path = []
        for t in np.linspace(0, 1, steps + 1)[1:]:
            between = (1 - t) * start + t * target
            path.append(self.skull.on_table(between, self.rng.uniform(3.5, 8.0))[0])
        return path

    def twigs(self, parent: int, side: Side, sign: float, count: int, medial: bool = False) -> None:
        """Side branches of a cortical branch."""
        for _ in range(count):
            start = self.point(parent, self.rng.uniform(0.35, 0.9))
            target = start + self.rng.normal(0, 15, 3)
            if medial:
                target[0] = sign * 3.0
                waypoints = [start, (start + target) / 2, target]
                inside = float(self.skull.depth_below_table(*np.split(target, 3))[0])
                if inside < 4:
                    continue
            else:
                target[0] = sign * max(sign * target[0], 8.0)
                waypoints = [start, *self.surface_path(start, target, 3)]
            self.add(self.vessels[parent].name + " twig", side, np.array(waypoints), (0.45, 0.3), parent, 1.6)

    def carotid(self, side: Side) -> None:
        """Internal carotid artery of one side with ACA, MCA and the ophthalmic artery."""
        s = 1.0 if side == "right" else -1.0
        mirror = np.array([s, 1, 1])
        neck = np.array([
            [27, -20, -140], [25, -14, -101], [26, -9, -84], [24, -3, -70],  # cervical
            [23, 0, -58], [21, 2, -52],  # carotid canal
            [16, 6, -50], [12, 8, -46], [11.5, 5, -40], [12.5, 10, -36],  # petrous, posterior genu
            [13, 20, -36], [12.5, 26, -31], [11.5, 20, -26.5], [10.5, 12, -26], [11, 10, -20],  # siphon, terminus
        ])  # fmt: skip
        ica = self.add(f"ICA {side}", side, neck * mirror, (2.5, 2.4, 2.2, 1.9, 1.7), None, 0.25, 0.7)
        ophthalmic = np.array([[12, 26, -31], [16, 36, -24], [24, 50, -22], [28, 62, -20]]) * mirror
        ophthalmic[0] = self.point(ica, 0.86)
        self.add(f"ophthalmic {side}", side, ophthalmic, (0.6, 0.35), ica, 0.5)
        terminus = self.point(ica, 1.0)
        m1 = self.add(
            f"M1 {side}", side, np.array([terminus, [20 * s, 13, -18], [29 * s, 11, -17], [35 * s, 8, -15]]),
            (1.5, 1.3), ica, 0.3,
        )  # fmt: skip
        end = self.point(m1, 1.0)
        superior = self.add(
            f"M2 superior {side}", side, np.array([end, [39 * s, 14, -8], [40 * s, 10, 2], [42 * s, -4, 9]]),
            (1.15, 0.9), m1, 0.7,
        )  # fmt: skip
        inferior = self.add(
            f"M2 inferior {side}", side, np.array([end, [40 * s, 2, -12], [42 * s, -12, -6], [45 * s, -28, 1]]),
            (1.15, 0.9), m1, 0.7,
        )  # fmt: skip
        for trunk, branches in ((superior, MCA_SUPERIOR), (inferior, MCA_INFERIOR)):
            for number, (name, lateral_y, lateral_z) in enumerate(branches):
                order = number if trunk == superior else len(branches) - 1 - number
                start = self.point(trunk, 0.25 + 0.75 * order / (len(branches) - 1))
                y, z = lateral_y + self.rng.normal(0, 3.5), lateral_z + self.rng.normal(0, 3.5)
                target = self.skull.lateral_point(s, y, z, 5.0, medial_mm=14.0)
                exit_point = np.array([52 * s, 0.6 * start[1] + 0.2 * y, -5 + 0.12 * z])
                exit_point = self.skull.on_table(exit_point, 8.0)[0]
                insula = (start + exit_point) / 2 + np.array([0, 0.05 * y, 4.0 * np.sign(z)])
                waypoints = np.array([start, insula, exit_point, *self.surface_path(exit_point, target)])
                branch = self.add(f"M4 {name} {side}", side, waypoints, (0.85, 0.7, 0.45), trunk, 2.2, 2.0)
                self.twigs(branch, side, s, int(self.rng.integers(3, 6)))
        self.anterior_cerebral(side, s, ica)

    def anterior_cerebral(self, side: Side, s: float, ica: int) -> None:
        """A1, pericallosal artery and the branches on the medial surface."""
        x = 2.2 * s
        a1 = self.add(
            f"A1 {side}", side, np.array([self.point(ica, 1.0), [6 * s, 16, -18], [x, 21, -17]]), (1.15, 1.05), ica, 0.2
        )
        pericallosal = self.add(
            f"pericallosal {side}", side,
            np.array([self.point(a1, 1.0), [x, 27, -8], [x, 38, 4], [x, 40, 17], [x, 30, 29], [x, 8, 36],
                      [x, -14, 34], [x, -34, 22]]),
            (1.05, 0.8, 0.45), a1, 0.5, 0.9,
        )  # fmt: skip
        for number, (name, lateral_y, lateral_z) in enumerate(ACA_BRANCHES):
            start = self.point(pericallosal, 0.1 + 0.8 * number / (len(ACA_BRANCHES) - 1))
            y, z = lateral_y + self.rng.normal(0, 3), lateral_z + self.rng.normal(0, 3)
            target = self.skull.on_table(np.array([3.0 * s, y, z]), 6.0)[0]
            middle = (start + target) / 2 + np.array([0, self.rng.normal(0, 4), self.rng.normal(0, 4)])
            middle[0] = target[0] = 3.0 * s
            branch = self.add(
                f"ACA {name} {side}", side, np.array([start, middle, target]), (0.65, 0.55, 0.38), pericallosal, 1.8
            )
            self.twigs(branch, side, s, 3, medial=True)

    def posterior_circulation(self) -> None:
        """Vertebral arteries, basilar artery, PICA, superior cerebellar and posterior cerebral arteries."""
        join = np.array([self.rng.normal(0, 1.5), -12.0, -50.0])
        size = self.rng.uniform(0.75, 1.0, 2)
        sides: tuple[tuple[Side, float], ...] = (("right", 1.0), ("left", -1.0))
        ends = []
        for (side, s), scale in zip(sides, size, strict=True):
            path = np.array([
                [18 * s, -26, -140], [17 * s, -26, -101], [17 * s, -27, -86],
                [22 * s, -30, -76], [18 * s, -40, -71], [9 * s, -30, -63],
                [5 * s, -18, -56],
            ])  # fmt: skip
            vertebral = self.add(f"VA {side}", side, path, (1.7 * scale, 1.5 * scale), None, 0.25, 0.8)
            link = centreline(np.array([self.point(vertebral, 1.0), join]))
            radii = tapered(len(link), 1.4 * scale)
            self.vessels.append(Vessel(f"V4 {side}", link, radii, False, side, vertebral))
            ends.append(len(self.vessels) - 1)
            pica = [self.point(vertebral, 0.95), [14 * s, -34, -58], [16 * s, -50, -50], [14 * s, -62, -44]]
            self.add(f"PICA {side}", side, np.array(pica), (0.75, 0.4), vertebral, 1.0)
        basilar = self.add("basilar", "middle", np.array([join, [0, -6, -40], [0, -3, -27]]), (1.75, 1.6),
                           ends[int(np.argmax(size))], 0.2, 0.6)  # fmt: skip
        top = self.point(basilar, 1.0)
        for side, s in sides:
            sca = [self.point(basilar, 0.9), [12 * s, -8, -27], [20 * s, -26, -24], [18 * s, -48, -20]]
            self.add(f"SCA {side}", side, np.array(sca), (0.8, 0.4), basilar, 0.8)
            pca = self.add(
                f"PCA {side}", side,
                np.array([top, [12 * s, -2, -22], [20 * s, -14, -19], [20 * s, -34, -13], [14 * s, -50, -8]]),
                (1.2, 0.85), basilar, 0.4,
            )  # fmt: skip
            for name, target in (
                ("calcarine", [8 * s, -76, -6]),
                ("parieto-occipital", [7 * s, -68, 22]),
                ("temporal", [34 * s, -62, -16]),
            ):
                start = self.point(pca, 1.0 if name != "temporal" else 0.7)
                middle = (start + np.array(target)) / 2
                branch = self.add(f"PCA {name} {side}", side, np.array([start, middle, target]), (0.7, 0.35), pca, 1.2)
                self.twigs(branch, side, s, 1, medial=True)
            self.add(f"PCOM {side}", side, np.array([self.point(pca, 0.3), [11 * s, 6, -23], [11 * s, 11, -23.5]]),
                     (0.5, 0.55), pca, 0.1, 0.4)  # fmt: skip


def grow_arteries(skull: Skull, rng: np.random.Generator) -> list[Vessel]:
    """The arteries of one patient, left and right drawn separately; upstream vessels come first."""
    grower = ArteryGrower(skull, rng)
    grower.carotid("right")
    grower.carotid("left")
    grower.posterior_circulation()
    return grower.vessels
