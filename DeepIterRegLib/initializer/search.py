"""The network applied again and again from several starts: ranked hypotheses of where the head is.

The network sees veins alone. Those of one side look nearly the same when the head is tipped or swung about axes in the
detector's plane, so the last starts are the best pose turned about these, and the ranking also compares the arteries.

A pose ranks high where the images are alike (NCC), where the network itself would change little, where other starts
end too, and where the given pose is not far. The weights were chosen on simulated patients 0 to 93
(docs/initializer.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.head import SURFACE_RADIUS_MM
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import cube_corners_mm, project
from DeepIterRegLib.geometry.rigid import PivotedCorrection, apply
from DeepIterRegLib.initializer.correction import corrected_pose
from DeepIterRegLib.initializer.window import FixedMasks, Image, MovingVessels, softened, window_of
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume

Predict = Callable[[npt.NDArray[np.float32]], FloatArray]
"""(B, 2, SIZE_PX, SIZE_PX) windows, moving and fixed, to (B, 6) corrections: what a network does."""

FEW_VEINS = 0.01
"""Share of the seen detector: with less the run ended before the veins filled, and all vessels are looked at."""
START_ROTATION_DEG, START_SHIFT_MM = 4.0, (10.0, 15.0, 10.0)
"""Spread of the further starts about the given one, per axis (R, A, S)."""
WIDE_PASSES = 2
"""With all starts; the later passes go on with the best of them alone."""
NARROW_STARTS = 6
ROTATED_START_DEG = (5.0, 5.0, 2.0)
"""Spread of the last starts' rotations about the detector's axes: column, row, normal."""
VEINS_UNIT, VESSELS_UNIT, ARTERIES_UNIT = 0.1, 0.03, 0.03
"""Differences in NCC that are noticeable when poses are ranked, see `_plausibility`. Thin vessels hardly overlap unless
a pose is right, so a small gain means much."""
STEP_UNIT_MM, SUPPORT_MM, FAR_MM = 10.0, 7.0, 35.0
"""Likewise; mm on the detector but for steps, which are at the head."""


@dataclass(frozen=True)
class SearchOptions:
    """How much is tried."""

    starts: int = 12
    """For each view and starting pose, the pose itself among them; 1 for the pose alone."""
    passes: int = 4
    """Times that a start is corrected; 1 for the first correction as it is."""
    rotated_starts: int = 16
    """Rotations of the best pose that are corrected once more; 0 for none."""
    keep: int = 4
    """Hypotheses that come back."""
    distinct_mm: float = 6.0
    """Mean projection error below which two poses are one hypothesis."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A pose, and how much speaks for it."""

    pose: FloatArray
    """(4, 4)."""
    similarity: float
    """NCC of the CTA's veins with the DSA's at this pose, mean over the views: 1 where they are the same."""
    support: float
    """Share of all corrected poses that are near this one."""


@dataclass(frozen=True, eq=False)
class Initialization:
    """What the initializer found."""

    hypotheses: tuple[Hypothesis, ...]
    """The best first; at least one."""
    similarity_before: float
    """NCC of the veins at the first starting pose."""
    warnings: tuple[str, ...]
    """What the user should know."""


NO_VEINS_3D = (
    "No large veins of the CTA are known, so the initializer had nothing to go by; the registration began without it."
)
NO_VEINS_2D = (
    "The DSA shows no veins (the run may end before they fill), so the initializer went by its arteries; check the"
    " result with care."
)


def initialize(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_poses: Sequence[FloatArray],
    predict: Predict,
    options: SearchOptions = SearchOptions(),
) -> Initialization:
    """Correct many starts about `start_poses` (4, 4) and rank where they come to.

    Each view corrects by itself; the hypotheses of all views are judged by all of them. Without large veins in the
    CTA, or anything in the DSA, the start poses come back as they are, with a warning. The same arguments give the same
    poses.
    """
    centre_mm = volume.cloud.centre_mm
    veins = volume.cloud.veins
    moving = _MovingGroups(MovingVessels(veins), MovingVessels(volume.cloud.arteries))
    views = [_View.at(moving, prepared, centre_mm) for prepared in angiograms]
    warnings = list(dict.fromkeys(view.warning for view in views if view.warning))
    views = [view for view in views if not view.shows_nothing]
    if len(veins) == 0 or not views:
        warnings = [NO_VEINS_3D] if len(veins) == 0 else warnings
        return Initialization(tuple(Hypothesis(pose, 0.0, 0.0) for pose in start_poses), 0.0, tuple(warnings))
    starts = [pose for start in start_poses for pose in starts_about(start, centre_mm, options)]
    distances = [_PoseDistance(view.carm, centre_mm, np.stack(start_poses)) for view in views]
    scored = _ScoredPoses.joined([
        _corrected(view, distance, starts, predict, options) for view, distance in zip(views, distances, strict=True)
    ])  # fmt: skip
    if len(views) > 1:
        correlations: FloatArray = np.mean([view.correlations(scored.poses) for view in views], axis=0)
        scored = replace(scored, correlations=correlations)
    before = float(np.mean([view.correlations(distances[0].start_poses[:1])[0, 0] for view in views]))
    return Initialization(tuple(_ranked(scored, distances[0], options)), before, tuple(warnings))


def starts_about(pose: FloatArray, centre_mm: FloatArray, options: SearchOptions) -> list[FloatArray]:
    """`pose` (4, 4) and others about it, drawn from the options' seed."""
    rng = np.random.default_rng(options.seed)
    correction = PivotedCorrection.about_patient_point(pose, centre_mm)
    spread = np.r_[np.full(3, np.radians(START_ROTATION_DEG)), START_SHIFT_MM]
    return [pose] + [correction.pose(rng.normal(0, 1, 6) * spread) for _ in range(options.starts - 1)]


@dataclass(frozen=True, eq=False)
class _ScoredPoses:
    """Poses that were tried, and what speaks for each."""

    poses: FloatArray
    """(N, 4, 4)."""
    correlations: FloatArray
    """(N, 3) NCC of the veins, of all vessels, of the arteries."""
    step_mm: FloatArray
    """(N,) how far the network would move the head from here."""

    @classmethod
    def joined(cls, parts: Sequence[_ScoredPoses]) -> _ScoredPoses:
        return cls(
            np.concatenate([part.poses for part in parts]),
            np.concatenate([part.correlations for part in parts]),
            np.concatenate([part.step_mm for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class _PoseDistance:
    """How far poses are from one another on a detector, and from where they started."""

    carm: CArm
    centre_mm: FloatArray
    start_poses: FloatArray
    """(M, 4, 4)."""

    def distances_mm(self, one: FloatArray, other: FloatArray) -> FloatArray:
        """(N, M) mean projection errors between (N, 4, 4) and (M, 4, 4) poses; infinite for one behind the source."""
        row_mm, column_mm = self.carm.pixel_spacing_mm
        corners = cube_corners_mm(self.centre_mm)
        projected_mm = [
            np.stack([project(apply(pose, corners), self.carm) for pose in poses]) * [column_mm, row_mm]
            for poses in (one, other)
        ]
        distances: FloatArray = np.linalg.norm(projected_mm[0][:, None] - projected_mm[1][None], axis=-1).mean(axis=-1)
        return np.nan_to_num(distances, nan=np.inf)

    def from_starts_mm(self, poses: FloatArray) -> FloatArray:
        """(N,) distances to the nearest starting pose."""
        distances: FloatArray = self.distances_mm(poses, self.start_poses).min(axis=1)
        return distances


class _MovingGroups(NamedTuple):
    """The CTA's vessels."""

    veins: MovingVessels
    arteries: MovingVessels


@dataclass(frozen=True, eq=False)
class _View:
    """One angiogram and the CTA's vessels, both seen in windows at any pose."""

    carm: CArm
    centre_mm: FloatArray
    moving: _MovingGroups
    fixed: FixedMasks
    """Veins (all vessels where there are none), all vessels, arteries."""
    warning: str | None = None
    shows_nothing: bool = False
    """Whether the run shows no vessel at all."""

    @classmethod
    def at(cls, moving: _MovingGroups, prepared: PreparedAngiogram, centre_mm: FloatArray) -> _View:
        seen, carm = prepared.angiogram.valid, prepared.angiogram.carm
        no_veins = bool((prepared.veins & seen).sum() < FEW_VEINS * seen.sum())
        veins = prepared.vessels if no_veins else prepared.veins
        nothing = not (veins & seen).any()
        fixed = FixedMasks([veins, prepared.vessels, prepared.arteries], seen, carm)
        return cls(carm, centre_mm, moving, fixed, NO_VEINS_2D if no_veins else None, nothing)

    def score(self, poses: Sequence[FloatArray], predict: Predict) -> tuple[_ScoredPoses, list[FloatArray]]:
        """What speaks for `poses`, and the poses that the network corrects them to."""
        windows = [window_of(pose, self.centre_mm, self.carm) for pose in poses]
        images = [self._images(window, pose) for window, pose in zip(windows, poses, strict=True)]
        corrections = np.asarray(predict(np.stack([each[0] for each in images])), dtype=np.float64)
        onward = [
            corrected_pose(pose, self.centre_mm, self.carm, correction)
            for pose, correction in zip(poses, corrections, strict=True)
        ]
        turn_mm = SURFACE_RADIUS_MM * np.linalg.norm(corrections[:, :3], axis=1)
        step_mm: FloatArray = np.linalg.norm(corrections[:, 3:5], axis=1) + turn_mm
        return _ScoredPoses(np.stack(poses), _nccs(images), step_mm), onward

    def correlations(self, poses: FloatArray) -> FloatArray:
        """(B, 3) NCC of veins, of all vessels, of arteries, where the detector saw anything."""
        return _nccs([self._images(window_of(pose, self.centre_mm, self.carm), pose) for pose in poses])

    def rotated(self, pose: FloatArray, count: int, seed: int) -> list[FloatArray]:
        """`pose` turned about the head's centre, mostly about axes in the detector's plane."""
        rng = np.random.default_rng([seed, 1])
        turns = np.radians(rng.normal(0, ROTATED_START_DEG, (count, 3)))
        still = np.zeros(3)
        return [corrected_pose(pose, self.centre_mm, self.carm, np.concatenate([turn, still])) for turn in turns]

    def _images(self, window: CArm, pose: FloatArray) -> npt.NDArray[np.float32]:
        """(3, 2, SIZE_PX, SIZE_PX) moving and fixed: veins, all vessels, arteries."""
        veins_mm, arteries_mm = (vessels.path_mm(window, pose) for vessels in self.moving)
        moving = softened(np.stack([veins_mm, veins_mm + arteries_mm, arteries_mm]))
        return np.stack([moving, self.fixed.seen_in(window)], axis=1)


def _corrected(
    view: _View, distance: _PoseDistance, starts: Sequence[FloatArray], predict: Predict, options: SearchOptions
) -> _ScoredPoses:
    """The poses that the corrections led to, without those of the first passes, which are still far off."""
    poses = list(starts)
    parts: list[_ScoredPoses] = []
    for number in range(options.passes + 1):
        here, onward = view.score(poses, predict)
        if number >= min(WIDE_PASSES, options.passes):
            parts.append(here)
        if number == WIDE_PASSES and len(poses) > NARROW_STARTS:
            order = np.argsort(-_plausibility(here, distance), kind="stable")
            onward = [onward[index] for index in order[:NARROW_STARTS]]
        poses = onward
    if options.rotated_starts:
        so_far = _ScoredPoses.joined(parts)
        best = so_far.poses[_plausibility(so_far, distance).argmax()]
        turned, onward = view.score(view.rotated(best, options.rotated_starts, options.seed), predict)
        parts += [turned, view.score(onward, predict)[0]]
    return _ScoredPoses.joined(parts)


def _plausibility(scored: _ScoredPoses, distance: _PoseDistance) -> FloatArray:
    """(N,) how much speaks for each pose, on a logarithmic scale."""
    distance_mm = distance.distances_mm(scored.poses, scored.poses)
    support: FloatArray = np.exp(-((distance_mm / SUPPORT_MM) ** 2) / 2).mean(axis=1)
    # Student's t: far off is unlikely, not impossible.
    far = -2.5 * np.log1p((distance.from_starts_mm(scored.poses) / FAR_MM) ** 2)
    correlations = scored.correlations @ (1 / np.array([VEINS_UNIT, VESSELS_UNIT, ARTERIES_UNIT]))
    return correlations + np.log(support + 1e-9) - scored.step_mm / STEP_UNIT_MM + far


def _ranked(scored: _ScoredPoses, distance: _PoseDistance, options: SearchOptions) -> list[Hypothesis]:
    """The most plausible poses, none near another."""
    plausibility = _plausibility(scored, distance)
    near = distance.distances_mm(scored.poses, scored.poses) < options.distinct_mm
    chosen: list[int] = []
    for index in np.argsort(-plausibility, kind="stable"):
        if not near[index, chosen].any():
            chosen.append(int(index))
        if len(chosen) == options.keep:
            break
    return [
        Hypothesis(scored.poses[index], float(scored.correlations[index, 0]), float(near[index].mean()))
        for index in chosen
    ]  # fmt: skip


def _nccs(images: Sequence[npt.NDArray[np.float32]]) -> FloatArray:
    """(B, 3) of B times three pairs."""
    return np.array([[_ncc(moving, fixed) for moving, fixed in pairs] for pairs in images])


def _ncc(moving: Image, fixed: Image) -> float:
    seen = fixed >= 0
    if not seen.any():
        return 0.0
    one, other = (image[seen] - image[seen].mean() for image in (moving, fixed))
    energy = float((one**2).sum() * (other**2).sum())
    return float((one * other).sum()) / energy**0.5 if energy > 0 else 0.0
