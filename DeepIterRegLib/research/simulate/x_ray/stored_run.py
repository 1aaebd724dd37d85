"""One run as a scanner or an archive stores it: frames, bits and the tags that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.x_ray.console import Console
from DeepIterRegLib.research.simulate.x_ray.dsa_run import PIXEL_BITS, XRayRun
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredForm

METHODS = {"jpeg": "ISO_10918_1", "film": "ISO_14496_10"}
"""Lossy Image Compression Method (0028,2114)."""
BITS_PER_PIXEL = 0.8
"""About what the quantisation leaves; stands in Lossy Image Compression Ratio."""


@dataclass(frozen=True, eq=False)
class StoredRun:
    """What a file holds."""

    frames: npt.NDArray[np.uint16]
    """(T, rows, columns)"""
    form: StoredForm
    bits: int = PIXEL_BITS
    tags: Mapping[str, Any] = field(default_factory=dict)
    """DICOM attributes by keyword that follow from the form."""
    console: Console | None = None
    """What was done to exported frames."""


def stored_run(run: XRayRun, form: StoredForm = "raw", seed: int = 0, console: Console | None = None) -> StoredRun:
    """A run in one of its forms. seed: the patient's, of the console's treatment unless `console` is given."""
    if form == "raw":
        return StoredRun(run.frames, form, tags=_tags("ORIGINAL", "LOG", 2200, 3600))
    if form == "native":
        return StoredRun(run.frames[:1], form, tags=_tags("ORIGINAL", "LOG", 2200, 3600))
    if form == "subtracted":
        return StoredRun(run.subtracted_frames, form, tags=_tags("DERIVED", "LOG", 2048, 1600))
    console = console or console_of(seed)
    frames = console.treated(run.subtracted_frames, _hidden(run), 2 ** (PIXEL_BITS - 1))
    tags = _tags("DERIVED", "DISP", 2 ** (console.bits - 1), 2**console.bits)
    if console.coding in METHODS:
        tags |= {
            "LossyImageCompression": "01",
            "LossyImageCompressionRatio": f"{PIXEL_BITS / BITS_PER_PIXEL:.1f}",
            "LossyImageCompressionMethod": METHODS[console.coding],
        }
    return StoredRun(frames, form, console.bits, tags, console)


def console_of(seed: int) -> Console:
    """The treatment of the runs of patient `seed`: one machine made all of them."""
    return Console.random(stream(seed, "console"))


def _tags(origin: str, relationship: str, centre: int, width: int) -> dict[str, Any]:
    return {
        "ImageType": [origin, "PRIMARY", "SINGLE PLANE"],
        "PixelIntensityRelationship": relationship,
        "WindowCenter": str(centre),
        "WindowWidth": str(width),
    }


def _hidden(run: XRayRun) -> BoolArray:
    """(rows, columns) what the scanner blackened."""
    return np.asarray(~run.subtracted_frames.any(axis=0))
