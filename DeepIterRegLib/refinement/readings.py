"""How an image is to be read where its file may be wrong: bone dark or bright, its border air or shutter, left and
right exchanged.

The readings compete in the skull's search: the one whose edges fit the CTA's skull best is taken, and it is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.skull_search import SkullSearch, skull_candidates

DOUBTFUL_NATS = 90.0
"""Where the file's own reading fits no better than this, a wider search and the mirrored image are tried. Heads that
fit have 50 to 180, a wrong reading of a clear image up to 80."""
MARGIN_NATS, MARGIN = 20.0, 1.5
"""By which, and how many times as well, a mirrored image has to fit better than the file's own reading: frontal views
are so symmetrical that both readings fit about alike."""
SURE_NATS = 45.0
"""What it has to reach, so that two bad fits do not compete."""


@dataclass(frozen=True, eq=False)
class Reading:
    """Angiograms as they are to be read, and where their skulls may lie."""

    angiograms: tuple[PreparedAngiogram, ...]
    proposals: FloatArray
    """(B, 4, 4) poses that the skull's search found."""
    warnings: tuple[str, ...]


def read_by_the_skull(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_poses: Sequence[FloatArray],
    search: SkullSearch,
    *,
    seed: int,
    device: str,
) -> Reading:
    """Search for the skull in every angiogram that shows one, about every start pose (4, 4), in every likely
    reading."""
    skull = volume.skull
    read: list[PreparedAngiogram] = []
    proposals: list[FloatArray] = [np.zeros((0, 4, 4))]
    warnings: list[str] = []
    for number, prepared in enumerate(angiograms):
        if skull is None or prepared.skull is None:
            read.append(prepared)
            continue
        best = _likeliest(skull, prepared, prepared.skull, start_poses, search, seed, device)
        if best.value < DOUBTFUL_NATS:
            # In the reading that was found: more rotations, farther away.
            farther = _likeliest(skull, best.prepared, _image(best.prepared), start_poses, search.wider(), seed, device)
            poses = np.concatenate([best.poses, farther.poses])
            best = replace(best, poses=poses, value=max(best.value, farther.value))
            other = _likeliest(skull, prepared.mirrored(), prepared.skull, start_poses, search, seed, device)
            if other.value > max(SURE_NATS, MARGIN * best.value + MARGIN_NATS):
                best = other
                which = "" if len(angiograms) == 1 else f" {number + 1}"
                warnings.append(mirrored_warning(which))
        read.append(best.prepared)
        proposals.append(best.poses)
    return Reading(tuple(read), np.concatenate(proposals), tuple(warnings))


@dataclass(frozen=True, eq=False)
class _Found:
    """One reading of one angiogram."""

    prepared: PreparedAngiogram
    poses: FloatArray
    value: float
    """The best pose's log posterior, nats."""


def _likeliest(
    skull: VesselCloud,
    prepared: PreparedAngiogram,
    image: SkullImage,
    start_poses: Sequence[FloatArray],
    search: SkullSearch,
    seed: int,
    device: str,
) -> _Found:
    carm = prepared.angiogram.carm
    prior = PosePrior(start_poses, skull.centre_mm, carm)
    found = []
    for signed in image.readings():
        poses, values = [], []
        for number, start in enumerate(start_poses):
            more, worth = skull_candidates(
                skull, signed, carm, start_pose=start, search=search, prior=prior, seed=seed + number, device=device
            )
            poses.append(more)
            values.append(float(worth[0]))
        found.append(_Found(replace(prepared, skull=signed), np.concatenate(poses), max(values)))
    return max(found, key=lambda one: one.value)


def _image(prepared: PreparedAngiogram) -> SkullImage:
    assert prepared.skull is not None
    return prepared.skull


def mirrored_warning(view: str = "") -> str:
    """view: which of several angiograms."""
    return (
        f"DSA{view} fits the CTA only as a mirror image: left and right are exchanged in it, or its primary angle has"
        " the wrong sign. Check the side before you rely on the overlay."
    )
