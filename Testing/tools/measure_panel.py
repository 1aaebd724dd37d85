"""How long a clinician waits: `python -m Testing.tools.measure_panel [CTA DSA]` prints a table.

Without files it takes the built-in patient (seed 1). The panel is the real one, on PySide6 behind the adapter, with the
real worker process. cold: the worker is started by the click. warm: the worker runs, and the images have just been
selected. ahead: they were selected as long ago as it takes to prepare them. again: a second registration of the same.
longest block: for how long at most the application did not answer, until the surfaces are there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.volume_node import add_volume
from DeepIterRegLib.mrml.panel import register_section
from DeepIterRegLib.research.simulate.built_in import angiograms_of, built_in_patient
from Testing.qt_adapter import open_module


def measure(images: tuple[Volume, Angiogram], state: str) -> list[dict[str, float]]:
    """Seconds after the click, of a first and of a second registration. state: "cold", "warm" or "ahead"."""
    with open_module() as opened:
        worker = opened.widget.panel._services.worker
        opened.process_events(until=lambda: worker.state == "warm", timeout=60)
        if state == "cold":
            worker.close()
        opened.ui.ctaSelector.setCurrentNode(add_volume(opened.scene, images[0]))
        opened.ui.dsaSelector.setCurrentNode(add_angiogram(opened.scene, images[1]))
        if state == "ahead":
            opened.process_events(1.0)
            opened.process_events(until=lambda: worker.state == "warm", timeout=60)
        return [registration(opened) for _ in range(2)]


def registration(opened: Any) -> dict[str, float]:
    """One press of the button: seconds to the first sign of life, overlay, moved overlay, and result."""
    marks: dict[str, float] = {}
    section, preview_class = opened.widget.panel.register_section, register_section.LivePreview
    shown, progressed, poses = preview_class.show, section.progress, []

    def progress(step: Any) -> None:
        progressed(step)
        marks.setdefault("first progress", time.perf_counter() - began)

    def show(preview: Any, pose: Any) -> None:
        shown(preview, pose)
        poses.append(pose)
        marks.setdefault("first overlay" if len(poses) == 1 else "moved overlay", time.perf_counter() - began)

    with mock.patch.object(section, "progress", progress), mock.patch.object(preview_class, "show", show):
        began = time.perf_counter()
        opened.ui.registerButton.click()
        opened.longest_turn_s = time.perf_counter() - began
        opened.process_events(until=lambda: not section.is_running, timeout=120)
    marks["result"] = time.perf_counter() - began
    opened.process_events(1.0)  # the views are arranged, and the surfaces made
    marks["longest block"] = opened.longest_turn_s
    marks["overlays drawn"] = float(len(poses))
    return marks


def main(arguments: list[str]) -> None:
    if arguments:
        images = read_volume(Path(arguments[0])), read_angiogram(Path(arguments[1]))
    else:
        patient = built_in_patient()
        images = patient.volume, angiograms_of(patient)[0]
    names = ("first progress", "first overlay", "moved overlay", "result", "longest block", "overlays drawn")
    print(f"{'':22}" + "".join(f"{name:>16}" for name in names))
    for state in ("cold", "warm", "ahead"):
        for which, marks in zip((state, f"again, {state}"), measure(images, state), strict=True):
            print(f"{which:22}" + "".join(f"{marks.get(name, float('nan')):16.2f}" for name in names))


if __name__ == "__main__":
    main(sys.argv[1:])
