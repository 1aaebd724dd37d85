"""How far a target lies from where it is drawn: `python -m Testing.tools.measure_targets register|summary FOLDER`.

register: simulated patients are made and registered, one after the other, and what the summary needs is kept in FOLDER,
a file for each patient; what is there is not done again. summary: the tables of docs/measurements/targets.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.geometry.projection import mean_projection_error_mm, project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.guidance.ellipse import ellipse_of
from DeepIterRegLib.guidance.targets import Placed, mark_of, placed_on
from DeepIterRegLib.guidance.trace import traced
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.research.evaluate.confidence_intervals import wilson_interval

FIRST_SEED, COUNT = 330_000, 20
FIRST_UNSEEN = 330_010
DETECTOR_PX, CT_COLUMNS = 512, 512
KINDS = ("ICA", "M1", "A2", "basilar")
"""Arteries that a target is put on in the measurement, by the beginnings of their names in the simulator."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("register", "summary"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    args = parser.parse_args()
    {"register": register_all, "summary": summary}[args.step](args)


def register_all(args: argparse.Namespace) -> None:
    """A lateral run of each patient, stored raw, registered by the default method."""
    from DeepIterRegLib.research.simulate.files.truth import truth_of
    from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
    from DeepIterRegLib.research.simulate.patient import PatientOptions, simulate_patient

    args.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(args.first, args.first + args.count):
        path = args.folder / f"{seed}.npz"
        if path.exists():
            continue
        began = time.process_time()
        patient = simulate_patient(seed, PatientOptions(detector_px=DETECTOR_PX, ct_columns=CT_COLUMNS))
        with tempfile.TemporaryDirectory() as folder:
            write_xa(patient.runs[0], Path(folder) / "run.dcm", form="raw", seed=seed)
            angiogram = read_angiogram(Path(folder) / "run.dcm")
        try:
            images = PreparedImages(prepare_volume(patient.volume), (prepare_angiogram(angiogram),))
            found = register(images, Options())
        except InputError as error:
            print(seed, "refused:", error, flush=True)
            continue
        assert found.confidence is not None
        cloud, volume = images.volume.cloud, images.volume
        np.savez_compressed(
            path,
            truth=json.dumps(truth_of(patient)),
            pose=found.pose,
            covariance=found.confidence.covariance,
            verdict=found.confidence.verdict,
            centre_mm=volume.frame.centre_mm,
            carm=carm_to_json(found.angiograms[0].angiogram.carm),
            positions_mm=cloud.positions_mm,
            weights_mm3=cloud.weights_mm3,
            is_vein=cloud.is_vein,
            cell_mm=cloud.cell_mm,
            cloud_centre_mm=cloud.centre_mm,
            ijk_to_ras=volume.volume.ijk_to_ras,
            shape=volume.volume.voxels.shape,
        )
        print(seed, found.confidence.verdict, f"{time.process_time() - began:.0f} s", flush=True)


def summary(args: argparse.Namespace) -> None:
    """Errors and shares in the ellipse, in the view that was registered and in one at a right angle to it."""
    lines: list[Line] = []
    for path in sorted(args.folder.glob("*.npz")):
        with np.load(path) as saved:
            lines += _of_patient(saved)
    _print_table(lines)
    print(f"\nof seeds from {FIRST_UNSEEN} on, which nobody had looked at when the depth's size was chosen:")
    _print_table([line for line in lines if line.seed >= FIRST_UNSEEN])
    print("\nof patients whose MPE is below 2 mm:")
    _print_table([line for line in lines if line.mpe_mm < 2])
    print("\nwithout the ellipse's own part for the target (the pose alone):")
    for view in ("registered", "at a right angle"):
        chosen = [line for line in lines if line.view == view]
        print(view, f"{np.mean([line.in_pose_ellipse for line in chosen]):.3f}")
    moved = np.array([line.centreline_mm for line in lines if line.view == "registered"])
    print("\nfrom the true centreline to where a target on it is put, mm:", *_shares(moved))
    print("verdicts:", {path.stem: str(np.load(path)["verdict"]) for path in sorted(args.folder.glob("*.npz"))})


def _print_table(lines: Sequence[Line]) -> None:
    print(
        "| view | target | number | median error, mm | 90 % | 95 % | in the ellipse | 95 % interval | semi-axes, mm |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for view in ("registered", "at a right angle"):
        for kind in (*KINDS, "all"):
            chosen = [line for line in lines if line.view == view and kind in (line.kind, "all")]
            if chosen:
                print(_row(view, kind, chosen))


@dataclass(frozen=True)
class Line:
    """One target on one detector."""

    seed: int
    mpe_mm: float
    view: str
    kind: str
    error_mm: float
    in_ellipse: bool
    in_pose_ellipse: bool
    semi_axes_mm: FloatArray
    centreline_mm: float


def _of_patient(saved: Any) -> Iterator[Line]:
    """Points of the true centrelines of arteries that the CTA shows: put onto ours, and projected at our pose."""
    truth = json.loads(str(saved["truth"]))
    true_pose = np.array(truth["pose"])
    cloud = VesselCloud(
        saved["positions_mm"], saved["weights_mm3"], saved["is_vein"], float(saved["cell_mm"]), saved["cloud_centre_mm"]
    )
    began = time.process_time()
    centreline = traced(cloud)
    print(truth["seed"], f"centrelines of {len(cloud)} points in {time.process_time() - began:.2f} CPU s", flush=True)
    registered = carm_from_json(str(saved["carm"]), "The DSA")
    turned = CArm.from_angles(
        (registered.primary_angle_deg or 0.0) - 90, 0.0, registered.sdd_mm, registered.sid_mm,
        registered.pixel_spacing_mm, registered.rows, registered.columns,
    )  # fmt: skip
    placed = list(_targets(truth, saved))
    for kind, target in zip(
        [kind for kind, _ in placed], placed_on(centreline, [one for _, one in placed]), strict=True
    ):
        for view, carm in (("registered", registered), ("at a right angle", turned)):
            pose, covariance, pivot = saved["pose"], saved["covariance"], saved["centre_mm"]
            mark = mark_of(target, pose, carm, covariance, pivot)
            alone = ellipse_of(target.end_mm, pose, carm, covariance, pivot, own_mm=0.0)
            assert mark is not None
            assert alone is not None
            true_px = project(apply(true_pose, target.placed_mm), carm)
            row_mm, column_mm = carm.pixel_spacing_mm
            yield Line(
                int(truth["seed"]),
                mean_projection_error_mm(pose, true_pose, pivot, registered),
                view,
                kind,
                float(np.linalg.norm((true_px[0] - mark.pixels[-1]) * (column_mm, row_mm))),
                bool(mark.ellipses[-1].contains(true_px)[0]),
                bool(alone.contains(true_px)[0]),
                mark.ellipses[-1].semi_axes_mm,
                float(np.linalg.norm(target.end_mm - target.placed_mm[0])),
            )


def _targets(truth: dict[str, Any], saved: Any) -> Iterator[tuple[str, Placed]]:
    """Of each artery of these names the middle, and of the stroke the stump; none that the CTA does not show there."""
    seen = cKDTree(saved["positions_mm"])
    for vessel in truth["vessels"]:
        kind = next((kind for kind in KINDS if vessel["name"].startswith(kind)), None)
        if kind is None or vessel["is_vein"]:
            continue
        points = np.array(vessel["points_mm"])
        arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        # Of the carotid the terminus: its last point is where it forks.
        at_mm = arc[-1] - 2.0 if kind == "ICA" else arc[-1] / 2
        point = np.array([np.interp(at_mm, arc, axis) for axis in points.T])
        if seen.query(point)[0] < 1.0:
            yield kind, Placed(f"{vessel['name']} {vessel['side']}", point[None])


def _row(view: str, kind: str, lines: Sequence[Line]) -> str:
    errors, inside = np.array([line.error_mm for line in lines]), sum(line.in_ellipse for line in lines)
    interval = wilson_interval(inside, len(lines))
    assert interval is not None
    axes = np.median([line.semi_axes_mm for line in lines], axis=0)
    median, ninety, ninety_five = _shares(errors)
    return (
        f"| {view} | {kind} | {len(lines)} | {median} | {ninety} | {ninety_five} | {100 * inside / len(lines):.0f} %"
        f" | {100 * interval.low:.0f} to {100 * interval.high:.0f} | {axes[0]:.1f}, {axes[1]:.1f} |"
    )


def _shares(values: FloatArray) -> list[str]:
    """Median, 90th and 95th percentile."""
    return [f"{value:.2f}" for value in np.percentile(values, [50, 90, 95])]


if __name__ == "__main__":
    main()
