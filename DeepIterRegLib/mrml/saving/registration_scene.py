"""A registration that was made outside Slicer as a scene file, which Slicer opens with everything in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.result_nodes import show_registration
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_volume
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from DeepIterRegLib.registration.result import Registration, outcome_of


def write_registration_scene(path: Path, registration: Registration, report: Mapping[str, Any]) -> None:
    """Write images, pose, overlay and report to an MRB file. Raises InputError if it cannot be written.

    report: `build_report` of the registration.
    """
    scene = new_scene()
    cta = add_volume(scene, registration.volume.volume)
    dsas = [add_angiogram(scene, prepared.angiogram) for prepared in registration.angiograms]
    show_registration(scene, cta, dsas, outcome_of(registration, report))
    save_scene(scene, path)
