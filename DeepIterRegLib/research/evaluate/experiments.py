"""The paper's experiments: how many patients, which ones, from which starting poses, by which methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.evaluate.case import Case
from DeepIterRegLib.research.evaluate.patient_summary import Facts
from DeepIterRegLib.research.evaluate.perturbations import perturbed_poses
from DeepIterRegLib.research.evaluate.variants import InitializerChoice

MOST_MOTION_MM = 1.0
"""Greatest motion on the detector, in mm, of a run that the test set takes. The paper left out "suboptimal DSA images,
such as ones that suffer from motion" by eye, without a number (docs/calibration.md)."""
LEAST_VEIN_FRACTION = 0.04
"""Of the detector that a run of the test set shows as veins: the paper's method needs them in both images, and a run
that ends before they fill is as suboptimal as one that moves. Runs of a carotid that show all phases have 0.05 to 0.15
(docs/calibration.md)."""
DEFAULT_STARTS = 50
FARTHEST_PX = 150.0
"""Greatest initial error that the initializer is tried at: as far as the offsets it is trained on reach."""
BLIND_METHODS = ("published-two-stage", "published")
"""What a reader of the blind test compares, with each other and with the true pose."""


@dataclass(frozen=True)
class Experiment:
    """One table of the paper."""

    name: str
    description: str
    patients: int
    """How many the paper had."""
    methods: tuple[str, ...]
    """Compared unless told otherwise."""
    left_out: Callable[[Facts], str | None]
    """Why a patient is not taken, in some words; None for one who is."""
    starts: Callable[[Case, int], list[FloatArray]]
    """The starting poses (4, 4) of a case, as many as the second argument says."""
    initializer: InitializerChoice
    """Whether the methods run with it, unless told otherwise."""
    default_starts: int = 1
    """Starts per patient."""
    several_starts: bool = False
    """Whether --starts means anything."""


def experiment_named(name: str) -> Experiment:
    """Raises InputError for an experiment that there is not."""
    if name not in EXPERIMENTS:
        raise InputError(f"There is no experiment {name!r}; choose {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[name]


def _radiological(case: Case, count: int) -> list[FloatArray]:
    return [case.radiological_pose]


def _perturbed(case: Case, count: int) -> list[FloatArray]:
    return perturbed_poses(case.pose, case.centre_mm, case.carm, case.name, count)


def _radiological_or_far(case: Case, count: int) -> list[FloatArray]:
    if count == 1:
        return [case.radiological_pose]
    return perturbed_poses(case.pose, case.centre_mm, case.carm, case.name, count, FARTHEST_PX)


def _everybody(facts: Facts) -> str | None:
    return None


def _suboptimal(facts: Facts) -> str | None:
    # Unknown is not too much: a cohort from elsewhere was chosen by whoever brought it.
    if facts.motion_mm > MOST_MOTION_MM:
        return f"moved by {facts.motion_mm:.1f} mm on the detector"
    if facts.vein_fraction < LEAST_VEIN_FRACTION:
        return f"shows veins on {100 * facts.vein_fraction:.1f} % of the detector"
    return None


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "optimizer-only", "all patients from the radiological pose", 94, ("published", "default"), _everybody,
            _radiological, "without",
        ),
        Experiment(
            "testset", "patients whose run is free of strong motion and shows veins, from the radiological pose", 20,
            ("published", "default"), _suboptimal, _radiological, "both",
        ),
        Experiment(
            "capture-range", "the test set from perturbed starts around the truth", 20, ("published", "default"),
            _suboptimal, _perturbed, "both", DEFAULT_STARTS, several_starts=True,
        ),
        Experiment(
            "minip", "the test set with and without the stage on the minimum projection", 20,
            ("published-two-stage", "published"), _suboptimal, _radiological, "with",
        ),
        Experiment(
            "blind-test", "overlays of two stages, three stages and the truth for a reader who does not know which", 20,
            BLIND_METHODS, _suboptimal, _radiological, "with",
        ),
        Experiment(
            "initializer", "the initializer alone on all patients, from the radiological pose, or with --starts from up"
            f" to {FARTHEST_PX:.0f} px off", 200, ("initializer",), _everybody, _radiological_or_far, "with",
            several_starts=True,
        ),
    )
}  # fmt: skip
