"""DSA, DRR and overlay of a registration as PNG images, at the detector's full resolution."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.mrml.nodes.arrays import image_data, voxels_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, RegisteredView
from DeepIterRegLib.mrml.overlay.drr_overlay import scale_of
from DeepIterRegLib.mrml.overlay.live_overlay import background_brightness
from DeepIterRegLib.mrml.overlay.overlay_look import OverlayLook, look_of
from DeepIterRegLib.mrml.overlay.painting import DARKEST, overlay_image, strength
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.vessel_images import VesselImages, VesselRenderer

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ViewPictures:
    """What is to be seen of one DSA, a pixel for each of its detector's; the first row is the top one."""

    dsa: Picture
    """(rows, columns) the MinIP as its slice view shows it, black behind a shutter."""
    drr: Picture
    """(rows, columns) all vessels at the pose in use, dark on white."""
    overlay: Picture
    """(rows, columns, 3) the DSA with the vessels over it, in the look of the Overlay section."""


def pictures_of(case: RegisteredCase) -> tuple[ViewPictures, ...]:
    """One for each DSA. Raises InputError where the pose in use is no rigid motion."""
    look = look_of(case.pose_node)
    return tuple(_pictures(view, case.cloud, case.pose, look) for view in case.views)


def save_images(case: RegisteredCase, folder: Path | str) -> list[Path]:
    """Write the pictures into a folder, over those of the same names; returns their paths (`image_paths`).

    Raises InputError where they cannot be written; those that were not there before are then not there either.
    """
    paths = image_paths(case, folder)
    pictures = [picture for view in pictures_of(case) for picture in (view.dsa, view.drr, view.overlay)]
    files = [png_of(picture) for picture in pictures]
    new = [path for path in paths if not path.exists()]
    try:
        for path, content in zip(paths, files, strict=True):
            with whole_file(path) as file:
                file.write(content)
    except OSError as error:
        for path in new:
            with suppress(OSError):
                path.unlink()
        raise InputError("The images cannot be written; is the disk full, or the folder read-only?") from error
    return paths


def image_paths(case: RegisteredCase, folder: Path | str) -> list[Path]:
    """DSA, DRR and overlay of each DSA. Of more than one they are numbered; no name of a node goes into a file's."""
    numbers = [""] if len(case.views) == 1 else [f"_{number}" for number in range(1, len(case.views) + 1)]
    return [Path(folder) / f"{what}{number}.png" for number in numbers for what in ("dsa", "drr", "overlay")]


def png_of(picture: Picture) -> bytes:
    """A PNG file of (rows, columns) greys or (rows, columns, 3) colours."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    writer = vtk.vtkPNGWriter()
    writer.WriteToMemoryOn()
    writer.SetInputData(vtk_image(picture))
    writer.Write()
    return vtk_to_numpy(writer.GetResult()).tobytes()


def vtk_image(picture: Picture) -> Any:
    """vtkImageData, whose first row is the bottom one."""
    return image_data(picture[None, ::-1])


def _pictures(view: RegisteredView, cloud: VesselCloud, pose: Any, look: OverlayLook) -> ViewPictures:
    full_mm, valid = scale_of(view.drr), view.valid
    images = at_full_resolution(VesselRenderer(cloud, view.carm).draw(pose), view)
    dsa = _grey(view, valid)
    drr = 255 * (1 - DARKEST * strength(images.arteries + images.veins, full_mm))
    # What the look hides is not drawn.
    nothing = np.zeros_like(images.arteries)
    wanted = VesselImages(
        images.carm, images.arteries if look.arteries else nothing, images.veins if look.veins else nothing
    )
    over = overlay_image(wanted, look, full_mm, valid, background_brightness(view)).astype(np.float32)
    alpha = over[..., 3:] / 255 * (1.0 if look.is_opaque else look.opacity)
    overlay = (1 - alpha) * dsa[..., None] + alpha * over[..., :3]
    return ViewPictures(dsa, np.rint(drr).astype(np.uint8), np.rint(overlay).astype(np.uint8))


def at_full_resolution(images: VesselImages, view: RegisteredView) -> VesselImages:
    """Images that may have larger pixels than the DSA, interpolated to the DSA's."""
    rows, columns = view.carm.rows, view.carm.columns
    return VesselImages(view.carm, *(_resized(image, rows, columns) for image in (images.arteries, images.veins)))


def _resized(image: npt.NDArray[np.float32], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Bilinear, of the same area: the edges of the first and last pixels fall together."""
    for axis, count in enumerate((rows, columns)):
        size = image.shape[axis]
        if size == count:
            continue
        at = np.clip((np.arange(count) + 0.5) * size / count - 0.5, 0, size - 1)
        before = np.minimum(at.astype(int), max(size - 2, 0))
        share = (at - before).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        after = np.minimum(before + 1, size - 1)
        image = (1 - share) * image.take(before, axis) + share * image.take(after, axis)
    return image


def _grey(view: RegisteredView, valid: npt.NDArray[np.bool_]) -> Picture:
    minip, display = voxels_of(view.plane)[0].astype(np.float32), view.plane.GetDisplayNode()
    low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    grey = 255 * np.clip((minip - low) / max(high - low, 1e-6), 0, 1)
    return np.where(valid, np.rint(grey), 0).astype(np.uint8)


def thumbnail_of(cases: Sequence[RegisteredCase]) -> Any | None:
    """vtkImageData of the first overlay, for the scene's file; None where there is none, or it cannot be drawn."""
    try:
        return vtk_image(pictures_of(cases[0])[0].overlay) if cases else None
    except InputError:
        return None
