"""What the skull is worth: `python -m Testing.tools.measure_skull simulate|register|summary FOLDER [options]`.

simulate: patients whose runs are written in every form (raw, subtracted, exported, native), once each. register: each
form by several ways, a line of JSON per registration into FOLDER/results.jsonl; what is there is not done again, so it
can be ended and begun anew, and run beside `simulate`. summary: the tables of docs/measurements/skull.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import apply, invert, rotation_angle_deg
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedImages, PreparedVolume
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.research.evaluate.cohort import SimulatedCohort
from DeepIterRegLib.research.evaluate.confidence_intervals import wilson_interval
from DeepIterRegLib.research.evaluate.metrics import pose_error
from DeepIterRegLib.research.evaluate.perturbations import perturbed_pose
from DeepIterRegLib.research.simulate.arteries.stroke import past_clot_mm
from DeepIterRegLib.research.simulate.patient import PatientOptions, SimulatedPatient, View
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredForm

SKULL_SHARE = 0.1
CAPTURE_PX = (60, 80, 100, 120, 160)
FORMS: dict[StoredForm, str] = {"raw": "raw", "subtracted": "sub", "exported": "exp", "native": "nat"}
"""And the stems of their files."""
WAYS = {
    "published": Options(method="published", initializer=False),
    "vessels": Options(terms=("vessels",)),
    "skull": Options(terms=("skull",)),
    "default": Options(),
    "default with initializer": Options(initializer=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("simulate", "register", "capture", "strangers", "summary"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=300_000)
    parser.add_argument("--count", type=int, default=94)
    parser.add_argument("--difficulty", choices=("calibrated", "hard"), default="hard")
    parser.add_argument("--disturb", action="append", default=[], help="for certain, whatever the difficulty draws")
    parser.add_argument("--frontal", action="store_true", help="a second view")
    parser.add_argument("--detector-px", type=int, default=PatientOptions.detector_px)
    parser.add_argument("--ct-columns", type=int, default=PatientOptions.ct_columns)
    parser.add_argument("--untreated", action="store_true", help="every run before thrombectomy, the artery occluded")
    parser.add_argument("--skull", type=Path, help="a real head CT, for a tenth of the patients")
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--ways", default="published,vessels,default")
    args = parser.parse_args()
    {"simulate": simulate, "register": register_all, "capture": capture, "strangers": strangers, "summary": summary}[
        args.step
    ](args)


def simulate(args: argparse.Namespace) -> None:
    views: tuple[View, ...] = ("lateral", "frontal") if args.frontal else ("lateral",)
    options = PatientOptions(
        views=views, difficulty=args.difficulty, disturbances=tuple(args.disturb), skull=args.skull,
        detector_px=args.detector_px, ct_columns=args.ct_columns, treated=False if args.untreated else None,
    )  # fmt: skip
    cohort = SimulatedCohort(args.first, options, skull_share=SKULL_SHARE)
    for seed in range(args.first, args.first + args.count):
        folder = args.folder / f"p{seed}"
        if (folder / "truth.npz").exists():
            continue
        began = time.process_time()
        forms = [form for form in FORMS if form in args.forms.split(",")]
        simulate_one(seed, cohort, folder, forms)
        print(seed, f"{time.process_time() - began:.0f} s", flush=True)


def simulate_one(
    seed: int, cohort: SimulatedCohort, folder: Path, forms: Collection[StoredForm] = tuple(FORMS)
) -> None:
    """One patient's CTA, runs in each form, and the truth."""
    from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
    from DeepIterRegLib.research.simulate.patient import simulate_patient

    folder.mkdir(parents=True, exist_ok=True)
    patient = simulate_patient(seed, cohort.options_of(seed))
    np.save(folder / "cta.npy", patient.volume.voxels)
    for number, run in enumerate(patient.runs):
        for form in forms:
            write_xa(run, folder / f"{FORMS[form]}{number or ''}.dcm", form=form, seed=seed)
    (folder / "defects.json").write_text(json.dumps(patient.defects, default=str), encoding="utf-8")
    np.savez(
        folder / "truth.npz",
        pose=patient.pose,
        native_pose=patient.runs[0].first_pose,
        start=patient.radiological_pose,
        ijk=patient.volume.ijk_to_ras,
    )
    _write_filling(patient, folder / "filling.npz")


def _write_filling(patient: SimulatedPatient, path: Path) -> None:
    """Where the vessels of the CTA are, how much of their blood comes from the catheter before the run ends, when it
    arrives, and what lies behind the clot."""
    run = patient.runs[0]
    vessels = patient.anatomy.vessels
    arrival_s = np.concatenate(run.arrival_s)
    end_s = len(run.frames) * run.frame_time_ms / 1000
    np.savez(
        path,
        positions_mm=apply(patient.head_to_patient, np.concatenate([each.points_mm for each in vessels])),
        fraction=np.where(arrival_s < end_s, np.concatenate(run.fraction), 0.0),
        is_vein=np.concatenate([np.full(len(each.points_mm), each.is_vein) for each in vessels]),
        arrival_s=arrival_s,
        is_behind=np.concatenate(past_clot_mm(patient.stroke, vessels)) >= 0
        if patient.stroke is not None and not patient.treated
        else np.zeros(len(arrival_s), dtype=bool),
    )


def patients_to_do(args: argparse.Namespace, log: Path) -> Iterator[tuple[int, Path, Any, PreparedVolume]]:
    """Seed, folder, truth and prepared CTA of the patients of args.first and args.count that are there, and have no
    line in the log yet."""
    done = {line["seed"] for line in lines_of(log)}
    for seed in range(args.first, args.first + args.count):
        folder = args.folder / f"p{seed}"
        if seed in done or not (folder / "truth.npz").exists():
            continue
        truth = np.load(folder / "truth.npz")
        yield seed, folder, truth, prepare_volume(Volume(np.load(folder / "cta.npy"), truth["ijk"], "cta", "CTA"))


def register_all(args: argparse.Namespace) -> None:
    log = args.folder / "results.jsonl"
    done = {(line["seed"], line["form"], line["way"]) for line in lines_of(log)}
    for seed in range(args.first, args.first + args.count):
        folder = args.folder / f"p{seed}"
        wanted = [
            (form, way)
            for form in args.forms.split(",")
            for way in args.ways.split(",")
            # Without contrast there are no vessels to compare.
            if (seed, form, way) not in done and not (form == "native" and way in ("published", "vessels"))
        ]
        if not wanted or not (folder / "truth.npz").exists():
            continue
        truth = np.load(folder / "truth.npz")
        began = time.process_time()
        volume = prepare_volume(Volume(np.load(folder / "cta.npy"), truth["ijk"], "cta", "CTA"))
        volume_seconds = time.process_time() - began
        runs: dict[str, Any] = {}
        for form, way in wanted:
            line = {"seed": seed, "form": form, "way": way, "volume_seconds": round(volume_seconds, 2)}
            try:
                if form not in runs:
                    runs[form] = _prepared(folder, FORMS[form])
                images = PreparedImages(volume, runs[form])
                clock, cpu = time.perf_counter(), time.process_time()
                found = register(images, replace(WAYS[way], initial_pose=None))
                line |= _outcome(found, truth, images, form)
                line |= {
                    "seconds": round(time.perf_counter() - clock, 2),
                    "cpu_seconds": round(time.process_time() - cpu, 2),
                }
            except InputError as error:
                line["refused"] = str(error)
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(seed, form, way, line.get("mpe_mm", line.get("refused")), flush=True)


def capture(args: argparse.Namespace) -> None:
    """From starts 60 to 160 px (of the paper's 0.87 mm) off: a line for each into FOLDER/capture.jsonl."""
    log = args.folder / "capture.jsonl"
    done = {(line["seed"], line["form"], line["target_px"]) for line in lines_of(log)}
    for seed in range(args.first, args.first + args.count):
        folder = args.folder / f"p{seed}"
        if not (folder / "truth.npz").exists():
            continue
        truth = np.load(folder / "truth.npz")
        volume = prepare_volume(Volume(np.load(folder / "cta.npy"), truth["ijk"], "cta", "CTA"))
        for form in args.forms.split(","):
            images = PreparedImages(volume, _prepared(folder, FORMS[form]))
            carm, centre_mm = images.angiograms[0].angiogram.carm, volume.cloud.centre_mm
            for target in CAPTURE_PX:
                if (seed, form, target) in done:
                    continue
                rng = np.random.default_rng([seed, target])
                start = perturbed_pose(truth["pose"], centre_mm, carm, rng, (target - 1.0, target + 1.0))
                found = register(images, Options(initial_pose=start))
                line = {
                    "seed": seed,
                    "form": form,
                    "target_px": target,
                    "mpe_mm": round(pose_error(found.pose, truth["pose"], centre_mm, carm).mpe_mm, 3),
                    "off_deg": round(rotation_angle_deg(start @ invert(truth["pose"])), 1),
                    "terms": [[one.term, round(one.similarity, 3)] for one in found.terms],
                }
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(line, flush=True)


def strangers(args: argparse.Namespace) -> None:
    """Each run with the CTA of the next seed's patient: a line for each into FOLDER/strangers.jsonl."""
    log = args.folder / "strangers.jsonl"
    done = {(line["seed"], line["form"]) for line in lines_of(log)}
    for seed in range(args.first, args.first + args.count):
        folder, other = args.folder / f"p{seed}", args.folder / f"p{seed + 1}"
        forms = [form for form in args.forms.split(",") if (seed, form) not in done]
        if not forms or not (folder / "truth.npz").exists() or not (other / "truth.npz").exists():
            continue
        volume = prepare_volume(Volume(np.load(other / "cta.npy"), np.load(other / "truth.npz")["ijk"], "cta", "CTA"))
        for form in forms:
            try:
                found = register(PreparedImages(volume, _prepared(folder, FORMS[form])), Options())
            except InputError as error:
                print(seed, form, error, flush=True)
                continue
            line = {
                "seed": seed,
                "form": form,
                "terms": [[one.term, round(one.similarity, 3), round(one.trust, 3)] for one in found.terms],
                "verdict": found.confidence.verdict if found.confidence else None,
            }
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)


def _prepared(folder: Path, stem: str) -> tuple[Any, ...]:
    files = [folder / f"{stem}.dcm", *sorted(folder.glob(f"{stem}[1-9].dcm"))]
    return tuple(prepare_angiogram(read_angiogram(file)) for file in files)


def _outcome(found: Any, truth: Any, images: PreparedImages, form: str) -> dict[str, Any]:
    centre_mm, carm = images.volume.cloud.centre_mm, images.angiograms[0].angiogram.carm
    error = pose_error(found.pose, truth["native_pose" if form == "native" else "pose"], centre_mm, carm)
    start = pose_error(truth["start"], truth["pose"], centre_mm, carm)
    return {
        "start_mm": round(start.mpe_mm, 2),
        "mpe_mm": round(error.mpe_mm, 3),
        "tre_mm": round(error.tre_mm, 3),
        "terms": [
            [one.term, one.angiogram, one.seen_in, round(one.trust, 3), round(one.similarity, 3)] for one in found.terms
        ],
        "angles_deg": [[round(one.primary_deg, 3), round(one.secondary_deg, 3)] for one in found.angle_corrections],
        "warnings": list(found.warnings),
        "verdict": found.confidence.verdict,
        "probability": round(found.confidence.probability, 3),
        "stages": [[stage.name, round(stage.seconds, 2)] for stage in found.stages],
    }


def summary(args: argparse.Namespace) -> None:
    lines = list(lines_of(args.folder / "results.jsonl"))
    print("| form | way | success | 95 % | median MPE of successes, mm | worst, mm | told | s, CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for form in FORMS:
        for way in WAYS:
            chosen = [line for line in lines if (line["form"], line["way"]) == (form, way)]
            if not chosen:
                continue
            errors = np.array([line.get("mpe_mm", np.inf) for line in chosen])
            good = errors < 5
            interval = wilson_interval(int(good.sum()), len(good))
            assert interval is not None
            told = sum(_told(line) for line, success in zip(chosen, good, strict=True) if not success)
            reach = f"{100 * interval.low:.0f} to {100 * interval.high:.0f}"
            print(
                f"| {form} | {way} | {good.sum()} of {len(good)} | {reach}"
                f" | {np.median(errors[good]):.2f} | {errors.max():.1f} | {told} of {(~good).sum()}"
                f" | {_median(chosen, 'seconds')}, {_median(chosen, 'cpu_seconds')} |"
            )

    _print_disturbances(args.folder, lines)
    _print_capture(list(lines_of(args.folder / "capture.jsonl")))


def _print_disturbances(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Successes and median errors of the default method, with each disturbance and without it."""
    drawn = {
        seed: set(json.loads((folder / f"p{seed}" / "defects.json").read_text(encoding="utf-8"))["disturbances"])
        for seed in {line["seed"] for line in lines}
    }
    names = sorted(set().union(*drawn.values())) if drawn else []
    print("\n| disturbance | " + " | ".join(FORMS) + " |\n| --- |" + " --- |" * len(FORMS))
    for name in names:
        cells = []
        for form in FORMS:
            chosen = [line for line in lines if (line["form"], line["way"]) == (form, "default")]
            errors = np.array([line.get("mpe_mm", np.inf) for line in chosen if name in drawn[line["seed"]]])
            good = errors < 5
            median = f", {np.median(errors[good]):.2f}" if good.any() else ""
            cells.append(f"{good.sum()} of {len(good)}{median}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def _print_capture(lines: list[dict[str, Any]]) -> None:
    if not lines:
        return
    print("\n| start, px | form | success | median MPE, mm |\n| --- | --- | --- | --- |")
    for form in FORMS:
        for target in CAPTURE_PX:
            errors = np.array([line["mpe_mm"] for line in lines if (line["form"], line["target_px"]) == (form, target)])
            if len(errors):
                print(f"| {target} | {form} | {(errors < 5).sum()} of {len(errors)} | {np.median(errors):.2f} |")


def _told(line: dict[str, Any]) -> bool:
    """Whether a failure was refused, or not called "registered"."""
    return "refused" in line or line["verdict"] != "registered"


def _median(lines: list[dict[str, Any]], name: str) -> str:
    values = [line[name] for line in lines if name in line]
    return f"{np.median(values):.1f}" if values else "–"


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    main()
