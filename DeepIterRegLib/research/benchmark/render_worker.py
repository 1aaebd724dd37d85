"""One measurement of the render benchmark, in a process of its own, so that its peak memory means something.

`python -m DeepIterRegLib.research.benchmark.render_worker JOB` reads the job, a JSON file, and prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.sampling import fitting_cell_mm, frustum_cells, resampled
from DeepIterRegLib.research.benchmark.vessel_tree import VesselTree
from DeepIterRegLib.research.benchmark.workload import (
    POSE,
    STEPS,
    central_differences,
    gradient_error,
    head_carm,
    ncc,
    smooth_weights,
)

RAYS_PER_TILE = 65536
"""DiffDRR with gradient needs about 4 GB for as many rays through a head: a 256 x 256 image at once, no more."""
SECONDS_PER_MEASUREMENT = 20.0
"""No measurement is repeated for longer than this."""
REFERENCE_SUPERSAMPLE = 8
"""Rays per pixel along each edge. With 4, the differences of two images that make the reference's gradient are still
half aliasing."""


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Carry out a job: {"renderer", "points", "size", "device", "repeats", "folder"}; see `render.py` for the result.

    `folder` holds tree.npz and, where agreement is wanted, reference_SIZE.npz.
    """
    size, device = int(job["size"]), str(job["device"])
    folder = Path(job["folder"])
    carm = head_carm(size)
    with np.load(folder / "tree.npz") as file:
        tree = VesselTree(
            np.unpackbits(file["mask"], count=int(np.prod(file["shape"]))).reshape(file["shape"]).astype(bool),
            file["ijk_to_ras"], float(file["voxel_mm"]),
        )  # fmt: skip
    if job["renderer"] == "reference":
        return _reference(tree, carm, folder / f"reference_{size}.npz", bool(job["gradient"]))
    began = time.perf_counter()
    renderer, count = _renderer(job["renderer"], job["points"], tree, carm, device)
    prepared = time.perf_counter()
    weights = smooth_weights(size)
    poses = POSE[None]
    ray_tracer = job["points"] == "volume"
    image, forward = _best(lambda: renderer.render(poses), int(job["repeats"]), warm_up=not ray_tracer)
    # Autograd renders on its way to the gradient; a splat renderer's backward pass leaves the image to `render`.
    gradient, backward = _best(lambda: renderer.backward(poses, weights), int(job["repeats"]), warm_up=not ray_tracer)
    result: dict[str, Any] = {
        "points_rendered": count,
        "prepare_ms": 1e3 * (prepared - began),
        "forward_ms": 1e3 * forward,
        "gradient_ms": 1e3 * (backward if ray_tracer else forward + backward),
        "peak_mib": _peak_mib(),
        "gpu_peak_mib": _gpu_peak_mib(device),
        "threads": _threads(job["renderer"]),
        "ncc": None,
        "gradient_error": None,
        "gradient_error_self": None,
        "note": "in tiles of 65536 rays" if job["renderer"].startswith("diffdrr") and size**2 > RAYS_PER_TILE else None,
    }
    reference = folder / f"reference_{size}.npz"
    if reference.exists():
        with np.load(reference) as file:
            result["ncc"] = ncc(image[0], file["image"])
            if "gradient" in file:
                result["gradient_error"] = gradient_error(gradient[0], file["gradient"])
        if not ray_tracer:
            own = central_differences(renderer, POSE, weights, STEPS / 10)  # its images have no aliasing to outdo
            result["gradient_error_self"] = gradient_error(gradient[0], own)
    return result


def _renderer(name: str, points: str, tree: VesselTree, carm: CArm, device: str) -> tuple[Renderer, int]:
    """The renderer and how many points or voxels it holds."""
    if name == "nanodrr":
        from DeepIterRegLib.research.benchmark.nanodrr import NanoDrr

        return NanoDrr(tree.mask, tree.ijk_to_ras, carm, device), tree.mask.size
    if name == "diffdrr-siddon" or name == "diffdrr-trilinear":
        from DeepIterRegLib.render.diffdrr import DiffDrr

        tile = RAYS_PER_TILE if carm.rows * carm.columns > RAYS_PER_TILE else None
        method: Any = name.removeprefix("diffdrr-")
        return DiffDrr(
            tree.mask, tree.ijk_to_ras, carm, method=method, rays_per_tile=tile, device=device
        ), tree.mask.size  # fmt: skip
    cloud: VesselCloud = tree.cloud
    if points == "resampled":
        cloud = resampled(cloud, fitting_cell_mm(cloud, carm))
    elif points == "frusta":
        cloud = frustum_cells(cloud, POSE, carm)
    if name == "splat-numpy":
        from DeepIterRegLib.render.splat_numpy import SplatNumpy

        return SplatNumpy(cloud, carm), len(cloud)
    if name == "splat-numba":
        from DeepIterRegLib.render.splat_numba import SplatNumba

        return SplatNumba(cloud, carm), len(cloud)
    from DeepIterRegLib.render.splat_torch import SplatTorch

    return SplatTorch(cloud, carm, device), len(cloud)


def _reference(tree: VesselTree, carm: CArm, path: Path, with_gradient: bool) -> dict[str, Any]:
    """Write the supersampled image and, with central differences of it, the gradient; returns nothing to report."""
    from DeepIterRegLib.render.diffdrr import DiffDrr

    exact = DiffDrr(
        tree.mask, tree.ijk_to_ras, carm, supersample=REFERENCE_SUPERSAMPLE, rays_per_tile=16384, skip_empty=True
    )  # fmt: skip
    arrays = {"image": exact.render(POSE[None])[0]}
    if with_gradient:
        arrays["gradient"] = central_differences(exact, POSE, smooth_weights(carm.rows))
    np.savez(path, **arrays)
    return {}


def _best(work: Callable[[], Any], repeats: int, warm_up: bool) -> tuple[Any, float]:
    """Last result and least seconds of up to `repeats` runs, once more before for what is compiled or cached."""
    if warm_up:
        work()
    best, began = np.inf, time.perf_counter()
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        end = time.perf_counter()
        best = min(best, end - start)
        if end - began > SECONDS_PER_MEASUREMENT:
            break
    return result, best


def _peak_mib() -> float | None:
    """Most memory this process ever held, libraries included; None on Windows, which does not say."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux's getrusage counts what the process that started this one held at that moment.
        peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if peaks:
            return int(peaks[0]) / (1 << 10)
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / (1 << 10)


def _gpu_peak_mib(device: str) -> float | None:
    if not device.startswith("cuda"):
        return None
    import torch

    return torch.cuda.max_memory_allocated() / (1 << 20)


def _threads(name: str) -> int:
    """Threads the renderer computes with (torch: as many as it takes on this machine)."""
    if name in ("splat-numpy", "splat-numba"):
        return 1
    import torch

    return torch.get_num_threads()


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
