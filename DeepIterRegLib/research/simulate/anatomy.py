"""What a simulated patient is made of, before any scanner sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
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


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A head and its vessels, in the head's frame: RAS, mm, origin in the middle of the brain."""

    head: Head
    vessels: tuple[Vessel, ...]
    """Arteries first, then veins; `upstream` and `downstream` are indices into this tuple."""
    variants: dict[str, str] = field(default_factory=dict)
    """What is unusual or was drawn, for truth.json: {"PCOM left": "absent", "dominant transverse sinus": "right"}."""
