"""An angiographic run over a generated patient: injection, passage, projection, motion, exposure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, invert
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.flow.arterial_passage import ArterialPassage
from DeepIterRegLib.research.simulate.flow.blush import perfused_tissue
from DeepIterRegLib.research.simulate.flow.haemodynamics import Injection, inject
from DeepIterRegLib.research.simulate.flow.venous_passage import VenousPassage, drain
from DeepIterRegLib.research.simulate.vessels.tube_cloud import tube_cloud
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel
from DeepIterRegLib.research.simulate.x_ray.beam_objects import BeamObject
from DeepIterRegLib.research.simulate.x_ray.beam_shadow import BeamShadow
from DeepIterRegLib.research.simulate.x_ray.catheter import WALL_IODINE_MM
from DeepIterRegLib.research.simulate.x_ray.contrast_projection import contrast_frames
from DeepIterRegLib.research.simulate.x_ray.detector import pixel_values, quanta_per_unit, transmission
from DeepIterRegLib.research.simulate.x_ray.dsa_run import PIXEL_BITS, XRayRun
from DeepIterRegLib.research.simulate.x_ray.glare import Glare
from DeepIterRegLib.research.simulate.x_ray.head_projection import HeadShadow
from DeepIterRegLib.research.simulate.x_ray.line_integrals import line_integrals
from DeepIterRegLib.research.simulate.x_ray.run_plan import RunPlan

Image = npt.NDArray[np.float32]
REFERENCE_S = 1.6
"""The pose is true at this time, when the arteries are full: before and after it a restless head lies elsewhere."""
CAROTID_PUSH_MMHG, VERTEBRAL_PUSH_MMHG = (0.0, 1.0), (3.5, 8.0)
"""Added at the artery's origin for a push of 0 and of 1. A vertebral artery resists more, and what is injected is more
than flows in it: the other one's blood is held back."""
UNDILUTED = 2.0
"""Concentration in the catheter relative to the injected artery's blood."""
STILL_PX = 0.04
"""Smaller displacements are not drawn."""
MOST_THREADS = 4


def expose(
    anatomy: Anatomy, *, stroke: Stroke | None, treated: bool, injected: str, plain_head: Volume,
    head_to_patient: FloatArray, pose: FloatArray, carm: CArm, plan: RunPlan, rng: np.random.Generator,
    objects: Sequence[BeamObject] = (), glare: Glare | None = None,
) -> XRayRun:  # fmt: skip
    """One run from one C-arm position.

    treated: after thrombectomy, the occluded artery is open again. injected: name of an artery that blood enters from
    outside ("ICA right", ..., "VA left"). plain_head: HU without contrast, patient frame. head_to_patient: (4, 4).
    pose: (4, 4) patient frame to C-arm frame when the arteries are full. rng: noise alone; two runs with equal
    `plan.flow` show the same circulation. objects: what else is in the beam. glare: scatter that varies over the field.
    Raises InputError for an artery that the anatomy does not have.
    """
    vessels = anatomy.vessels
    arterial, venous, tip_mm, tissue = _passage(anatomy, stroke, treated, injected, plan)
    head_to_carm = pose @ head_to_patient
    contrast = contrast_frames(vessels, arterial, venous, tissue, plan.bolus, plan.times_s, head_to_carm, carm)
    arteries_mm, veins_mm = contrast.arteries.max(axis=0), contrast.veins.max(axis=0)
    shown = contrast.arteries
    shown += contrast.veins
    shown += contrast.tissue
    index = next(i for i, vessel in enumerate(vessels) if vessel.name == injected and not vessel.is_vein)
    wall, lumen = _catheter_paths(plan, vessels, index, tip_mm, stroke, head_to_carm, carm)
    things = BeamShadow.of(objects, head_to_carm, carm) if objects else None
    logs, head_px, jaw_px = _frames(
        plan, plain_head, head_to_patient, pose, carm, shown, wall, lumen, rng, things, glare
    )
    raw, subtracted = _stored(logs, plan, carm)
    arrival = tuple(np.minimum(a, v) for a, v in zip(arterial.arrival_s, venous.arrival_s, strict=True))
    fraction = tuple(np.maximum(a, v) for a, v in zip(arterial.fraction, venous.fraction, strict=True))
    return XRayRun(
        frames=raw,
        subtracted_frames=subtracted,
        carm=carm,
        frame_time_ms=1000 / plan.frames_per_second,
        arteries_mm=arteries_mm,
        veins_mm=veins_mm,
        arrival_s=arrival,
        fraction=fraction,
        first_pose=pose @ _head_motions(plan, head_to_patient)[0],
        collimator_tags=plan.shutter.tags(carm.rows, carm.columns),
        defects=_defects(plan, injected, treated, tip_mm, head_px, jaw_px) | _told(objects, glare),
    )


def _passage(
    anatomy: Anatomy, stroke: Stroke | None, treated: bool, injected: str, plan: RunPlan
) -> tuple[ArterialPassage, VenousPassage, float, Any]:
    """The circulation with the run's injection: arteries, veins, the catheter's tip and the tissue."""
    vessels = anatomy.vessels
    artery = next((vessel for vessel in vessels if vessel.name == injected and not vessel.is_vein), None)
    if artery is None:
        raise InputError(f"The arteries have no {injected!r} to inject; name one that they have.")
    vertebral = injected.startswith("VA")
    low, high = VERTEBRAL_PUSH_MMHG if vertebral else CAROTID_PUSH_MMHG
    common = injected.startswith("ICA") and plan.common_carotid > 0.5
    tip_mm = 0.0 if common else plan.catheter.tip_mm(artery)
    draws = np.random.default_rng(plan.flow.seed)
    arterial = inject(
        vessels,
        Injection(
            injected, tip_mm, low + plan.push * (high - low), reflux_mm=5.0 + 20.0 * plan.push,
            external_fraction=plan.common_carotid if injected.startswith("ICA") else 0.0,
            external_name=injected.replace("ICA", "ECA"),
        ),
        stroke, plan.flow.patency if treated else 0.0, plan.flow.slow_flow if treated else 1.0, draws,
    )  # fmt: skip
    tissue = perfused_tissue(anatomy.head.shape, vessels, arterial, draws)
    return arterial, drain(vessels, anatomy.head.shape, tissue, plan.flow.transit_s, draws), tip_mm, tissue


def _catheter_paths(
    plan: RunPlan, vessels: Sequence[Vessel], injected: int, tip_mm: float, stroke: Stroke | None,
    head_to_carm: FloatArray, carm: CArm,
) -> tuple[Image, Image]:  # fmt: skip
    """(rows, columns) mm of blood with contrast that the catheter's wall, and its lumen when filled, stand for."""
    wall = np.zeros((carm.rows, carm.columns), dtype=np.float32)
    lumen = wall.copy()
    cell_mm = 0.7 * carm.pixel_spacing_mm[0] * carm.sid_mm / carm.sdd_mm
    for tube in plan.catheter.tubes(vessels, injected, tip_mm, stroke):
        points, volume, _, _ = tube_cloud(tube, cell_mm)
        path = line_integrals(apply(head_to_carm, points), volume, np.eye(4), carm)
        wall += path * np.float32(WALL_IODINE_MM / (2 * tube.radii_mm.max()))
        if "guide" in tube.name:
            lumen += path * np.float32(0.64 * UNDILUTED)
    return wall, lumen


def _frames(
    plan: RunPlan, plain_head: Volume, head_to_patient: FloatArray, pose: FloatArray, carm: CArm, contrast: Image,
    wall: Image, lumen: Image, rng: np.random.Generator, things: BeamShadow | None, glare: Glare | None,
) -> tuple[Image, list[float], list[float]]:  # fmt: skip
    """(T, rows, columns) pixel values before rounding, and how far in px the head is displaced in each, and the chin
    against the head."""
    times, motion = plan.times_s, plan.motion
    patient_to_head = invert(head_to_patient)
    still_jaw = invert(motion.jaw(REFERENCE_S))
    heads = _head_motions(plan, head_to_patient)
    jaws = [head_to_patient @ motion.jaw(t) @ still_jaw @ patient_to_head for t in times]
    places = _plane_points(apply(pose @ head_to_patient, np.zeros((1, 3)))[0], carm)
    moves = [_affine(places, apply(pose @ head @ invert(pose), places), carm) for head in heads]
    chin = apply(head_to_patient, np.array([[0.0, 75.0, -115.0]]))
    jaw_px = [_distance_px(chin, apply(jaw, chin), pose, carm) for jaw in jaws]
    head_px = [_displacement_px(move, carm) for move in moves]
    shadow = HeadShadow.of(plain_head, pose, carm, patient_to_head if max(jaw_px) > STILL_PX else None)
    static = _with_things(shadow.seen(pose, carm), things, None)
    blades = plan.shutter.transmission(carm.rows, carm.columns)
    pixel_mm = carm.pixel_spacing_mm[0]
    iodine = plan.exposure.iodine_mg_per_ml
    level = quanta_per_unit(transmission(*static, wall, iodine), plan.exposure, pixel_mm)
    streams = rng.spawn(len(times))
    # The injection pushes the catheter.
    filled_tube = ndimage.shift(wall + lumen, plan.catheter_shift_px[::-1], order=1)

    def frame(number: int) -> Image:
        moved = head_px[number] > STILL_PX or jaw_px[number] > STILL_PX
        water, bone = static
        if moved:
            move = moves[number] if head_px[number] > STILL_PX else None
            water, bone = _with_things(shadow.seen(pose @ heads[number], carm, jaws[number]), things, move)
        filled = 0.0 <= times[number] <= plan.bolus.duration_s + 0.3
        shown = contrast[number]
        if wall.any() or lumen.any():
            shown = shown + (filled_tube if filled else wall)
        if head_px[number] > STILL_PX:
            matrix, offset = moves[number]
            shown = ndimage.affine_transform(shown, matrix, offset, order=1)
        through = transmission(water, bone, shown, iodine)
        return pixel_values(through, level, blades, plan.exposure, pixel_mm, streams[number], glare)

    logs = np.empty((len(times), carm.rows, carm.columns), dtype=np.float32)
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        for number, image in enumerate(pool.map(frame, range(len(times)))):
            logs[number] = image
    return logs, head_px, jaw_px


def _with_things(
    head: tuple[Image, Image], things: BeamShadow | None, move: tuple[FloatArray, FloatArray] | None
) -> tuple[Image, Image]:
    """The head's water and bone with those of what else is in the beam. move: of the head since the arteries' frame."""
    if things is None:
        return head
    water, bone = (a + b for a, b in zip(head, things.still, strict=True))
    if things.with_head is not None:
        moving = things.with_head
        if move is not None:
            moving = (
                ndimage.affine_transform(moving[0], *move, order=1),
                ndimage.affine_transform(moving[1], *move, order=1),
            )
        water, bone = water + moving[0], bone + moving[1]
    # A tube's lumen takes water away, and rounding could take more than there is.
    return np.maximum(water, 0), np.maximum(bone, 0)


def _head_motions(plan: RunPlan, head_to_patient: FloatArray) -> list[FloatArray]:
    """(4, 4) for each frame, patient frame: motion against where the head is when the arteries are full."""
    still, patient_to_head = invert(plan.motion.head(REFERENCE_S)), invert(head_to_patient)
    return [head_to_patient @ plan.motion.head(t) @ still @ patient_to_head for t in plan.times_s]


def _plane_points(centre_mm: FloatArray, carm: CArm) -> FloatArray:
    """(3, 3) points, C-arm frame, around the head's middle and parallel to the detector."""
    return centre_mm + 60.0 * np.stack([np.zeros(3), carm.column_direction, carm.row_direction])


def _affine(before_mm: FloatArray, after_mm: FloatArray, carm: CArm) -> tuple[FloatArray, FloatArray]:
    """Matrix (2, 2) and offset (2,), rows first, from pixels after a motion to pixels before it."""
    before, after = project(before_mm, carm)[:, ::-1], project(after_mm, carm)[:, ::-1]
    matrix = np.linalg.solve((after[1:] - after[0]), (before[1:] - before[0])).T
    return matrix, before[0] - matrix @ after[0]


def _displacement_px(move: tuple[FloatArray, FloatArray], carm: CArm) -> float:
    """How far, at most, the middle half of the detector's picture moves."""
    rows, columns = carm.rows, carm.columns
    corners = np.array([[a * rows, b * columns] for a in (0.25, 0.75) for b in (0.25, 0.75)])
    return float(np.linalg.norm(corners @ move[0].T + move[1] - corners, axis=1).max())


def _distance_px(before_mm: FloatArray, after_mm: FloatArray, pose: FloatArray, carm: CArm) -> float:
    return float(np.linalg.norm(project(apply(pose, after_mm), carm) - project(apply(pose, before_mm), carm)))


def _stored(logs: Image, plan: RunPlan, carm: CArm) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Raw frames, and what the scanner shows after subtraction; black where the collimator is."""
    most = 2**PIXEL_BITS - 1
    raw = np.clip(np.rint(logs), 0, most).astype(np.uint16)
    difference = np.rint(logs[1:] - logs[0]) + 2 ** (PIXEL_BITS - 1)
    subtracted = np.clip(difference, 0, most).astype(np.uint16)
    hidden = ~plan.shutter.visible(carm.rows, carm.columns)
    if hidden.any():
        raw[:, hidden] = 0
        subtracted[:, hidden] = 0
    return raw, subtracted


def _told(objects: Sequence[BeamObject], glare: Glare | None) -> dict[str, Any]:
    """What was added to the run, as JSON; nothing where nothing was."""
    told: dict[str, Any] = {}
    if objects:
        told["objects"] = [one.name for one in objects]
    if glare is not None:
        told["glare"] = asdict(glare)
    return told


def _defects(
    plan: RunPlan, injected: str, treated: bool, tip_mm: float, head_px: list[float], jaw_px: list[float]
) -> dict[str, Any]:  # fmt: skip
    """The run's plan as JSON, with what came of it."""
    return {
        **asdict(plan),
        "injected": injected,
        "treated": treated,
        "catheter_tip_mm": round(tip_mm, 2),
        "times_s": [round(float(t), 3) for t in plan.times_s],
        "reference_time_s": REFERENCE_S,
        "head_displacement_px": [round(value, 3) for value in head_px],
        "jaw_displacement_px": [round(value, 3) for value in jaw_px],
    }
