"""What another run needs of a registered scene's file: the CTA and its pose. Slicer is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import close_scene, read_scene
from DeepIterRegLib.mrml.nodes.volume_node import volume_of
from DeepIterRegLib.registration.report import origin_of
from DeepIterRegLib.registration.result import CarriedFrom


@dataclass(frozen=True, eq=False)
class RegisteredVolume:
    """A CTA with the pose in use."""

    volume: Volume
    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm)."""
    origin: CarriedFrom


def read_registered(path: Path | str) -> RegisteredVolume:
    """The registration in a scene's file; where its CTA has several, the one in use.

    Raises InputError for a file that is no scene, a scene without a registration of ours, with several registered CTAs,
    or whose CTA was moved after it was registered.
    """
    scene = read_scene(path)
    try:
        cases = registered_cases(scene)
        if not cases:
            raise InputError(
                "{file} holds no registration of this software; give the scene.mrb of a registration, or a scene that"
                " the panel saved.",
                file=path,
            )
        if len({case.cta.GetID() for case in cases}) > 1:
            raise InputError(
                "{file} holds {count} registered CTAs; save a scene with one of them.",
                file=path,
                count=len({case.cta.GetID() for case in cases}),
            )
        case = cases[0]
        if case.cta_has_moved:
            raise InputError(
                "The CTA in {file} was moved or hardened after it was registered; register it again.", file=path
            )
        volume = volume_of(case.cta)
        # Its voxels may be the scene's own memory.
        kept = Volume(volume.voxels.copy(), volume.ijk_to_ras, volume.kind, volume.name, volume.warnings)
        return RegisteredVolume(kept, case.pose, origin_of(case.report, case.report.get("adjustment") is not None))
    finally:
        close_scene(scene)
