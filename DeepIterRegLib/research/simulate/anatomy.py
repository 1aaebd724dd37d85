"""What a simulated patient is made of, before any scanner sees it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.craniotomy import Craniotomy
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.posture import Posture
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel


class Head(Protocol):
    """Everything but the vessels: generated tissue, or a real CT."""

    @property
    def shape(self) -> HeadShape:
        """Where the template's anatomy lies in it."""
        ...

    def hu(
        self, ijk_to_head: FloatArray, size_kji: tuple[int, int, int], rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """(K, J, I) Hounsfield units without contrast, noise and blur.

        ijk_to_head: (4, 4), indices (i, j, k) to the head's frame (RAS, mm about the middle of the brain).
        """
        ...

    def posed(self, posture: Posture, craniotomy: Craniotomy | None = None) -> Head:
        """The same head with mouth and neck held differently, and with a bone flap where it can be cut."""
        ...


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A head and its vessels, in the head's frame: RAS, mm, origin in the middle of the brain."""

    head: Head
    vessels: tuple[Vessel, ...]
    """Arteries first, then veins; `upstream` and `downstream` are indices into this tuple."""
    variants: dict[str, str] = field(default_factory=dict)
    """What is unusual or was drawn, for truth.json: {"PCOM left": "absent", "dominant transverse sinus": "right"}."""

    def posed(self, posture: Posture, craniotomy: Craniotomy | None = None) -> Anatomy:
        """The same anatomy with mouth and neck held differently: the vessels go with the tissue around them."""
        if posture == Posture() and craniotomy is None:
            return self
        vessels = self.vessels
        if posture != Posture() and vessels:
            ends = np.cumsum([len(vessel.points_mm) for vessel in vessels])
            moved = np.split(posture.moved(np.concatenate([vessel.points_mm for vessel in vessels])), ends[:-1])
            vessels = tuple(replace(vessel, points_mm=at) for vessel, at in zip(vessels, moved, strict=True))
        return replace(self, head=self.head.posed(posture, craniotomy), vessels=vessels)
