"""The numbers of docs/measurements/cta_preparation.md, in a few minutes.

`python -m Testing.tools.measure_cta_preparation`
"""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cta import prepare_volume
from Testing.support.contrast_head import contrast_head

CASES: dict[str, dict[str, Any]] = {
    "1 mm, arteries 350 HU, veins 280 HU": {},
    "0.6 x 0.5 x 0.5 mm": {"spacing_mm": (0.6, 0.5, 0.5)},
    "2 x 0.5 x 0.5 mm": {"spacing_mm": (2.0, 0.5, 0.5)},
    "3 x 0.6 x 0.6 mm": {"spacing_mm": (3.0, 0.6, 0.6)},
    "5 x 0.45 x 0.45 mm": {"spacing_mm": (5.0, 0.45, 0.45)},
    "late: arteries 200, veins 260": {"artery_hu": 200.0, "vein_hu": 260.0},
    "early: arteries 450, veins 130": {"artery_hu": 450.0, "vein_hu": 130.0},
    "bright: arteries 650, veins 450": {"artery_hu": 650.0, "vein_hu": 450.0},
    "noise 28 HU, another tree": {"noise_hu": 28.0, "tree": "BH0006"},
}


def main() -> None:
    print("| case | Dice | precision | arteries | sinuses | veins: sensitivity | veins: precision |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, options in CASES.items():
        head = contrast_head(**options)
        prepared = prepare_volume(head.volume)
        truth, found, veins = np.maximum(head.arteries, head.veins), prepared.vessels, prepared.veins
        half = truth > 0.5
        numbers = (
            2 * np.count_nonzero(found & half) / (np.count_nonzero(found) + np.count_nonzero(half)),
            (truth[found] > 0.02).mean(),
            found[head.arteries > 0.5].mean(),
            found[head.sinuses > 0.5].mean(),
            veins[head.sinuses > 0.5].mean(),
            (head.sinuses[veins] > 0.02).mean(),
        )
        print(f"| {name} | " + " | ".join(f"{number:.2f}" for number in numbers) + " |", flush=True)
    _time_full_size()


def _time_full_size() -> None:
    """512 x 512 x 400: the head at 0.5 mm, in the air and with the spacing of a real scan."""
    head = contrast_head(spacing_mm=(0.585, 0.5, 0.5))
    voxels = np.full((400, 512, 512), -1000, dtype=np.int16)
    small = head.volume.voxels
    k, j, i = (min(a, b) for a, b in zip(small.shape, voxels.shape, strict=True))
    voxels[:k, :j, (512 - i) // 2 : (512 - i) // 2 + i] = small[:k, :j, :i]
    # In a process of its own, whose peak memory is the preparation's and not that of making the head.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        wall, cpu, before, peak = pool.apply(_measured, (voxels, head.volume.ijk_to_ras))
    print(f"512 x 512 x 400: {wall:.1f} s, {cpu:.1f} s of CPU, memory {peak:.1f} GB at most, {before:.1f} GB before")


def _measured(voxels: np.ndarray, ijk_to_ras: np.ndarray) -> tuple[float, float, float, float]:
    """Seconds on the clock and of CPU; GB before and at the peak."""
    before = _peak_memory_gb()
    wall, cpu = time.perf_counter(), time.process_time()
    prepare_volume(Volume(voxels, ijk_to_ras, "cta"))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall, cpu, before, _peak_memory_gb()


def _peak_memory_gb() -> float:
    """Of this process (Linux); `getrusage` would count what the parent held before it started us."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


if __name__ == "__main__":
    main()
