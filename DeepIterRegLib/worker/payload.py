"""What a registration needs and hands out as plain JSON values beside files of arrays. Used on both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.filling.branch_map import BranchMap
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.geometry.carm_presets import preset_of_row
from DeepIterRegLib.geometry.image_turn import ImageTurn
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.images.dsa_source import DsaSource, ReadyRun
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.native_image import NativeImage
from DeepIterRegLib.images.volume_source import VolumeSource
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.result import OutcomeView

PREVIEW_FILE = "prepared.npz"
MAP_FILE = "vessel_map.npz"
MAP_ARRAYS = ("labels", "origin_mm", "state", "probability", "arrival")
CTA = "cta"
"""Name of the CTA's voxels among the arrays that the worker may ask for."""


def dsa_frames(index: int) -> str:
    """Name of the frames of DSA `index`."""
    return f"dsa{index}-frames"


def dsa_valid(index: int) -> str:
    return f"dsa{index}-valid"


def dsa_native(index: int) -> str:
    """Name of the head without contrast of DSA `index`."""
    return f"dsa{index}-native"


def dsa_native_valid(index: int) -> str:
    return f"dsa{index}-native-valid"


def mask(which: str, index: int | None = None) -> str:
    """Name of a mask: which is "cta_vessels", "cta_veins", "dsa_vessels" or "dsa_veins", the latter with an index."""
    return which if index is None else f"{which}-{index}"


@dataclass(frozen=True, eq=False)
class PreparedPreview:
    """What is known once the images are segmented: enough to draw the overlay at any pose."""

    cloud: VesselCloud
    """The CTA's vessels; empty of a CT without contrast."""
    views: tuple[OutcomeView, ...]
    """One for each DSA, in their order."""
    initial_pose: FloatArray
    """(4, 4) where the registration starts."""
    bones: VesselCloud | None = None
    """The CTA's skull, None where it has none."""
    bones_first: bool = False
    """Whether CTA and DSAs do not both show vessels."""


def write_preview(folder: Path, preview: PreparedPreview) -> dict[str, Any]:
    """Write the arrays into `PREVIEW_FILE` of a folder; returns the fields of the `prepared` message."""
    cloud = preview.cloud
    arrays: dict[str, npt.NDArray[Any]] = {
        "positions_mm": cloud.positions_mm,
        "weights_mm3": cloud.weights_mm3,
        "is_vein": cloud.is_vein,
    }
    bones = preview.bones
    if bones is not None:
        arrays |= {"bone_positions_mm": bones.positions_mm, "bone_weights_mm3": bones.weights_mm3}
    for index, view in enumerate(preview.views):
        arrays |= {f"minip{index}": view.minip, f"valid{index}": view.valid}
    # Not compressed: the file lives for a second, and the application waits while it is read.
    with (folder / PREVIEW_FILE).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return {
        "cell_mm": float(cloud.cell_mm),
        "bone_cell_mm": None if bones is None else float(bones.cell_mm),
        "bones_first": preview.bones_first,
        "centre_mm": cloud.centre_mm.tolist(),
        "carms": [carm_to_json(view.carm) for view in preview.views],
        "initial_pose": preview.initial_pose.tolist(),
    }


def read_preview(folder: Path, message: Mapping[str, Any]) -> PreparedPreview:
    """What `write_preview` wrote. Raises OSError, ValueError, KeyError or InputError for anything else."""
    with np.load(folder / PREVIEW_FILE, allow_pickle=False) as arrays:
        centre_mm = np.array(message["centre_mm"], dtype=np.float64)
        cloud = VesselCloud(
            arrays["positions_mm"], arrays["weights_mm3"], arrays["is_vein"], float(message["cell_mm"]), centre_mm
        )
        bones = None
        if message["bone_cell_mm"] is not None:
            positions, weights = arrays["bone_positions_mm"], arrays["bone_weights_mm3"]
            no_veins = np.zeros(len(positions), dtype=bool)
            bones = VesselCloud(positions, weights, no_veins, float(message["bone_cell_mm"]), centre_mm)
        views = tuple(
            OutcomeView(carm_from_json(text, "The DSA"), arrays[f"minip{index}"], arrays[f"valid{index}"])
            for index, text in enumerate(message["carms"])
        )
    return PreparedPreview(cloud, views, pose_of(message["initial_pose"]), bones, bool(message["bones_first"]))


def centreline_to_json(centreline: Centreline) -> dict[str, Any]:
    """Plain JSON values, lengths to 0.01 mm."""
    return {
        "points_mm": np.round(centreline.points_mm, 2).tolist(),
        "radii_mm": np.round(centreline.radii_mm, 2).tolist(),
        "parent": centreline.parent.tolist(),
        "bridged": centreline.bridged.tolist(),
        "is_vein": centreline.is_vein.tolist(),
    }


def centreline_from_json(content: Mapping[str, Any]) -> Centreline:
    """What `centreline_to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    points = np.array(content["points_mm"], dtype=np.float64).reshape(-1, 3)
    radii, parent = np.array(content["radii_mm"], dtype=np.float64), np.array(content["parent"], dtype=np.intp)
    bridged, is_vein = np.array(content["bridged"], dtype=bool), np.array(content["is_vein"], dtype=bool)
    if not len(points) == len(radii) == len(parent) == len(bridged) == len(is_vein):
        raise ValueError("no centreline")
    if not ((parent >= -1) & (parent < np.arange(len(points)))).all():
        raise ValueError("no tree")
    return Centreline(points, radii, parent, bridged, is_vein)


def write_branch_map(folder: Path, found: BranchMap) -> dict[str, Any]:
    """Write the arrays of a vessel map into `MAP_FILE` of a folder; returns the rest of it."""
    arrays = {name: getattr(found, name) for name in MAP_ARRAYS}
    with (folder / MAP_FILE).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return {"cell_mm": found.cell_mm, "in_seconds": found.in_seconds}


def read_branch_map(folder: Path, content: Mapping[str, Any]) -> BranchMap:
    """What `write_branch_map` wrote. Raises OSError, ValueError or KeyError for anything else."""
    with np.load(folder / MAP_FILE, allow_pickle=False) as arrays:
        given = {name: arrays[name] for name in MAP_ARRAYS}
    return BranchMap(**given, cell_mm=float(content["cell_mm"]), in_seconds=bool(content["in_seconds"]))


def pose_of(numbers: Any) -> FloatArray:
    """(4, 4) of nested lists. Raises ValueError for another shape or numbers that are not finite."""
    pose = np.array(numbers, dtype=np.float64)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise ValueError("no pose")
    return pose


def volume_to_json(source: VolumeSource) -> dict[str, Any]:
    """All of a source but its voxels."""
    return {"ijk_to_ras": source.ijk_to_ras.tolist(), "kind": source.kind, "warnings": list(source.warnings)}


def volume_from_json(content: Mapping[str, Any], voxels: npt.NDArray[Any]) -> VolumeSource:
    return VolumeSource(voxels, np.array(content["ijk_to_ras"]), content["kind"], tuple(content["warnings"]))


def dsa_to_json(source: DsaSource) -> dict[str, Any]:
    """All of a source but its frames and, of one that was read before, its native image and its valid pixels."""
    ready = source.ready
    return {
        "geometry": geometry_to_json(source.geometry),
        "file": None if source.file is None else str(source.file),
        "file_is_whole": source.file_is_whole,
        "ready": None
        if ready is None
        else {
            "carm": carm_to_json(ready.carm),
            "frame_times_s": None if ready.frame_times_s is None else ready.frame_times_s.tolist(),
            "patient_position": ready.patient_position,
            "name": ready.name,
            "warnings": list(ready.warnings),
            "native": None if ready.native is None else ready.native.facts(),
            "head_motion": None if ready.head_motion is None else ready.head_motion.tolist(),
            "assumed": list(ready.assumed),
        },
    }


def dsa_from_json(
    content: Mapping[str, Any],
    frames: Sequence[npt.NDArray[Any]],
    valid: npt.NDArray[Any] | None,
    native: npt.NDArray[Any] | None = None,
    native_valid: npt.NDArray[Any] | None = None,
) -> DsaSource:
    """frames: none where a run that was read before shows no contrast. valid and the others: of such a run alone."""
    ready = None
    if content["ready"] is not None and valid is not None:
        fields_ = content["ready"]
        times, head_motion, said = fields_["frame_times_s"], fields_["head_motion"], fields_["native"]
        image = None
        if said is not None and native is not None and native_valid is not None:
            image = NativeImage(native.astype(np.float32, copy=False), native_valid.astype(bool), **said)
        ready = ReadyRun(
            carm_from_json(fields_["carm"], "The DSA"),
            valid.astype(bool),
            None if times is None else np.array(times, dtype=np.float64),
            fields_["patient_position"],
            fields_["name"],
            tuple(fields_["warnings"]),
            image,
            None if head_motion is None else np.array(head_motion, dtype=np.float64),
            tuple(fields_["assumed"]),
        )
    file = None if content["file"] is None else Path(content["file"])
    return DsaSource(geometry_from_json(content["geometry"]), tuple(frames), ready, file, content["file_is_whole"])


def geometry_to_json(options: GeometryOptions) -> dict[str, Any]:
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    turn = options.image_turn
    return values | {
        "carm": None if options.carm is None else carm_to_json(options.carm),
        "image_turn": None if turn is None else [turn.quarter_turns, turn.mirrored],
        "preset": None if options.preset is None else options.preset.to_row(),
    }


def geometry_from_json(content: Mapping[str, Any]) -> GeometryOptions:
    spacing = content["pixel_spacing_mm"]
    carm = content["carm"]
    changed = {
        "pixel_spacing_mm": tuple(spacing) if isinstance(spacing, list) else spacing,
        "carm": None if carm is None else carm_from_json(carm, "The DSA"),
        "image_turn": None if content["image_turn"] is None else ImageTurn(*content["image_turn"]),
        "preset": None if content["preset"] is None else preset_of_row(content["preset"], "The DSA's preset"),
    }
    return GeometryOptions(**{**content, **changed})


def key_of(*parts: Any) -> str:
    """One key of several JSON values."""
    return json.dumps(parts, sort_keys=True)
