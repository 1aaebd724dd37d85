"""The scene as a file that says how each pose in it came about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from DeepIterRegLib.mrml.nodes.packed_voxels import PackedVoxels
from DeepIterRegLib.mrml.nodes.provenance import note_adjustment
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import write_scene
from DeepIterRegLib.mrml.views.layout import layout_of_slicers_own


def save_scene(
    scene: Any,
    path: Path | str,
    application: str = "",
    thumbnail: Any = None,
    packed: Mapping[str, PackedVoxels] | None = None,
) -> None:
    """Write a scene to an MRB file, its reports up to date with what was adjusted by hand.

    application: name and version, for the report. thumbnail: vtkImageData, the picture that file managers show. packed:
    by the id of a node that holds one voxel for all, the voxels for its file. Raises InputError, and leaves an existing
    file as it is, where a pose is no rigid motion or the file cannot be written.
    """
    for case in registered_cases(scene):
        note_adjustment(case, application)
    with layout_of_slicers_own(scene):
        write_scene(scene, path, thumbnail, packed)
