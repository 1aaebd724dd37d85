"""One stream of random numbers per part of a patient: a draw added to one part leaves the others as they were."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, part: str) -> np.random.Generator:
    """The generator of `part` ("arteries", "offset", ...) of patient `seed` (>= 0); equal arguments, equal draws."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(part.encode())]))
