"""A registration that was made outside Slicer as a scene file, which Slicer opens with everything in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from DeepIterRegLib.filling.branch_map import BranchMap
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.packed_voxels import PackedVoxels, Packing
from DeepIterRegLib.mrml.nodes.registered_case import registered_case
from DeepIterRegLib.mrml.nodes.result_nodes import show_registration
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_volume
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from DeepIterRegLib.mrml.targets.case_targets import show_targets_on_dsas
from DeepIterRegLib.mrml.targets.centreline_node import keep_centreline
from DeepIterRegLib.mrml.targets.target_nodes import show_targets
from DeepIterRegLib.mrml.views.coloured_vessels import colour_by, keep_map
from DeepIterRegLib.mrml.views.surfaces import show_surfaces
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.result import Registration, outcome_of
from DeepIterRegLib.registration.targets import OnVessels


def write_registration_scene(
    path: Path,
    registration: Registration,
    report: Mapping[str, Any],
    packing: Packing | None = None,
    targets: OnVessels | None = None,
    filled: BranchMap | None = None,
) -> None:
    """Write images, pose, overlay and report to an MRB file. Raises InputError if it cannot be written.

    report: `build_report` of the registration. packing: of the images, where it was begun before. targets: on the CTA's
    vessels, with the centrelines. filled: the vessel map, by which the vessels are shown in 3D.
    """
    packing = packing or Packing(())
    packed: dict[str, PackedVoxels] = {}
    scene = new_scene()
    volume = registration.volume.volume
    if volume.kind != "3dra":
        # One voxel stands for all: they go from the arrays into the file, without a copy in the scene.
        cta = add_volume(scene, replace(volume, voxels=volume.voxels[:1, :1, :1]))
        packed[cta.GetID()] = packing.of(volume)
    else:
        cta = add_volume(scene, volume)  # MRML takes the window from all voxels.
    dsas = []
    for prepared in registration.angiograms:
        run = prepared.angiogram
        dsa = add_angiogram(scene, replace(run, frames=run.frames[:, :1, :1]))
        if run.shows_contrast:
            packed[dsa.GetID()] = packing.of(run)
        dsas.append(dsa)
    outcome = outcome_of(registration, report)
    pose_node = show_registration(scene, cta, dsas, outcome)
    case = registered_case(cta)
    assert case is not None
    if targets is not None:
        keep_centreline(pose_node, targets.centreline, outcome.cloud)
        show_targets(pose_node, targets.targets)
        show_targets_on_dsas(case, targets.targets)
    if filled is not None:
        show_surfaces(case, OverlayLook())
        keep_map(case, filled)
        colour_by(case, "filled")
    save_scene(scene, path, packed=packed)
