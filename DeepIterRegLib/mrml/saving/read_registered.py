"""What another run needs of a registered scene's file: the CTA and its pose. Slicer is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.guidance.targets import Placed
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_cases
from DeepIterRegLib.mrml.nodes.scene import close_scene, read_scene
from DeepIterRegLib.mrml.nodes.volume_node import volume_of
from DeepIterRegLib.mrml.targets.target_nodes import placed_targets
from DeepIterRegLib.registration.report import origin_of
from DeepIterRegLib.registration.result import CarriedFrom


@dataclass(frozen=True, eq=False)
class RegisteredVolume:
    """A CTA with the pose in use."""

    volume: Volume
    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm)."""
    origin: CarriedFrom
    targets: tuple[Placed, ...]


def read_case(path: Path | str) -> RegisteredCase:
    """The registration in a scene's file, in a scene of its own; where its CTA has several, the one in use.

    Raises InputError for a file that is no scene, a scene without a registration of ours, or with several registered
    CTAs.
    """
    scene = read_scene(path)
    cases = registered_cases(scene)
    count = len({case.cta.GetID() for case in cases})
    if count == 1:
        return cases[0]
    close_scene(scene)
    if not cases:
        raise InputError(
            "{file} holds no registration of this software; give the scene.mrb of a registration, or a scene that"
            " the panel saved.",
            file=path,
        )
    raise InputError("{file} holds {count} registered CTAs; save a scene with one of them.", file=path, count=count)


def read_registered(path: Path | str) -> RegisteredVolume:
    """What another run needs of `read_case`. Raises InputError as that does, and for a CTA that was moved after it was
    registered."""
    case = read_case(path)
    try:
        if case.cta_has_moved:
            raise InputError(
                "The CTA in {file} was moved or hardened after it was registered; register it again.", file=path
            )
        volume = volume_of(case.cta)
        # Its voxels may be the scene's own memory.
        kept = Volume(volume.voxels.copy(), volume.ijk_to_ras, volume.kind, volume.name, volume.warnings)
        origin = origin_of(case.report, case.report.get("adjustment") is not None)
        return RegisteredVolume(kept, case.pose, origin, placed_targets(case.pose_node))
    finally:
        close_scene(case.cta.GetScene())
