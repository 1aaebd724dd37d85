"""MRML scenes without Slicer's application: make one, write it to an MRB, read one back."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.mrml.nodes.packed_scene import copy_with_voxels
from DeepIterRegLib.mrml.nodes.packed_voxels import PackedVoxels

_open: list[Any] = []
"""The scenes that were made here and not closed."""


def new_scene() -> Any:
    """An empty vtkMRMLScene that knows every node class and colour table this project uses.

    Needs slicer-core. Inside Slicer use `slicer.mrmlScene`. A scene and its logics hold each other: it stays in memory
    until `close_scene`.
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
    markups = slicer.vtkSlicerMarkupsLogic()
    markups.SetMRMLScene(scene)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.AddDataIOToScene()
    # The scene only points at these; without an owner they would go, and the colour logic takes its tables along.
    scene.deepiterreg_logics = [application, colors, sequences, markups, remote]
    _open.append(scene)
    return scene


def open_scenes() -> list[Any]:
    """The scenes that `new_scene` and `read_scene` have made and `close_scene` has not closed."""
    return list(_open)


def close_scene(scene: Any) -> None:
    """Empty a scene that was made here and let its logics go, so that its memory is freed.

    `scene.deepiterreg_logics` may have got more logics meanwhile.
    """
    _open[:] = [other for other in _open if other is not scene]
    # First the logics: a layout logic that still listens crashes when its layout node, a singleton, is removed.
    while scene.deepiterreg_logics:
        scene.deepiterreg_logics.pop().SetMRMLScene(None)
    # Then whoever else listens: Python's collector may free the scene with functions that it has emptied already.
    for index in range(scene.GetNumberOfNodes()):
        scene.GetNthNode(index).RemoveAllObservers()
    scene.RemoveAllObservers()
    scene.Clear(1)


def write_scene(
    scene: Any, path: Path | str, thumbnail: Any = None, packed: Mapping[str, PackedVoxels] | None = None
) -> None:
    """Write a scene with all its images, compressed, to an MRB file, over an existing one; as a whole or not at all.

    thumbnail: vtkImageData, the picture that file managers show. The scene itself stays as it was: its address, and
    which nodes have changed since they were read. packed: see `copy_with_voxels`. Raises InputError for a file that
    cannot be written.
    """
    path = Path(path).absolute()
    if path.suffix != ".mrb":
        raise InputError("{file} is no name for a scene; give one that ends in .mrb.", file=path)
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError("{file} cannot be written; give a folder that exists and is not read-only.", file=path)
    try:
        with tempfile.TemporaryDirectory() as folder, _cache(scene, folder), _as_it_was(scene):
            # The folder in the archive is called like the file.
            bundle = Path(folder) / path.name
            if not scene.WriteToMRB(str(bundle), thumbnail) or not _holds_scene(bundle):
                raise OSError
            with bundle.open("rb") as source, whole_file(path) as target:
                if packed:
                    copy_with_voxels(source, target, packed)
                else:
                    shutil.copyfileobj(source, target)
    except OSError as error:
        raise InputError("{file} cannot be written; is the disk full, or the folder read-only?", file=path) from error


def read_scene(path: Path | str) -> Any:
    """A new scene with what an MRB file holds. Raises InputError for a file that is not one."""
    path = Path(path)
    scene = new_scene()
    # vtkMRMLScene changes into the cache folder, and stays there after a file that is not a scene.
    with tempfile.TemporaryDirectory() as folder, _cache(scene, folder), contextlib.chdir(Path.cwd()):
        if not _holds_scene(path) or not scene.ReadFromMRB(str(path.absolute()), True):
            close_scene(scene)
            raise InputError(
                "{file} is not a Slicer scene; give an .mrb file that Slicer or this command wrote.", file=path
            )
    return scene


def _holds_scene(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".mrml") for name in archive.namelist())


@contextlib.contextmanager
def _cache(scene: Any, folder: str) -> Iterator[None]:
    """Let MRML pack and unpack in `folder`, unless the application gave it a folder already.

    Without one it takes the root of the file system, where few may write.
    """
    cache = scene.GetCacheManager()
    before = None if cache is None else cache.GetRemoteCacheDirectory()
    if cache is None or (before and Path(before).is_dir()):
        yield
        return
    cache.SetRemoteCacheDirectory(folder)
    try:
        yield
    finally:
        cache.SetRemoteCacheDirectory(before or "")


@contextlib.contextmanager
def _as_it_was(scene: Any) -> Iterator[None]:
    """Take back what packing a scene changes in it.

    Packing counts as saving, so Slicer would let the user close the scene without asking; and the nodes that editors
    don't show keep the name of the deleted folder that they were packed in.
    """
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    storable = [node for node in nodes if node.IsA("vtkMRMLStorableNode")]
    changed = [node for node in storable if node.GetModifiedSinceRead()]
    storages = [(node, node.GetStorageNode()) for node in storable]
    names = {node.GetID(): "" if storage is None else storage.GetFileName() for node, storage in storages}
    try:
        yield
    finally:
        for node in storable:
            storage = node.GetStorageNode()
            if storage is not None and (storage.GetFileName() or "") != (names[node.GetID()] or ""):
                storage.SetFileName(names[node.GetID()] or "")
        for node in changed:
            if not node.GetModifiedSinceRead():
                node.StorableModified()
