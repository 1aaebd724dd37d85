"""Pictures of the views for the README: `python -m Testing.tools.picture_overlay [CTA DSA] [--output DIR]` (30 s).

Registers the built-in patient, or a CTA and a DSA from files, and draws what Slicer's views show of the result with the
MRML library's own slice logic and displayable managers: overlay_views.png (as arranged by one click), overlay_looks.png
(the looks of the overlay) and overlay_beam.png (the C-arm from aside).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_case
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.overlay.live_overlay import LiveOverlay
from DeepIterRegLib.mrml.views.case_views import arrange_case, fit_case
from DeepIterRegLib.mrml.views.frames_view import show_frame
from DeepIterRegLib.mrml.views.frustum import detector_corners_mm
from DeepIterRegLib.registration.overlay_look import OverlayLook
from Testing.support.paths import OUTPUT
from Testing.support.slice_view import Picture, ThreeDView, resized_slice_view_image, slice_logic

VIEW_PX = 760
LOOK_PX = 480
BAR_PX = 22
BARS = {"R": (243, 74, 51), "1": (122, 122, 210)}
"""Slicer's colours of the bars above its views."""
LOOKS = {
    "DSA": (OverlayLook(arteries=False, veins=False), None),
    "Filled": (OverlayLook(), None),
    "Outline": (OverlayLook(style="outline", opacity=1.0), None),
    "Arteries only, one frame": (OverlayLook(veins=False), 0.4),
    "Squares": (OverlayLook(comparison="checkerboard"), None),
    "Swipe": (OverlayLook(comparison="swipe"), None),
    "Before the registration": (OverlayLook(moment="before"), None),
    "After": (OverlayLook(), None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="pictures of the views")
    parser.add_argument("images", nargs="*", type=Path, metavar="FILE", help="CTA and DSA (default: built-in patient)")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIR")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        cta, dsa = args.images or built_in(Path(folder))
        logic = DeepIterRegLogic(new_scene())
        node = logic.load_cta(read_volume(cta))
        logic.register(node, [logic.load_dsa(read_angiogram(dsa))])
    case = registered_case(node)
    assert case is not None
    save(args.output / "overlay_views.png", arranged(case))
    save(args.output / "overlay_looks.png", looks(case))
    save(args.output / "overlay_beam.png", from_aside(case))


def built_in(folder: Path) -> tuple[Path, Path]:
    """CTA and DSA of the patient of `deepiterreg demo`."""
    from DeepIterRegLib.research.simulate.built_in import built_in_patient
    from DeepIterRegLib.research.simulate.files.patient_files import write_patient

    paths = write_patient(built_in_patient(), folder)
    return paths["cta"], paths["dsa"]


def arranged(case: RegisteredCase) -> Picture:
    """The DSA with the overlay, and the scene from the source, beside each other as after one click."""
    scene = case.cta.GetScene()
    arrange_case(case, "one", OverlayLook())
    LiveOverlay(case).redraw()
    resized_slice_view_image(scene, "Red", VIEW_PX, VIEW_PX)
    fit_case(case)
    left = resized_slice_view_image(scene, "Red", VIEW_PX, VIEW_PX)
    return np.concatenate([with_bar(left, "R"), with_bar(three_d(case), "1")], axis=1)


def looks(case: RegisteredCase) -> Picture:
    """The same view in every look, four in a row."""
    scene, live = case.cta.GetScene(), LiveOverlay(case)
    resized_slice_view_image(scene, "Red", LOOK_PX, LOOK_PX)
    fit_case(case)
    pictures = []
    for name, (look, share) in LOOKS.items():
        live.set_look(replace(look))
        live.redraw()
        show_frame(case.views[0], None if share is None else round(share * case.views[0].dsa.GetNumberOfDataNodes()))
        pictures.append(titled(resized_slice_view_image(scene, "Red", LOOK_PX, LOOK_PX), name))
    live.set_look(OverlayLook())
    rows = [np.concatenate(pictures[start : start + 4], axis=1) for start in (0, 4)]
    return np.concatenate(rows, axis=0)


def from_aside(case: RegisteredCase) -> Picture:
    """Source, beam, vessels and detector, from aside and a little above."""
    carm = case.views[0].carm
    camera = case.cta.GetScene().GetSingletonNode("1", "vtkMRMLCameraNode")
    before = camera.GetPosition(), camera.GetFocalPoint(), camera.GetViewAngle()
    middle = (carm.source_mm + detector_corners_mm(carm).mean(axis=0)) / 2
    away = 0.9 * carm.column_direction - 0.35 * carm.row_direction - 0.4 * carm.normal
    camera.SetPosition(*(middle + 2200 * away / np.linalg.norm(away)))
    camera.SetFocalPoint(*middle)
    camera.SetViewAngle(13.0)
    picture = three_d(case, VIEW_PX * 2 // 3, VIEW_PX * 2)
    camera.SetPosition(*before[0])
    camera.SetFocalPoint(*before[1])
    camera.SetViewAngle(before[2])
    return picture


def three_d(case: RegisteredCase, rows: int = VIEW_PX, columns: int = VIEW_PX) -> Picture:
    """The 3D view, drawn at twice the size and put together again: edges as smooth as on a screen."""
    scene = case.cta.GetScene()
    logic = slice_logic(scene, "Red")
    view = ThreeDView(scene, 2 * rows, 2 * columns)
    try:
        large = view.image()
    finally:
        view.close()
        del logic
    small = large.reshape(rows, 2, columns, 2, 3).astype(float).mean(axis=(1, 3))
    result: Picture = np.rint(small).astype(np.uint8)
    return result


def with_bar(picture: Picture, letter: str) -> Picture:
    """A view with the coloured bar above it that Slicer draws, and a gap beside it."""
    rows, columns, _ = picture.shape
    image = Image.new("RGB", (columns + 4, rows + BAR_PX), (60, 60, 60))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, columns - 1, BAR_PX - 2), fill=BARS[letter])
    draw.text((8, 3), letter, fill="white", font=ImageFont.load_default(14))
    image.paste(Image.fromarray(picture), (0, BAR_PX))
    return np.asarray(image)


def titled(picture: Picture, title: str) -> Picture:
    """A picture with its title above it, and a thin gap around."""
    rows, columns, _ = picture.shape
    image = Image.new("RGB", (columns + 4, rows + BAR_PX + 4), "white")
    ImageDraw.Draw(image).text((6, 3), title, fill="black", font=ImageFont.load_default(15))
    image.paste(Image.fromarray(picture), (2, BAR_PX))
    return np.asarray(image)


def save(path: Path, picture: Picture) -> None:
    Image.fromarray(picture).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
