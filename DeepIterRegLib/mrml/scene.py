"""MRML scenes without Slicer's application: make one, write it to an MRB, read one back."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from DeepIterRegLib.errors import InputError


def new_scene() -> Any:
    """An empty vtkMRMLScene that knows every node class and colour table this project uses.

    Needs slicer-core. Inside Slicer use `slicer.mrmlScene`.
    """
    import slicer
    import vtk

    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    application.SetSliceLogics(vtk.vtkCollection())
    application.SetViewLogics(vtk.vtkCollection())
    colors = application.GetColorLogic()
    colors.SetMRMLScene(scene)
    colors.AddDefaultColorNodes()
    sequences = slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLScene(scene)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.AddDataIOToScene()
    # The scene only points at these; without an owner they would go, and the colour logic takes its tables along.
    scene.deepiterreg_logics = (application, colors, sequences, remote)
    return scene


def write_scene(scene: Any, path: Path | str) -> None:
    """Write a scene with all its images, compressed, to an MRB file, over an existing one.

    Raises InputError for a file that cannot be written.
    """
    path = Path(path).absolute()
    if path.suffix != ".mrb":
        raise InputError(f"{path.name} is no name for a scene; give one that ends in .mrb.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path.name} cannot be written; give a folder that exists and is not read-only.")
    url, root = scene.GetURL(), scene.GetRootDirectory()
    try:
        with tempfile.TemporaryDirectory() as folder:
            scene.SetURL(str(path))
            scene.SetRootDirectory(folder)
            written = scene.WriteToMRB(str(path))
    finally:
        scene.SetURL(url)
        scene.SetRootDirectory(root)
    if not written or not path.is_file():
        raise InputError(f"{path.name} cannot be written; is the disk full, or the folder read-only?")


def read_scene(path: Path | str) -> Any:
    """A new scene with what an MRB file holds. Raises InputError for a file that is not one."""
    path = Path(path)
    scene = new_scene()
    # vtkMRMLScene changes into the cache folder, and stays there after a file that is not a scene.
    with tempfile.TemporaryDirectory() as cache, contextlib.chdir(Path.cwd()):
        scene.GetCacheManager().SetRemoteCacheDirectory(cache)
        if not _holds_scene(path) or not scene.ReadFromMRB(str(path.absolute()), True):
            raise InputError(f"{path.name} is not a Slicer scene; give an .mrb file that Slicer or this command wrote.")
    return scene


def _holds_scene(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".mrml") for name in archive.namelist())
