"""The veins of a simple patient: dural sinuses, jugulars, cortical veins along the inner table, deep veins."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.skull import Skull
from DeepIterRegLib.research.simulate.vessels.vessel import Side, Vessel, centreline, tapered, tortuous

CORTICAL_VEINS_Y_MM = (62.0, 46.0, 28.0, 10.0, -8.0, -28.0, -50.0)
"""Where the bridging veins of one side enter the superior sagittal sinus, front to back."""


class VeinGrower:
    """Grows one patient's veins. `first` is the index that the first vein will have in the patient's list."""

    def __init__(self, skull: Skull, rng: np.random.Generator, first: int) -> None:
        self.skull, self.rng, self.first = skull, rng, first
        self.vessels: list[Vessel] = []

    def add(
        self, name: str, side: Side, curve: FloatArray, radii_mm: tuple[float, ...], *, upstream: int | None = None,
        follows_skull: bool = False, onset_s: float = 0.0, opacity: float = 1.0,
    ) -> int:  # fmt: skip
        """Append a vein; returns its index in the patient's list."""
        radii = float(self.rng.uniform(0.9, 1.1)) * tapered(len(curve), *radii_mm)
        self.vessels.append(Vessel(name, curve, radii, True, side, upstream, follows_skull, onset_s, opacity))
        return self.first + len(self.vessels) - 1

    def along_table(self, towards: FloatArray, radii_mm: tuple[float, ...], wiggle_mm: float) -> FloatArray:
        """(N, 3) smooth curve through directions, pressed against the inner table from within."""
        rough = tortuous(centreline(towards), wiggle_mm, self.rng)
        depth = tapered(len(rough), *radii_mm) + 0.6
        return centreline(self.skull.on_table(rough, depth)[::8])

    def sinuses(self) -> None:
        """Superior sagittal sinus, transverse and sigmoid sinuses, jugular veins, straight sinus."""
        drift = self.rng.normal(0, 1.5, 5)
        towards = np.array([
            [drift[0], 78, -8], [drift[1], 66, 36], [drift[2], 25, 62], [drift[3], -30, 58], [drift[4], -70, 32],
            [2.5, -83, 5], [3, -80, -19],
        ])  # fmt: skip
        sss = self.add(
            "superior sagittal sinus", "middle", self.along_table(towards, (1.6, 3.2, 4.2), 0.5), (1.6, 3.2, 4.2),
            follows_skull=True, onset_s=0.45, opacity=0.42,
        )  # fmt: skip
        torcula = self.vessels[-1].points_mm[-1]
        dominant: Side = "right" if self.rng.random() < 0.7 else "left"
        sides: tuple[tuple[Side, float], ...] = (("right", 1.0), ("left", -1.0))
        for side, s in sides:
            size = 1.0 if side == dominant else float(self.rng.uniform(0.55, 0.8))
            up = self.rng.normal(0, 2)
            towards = np.array([
                [20 * s, -76, -21 + up], [40 * s, -64, -23 + up], [54 * s, -44, -27 + up], [55 * s, -32, -36],
                [47 * s, -27, -48], [40 * s, -30, -58],
            ])  # fmt: skip
            radii = (4.0 * size, 4.2 * size, 4.5 * size)
            on_table = self.skull.on_table(towards, np.array([3.5, 4.5, 5, 5.5, 6.5, 9.0]) * size + 0.6)
            curve = centreline(np.vstack([torcula, on_table, [[31 * s, -21, -62]]]))
            sigmoid = self.add(f"transverse and sigmoid sinus {side}", side, curve, radii, upstream=sss,
                               follows_skull=True, opacity=0.38)  # fmt: skip
            jugular = np.array(
                [curve[-1], [29 * s, -15, -70], [32 * s, -12, -84], [36 * s, -11, -101], [36 * s, -8, -140]]
            )
            self.add(f"internal jugular vein {side}", side, centreline(jugular), (4.6 * size, 5.5 * size),
                     upstream=sigmoid, opacity=0.3)  # fmt: skip
        galen = np.array([0.5, -36, 3])
        straight = centreline(np.array([galen, [1, -56, -6], torcula]))
        deep = len(self.vessels)
        for side, s in sides:
            internal = np.array([[3 * s, 16, 6], [2.5 * s, 4, 12], [2 * s, -18, 12], galen])
            self.add(f"internal cerebral vein {side}", side, tortuous(centreline(internal), 0.3, self.rng), (0.8, 1.2),
                     onset_s=0.35, opacity=0.6)  # fmt: skip
            basal = np.array([[14 * s, 12, -18], [12 * s, -4, -16], [14 * s, -20, -8], galen])
            self.add(f"basal vein {side}", side, tortuous(centreline(basal), 0.4, self.rng), (0.7, 1.2), onset_s=0.35,
                     opacity=0.6)  # fmt: skip
        self.add("straight sinus", "middle", straight, (2.0, 2.6), onset_s=0.8, opacity=0.4)
        x = float(self.rng.normal(0, 0.5))
        inferior = np.array([[x, 42, 27], [x, 20, 41], [x, -12, 40], [x, -34, 20], galen])
        self.add("inferior sagittal sinus", "middle", centreline(inferior), (0.6, 1.0), onset_s=0.4, opacity=0.6)
        assert len(self.vessels) == deep + 6

    def cortical(self, side: Side) -> None:
        """Bridging veins into the sagittal sinus, with the Sylvian vein and those of Trolard and Labbe."""
        s = 1.0 if side == "right" else -1.0
        for y_end in CORTICAL_VEINS_Y_MM:
            y_end += self.rng.normal(0, 3)
            height = self.skull.height_mm * np.sqrt(max(1 - (y_end / self.skull.half_length_mm) ** 2, 0.05))
            reach = self.rng.uniform(0.5, 1.0)
            lean = self.rng.uniform(6, 22) if y_end > 0 else -self.rng.uniform(0, 24)
            towards = []
            # The veins run from below and in front up to the sinus, which they meet against its stream.
            for t in np.linspace(1, 0, 6):
                angle = t * reach * np.pi / 2
                y = y_end + lean * t**1.5 + self.rng.normal(0, 1.5) * t
                towards.append([s * (2.5 + self.skull.half_width_mm * np.sin(angle)), y, height * np.cos(angle)])
            curve = self.along_table(np.array(towards), (1.0,), 1.2)
            onset = float(self.rng.uniform(0, 0.35))
            size = float(self.rng.uniform(0.8, 1.5))
            vein = self.add(
                f"cortical vein {side}", side, curve, (0.5, size), follows_skull=size > 1.1, onset_s=onset, opacity=0.65
            )
            for _ in range(4):
                index = int(self.rng.uniform(0.15, 0.85) * (len(curve) - 1))
                tip = curve[index] + np.array(
                    [0, self.rng.choice([-1, 1]) * self.rng.uniform(8, 20), self.rng.uniform(-16, -4)]
                )
                tip[0] = s * max(s * tip[0], 6.0)
                tributary = self.along_table(np.linspace(tip, curve[index], 4), (0.8,), 1.0)
                self.add(self.vessels[vein - self.first].name + " tributary", side, tributary, (0.35, 0.6),
                         onset_s=max(onset - 0.1, 0.0), opacity=0.7)  # fmt: skip
        jitter = self.rng.normal(0, 3, (3, 3))
        table = self.skull.lateral_point
        trolard = np.array([table(s, 4, -2, 3), table(s, -14, 22, 3), table(s, -26, 44, 3), table(s, -32, 58, 3, 4)])
        labbe = np.array([table(s, 6, -4, 3), table(s, -16, -10, 3), table(s, -36, -18, 3), table(s, -46, -26, 4)])
        sylvian = np.array([table(s, -8, 2, 3), table(s, 14, -8, 4), table(s, 28, -18, 8), [24 * s, 30, -24],
                            [14 * s, 18, -31]])  # fmt: skip
        for name, path, shift, radii, skull in (
            ("vein of Trolard", trolard, jitter[0], (0.8, 1.9), True),
            ("vein of Labbe", labbe, jitter[1], (0.8, 1.9), True),
            ("superficial Sylvian vein", sylvian, jitter[2], (0.7, 1.5), False),
        ):
            path[1:-1] += shift * (0, 1, 1)
            curve = centreline(path) if not skull else self.along_table(path, radii, 0.8)
            onset = float(self.rng.uniform(0, 0.3))
            self.add(f"{name} {side}", side, curve, radii, follows_skull=skull, onset_s=onset, opacity=0.6)


def grow_veins(skull: Skull, rng: np.random.Generator, first: int) -> list[Vessel]:
    """The veins of one patient; `first` is the index of the first in the list of all vessels."""
    grower = VeinGrower(skull, rng, first)
    grower.sinuses()
    grower.cortical("right")
    grower.cortical("left")
    return grower.vessels
