"""Left or right: whether a view that a nearly symmetrical head fits both ways is a mirror image.

An X-ray from the front and its mirror image both resemble the head, 16 to 21 mm apart. Each reading has its own best
pose, and at a fine resolution the right one fits clearly better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.terms import Term
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import invert, rotation_angle_deg
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.agreement import SIZE_PX, SKULL_SIZES_PX, agreements
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.groups import RIGHT
from DeepIterRegLib.refinement.lbfgs import LbfgsSchedule, lbfgs
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.readings import Reading, mirrored_warning
from DeepIterRegLib.refinement.skull_search import SkullSearch, skull_candidates

FARTHEST_DEG = 90.0
"""From the found pose to its twin. Lateral views have theirs on the other side of the head, where nobody looks."""
SEARCH = SkullSearch(rotations=96, rotation_sd_deg=8.0, kept=3)
"""About the twin: a head that is askew in the CT is twice as much askew there."""
SCHEDULE = LbfgsSchedule(iterations=40, tolerance=1e-5)
VESSELS_TELL = 0.75
"""NCC of vessels that no mirrored run has reached; 0.62 at most."""
SURE_NATS = 10.0
"""By which one reading has to fit better than the other. Right readings of heads from the front are 25 to 200 nats
better than mirrored ones (docs/measurements/skull.md)."""
LEAST_NATS = 50.0
"""What it has to reach, so that two bad fits do not compete."""
UNKNOWN_SIDE = (
    "From this direction the head looks the same left and right, and the DSA fits the CTA about as well as a mirror"
    " image: check the side before you rely on the overlay."
)


@dataclass(frozen=True, eq=False)
class Mirrored:
    """An angiogram read as a mirror image, and how well it fits then."""

    angiogram: PreparedAngiogram
    pose: FloatArray
    """(4, 4) the best one."""
    nats: float
    """Log likelihood of the skull there."""
    gain_nats: float
    """How much more that is than at the result, in the file's own reading."""


def with_side_checked(
    volume: PreparedVolume,
    reading: Reading,
    pose: FloatArray,
    terms: Sequence[Term],
    *,
    seed: int,
    device: str = "cpu",
) -> Reading:
    """The reading that led to a result `pose` (4, 4), as a mirror image where it fits clearly better so.

    One view is checked whose vessels do not tell the side: two views of one head agree in one reading alone.
    """
    if len(reading.angiograms) != 1 or reading.warnings or _vessels_tell(volume, reading, pose, terms):
        return reading
    rival = mirrored_reading(volume, reading.angiograms[0], pose, terms, seed=seed, device=device)
    if rival is None or (rival.nats < LEAST_NATS or rival.gain_nats < -SURE_NATS):
        return reading
    if rival.gain_nats > SURE_NATS:
        return Reading((rival.angiogram,), rival.pose[None], (mirrored_warning(),))
    return replace(reading, warnings=(UNKNOWN_SIDE,))


def _vessels_tell(volume: PreparedVolume, reading: Reading, pose: FloatArray, terms: Sequence[Term]) -> bool:
    if "vessels" not in terms:
        return False
    evidence = Evidence(volume, reading.angiograms, ("vessels",), vessel_sizes_px=(SIZE_PX,), skull_sizes_px=())
    return any(one.similarity > VESSELS_TELL for one in agreements(evidence, reading.angiograms, pose))


def mirrored_reading(
    volume: PreparedVolume,
    prepared: PreparedAngiogram,
    pose: FloatArray,
    terms: Sequence[Term],
    *,
    seed: int,
    device: str = "cpu",
) -> Mirrored | None:
    """The rival of a result `pose` (4, 4), if left and right are exchanged in the image; None where there is none
    near."""
    skull, image = volume.skull, prepared.skull
    if skull is None or image is None or "skull" not in terms:
        return None
    twin = twin_pose(pose, prepared.angiogram.carm, skull.centre_mm, volume.frame.right)
    if rotation_angle_deg(twin @ invert(pose)) > FARTHEST_DEG:
        return None
    other = prepared.mirrored()
    prior = PosePrior([twin], skull.centre_mm, other.angiogram.carm)
    poses, _ = skull_candidates(
        skull, image, other.angiogram.carm, start_pose=twin, search=SEARCH, prior=prior, seed=seed, device=device
    )
    own, rival = (
        Evidence(volume, [one], ("skull",), vessel_sizes_px=(), skull_sizes_px=SKULL_SIZES_PX, device=device)
        for one in (prepared, other)
    )
    candidates = np.concatenate([twin[None], poses])
    best = candidates[int(rival.skull_similarity(SKULL_SIZES_PX[0], 0).value(candidates).argmax())]
    for size in SKULL_SIZES_PX:
        found = lbfgs(
            rival.skull_similarity(size, 0), PoseParameters.around(best, skull.centre_mm), np.zeros(6), SCHEDULE
        )
        best = found.pose
    own_nats = float(own.skull_similarity(SKULL_SIZES_PX[-1], 0).value(pose[None])[0])
    return Mirrored(other, best, found.similarity, found.similarity - own_nats)


def twin_pose(pose: FloatArray, carm: CArm, centre_mm: FloatArray, right: FloatArray = RIGHT) -> FloatArray:
    """(4, 4) where a head that equals its mirror image looks in the mirrored image as it does at `pose` in the image.

    centre_mm: (3,) of the head, whose plane of symmetry goes through it, at right angles to its `right` (3,).
    """
    across = carm.column_direction
    image = np.eye(4)
    image[:3, :3] -= 2 * np.outer(across, across)
    image[:3, 3] = 2 * (across @ carm.source_mm) * across
    head = np.eye(4)
    head[:3, :3] -= 2 * np.outer(right, right)
    head[:3, 3] = 2 * (right @ centre_mm) * right
    return image @ pose @ head
