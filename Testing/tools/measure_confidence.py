"""How sure may one be: `python -m Testing.tools.measure_confidence register FOLDER... --to FILE [options]`.

Registrations of patients that `measure_skull simulate` has written, right ones and every kind of wrong one: a line of
JSON each with the measures at the result and how far it is off. What is there is not done again.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.confidence.measures import measure
from DeepIterRegLib.filling.filled import filling
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import cube_corners_mm, project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.refinement.agreement import evidence_of_result
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.registration.start import start_poses
from DeepIterRegLib.research.evaluate.perturbations import perturbed_pose
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredForm
from Testing.tools.filling_truth import counted, truths
from Testing.tools.measure_skull import FORMS

DEFAULT = Options()
SOME_FRAMES, FIRST_FRAME = 5, 4
CROPPED_TO = 0.55
NOT_NATIVE: tuple[StoredForm, ...] = ("raw", "subtracted", "exported")
CROPPED: tuple[tuple[StoredForm, bool], ...] = (("raw", True), ("subtracted", False))
"""Which form, and whether the upper part is kept."""
FAR_PX = (60.0, 110.0)
ISOCENTRE_OFF_MM = 30.0


@dataclass(frozen=True, eq=False)
class Patient:
    """One simulated patient's files, read once."""

    seed: int
    folder: Path
    volume: Volume
    pose: FloatArray
    native_pose: FloatArray

    @classmethod
    def read(cls, folder: Path) -> Patient:
        truth = np.load(folder / "truth.npz")
        volume = Volume(np.load(folder / "cta.npy"), truth["ijk"], "cta", "CTA")
        return cls(int(folder.name[1:]), folder, volume, truth["pose"], truth["native_pose"])

    def angiogram(self, form: StoredForm) -> Angiogram:
        return read_angiogram(self.folder / f"{FORMS[form]}.dcm")

    def truth(self, form: str) -> FloatArray:
        return self.native_pose if form == "native" else self.pose


@dataclass(frozen=True, eq=False)
class Trial:
    """One registration to be tried."""

    kind: str
    form: str
    volume: PreparedVolume
    angiogram: PreparedAngiogram
    true_carm: CArm
    options: Options = DEFAULT
    is_stranger: bool = False


def with_angles(carm: CArm, primary: float = 1.0, secondary: float = 1.0, sdd: float = 1.0) -> CArm:
    """The C-arm whose angles and distance are so many times as large; the pixels stay."""
    assert carm.primary_angle_deg is not None
    assert carm.secondary_angle_deg is not None
    return CArm.from_angles(
        primary * carm.primary_angle_deg, secondary * carm.secondary_angle_deg, sdd * carm.sdd_mm, carm.sid_mm,
        carm.pixel_spacing_mm, carm.rows, carm.columns,
    )  # fmt: skip


def with_pixels(carm: CArm, factor: float) -> CArm:
    row_mm, column_mm = carm.pixel_spacing_mm
    assert carm.primary_angle_deg is not None
    assert carm.secondary_angle_deg is not None
    return CArm.from_angles(
        carm.primary_angle_deg, carm.secondary_angle_deg, carm.sdd_mm, carm.sid_mm,
        (factor * row_mm, factor * column_mm), carm.rows, carm.columns,
    )  # fmt: skip


def off_centre(carm: CArm, rng: np.random.Generator) -> CArm:
    """The isocentre is seen elsewhere than the file says."""
    assert carm.primary_angle_deg is not None
    assert carm.secondary_angle_deg is not None
    row_mm, column_mm = carm.pixel_spacing_mm
    towards = rng.uniform(0, 2 * np.pi)
    off_mm = ISOCENTRE_OFF_MM * carm.sdd_mm / carm.sid_mm * np.array([np.cos(towards), np.sin(towards)])
    middle = (carm.columns - 1) / 2 + off_mm[0] / column_mm, (carm.rows - 1) / 2 + off_mm[1] / row_mm
    return CArm.from_angles(
        carm.primary_angle_deg, carm.secondary_angle_deg, carm.sdd_mm, carm.sid_mm, carm.pixel_spacing_mm, carm.rows,
        carm.columns, middle,
    )  # fmt: skip


def turned_over(carm: CArm) -> CArm:
    """Of an image that was turned by 180 degrees."""
    row_mm, column_mm = carm.pixel_spacing_mm
    corner = carm.detector_origin_mm + (carm.columns - 1) * column_mm * carm.column_direction
    corner = corner + (carm.rows - 1) * row_mm * carm.row_direction
    return CArm(
        source_mm=carm.source_mm, detector_origin_mm=corner, column_direction=-carm.column_direction,
        row_direction=-carm.row_direction, pixel_spacing_mm=carm.pixel_spacing_mm, rows=carm.rows,
        columns=carm.columns,
    )  # fmt: skip


def cropped(volume: Volume, upper: bool) -> Volume:
    """The upper or the lower part of a CTA (by patient's height)."""
    count = round(CROPPED_TO * volume.voxels.shape[0])
    rising = volume.ijk_to_ras[2, 2] > 0
    first = volume.voxels.shape[0] - count if upper == rising else 0
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, 3] += first * matrix[:3, 2]
    return replace(volume, voxels=volume.voxels[first : first + count].copy(), ijk_to_ras=matrix)


class Trials:
    """Everything that is tried with one patient; what a trial needs is prepared when it is made."""

    def __init__(self, patient: Patient, other: Patient | None) -> None:
        self.patient, self.other = patient, other
        self.run = functools.cache(patient.angiogram)
        self.ready = functools.cache(lambda form: prepare_angiogram(self.run(form)))
        self.own = functools.cache(lambda: prepare_volume(patient.volume))
        self.strange = functools.cache(lambda: prepare_volume(cast(Patient, other).volume))

    def named(self) -> Iterator[tuple[str, StoredForm, Callable[[], Trial]]]:
        """Kind, form and what makes the trial (which may raise InputError)."""
        for form in FORMS:
            yield "plain", form, partial(self._as_is, "plain", form)
        for form in NOT_NATIVE:
            yield "vessels", form, partial(self._as_is, "vessels", form, Options(terms=("vessels",)))
        for form in ("raw", "subtracted"):
            yield "skull", form, partial(self._as_is, "skull", form, Options(terms=("skull",)))
        yield (
            "single frame",
            "subtracted",
            partial(self._of_frames, "single frame", lambda n: slice(n // 3, n // 3 + 1)),
        )
        some = slice(FIRST_FRAME, FIRST_FRAME + SOME_FRAMES)
        yield "few frames", "subtracted", partial(self._of_frames, "few frames", lambda n: some)
        for form in ("raw", "exported"):
            yield "far start", form, partial(self._far, form)
        wrong_geometry: list[tuple[str, StoredForm, Callable[[CArm, np.random.Generator], CArm]]] = [
            ("primary angle's sign", "raw", lambda carm, rng: with_angles(carm, primary=-1.0)),
            ("secondary angle's sign", "subtracted", lambda carm, rng: with_angles(carm, secondary=-1.0)),
            ("SDD", "raw", lambda carm, rng: with_angles(carm, sdd=float(rng.choice([0.9, 1.1])))),
            ("SDD", "native", lambda carm, rng: with_angles(carm, sdd=float(rng.choice([0.9, 1.1])))),
            ("pixel size", "subtracted", lambda carm, rng: with_pixels(carm, float(rng.choice([0.5, 0.8, 1.25, 2.0])))),
            ("isocentre", "raw", off_centre),
            ("isocentre", "exported", off_centre),
            ("mirrored", "native", lambda carm, rng: carm.mirrored()),
            ("mirrored", "exported", lambda carm, rng: carm.mirrored()),
            ("turned over", "subtracted", lambda carm, rng: turned_over(carm)),
        ]
        for kind, form, wrong in wrong_geometry:
            yield kind, form, partial(self._of_geometry, kind, form, wrong)
        for form, upper in CROPPED:
            yield "cropped CTA", form, partial(self._cropped, form, upper)
        if self.other is not None:
            for form in FORMS:
                yield "stranger", form, partial(self._stranger, form)

    def rng(self, kind: str, form: str) -> np.random.Generator:
        return np.random.default_rng([self.patient.seed, *f"{kind} {form}".encode()])

    def _as_is(self, kind: str, form: StoredForm, options: Options = DEFAULT) -> Trial:
        return Trial(kind, form, self.own(), self.ready(form), self.run(form).carm, options)

    def _of_frames(self, kind: str, part: Callable[[int], slice]) -> Trial:
        run = self.run("subtracted")
        less = replace(run, frames=run.frames[part(len(run.frames))], frame_times_s=None, head_motion=None)
        return Trial(kind, "subtracted", self.own(), prepare_angiogram(less), run.carm)

    def _far(self, form: StoredForm) -> Trial:
        carm, centre_mm = self.run(form).carm, self.own().cloud.centre_mm
        start = perturbed_pose(self.patient.pose, centre_mm, carm, self.rng("start", form), FAR_PX)
        return self._as_is("far start", form, Options(initial_pose=start))

    def _of_geometry(self, kind: str, form: StoredForm, wrong: Callable[[CArm, np.random.Generator], CArm]) -> Trial:
        ready, carm = self.ready(form), self.run(form).carm
        angiogram = replace(ready.angiogram, carm=wrong(carm, self.rng("geometry", form)))
        return Trial(kind, form, self.own(), replace(ready, angiogram=angiogram), carm)

    def _cropped(self, form: StoredForm, upper: bool) -> Trial:
        less = prepare_volume(cropped(self.patient.volume, upper))
        return Trial("cropped CTA", form, less, self.ready(form), self.run(form).carm)

    def _stranger(self, form: StoredForm) -> Trial:
        return Trial("stranger", form, self.strange(), self.ready(form), self.run(form).carm, is_stranger=True)


def corners_apart_mm(found: FloatArray, used: CArm, truth: FloatArray, true: CArm, centre_mm: FloatArray) -> FloatArray:
    """(8, 2) from the cube's true corners to the found ones in the picture, whatever C-arm it was taken for."""
    corners = cube_corners_mm(centre_mm)
    row_mm, column_mm = true.pixel_spacing_mm
    return (project(apply(found, corners), used) - project(apply(truth, corners), true)) * [column_mm, row_mm]


def tried(trial: Trial, truth: FloatArray, folder: Path) -> dict[str, object]:
    """What came of it."""
    images = PreparedImages(trial.volume, (trial.angiogram,))
    found = register(images, trial.options)
    given = trial.options.given_pose
    starts = [given] if given is not None else start_poses(images)
    rivals = [rival for stage in found.stages for rival in stage.rivals]
    evidence = evidence_of_result(trial.volume, found.angiograms, trial.options.terms)
    measures, bent = measure(trial.volume, found.angiograms, found.pose, starts, rivals, evidence)
    used = found.angiograms[0].angiogram.carm
    centre_mm = trial.volume.cloud.centre_mm
    read_otherwise = not np.allclose(used.column_direction, trial.angiogram.angiogram.carm.column_direction, atol=0.1)
    apart = corners_apart_mm(found.pose, used, truth, trial.true_carm, centre_mm)
    error = float(np.linalg.norm(apart, axis=1).mean())
    jacobian = bent.corners_mm[0]
    filled: dict[str, int] = {}
    if trial.form == "raw" and trial.kind in ("plain", "vessels") and (folder / "filling.npz").exists():
        cloud = trial.volume.cloud
        filled = counted(truths(filling(cloud, found.angiograms, found.pose), cloud, folder / "filling.npz"))
    return {
        "filled": filled,
        "mpe_mm": error if np.isfinite(error) else 1e3,
        "read_otherwise": read_otherwise,
        "warned": [line[:60] for line in found.warnings],
        "measures": {name: None if np.isnan(value) else round(value, 5) for name, value in measures.as_dict().items()},
        "corners_mm": np.round(apart, 3).tolist(),
        "corner_covariance": np.round(jacobian @ bent.covariance @ jacobian.T, 4).tolist(),
    }


def register_all(args: argparse.Namespace) -> None:
    done, last = set(), None
    if args.to.exists():
        lines = [json.loads(line) for line in args.to.open(encoding="utf-8")]
        done = {(one["seed"], one["kind"], one["form"]) for one in lines}
        # The last patient may not be done with.
        last = lines[-1]["seed"] if lines else None
    only = set(args.kinds.split(",")) if args.kinds else set()
    always = set(args.always.split(","))
    folders = sorted(folder for root in args.folders for folder in root.glob("p*") if (folder / "truth.npz").exists())
    folders = folders[args.skip :: args.every]
    for number, folder in enumerate(folders):
        patient = Patient.read(folder)
        if patient.seed in {seed for seed, _, _ in done} - {last}:
            continue
        other = Patient.read(folders[(number + 1) % len(folders)])
        trials = Trials(patient, other)
        for kind, form, make in trials.named():
            drawn = f"{kind} {form}" in always or trials.rng(kind, form).random() < args.share
            if not drawn or (only and kind not in only) or (patient.seed, kind, form) in done:
                continue
            line: dict[str, object] = {"seed": patient.seed, "kind": kind, "form": form}
            try:
                trial = make()
                line |= tried(trial, patient.truth(form), folder)
                line["stranger"], line["other"] = trial.is_stranger, other.seed
            except InputError as error:
                line["refused"] = str(error)
            with args.to.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(line["seed"], line["kind"], line["form"], line.get("mpe_mm", line.get("refused")), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("register",))
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--kinds", default="", help="these alone, by commas")
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the trials, drawn for each patient")
    parser.add_argument("--always", default="", help="'KIND FORM', by commas, of every patient")
    args = parser.parse_args()
    steps: dict[str, Callable[[argparse.Namespace], None]] = {"register": register_all}
    steps[args.step](args)


if __name__ == "__main__":
    main()
