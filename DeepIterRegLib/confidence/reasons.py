"""Why a result is believed or doubted, in the words of a radiologist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.confidence.measures import Measures
from DeepIterRegLib.confidence.model import ConfidenceModel

MOST = 3
LEAST_WEIGHT = 0.25
"""Log odds by which a reason has to change the probability, to be named."""


@dataclass(frozen=True)
class Aspect:
    """Measures that say one thing together."""

    measures: tuple[str, ...]
    good: Callable[[Measures], str | None]
    bad: Callable[[Measures], str | None]
    """A sentence; None where these measures were not taken."""


def _skull_good(m: Measures) -> str | None:
    return None if np.isnan(m.skull_middle) else f"the CTA's skull fits the X-ray (similarity {m.skull_middle:.2f})"


def _skull_bad(m: Measures) -> str | None:
    if np.isnan(m.skull_middle):
        return "the X-ray shows no skull, so the vessels decide alone"
    return (
        f"the CTA's skull does not match this X-ray (similarity {m.skull_middle:.2f}): another patient, or wrong tags?"
    )


def _parts_good(m: Measures) -> str | None:
    return None if np.isnan(m.skull_shift_mm) else "all parts of the skull fit at once"


def _parts_bad(m: Measures) -> str | None:
    if np.isnan(m.skull_shift_mm):
        return "too little of the skull is seen to compare its parts"
    return (
        f"parts of the skull would fit better {m.skull_shift_mm:.1f} mm away: another patient's CTA, or a wrong"
        " distance or angle of the C-arm?"
    )


def _pieces_good(m: Measures) -> str | None:
    return None if np.isnan(m.vessels_shift_mm) else "the vessels fit in all parts of the picture"


def _pieces_bad(m: Measures) -> str | None:
    if np.isnan(m.vessels_shift_mm):
        return None
    return f"vessels in parts of the picture would fit better {m.vessels_shift_mm:.1f} mm away"


def _vessels_good(m: Measures) -> str | None:
    return None if np.isnan(m.vessels_ncc) else f"the vessels fit (NCC {m.vessels_ncc:.2f})"


def _vessels_bad(m: Measures) -> str | None:
    if np.isnan(m.vessels_ncc):
        return "no vessels could be compared"
    return f"the vessels of CTA and DSA agree poorly (NCC {m.vessels_ncc:.2f})"


def _apart_good(m: Measures) -> str | None:
    return None if np.isnan(m.terms_apart_mm) else f"vessels and skull agree within {m.terms_apart_mm:.1f} mm"


def _apart_bad(m: Measures) -> str | None:
    if np.isnan(m.terms_apart_mm):
        return None
    return f"the vessels alone would lie {m.terms_apart_mm:.0f} mm away from where the skull alone would"


def _rivals_good(m: Measures) -> str | None:
    return "no other position is nearly as likely"


def _rivals_bad(m: Measures) -> str | None:
    if m.rivals == 0:
        return None
    return "another position elsewhere is nearly as likely"


def _nothing(m: Measures) -> str | None:
    return None


def _moved_bad(m: Measures) -> str | None:
    return (
        f"the head lies far from where the C-arm's tags put it ({m.moved_across_mm:.0f} mm across the beam,"
        f" {abs(m.moved_along_mm):.0f} mm along it, turned by {m.turned_deg:.0f}°)"
    )


def _sharp_bad(m: Measures) -> str | None:
    return f"the images hold the position loosely (within {m.spread_mm:.0f} mm)"


def _area_bad(m: Measures) -> str | None:
    return "little of the head is seen"


ASPECTS = (
    Aspect(
        ("skull_trust", "skull_coarse", "skull_middle", "skull_fine", "skull_worst_quarter"), _skull_good, _skull_bad
    ),
    Aspect(("skull_shift_mm", "skull_shift_gain", "skull_shift_systematic_mm"), _parts_good, _parts_bad),
    Aspect(("vessels_shift_mm", "vessels_shift_gain", "vessels_shift_systematic_mm"), _pieces_good, _pieces_bad),
    Aspect(("vessels_ncc", "vessels_area"), _vessels_good, _vessels_bad),
    Aspect(("terms_apart_mm", "skull_alone_mm", "vessels_alone_mm"), _apart_good, _apart_bad),
    Aspect(("gap_nats", "rivals"), _rivals_good, _rivals_bad),
    Aspect(("turned_deg", "moved_across_mm", "moved_along_mm"), _nothing, _moved_bad),
    Aspect(("spread_mm", "spread_along_mm"), _nothing, _sharp_bad),
    Aspect(("share_in_view", "skull_area"), _nothing, _area_bad),
)


def reasons(measures: Measures, model: ConfidenceModel, features: FloatArray, doubted: bool) -> tuple[str, ...]:
    """What weighed most, against the result where it is doubted, else for it.

    The weight of an aspect is what the log odds change by when its measures are typical of good registrations; for a
    result that is believed, what they would lose with the measures of a bad one is not known, so good aspects come in
    the order of `ASPECTS`.
    """
    weights = []
    whole = model.within_5mm.log_odds(features)
    for aspect in ASPECTS:
        mended = features.copy()
        for name in aspect.measures:
            if name in model.features:
                mended[model.features.index(name)] = model.typical[name]
        weights.append(model.within_5mm.log_odds(mended) - whole)
    order = sorted(range(len(ASPECTS)), key=lambda number: -weights[number])
    if doubted:
        found = [ASPECTS[number].bad(measures) for number in order if weights[number] > LEAST_WEIGHT]
    else:
        found = [aspect.good(measures) for number, aspect in enumerate(ASPECTS) if weights[number] < LEAST_WEIGHT]
    return tuple(_sentence(text) for text in found if text is not None)[:MOST]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")
