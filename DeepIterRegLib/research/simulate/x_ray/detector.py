"""From attenuation to pixel values: two X-ray energies, quantum noise, the scintillator's blur, 12 bits of log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.research.simulate.x_ray.dsa_run import PIXEL_BITS
from DeepIterRegLib.research.simulate.x_ray.glare import Glare
from DeepIterRegLib.research.simulate.x_ray.scatter import scattered

Image = npt.NDArray[np.float32]
LINES_KEV, LINE_WEIGHTS = (40.0, 60.0), (0.5, 0.5)
"""Two lines in place of a spectrum of some 80 kV: the softer one dies in bone, so that contrast behind it is paler."""
WATER_PER_MM = (0.02683, 0.02059)
BONE_PER_MM = (0.0641, 0.0253)
"""Excess of bone over water per 1000 HU, from cortical bone (ICRU-44, 1.92 g/cm3, about 1600 HU)."""
IODINE_CM2_PER_G = (22.10, 7.579)
"""Mass attenuation at the two energies, all three from NIST's tables (Hubbell and Seltzer 1995)."""
QUANTA_PER_MM2_UGY = 30000.0
"""Incident quanta, rounded, for a beam of quality RQA5, the usual stand-in for one behind a patient (IEC 62220-1)."""
DETECTIVE_EFFICIENCY = 0.65
LOG_SPAN = 7.5
"""Natural logarithm of the range that the pixel values cover."""
OFFSET_NOISE_QUANTA = 12.0
"""Standard deviation of the electronic noise."""


@dataclass(frozen=True)
class Exposure:
    """How a run's frames are exposed; the generator keeps the dose behind the head constant."""

    dose_ugy: float = 2.0
    """At the detector behind the head, per frame."""
    scatter_fraction: float = 0.3
    blur: float = 0.13
    """Share of a pixel's light that each neighbour gets, along rows and along columns."""
    saturation: float = 16.0
    """Brightest value that is told apart, over the mean behind the head."""
    iodine_mg_per_ml: float = 180.0
    """In the injected artery's blood."""
    flicker: float = 0.004
    """Relative standard deviation of the dose from frame to frame."""


def transmission(water_mm: Image, bone_mm: Image, contrast_mm: Image, iodine_mg_per_ml: float) -> Image:
    """(rows, columns) share of the beam that comes through.

    bone_mm: 1000 HU times mm. contrast_mm: path through blood with iodine of the given concentration.
    """
    total = np.zeros_like(water_mm)
    for weight, water, bone, iodine in zip(LINE_WEIGHTS, WATER_PER_MM, BONE_PER_MM, IODINE_CM2_PER_G, strict=True):
        exponent = water_mm * np.float32(-water)
        exponent -= bone_mm * np.float32(bone)
        exponent -= contrast_mm * np.float32(iodine * iodine_mg_per_ml * 1e-4)
        np.exp(exponent, out=exponent)
        exponent *= np.float32(weight)
        total += exponent
    return total


def quanta_per_unit(mask: Image, exposure: Exposure, pixel_mm: float) -> float:
    """Quanta per pixel in the unattenuated beam, such that the automatic control's dose arrives behind the head.

    mask: (rows, columns) transmission of the mask frame.
    """
    rows, columns = mask.shape
    middle = mask[rows // 5 : -rows // 5 or None : 4, columns // 5 : -columns // 5 or None : 4]
    behind_head = middle[middle < 0.3]
    level = float(np.median(behind_head)) if behind_head.size else float(np.median(middle))
    wanted = exposure.dose_ugy * QUANTA_PER_MM2_UGY * DETECTIVE_EFFICIENCY * pixel_mm**2
    return wanted / max(level, 1e-6)


def pixel_values(
    through: Image, open_quanta: float, blades: Image, exposure: Exposure, pixel_mm: float, rng: np.random.Generator,
    glare: Glare | None = None,
) -> Image:  # fmt: skip
    """(rows, columns) logarithms as the scanner stores them, not yet rounded: 0 to 2^12 - 1.

    through: transmission. open_quanta: of `quanta_per_unit`. blades: what the collimator lets through. glare: scatter
    that varies over the field, in place of an even share.
    """
    level = exposure.dose_ugy * QUANTA_PER_MM2_UGY * DETECTIVE_EFFICIENCY * pixel_mm**2
    quanta = through * np.float32(open_quanta * (1 + exposure.flicker * rng.standard_normal()))
    quanta *= blades
    if glare is None:
        quanta += scattered(quanta, exposure.scatter_fraction, pixel_mm, 3 * level)
    else:
        quanta += glare.added(quanta, exposure.scatter_fraction, pixel_mm, level)
    noise = rng.standard_normal(quanta.shape, dtype=np.float32)
    noise *= np.sqrt(quanta + np.float32(OFFSET_NOISE_QUANTA**2))
    quanta += noise
    quanta = blurred(quanta, exposure.blur)
    brightest = exposure.saturation * level
    np.clip(quanta, brightest * np.exp(-LOG_SPAN), brightest, out=quanta)
    quanta *= np.float32(1 / brightest)
    np.log(quanta, out=quanta)
    quanta *= np.float32(counts_per_log())
    quanta += np.float32(2**PIXEL_BITS - 1)
    return quanta


def counts_per_log() -> float:
    """Pixel values per unit of natural logarithm."""
    return (2**PIXEL_BITS - 1) / LOG_SPAN


def blurred(image: Image, share: float) -> Image:
    """The image after each pixel has given `share` of itself to either neighbour, along both axes."""
    side, middle = np.float32(share), np.float32(1 - 2 * share)
    across = image * middle
    across[:, 1:-1] += side * (image[:, :-2] + image[:, 2:])
    across[:, 0] += side * (image[:, 0] + image[:, 1])
    across[:, -1] += side * (image[:, -1] + image[:, -2])
    down = across * middle
    down[1:-1] += side * (across[:-2] + across[2:])
    down[0] += side * (across[0] + across[1])
    down[-1] += side * (across[-1] + across[-2])
    return down
