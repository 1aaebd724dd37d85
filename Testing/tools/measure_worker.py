"""How long a user waits for the worker: python -m Testing.tools.measure_worker [CTA DSA] [--without-numba].

Without files: the built-in patient. Seconds from the start of the process, and from each click.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.images.dsa_source import DsaSource
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.images.volume_source import VolumeSource
from DeepIterRegLib.mrml.worker_client.client import ProcessWorkerClient
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.research.simulate.built_in import built_in_patient
from DeepIterRegLib.research.simulate.files.patient_files import write_patient
from Testing.support.worker_loop import Heard, Loop, PipeProcess


class Clicked(Heard):
    """Remembers when the overlay first leaves the starting pose, too."""

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.pose is not None and not np.allclose(progress.pose, self.of("prepared")[0].initial_pose):
            self._note("overlay moves")


def environment_without(folder: Path, package: str) -> dict[str, str]:
    """The environment of a process that cannot import a package."""
    (folder / f"{package}.py").write_text("raise ImportError\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


def request_for(cta: Path, dsa: Path) -> RegistrationRequest:
    volume = read_volume(cta)
    source = DsaSource(GeometryOptions(), file=dsa, file_is_whole=True)
    # Of unknown kind, as a volume that Slicer loaded: the values are judged in the worker.
    return RegistrationRequest(VolumeSource(volume.voxels, volume.ijk_to_ras), "cta", (source,), ("dsa",))


def measure(request: RegistrationRequest, environment: dict[str, str] | None) -> None:
    loop = Loop()
    client = ProcessWorkerClient(
        lambda on_output, on_ended: PipeProcess(loop, on_output, on_ended, environment=environment), loop.call_later
    )

    def click(name: str, asked: RegistrationRequest) -> Clicked:
        heard = Clicked()
        client.register(asked, heard)
        loop.run_until(lambda: heard.over, 600)
        events = ("started", "progress", "prepared", "overlay moves", "done", "failed")
        times = (f"{event} {heard.seconds[event]:.2f}" for event in events if event in heard.seconds)
        print(f"{name:28s}", "  ".join(times), flush=True)
        return heard

    def seconds_until(condition: Callable[[], bool]) -> float:
        loop.run_until(condition, 60)
        return time.monotonic() - began_s

    began_s = time.monotonic()
    client.start()
    print(f"{'start of the process':28s} hello {seconds_until(lambda: bool(client.device)):.2f}", end="  ")
    print(f"ready {seconds_until(lambda: client.state == 'warm'):.2f} ({client.device})", flush=True)
    result = click("first click, worker ready", request).of("done")
    click("second click", request)
    if result:
        click("refine from the result", replace(request, options=Options(initial_pose=result[0].pose)))
    client.close()
    click("click, no worker yet", request)
    client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, nargs="*", help="CTA and DSA")
    parser.add_argument("--without-numba", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_without(Path(folder), "numba") if arguments.without_numba else None
        if arguments.images:
            cta, dsa = arguments.images
        else:
            files = write_patient(built_in_patient(), folder)
            cta, dsa = files["cta"], files["dsa"]
        measure(request_for(cta, dsa), environment)


if __name__ == "__main__":
    main()
