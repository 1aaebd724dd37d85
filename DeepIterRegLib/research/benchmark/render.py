"""`deepiterreg benchmark render`: milliseconds, memory and agreement of DiffDRR, nanodrr and the splat renderers."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.benchmark.vessel_tree import head_tree

SCHEMA_VERSION = 1
SIZES = (128, 256, 512)
REFERENCE_SIZES = (128, 256)
"""Agreement is measured at these: at 512 the reference would take an hour."""
REFERENCE_GRADIENT_SIZES = (128,)
BASELINE = "diffdrr-siddon"
PACKAGES = ("numpy", "scipy", "numba", "torch", "diffdrr", "nanodrr")
NEEDED = {"diffdrr": "diffdrr", "nanodrr": "nanodrr", "splat-numba": "numba", "splat-torch": "torch"}
"""Package that a renderer cannot do without, by the beginning of its name."""
TABLE_WIDTH = 100
SINGLE_THREADED = ("splat-numpy", "splat-numba")
GIVE_UP_AFTER_S = 1800.0


@dataclass(frozen=True)
class Measurement:
    """One renderer at one size; what could not be measured is None, and `note` says why."""

    renderer: str
    points: str
    """"volume" (rays through all voxels of the head), "voxels" (one point per voxel of vessel), "resampled" (cells of
    one pixel) or "frusta" (cells for this view)."""
    size: int
    device: str
    points_rendered: int | None = None
    prepare_ms: float | None = None
    """Once per cloud and detector: sampling, and copying to the renderer."""
    forward_ms: float | None = None
    gradient_ms: float | None = None
    """One image and the pose gradient of a scalar of it."""
    peak_mib: float | None = None
    """Of the process, libraries included."""
    gpu_peak_mib: float | None = None
    threads: int | None = None
    ncc: float | None = None
    """With the reference: DiffDRR siddon at 8 x 8 rays per pixel, averaged."""
    gradient_error: float | None = None
    """Relative, to central differences of the reference; the larger of rotation and translation."""
    gradient_error_self: float | None = None
    """Relative, to central differences of the renderer's own images."""
    note: str | None = None


@dataclass(frozen=True)
class RenderBenchmark:
    """All measurements of a run, and what they were made on."""

    measurements: tuple[Measurement, ...]
    voxels: int
    """Of vessel, in the tree that was rendered."""
    seed: int
    machine: dict[str, Any]

    def ratio(self, measurement: Measurement, field: str = "gradient_ms") -> float | None:
        """How many times less time `measurement` took than DiffDRR siddon at its size; None without both."""
        for other in self.measurements:
            if other.renderer == BASELINE and other.size == measurement.size:
                slow, fast = getattr(other, field), getattr(measurement, field)
                return slow / fast if slow and fast else None
        return None

    def to_json(self) -> dict[str, Any]:
        """As schemas/benchmark_render.schema.json documents it."""
        rows = []
        for row in self.measurements:
            ratios = {f"ratio_{kind}": self.ratio(row, f"{kind}_ms") for kind in ("forward", "gradient")}
            rows.append(asdict(row) | ratios)
        return {
            "schema": "benchmark_render", "schema_version": SCHEMA_VERSION, "machine": self.machine,
            "seed": self.seed, "vessel_voxels": self.voxels, "measurements": rows,
        }  # fmt: skip


def run(
    sizes: Sequence[int] = SIZES, repeats: int = 7, device: str = "cpu", agreement: bool = False, seed: int = 0,
    only: Sequence[str] = (), tell: Callable[[str], None] = lambda line: None,
) -> RenderBenchmark:  # fmt: skip
    """Measure every renderer at every size, each in a process of its own.

    sizes: edge of the square image, px. repeats: the best of so many counts, fewer where that takes longer than 20 s.
    device: "cpu" or "cuda". agreement: also compare with the supersampled reference, at 128 and 256, which takes some
    minutes. only: beginnings of the names of the renderers to measure. tell: called with what is done next.
    """
    tell("growing the vessel tree")
    tree = head_tree(seed)
    measurements = []
    with tempfile.TemporaryDirectory(prefix="deepiterreg-benchmark-") as name:
        folder = Path(name)
        np.savez(
            folder / "tree.npz", mask=np.packbits(tree.mask), shape=np.array(tree.mask.shape),
            ijk_to_ras=tree.ijk_to_ras, voxel_mm=np.array(tree.voxel_mm),
        )  # fmt: skip
        for size in sizes:
            if agreement and size in REFERENCE_SIZES:
                tell(f"reference, {size} x {size}")
                job = {
                    "renderer": "reference", "points": "volume", "size": size, "device": "cpu",
                    "gradient": size in REFERENCE_GRADIENT_SIZES,
                }  # fmt: skip
                result = _in_own_process(job, folder)
                if "note" in result:
                    tell(f"no agreement at {size} x {size}: {result['note']}")
            for renderer, points in _renderers(device):
                if only and not renderer.startswith(tuple(only)):
                    continue
                tell(f"{renderer}, {points}, {size} x {size}")
                job = {
                    "renderer": renderer, "points": points, "size": size, "device": device, "repeats": repeats,
                }  # fmt: skip
                missing = next((need for start, need in NEEDED.items() if renderer.startswith(start)), None)
                if missing and importlib.util.find_spec(missing) is None:
                    result = {"note": f"not measured: {missing} is not installed"}
                else:
                    result = _in_own_process(job, folder)
                measurements.append(Measurement(renderer, points, size, device, **result))
    return RenderBenchmark(tuple(measurements), int(tree.mask.sum()), seed, _machine(device))


def _renderers(device: str) -> Iterator[tuple[str, str]]:
    """(renderer, what it renders) for every line of the table."""
    for renderer in ("diffdrr-siddon", "diffdrr-trilinear", "nanodrr"):
        yield renderer, "volume"
    for renderer in ("splat-numpy", "splat-numba", "splat-torch") if device == "cpu" else ("splat-torch",):
        for points in ("voxels", "resampled", "frusta"):
            yield renderer, points


def _in_own_process(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the worker reports on a job, or a note that says why it does not."""
    path = folder / "job.json"
    path.write_text(json.dumps(job | {"folder": str(folder)}), encoding="utf-8")
    command = [sys.executable, "-m", "DeepIterRegLib.research.benchmark.render_worker", str(path)]
    # The worker must find the package where this process found it, installed or not.
    root = str(Path(__file__).resolve().parents[3])
    search_path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": search_path}
    if job["renderer"] in SINGLE_THREADED:
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=GIVE_UP_AFTER_S, env=environment
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"note": f"not measured: took longer than {GIVE_UP_AFTER_S / 60:.0f} minutes"}
    if done.returncode < 0:
        return {"note": f"not measured: the process was ended by signal {-done.returncode}, likely for its memory"}
    if done.returncode:
        reason = next(reversed(done.stderr.strip().splitlines()), f"exit code {done.returncode}")
        return {"note": f"not measured: {reason[:120]}"}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _machine(device: str) -> dict[str, Any]:
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    gpu = None
    if device.startswith("cuda"):
        import torch

        gpu = torch.cuda.get_device_name()
    return {
        "system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count(), "gpu": gpu,
        "python": platform.python_version(), "packages": versions,
    }  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `deepiterreg benchmark render`."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE, as JSON")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to render (default: cpu)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(SIZES), metavar="PX",
        help="edges of the square images in pixels (default: 128 256 512)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=int, default=7, metavar="N",
        help="take the best of N runs, fewer where that takes longer than 20 s (default: 7)",
    )  # fmt: skip
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME",
        help="measure the renderers whose names begin so, for example splat",
    )  # fmt: skip
    parser.add_argument(
        "--agreement", action="store_true",
        help="also compare images and gradients with DiffDRR at 8 x 8 rays per pixel, at 128 and 256 (slow)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the vessel tree (default: 0)")


def main(arguments: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON. Returns 0; raises InputError for options that cannot be followed."""
    from rich.console import Console

    from DeepIterRegLib.render.choose import cuda_is_usable

    if min(arguments.sizes) < 16 or max(arguments.sizes) > 4096:
        raise InputError("--sizes must lie between 16 and 4096 pixels.")
    if arguments.repeats < 1:
        raise InputError(f"--repeats must be at least 1, not {arguments.repeats}.")
    if arguments.device == "cuda" and not cuda_is_usable():
        raise InputError("There is no usable CUDA device for --device cuda; measure with --device cpu.")
    if arguments.json is not None and not arguments.json.resolve().parent.is_dir():
        raise InputError(f"The folder for --json {arguments.json.name} does not exist; make it first.")
    console = Console()
    with console.status("") as status:
        benchmark = run(
            arguments.sizes, arguments.repeats, arguments.device, arguments.agreement, arguments.seed, arguments.only,
            tell=lambda line: status.update(f"Measuring: {line}"),
        )  # fmt: skip
    print_table(benchmark, console)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(benchmark.to_json(), indent=2) + "\n", encoding="utf-8")
    return 0


def print_table(benchmark: RenderBenchmark, console: Any) -> None:
    """Print the measurements, one table per size; "x" is DiffDRR siddon's time over the line's."""
    from rich import box
    from rich.table import Table

    console.width = max(console.width, TABLE_WIDTH)
    console.print(f"{benchmark.voxels:,} voxels of vessel; times are the best of several runs, in ms; peak in MiB")
    for size in dict.fromkeys(row.size for row in benchmark.measurements):
        rows = [row for row in benchmark.measurements if row.size == size]
        with_agreement = any(row.ncc is not None for row in rows)
        table = Table(title=f"{size} x {size}", box=box.SIMPLE, title_justify="left", padding=(0, 1, 0, 0))
        table.add_column("renderer", no_wrap=True)
        headings = ["1000 points", "forward", "x", "gradient", "x", "peak"] + ["NCC", "error"] * with_agreement
        for heading in headings:
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            cells = [
                f"{row.renderer} {row.points}", _shown(row.points_rendered and row.points_rendered / 1000, ",.0f"),
                _milliseconds(row.forward_ms), _shown(benchmark.ratio(row, "forward_ms"), ",.0f"),
                _milliseconds(row.gradient_ms), _shown(benchmark.ratio(row), ",.0f"),
                _shown(row.peak_mib if row.gpu_peak_mib is None else row.gpu_peak_mib, ",.0f"),
            ]  # fmt: skip
            if with_agreement:
                cells += [_shown(row.ncc, ".5f"), _shown(row.gradient_error, ".1%")]
            table.add_row(*cells)
        console.print(table)
        for row in rows:
            if row.note:
                console.print(f"{row.renderer} {row.points}: {row.note}")


def _milliseconds(value: float | None) -> str:
    return _shown(value, ",.2f" if value is not None and value < 100 else ",.0f")


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
