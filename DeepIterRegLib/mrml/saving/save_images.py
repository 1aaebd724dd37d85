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
from DeepIterRegLib.guidance.targets import Mark
from DeepIterRegLib.mrml.nodes.arrays import image_data, voxels_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, RegisteredView
from DeepIterRegLib.mrml.overlay.drr_overlay import scale_of
from DeepIterRegLib.mrml.overlay.look_attribute import look_of
from DeepIterRegLib.mrml.targets.case_targets import covariance_in_use, marks_in, targets_in
from DeepIterRegLib.mrml.views.grey_levels import brightness_of, window_of
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.overlay_painting import drr_picture, images_on, laid_over, overlay_pixels
from DeepIterRegLib.registration.shades import grey_image
from DeepIterRegLib.registration.target_painting import with_targets
from DeepIterRegLib.render.vessel_images import VesselRenderer

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ViewPictures:
    """What is to be seen of one DSA, a pixel for each of its detector's; the first row is the top one."""

    dsa: Picture
    """(rows, columns) the MinIP as its slice view shows it, black behind a shutter."""
    drr: Picture
    """(rows, columns) all vessels at the pose in use, dark on white; the bones where the look shows them."""
    overlay: Picture
    """(rows, columns, 3) the DSA with the vessels over it, in the look of the Overlay section, and with the targets."""


def pictures_of(case: RegisteredCase) -> tuple[ViewPictures, ...]:
    """One for each DSA. Raises InputError where the pose in use is no rigid motion."""
    look = look_of(case.pose_node).settled(case.bones_first)
    targets, covariance = targets_in(case), covariance_in_use(case)
    return tuple(
        # Behind the overlay is the MinIP, whatever frame is on show.
        _pictures(view, case, look, marks_in(case, view, targets, covariance, OverlayLook()))
        for view in case.views
    )


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


def _pictures(view: RegisteredView, case: RegisteredCase, look: OverlayLook, marks: Sequence[Mark]) -> ViewPictures:
    full_mm, valid = scale_of(view.drr), view.valid
    renderer = VesselRenderer(case.vessels, view.carm, case.bones)
    images = images_on(view.carm, renderer.draw(case.pose, bones=bool(look.bones)))
    dsa = grey_image(voxels_of(view.plane)[0], valid, window_of(view))
    overlay = overlay_pixels(images, look, full_mm, valid, brightness_of(view))
    return ViewPictures(dsa, drr_picture(images, full_mm), with_targets(laid_over(dsa, overlay, look), marks))


def thumbnail_of(cases: Sequence[RegisteredCase]) -> Any | None:
    """vtkImageData of the first overlay, for the scene's file; None where there is none, or it cannot be drawn."""
    try:
        return vtk_image(pictures_of(cases[0])[0].overlay) if cases else None
    except InputError:
        return None
