"""Hides what a new Slicer may lack from a Python that has this folder on PYTHONPATH, and from its children."""

import sys
from importlib.machinery import PathFinder

NOT_IN_SLICER = frozenset({
    "numba", "llvmlite", "torch", "torchvision", "monai", "roma", "tensorboard", "diffdrr", "nanodrr", "torchio",
    "dask", "distributed", "matplotlib", "rich", "safetensors", "pylibjpeg", "libjpeg", "openjpeg", "rle", "PIL",
})  # fmt: skip


class WithoutThem(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] in NOT_IN_SLICER:
            return None
        return super().find_spec(fullname, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutThem
