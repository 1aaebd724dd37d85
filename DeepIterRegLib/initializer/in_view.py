"""Whether a pose can be refined at all: a vessel (or bone) of the CTA is on every detector."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume


def in_view(pose: FloatArray, volume: PreparedVolume, angiograms: Sequence[PreparedAngiogram]) -> bool:
    """Whether at `pose` (4, 4) some vessel, or of a CT without contrast some bone, lies between source and detector,
    and on it, in every angiogram."""
    for prepared in angiograms:
        carm = prepared.angiogram.carm
        places_mm = apply(pose, volume.shown_cloud.positions_mm)
        before_detector = (places_mm - carm.source_mm) @ carm.normal < carm.sdd_mm
        column, row = project(places_mm[before_detector], carm).T
        if not ((column > 0) & (column < carm.columns - 1) & (row > 0) & (row < carm.rows - 1)).any():
            return False
    return True
