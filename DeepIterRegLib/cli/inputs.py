"""Reads what the options of `deepiterreg register` name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from DeepIterRegLib.cli.options import RegisterRequest
from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field
from DeepIterRegLib.geometry.carm_file import read_carm
from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.masks import read_detector_mask, read_volume_mask
from DeepIterRegLib.images.paths import existing_path
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume


@dataclass(frozen=True, eq=False)
class Inputs:
    """The images, and what else the registration takes from files; None where no file was given."""

    volume: Volume
    angiograms: tuple[Angiogram, ...]
    initial_pose: FloatArray | None
    cta_vessels: BoolArray | None
    cta_veins: BoolArray | None
    dsa_vessels: tuple[BoolArray | None, ...]
    dsa_veins: tuple[BoolArray | None, ...]


def read_inputs(request: RegisterRequest) -> Inputs:
    """Read every file of the request. Raises InputError.

    What is quick to read comes first, so that its mistakes are told before the large volume is loaded.
    """
    initial_pose = None if request.initial_transform is None else _initial_pose(request.initial_transform)
    geometries = [_geometry(request, index) for index in range(len(request.dsa))]
    angiograms = tuple(read_angiogram(path, geometry) for path, geometry in zip(request.dsa, geometries, strict=True))
    dsa_vessels, dsa_veins = (
        tuple(
            None if path is None else read_detector_mask(path, angiogram, option)
            for path, angiogram in zip(paths, angiograms, strict=True)
        )
        for option, paths in ((Field.DSA_VESSELS, request.dsa_vessels), (Field.DSA_VEINS, request.dsa_veins))
    )
    volume = read_volume(request.cta, request.volume_kind)
    cta_vessels, cta_veins = (
        None if path is None else read_volume_mask(path, volume, option)
        for option, path in ((Field.CTA_VESSELS, request.cta_vessels), (Field.CTA_VEINS, request.cta_veins))
    )
    return Inputs(volume, angiograms, initial_pose, cta_vessels, cta_veins, dsa_vessels, dsa_veins)


def _initial_pose(path: Path) -> FloatArray:
    return read_transform(existing_path(path, Field.INITIAL_POSE))


def _geometry(request: RegisterRequest, index: int) -> GeometryOptions:
    carm = request.carm[index]
    return GeometryOptions(
        primary_angle_deg=request.primary_angle_deg[index],
        secondary_angle_deg=request.secondary_angle_deg[index],
        sdd_mm=request.sdd_mm[index],
        sid_mm=request.sid_mm[index],
        pixel_spacing_mm=request.pixel_spacing_mm[index],
        carm=None if carm is None else read_carm(carm),
    )
