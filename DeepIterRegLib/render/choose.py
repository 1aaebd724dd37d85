"""The fastest renderer that a machine can run, and on which device."""

from __future__ import annotations

import ctypes
import importlib.util
import sys

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.sampling import fitting_cell_mm, resampled
from DeepIterRegLib.render.splat_numpy import SplatNumpy


def splat_renderer(
    cloud: VesselCloud, carm: CArm, device: str = "cpu", *, resample: bool = True, threads: int = 1
) -> Renderer:
    """The fastest splat renderer there is for `device`: torch on "cuda", else numba where it is installed, else numpy.

    resample: give the cloud the cells that fit the detector first (`resampled` to `fitting_cell_mm`); switch it off for
    a cloud that has them already. threads: poses rendered at the same time by numba.
    On "cuda" torch.OutOfMemoryError and torch's other errors come through; ask `cuda_is_usable` first.
    """
    if resample:
        cloud = resampled(cloud, fitting_cell_mm(cloud, carm))
    if device.startswith("cuda"):
        from DeepIterRegLib.render.splat_torch import SplatTorch

        return SplatTorch(cloud, carm, device)
    if numba_is_usable():
        from DeepIterRegLib.render.splat_numba import SplatNumba

        return SplatNumba(cloud, carm, threads)
    return SplatNumpy(cloud, carm)


def choose_device(requested: str) -> tuple[str, str | None]:
    """The device to use for a requested "auto", "cpu" or "cuda", and a warning where it is not the requested one."""
    if requested not in ("auto", "cpu", "cuda"):
        raise InputError(
            "There is no device {device_name!r}; choose auto, cpu or cuda.", field=Field.DEVICE, device_name=requested
        )
    if requested == "cpu":
        return "cpu", None
    if cuda_is_usable():
        return "cuda", None
    warning = "There is no usable GPU (torch finds no CUDA device); the registration ran on the CPU."
    return "cpu", warning if requested == "cuda" else None


def warm_up(requested: str) -> None:
    """Import, compile or load what the first rendering on the device would wait for; meant for a thread of its own.

    Done while the images are read and segmented, it takes the wait for numba (seconds, where its cache is empty) or
    torch out of the registration. Errors are left to the registration, which will meet them again and can act.
    """
    try:
        device, _ = choose_device(requested)
        point = VesselCloud(
            np.zeros((1, 3), np.float32), np.ones(1, np.float32), np.zeros(1, dtype=bool), 1.0, np.zeros(3)
        )
        renderer = splat_renderer(
            point,
            CArm.from_angles(
                primary_angle_deg=0,
                secondary_angle_deg=0,
                sdd_mm=1000,
                sid_mm=500,
                pixel_spacing_mm=1.0,
                rows=8,
                columns=8,
            ),
            device,
        )
        renderer.backward(np.eye(4)[None], renderer.render(np.eye(4)[None]))
    except Exception:
        return


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the GPU's memory is used up (torch.OutOfMemoryError, without importing torch)."""
    return type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in str(error)


def numba_is_usable() -> bool:
    """Whether numba is installed and fits this numpy (on Intel Macs it has no build for Slicer's)."""
    if importlib.util.find_spec("numba") is None:
        return False
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def cuda_is_usable() -> bool:
    """Whether torch is installed and sees a CUDA device that it can allocate on."""
    # Importing torch takes a second or more; a machine without NVIDIA's driver need not wait for it.
    if importlib.util.find_spec("torch") is None or not nvidia_driver_is_there():
        return False
    import torch

    if not torch.cuda.is_available():
        return False
    try:
        torch.zeros(1, device="cuda")
    except RuntimeError:
        return False
    return True


def nvidia_driver_is_there() -> bool:
    """Whether the driver is installed, which says that there is an NVIDIA graphics card."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
