"""The paper's experiments: how many patients, which ones, from which starting poses, by which methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.evaluate.case import Case
from DeepIterRegLib.research.evaluate.methods import published_with
from DeepIterRegLib.research.evaluate.patient_summary import PatientSummary
from DeepIterRegLib.research.evaluate.perturbations import perturbed_poses
from DeepIterRegLib.research.evaluate.variants import InitializerChoice
from DeepIterRegLib.similarity import names

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


class NobodyTakesPart(InputError):
    """Of the patients none suits an experiment, or a part of it."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One table of the paper."""

    name: str
    description: str
    patients: int
    """How many the paper had."""
    methods: tuple[str, ...]
    """Compared unless told otherwise."""
    left_out: Callable[[PatientSummary], str | None]
    """Why a patient is not taken, in some words; None for one who is."""
    starts: Callable[[Case, int], list[FloatArray]]
    """The starting poses (4, 4) of a case, as many as the second argument says."""
    initializer: InitializerChoice
    """Whether the methods run with it, unless told otherwise."""
    default_starts: int = 1
    """Starts per patient."""
    several_starts: bool = False
    """Whether --starts means anything."""


SIMILARITY = "similarity"
HIPWELLS_MEASURES = (
    names.NCC,
    names.ENTROPY_OF_DIFFERENCE,
    names.MUTUAL_INFORMATION,
    names.GRADIENT_CORRELATION,
    names.PATTERN_INTENSITY,
    names.GRADIENT_DIFFERENCE,
)
"""The six that Hipwell et al., IEEE TMI 22 (2003) 1417, compare, in their order (docs/similarity.md)."""
SIMILARITY_STARTS = 10


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


def _everybody(summary: PatientSummary) -> str | None:
    return None


def _suboptimal(summary: PatientSummary) -> str | None:
    # Unknown is not too much: a cohort from elsewhere was chosen by whoever brought it.
    if summary.motion_mm > MOST_MOTION_MM:
        return f"moved by {summary.motion_mm:.1f} mm on the detector"
    if summary.vein_fraction < LEAST_VEIN_FRACTION:
        return f"shows veins on {100 * summary.vein_fraction:.1f} % of the detector"
    return None


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            name="optimizer-only",
            description="all patients from the radiological pose",
            patients=94,
            methods=("published", "default"),
            left_out=_everybody,
            starts=_radiological,
            initializer="without",
        ),
        Experiment(
            name="testset",
            description="patients whose run is free of strong motion and shows veins, from the radiological pose",
            patients=20,
            methods=("published", "default"),
            left_out=_suboptimal,
            starts=_radiological,
            initializer="both",
        ),
        Experiment(
            name="capture-range",
            description="the test set from perturbed starts around the truth",
            patients=20,
            methods=("published", "default"),
            left_out=_suboptimal,
            starts=_perturbed,
            initializer="both",
            default_starts=DEFAULT_STARTS,
            several_starts=True,
        ),
        Experiment(
            name="minip",
            description="the test set with and without the stage on the minimum projection",
            patients=20,
            methods=("published-two-stage", "published"),
            left_out=_suboptimal,
            starts=_radiological,
            initializer="with",
        ),
        Experiment(
            name="blind-test",
            description="overlays of two stages, three stages and the truth for a reader who does not know which",
            patients=20,
            methods=BLIND_METHODS,
            left_out=_suboptimal,
            starts=_radiological,
            initializer="with",
        ),
        Experiment(
            name="initializer",
            description="the initializer alone on all patients, from the radiological pose, or with --starts from up to"
            f" {FARTHEST_PX:.0f} px off",
            patients=200,
            methods=("initializer",),
            left_out=_everybody,
            starts=_radiological_or_far,
            initializer="with",
            several_starts=True,
        ),
        Experiment(
            name=SIMILARITY,
            description="the published method driven by each of six similarities of the masks, from the same perturbed"
            " starts around the truth",
            patients=20,
            methods=tuple(published_with(name) for name in HIPWELLS_MEASURES),
            left_out=_everybody,
            starts=_perturbed,
            initializer="without",
            default_starts=SIMILARITY_STARTS,
            several_starts=True,
        ),
    )
}
