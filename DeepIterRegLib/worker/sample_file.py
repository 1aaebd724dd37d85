"""A simulated patient in one file that numpy alone can read, as the application has to."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.native_image import NativeImage
from DeepIterRegLib.images.volume import Volume

FORMAT_VERSION = 3
"""Part of the file's name: what an older version has left in the cache is made again."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The images of the patient, and what only a simulation knows."""

    volume: Volume
    angiograms: tuple[Angiogram, ...]
    true_pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm)."""


def write_sample(path: Path, volume: Volume, angiograms: Sequence[Angiogram], true_pose: FloatArray) -> None:
    """Write a patient, over an existing file, whole or not at all. Raises OSError.

    Frames lose digits to half precision, of which the scanner's own noise leaves none.
    """
    arrays: dict[str, npt.NDArray[Any]] = {"voxels": volume.voxels}
    for number, angiogram in enumerate(angiograms):
        arrays |= {f"frames{number}": angiogram.frames.astype(np.float16), f"valid{number}": angiogram.valid}
        if angiogram.native is not None:
            arrays |= {f"native{number}": angiogram.native.attenuation, f"native_valid{number}": angiogram.native.valid}
    facts = {
        "ijk_to_ras": volume.ijk_to_ras.tolist(),
        "true_pose": true_pose.tolist(),
        "angiograms": [
            {
                "carm": carm_to_json(angiogram.carm),
                "times_s": None if angiogram.frame_times_s is None else angiogram.frame_times_s.tolist(),
                "patient_position": angiogram.patient_position,
                "warnings": angiogram.warnings,
                "native": None if angiogram.native is None else angiogram.native.facts(),
                "head_motion": None if angiogram.head_motion is None else angiogram.head_motion.tolist(),
            }
            for angiogram in angiograms
        ],
    }
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_sample(path: Path) -> Sample:
    """The patient in a file. Raises InputError for anything that `write_sample` did not write."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            volume = Volume(arrays["voxels"], np.array(facts["ijk_to_ras"]), "cta", "CTA")
            angiograms = [
                Angiogram(
                    arrays[f"frames{number}"].astype(np.float32),
                    carm_from_json(content["carm"], "The sample"),
                    arrays[f"valid{number}"],
                    None if content["times_s"] is None else np.array(content["times_s"]),
                    content["patient_position"],
                    "DSA" if number == 0 else "DSA frontal",
                    tuple(content["warnings"]),
                    None
                    if content["native"] is None
                    else NativeImage(arrays[f"native{number}"], arrays[f"native_valid{number}"], **content["native"]),
                    None if content["head_motion"] is None else np.array(content["head_motion"]),
                )
                for number, content in enumerate(facts["angiograms"])
            ]
            return Sample(volume, tuple(angiograms), np.array(facts["true_pose"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError("{file} is damaged; delete it, and load the sample data again.", file=path) from error
