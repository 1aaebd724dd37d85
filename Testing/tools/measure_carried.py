"""A pose carried to another view: `python -m Testing.tools.measure_carried measure|summary FOLDER [options]`.

FOLDER: what `measure_skull simulate --frontal --forms raw` has written. measure: registers the lateral run by the
default method and carries the pose to the frontal one, with the angles of both as they are and off by --off-deg
(normal); a line of JSON for each patient into FOLDER/carried.jsonl; what is there is not done again. Errors are those
on the picture: where the pose in use and the C-arm of the tags put the corners of the MPE's cube, and where they are.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import cube_corners_mm, project
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages
from DeepIterRegLib.registration.carry import carry
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.registration.report import build_report, origin_of
from DeepIterRegLib.registration.result import Registration
from Testing.tools.measure_skull import lines_of, patients_to_do

MOVED = {"5 mm, 2°": (5.0, 2.0), "12 mm, 4°": (12.0, 4.0)}
"""What a patient may have moved between the runs: shift in mm, across and along, and rotation in degrees."""
NAMES = {"raw": "lateral", "raw1": "frontal"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("measure", "summary"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=332_000)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--off-deg", type=float, default=0.3)
    args = parser.parse_args()
    {"measure": measure, "summary": summary}[args.step](args)


def measure(args: argparse.Namespace) -> None:
    log = args.folder / "carried.jsonl"
    for seed, folder, truth, volume in patients_to_do(args, log):
        rng = np.random.default_rng([seed, 3])
        line: dict[str, Any] = {"seed": seed}
        for tags, off_deg in (("right", 0.0), ("off", args.off_deg)):
            lateral, frontal = (_view(folder / f"{stem}.dcm", off_deg, rng) for stem in NAMES)
            found = register(PreparedImages(volume, (lateral[0],)))
            origin = origin_of(build_report(found, compare_views(found)), moved_by_hand=False)
            images = PreparedImages(volume, (frontal[0],))
            carried = carry(images, found.pose, origin)
            place = truth["pose"], volume.volume.centre_mm
            line[tags] = {
                "registered_mm": _apart_mm(found.pose, *place, *lateral),
                "carried_mm": _apart_mm(found.pose, *place, *frontal),
                **{name: _said(one) for name, one in (("registered", found), ("carried", carried))},
            }
            if tags == "off":
                refined = register(images, Options(initial_pose=found.pose))
                line[tags]["refined_mm"], line[tags]["refined"] = (
                    _apart_mm(refined.pose, *place, *frontal),
                    _said(refined),
                )
                line["moved"] = {
                    name: _moved(images, found.pose, origin, rng, amount, place, frontal)
                    for name, amount in MOVED.items()
                }
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)


def _said(one: Registration) -> list[Any]:
    assert one.confidence is not None
    return [one.confidence.verdict, round(one.confidence.probability, 4)]


def _view(file: Path, off_deg: float, rng: np.random.Generator) -> tuple[PreparedAngiogram, CArm]:
    """The run by tags that are off, and its true C-arm."""
    true = read_angiogram(file).carm
    first, second = rng.normal(size=2) * off_deg
    given = GeometryOptions(
        primary_angle_deg=true.primary_angle_deg + first, secondary_angle_deg=true.secondary_angle_deg + second
    )
    return prepare_angiogram(read_angiogram(file, given if off_deg else None)), true


def _apart_mm(
    pose: FloatArray, truth: FloatArray, centre_mm: FloatArray, prepared: PreparedAngiogram, true: CArm
) -> float:
    corners = cube_corners_mm(centre_mm)
    shown = project(apply(pose, corners), prepared.angiogram.carm)
    row_mm, column_mm = true.pixel_spacing_mm
    apart = (shown - project(apply(truth, corners), true)) * (column_mm, row_mm)
    return round(float(np.linalg.norm(apart, axis=1).mean()), 3)


def _moved(
    images: PreparedImages, pose: FloatArray, origin: Any, rng: np.random.Generator, amount: tuple[float, float],
    place: tuple[FloatArray, FloatArray], frontal: tuple[PreparedAngiogram, CArm],
) -> list[Any]:  # fmt: skip
    """Error and verdict as if the head had moved between the runs: the pose is moved instead."""
    shift_mm, turn_deg = amount
    axis, way = rng.normal(size=(2, 3))
    turn = Rotation.from_rotvec(np.radians(turn_deg) * axis / np.linalg.norm(axis)).as_matrix()
    centre = apply(pose, place[1])
    about = rigid(turn, centre - turn @ centre + shift_mm * way / np.linalg.norm(way))
    carried = carry(images, about @ pose, origin)
    return [_apart_mm(about @ pose, *place, *frontal), *_said(carried)]


def summary(args: argparse.Namespace) -> None:
    lines = list(lines_of(args.folder / "carried.jsonl"))
    print(f"{len(lines)} patients\n\n| tags | what | median MPE, mm | 90 % below | worst | below 5 mm | verdicts |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for tags in ("right", "off"):
        for name in ("registered", "carried", *(("refined",) if tags == "off" else ())):
            errors = np.array([line[tags][f"{name}_mm"] for line in lines])
            _print_row(f"{tags} | {name}", errors, [line[tags][name][0] for line in lines])
    for name in MOVED:
        rows = [line["moved"][name] for line in lines]
        _print_row(f"off | carried, head moved {name}", np.array([row[0] for row in rows]), [row[1] for row in rows])


def _print_row(name: str, errors: FloatArray, verdicts: list[str]) -> None:
    said = Counter((verdict, "right" if error < 5 else "off") for verdict, error in zip(verdicts, errors, strict=True))
    words = ", ".join(
        f"{verdict} {said[verdict, 'right']} + {said[verdict, 'off']}" for verdict in ("registered", "check", "wrong")
    )
    print(
        f"| {name} | {np.median(errors):.2f} | {np.percentile(errors, 90):.2f} | {errors.max():.2f}"
        f" | {(errors < 5).sum()} of {len(errors)} | {words} |"
    )


if __name__ == "__main__":
    main()
