"""Pictures a second of the overlay that follows a moving pose: `python -m Testing.tools.measure_overlay [CLOUD.npz]`.

On one core, in numpy, with both arteries and veins, the node's image filled and its observers called. "view" is what a
slice view of 800 x 800 pixels then takes to make its own picture, in the MRML library's own pipeline.
CLOUD.npz: arrays positions_mm (N, 3), weights_mm3 (N,), is_vein (bits or booleans), pose (4, 4), as a prepared patient.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.nodes.registered_case import registered_case
from DeepIterRegLib.mrml.nodes.result_nodes import show_registration
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_image
from DeepIterRegLib.mrml.overlay.live_overlay import LiveOverlay
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.result import Outcome, OutcomeView
from Testing.support.slice_view import slice_logic

PICTURES = 40
VIEW_PX = 800
DETECTOR_MM = 300.0
LOOKS = {
    "filled": OverlayLook(),
    "outline": OverlayLook(style="outline"),
    "squares": OverlayLook(comparison="checkerboard"),
}
REPORT = {"version": "", "method": "", "device": "", "warnings": [], "stages": []}


def main() -> None:
    clouds = {"built-in patient": built_in_cloud()} | {Path(path).stem: read_cloud(path) for path in sys.argv[1:]}
    print("| patient | detector | points | look | moving | at rest | moving, view |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, (cloud, pose) in clouds.items():
        for pixels in (512, 1024):
            for look, speeds in measured(cloud, pose, pixels).items():
                moving, rest, view = (f"{speed:.0f}/s" for speed in speeds)
                print(f"| {name} | {pixels}² | {len(cloud)} | {look} | {moving} | {rest} | {view} |", flush=True)


def measured(cloud: VesselCloud, pose: FloatArray, pixels: int) -> dict[str, tuple[float, float, float]]:
    """Pictures a second of each look: while the pose moves, when it rests, and moving with the slice view's own."""
    carm = CArm.from_angles(80.0, 5.0, 1200.0, 750.0, DETECTOR_MM / pixels, pixels, pixels)
    scene = new_scene()
    cta = add_image(scene, "CTA", np.zeros((2, 2, 2), dtype=np.int16), np.eye(4))
    dsa = add_image(scene, "DSA", np.zeros((2, pixels, pixels), dtype=np.float32), np.eye(4))
    minip = np.full((pixels, pixels), 900, dtype=np.float32)
    minip[:, ::7] = 1000
    view = OutcomeView(carm, minip, np.ones(minip.shape, dtype=bool))
    show_registration(scene, cta, [dsa], Outcome(pose, pose, cloud, (view,), REPORT))
    case = registered_case(cta)
    assert case is not None
    scene.GetSingletonNode("Red", "vtkMRMLSliceNode").SetDimensions(VIEW_PX, VIEW_PX, 1)
    logic = slice_logic(scene, "Red")
    live = LiveOverlay(case, call_later=lambda callback, ms: None)
    result = {}
    for name, look in LOOKS.items():
        live.set_look(look)
        moving = speed(lambda step: case.set_pose(moved(pose, step)))

        def at_rest(step: int) -> None:
            case.set_pose(moved(pose, step))
            live.redraw()

        def with_view(step: int) -> None:
            case.set_pose(moved(pose, step))
            logic.GetBlend().Update()

        result[name] = (moving, speed(at_rest), speed(with_view))
    live.close()
    return result


def speed(draw: Callable[[int], object]) -> float:
    """Calls a second: the median of PICTURES, after some that fill the caches."""
    seconds = []
    for step in range(PICTURES + 3):
        begin = time.perf_counter()
        draw(step)
        seconds.append(time.perf_counter() - begin)
    return 1 / float(np.median(seconds[3:]))


def moved(pose: FloatArray, step: int) -> FloatArray:
    """A little further at every step, as by a slider."""
    result = pose.copy()
    result[:3, 3] += [0.3 * (step % 20), 0.0, -0.2 * (step % 20)]
    return result


def built_in_cloud() -> tuple[VesselCloud, FloatArray]:
    """The vessels of the patient of `deepiterreg demo`, as their masks have them, and the true pose."""
    from DeepIterRegLib.preparation.cloud_from_volume import cloud_from_volume
    from DeepIterRegLib.research.simulate.built_in import built_in_patient

    patient = built_in_patient()
    vessels = patient.artery_mask | patient.vein_mask
    filled = np.ones(np.count_nonzero(vessels), dtype=np.float32)
    cloud = cloud_from_volume(patient.volume, vessels, patient.skull_vein_mask, filled)
    return cloud, patient.pose


def read_cloud(path: str) -> tuple[VesselCloud, FloatArray]:
    """A cloud and a pose from an .npz file."""
    with np.load(path, allow_pickle=False) as file:
        positions, weights, is_vein = file["positions_mm"], file["weights_mm3"], file["is_vein"]
        if len(is_vein) != len(positions):
            is_vein = np.unpackbits(is_vein)[: len(positions)]
        cell_mm = float(np.cbrt(weights.max()))
        cloud = VesselCloud(positions, weights, is_vein.astype(bool), cell_mm, positions.mean(axis=0).astype(float))
        # On the isocentre: the pose of a file need not be on this detector.
        pose = np.eye(4)
        pose[:3, 3] = -cloud.centre_mm
        return replace(cloud, centre_mm=cloud.centre_mm), pose


if __name__ == "__main__":
    main()
