"""Prepared patients on disk: some megabytes instead of the hundreds that their images take, and no code to run.

A NumPy archive (.npz, read without pickle). Images are kept in 16 bits between their own extremes, masks as packed
bits. What a registration never looks at is left out: the voxels of the CTA and the frames of the run come back as
zeros of their shape, which take no memory.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.geometry.carm import PLANE_VECTORS, CArm
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.head_frame import HeadFrame
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.research.evaluate.case import Case, Costs

FORMAT = 2
"""Raised when older files no longer mean the same."""
LEVELS = 65535
IMAGES = ("minip", "contrast", "artery_contrast", "vein_contrast")
OF_SKULL_IMAGE = ("is_exponential", "source", "trust", "sign_is_known")
MASKS = ("vessels", "veins", "arteries")

Arrays = dict[str, npt.NDArray[Any]]


class DamagedCaseFile(Exception):
    """The file is no prepared patient, or only part of one: it has to be made again."""


def write_case(case: Case, path: Path) -> None:
    """Write to a file of another name first, so that whoever sees `path` sees all of it. Raises OSError."""
    arrays: Arrays = {"pose": case.pose, "radiological_pose": case.radiological_pose}
    volume, cloud = case.volume.volume, case.volume.cloud
    arrays |= {
        "ijk_to_ras": volume.ijk_to_ras,
        "positions_mm": cloud.positions_mm,
        "weights_mm3": cloud.weights_mm3,
        "is_vein": _packed(cloud.is_vein),
        "centre_mm": cloud.centre_mm,
        "volume_vessels": _packed(case.volume.vessels),
        "volume_veins": _packed(case.volume.veins),
    }
    if case.second_pose is not None:
        arrays["second_pose"] = case.second_pose
    skull = case.volume.skull
    if skull is not None:
        arrays |= {"skull_positions_mm": skull.positions_mm, "skull_weights_mm3": skull.weights_mm3}
    if case.volume.head is not None:
        arrays["head_axes"] = case.volume.head.axes
    about = {
        "format": FORMAT,
        "name": case.name,
        "costs": {key: None if math.isnan(value) else value for key, value in asdict(case.costs).items()},
        "defects": case.defects,
        "volume": {
            "shape": case.volume.vessels.shape, "kind": volume.kind, "name": volume.name, "cell_mm": cloud.cell_mm,
            "warnings": case.volume.warnings, "skull_cell_mm": None if skull is None else skull.cell_mm,
        },
        "runs": [_write_run(prepared, f"run{number}_", arrays) for number, prepared in enumerate(case.angiograms)],
    }  # fmt: skip
    arrays["about"] = np.frombuffer(json.dumps(about, default=_plain).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def read_case(path: Path) -> Case:
    """Raises FileNotFoundError, and DamagedCaseFile for what `write_case` has not written."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays["about"].tobytes())
        if about["format"] != FORMAT:
            raise DamagedCaseFile(f"{path.name} has format {about['format']}")
        return _case(arrays, about)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedCaseFile(f"{path.name}: {error}") from error


def _case(arrays: Arrays, about: Mapping[str, Any]) -> Case:
    of_volume = about["volume"]
    shape = tuple(of_volume["shape"])
    cloud = VesselCloud(
        arrays["positions_mm"],
        arrays["weights_mm3"],
        _unpacked(arrays["is_vein"], (len(arrays["positions_mm"]),)),
        of_volume["cell_mm"],
        arrays["centre_mm"],
    )
    volume = Volume(np.broadcast_to(np.int16(0), shape), arrays["ijk_to_ras"], of_volume["kind"], of_volume["name"])
    costs = {key: math.nan if value is None else value for key, value in about["costs"].items()}
    return Case(
        about["name"],
        PreparedImages(
            PreparedVolume(
                volume,
                _unpacked(arrays["volume_vessels"], shape),
                _unpacked(arrays["volume_veins"], shape),
                cloud,
                tuple(of_volume["warnings"]),
                skull=_skull(arrays, of_volume["skull_cell_mm"], cloud),
                head=HeadFrame(cloud.centre_mm, arrays["head_axes"]) if "head_axes" in arrays else None,
            ),
            tuple(_read_run(run, f"run{number}_", arrays) for number, run in enumerate(about["runs"])),
        ),
        arrays["pose"],
        arrays["radiological_pose"],
        Costs(**costs),
        about["defects"],
        arrays.get("second_pose"),
    )


def _skull(arrays: Arrays, cell_mm: float | None, vessels: VesselCloud) -> VesselCloud | None:
    if cell_mm is None:
        return None
    positions_mm = arrays["skull_positions_mm"]
    no_vein = np.zeros(len(positions_mm), dtype=bool)
    return VesselCloud(positions_mm, arrays["skull_weights_mm3"], no_vein, cell_mm, vessels.centre_mm)


def _write_run(prepared: PreparedAngiogram, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Put the arrays of a run under names that begin with `prefix`; returns the rest as JSON."""
    run, carm = prepared.angiogram, prepared.angiogram.carm
    scales = {}
    for name in IMAGES:
        arrays[prefix + name], scales[name] = _quantised(getattr(prepared, name))
    for name in MASKS:
        arrays[prefix + name] = _packed(getattr(prepared, name))
    arrays[prefix + "valid"] = _packed(run.valid)
    if run.frame_times_s is not None:
        arrays[prefix + "frame_times_s"] = run.frame_times_s
    skull = prepared.skull
    if skull is not None:
        # Exact: a noise's variance spans more than the steps of 16 bits.
        arrays[prefix + "skull"] = skull.values
        arrays[prefix + "skull_valid"] = _packed(skull.valid)
    return {
        "skull": None if skull is None else {name: getattr(skull, name) for name in OF_SKULL_IMAGE},
        "frames": len(run.frames), "scales": scales, "patient_position": run.patient_position, "name": run.name,
        "warnings": prepared.warnings, "pixel_spacing_mm": carm.pixel_spacing_mm, "rows": carm.rows,
        "columns": carm.columns, "angles_deg": (carm.primary_angle_deg, carm.secondary_angle_deg),
        "carm": {name: getattr(carm, name).tolist() for name in PLANE_VECTORS},
    }  # fmt: skip


def _read_run(run: Mapping[str, Any], prefix: str, arrays: Arrays) -> PreparedAngiogram:
    row_mm, column_mm = run["pixel_spacing_mm"]
    carm = CArm(
        **{name: np.array(vector) for name, vector in run["carm"].items()}, pixel_spacing_mm=(row_mm, column_mm),
        rows=run["rows"], columns=run["columns"], primary_angle_deg=run["angles_deg"][0],
        secondary_angle_deg=run["angles_deg"][1],
    )  # fmt: skip
    shape = carm.rows, carm.columns
    angiogram = Angiogram(
        np.broadcast_to(np.float32(0), (run["frames"], *shape)),
        carm,
        _unpacked(arrays[prefix + "valid"], shape),
        arrays.get(prefix + "frame_times_s"),
        run["patient_position"],
        run["name"],
    )
    images = {name: _restored(arrays[prefix + name], run["scales"][name]) for name in IMAGES}
    masks = {name: _unpacked(arrays[prefix + name], shape) for name in MASKS}
    skull = None
    if run["skull"] is not None:
        skull = SkullImage(
            arrays[prefix + "skull"], valid=_unpacked(arrays[prefix + "skull_valid"], shape), **run["skull"]
        )
    return PreparedAngiogram(
        angiogram, images["minip"], images["contrast"], masks["vessels"], masks["veins"], masks["arteries"],
        images["artery_contrast"], images["vein_contrast"], tuple(run["warnings"]), skull,
    )  # fmt: skip


def _quantised(image: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint16], tuple[float, float]]:
    """The image in steps of a 65535th of its range, and (smallest value, step); the smallest value stays exact."""
    low, high = float(image.min()), float(image.max())
    step = (high - low) / LEVELS or 1.0
    return np.rint((image.astype(np.float64) - low) / step).astype(np.uint16), (low, step)


def _restored(levels: npt.NDArray[np.uint16], scale: tuple[float, float]) -> npt.NDArray[np.float32]:
    low, step = scale
    return (levels * step + low).astype(np.float32)


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON has them."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _packed(mask: BoolArray) -> npt.NDArray[np.uint8]:
    return np.packbits(mask.reshape(-1))


def _unpacked(bits: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> BoolArray:
    return np.unpackbits(bits, count=math.prod(shape)).astype(bool).reshape(shape)
