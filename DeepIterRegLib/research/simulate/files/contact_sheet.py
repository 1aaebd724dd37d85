"""Simulated patients at a glance: one row of small images each, and what our own preparation makes of them.

Slicer never loads this.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.projection import mean_projection_error_px
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.research.simulate.ct.ct_views import bone_removed, lateral_and_frontal, middle_slice
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.segmentations.segmentations import SEEN_MM

if TYPE_CHECKING:
    from DeepIterRegLib.research.simulate.patient import SimulatedPatient
    from DeepIterRegLib.research.simulate.x_ray.dsa_run import XRayRun

PANEL_PX, MARGIN_PX, TITLE_PX, CAPTION_PX = 300, 6, 34, 24
ARTERY_RGB, VEIN_RGB = (235, 60, 45), (60, 130, 255)
MIP_HU, SLICE_HU = (90.0, 450.0), (-140.0, 460.0)
DARKEST_PERCENTILE, BRIGHT_SHARE = 0.5, 0.3
"""Of a subtracted run: where the window ends below, and how much of it lies above the background, where ghosts are."""

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Row:
    """One patient's images, (PANEL_PX, PANEL_PX, 3) each, with a caption."""

    title: str
    panels: tuple[tuple[str, Rgb], ...]


def patient_row(patient: SimulatedPatient) -> Row:
    """CTA (maximum projections without bone, middle slice), four frames of the first run, its MinIP, and the masks that
    our own preparation finds in run and CTA: arteries red, veins blue."""
    run = patient.runs[0]
    faces_left = (run.carm.primary_angle_deg or 0.0) >= 0
    mips = lateral_and_frontal(bone_removed(patient), patient.volume, faces_left)
    panels = [
        (f"CTA MIP {name}", _grey(image, MIP_HU)) for name, image in zip(("lateral", "frontal"), mips, strict=True)
    ]
    panels.append(("CTA sagittal", _grey(middle_slice(patient.volume, faces_left), SLICE_HU)))

    minip = run.subtracted_frames.min(axis=0)
    window = _window(run, minip)
    for name, number in phases(run):
        seconds = (number + 1) * run.frame_time_ms / 1000
        panels.append((f"{name}, {seconds:.1f} s", _grey(run.subtracted_frames[number], window)))
    panels.append(("MinIP", _grey(minip, window)))
    panels += [_own_run_masks(run, _grey(minip, window)), _own_volume_masks(patient, faces_left)]
    return Row(_title(patient), tuple(panels))


def write_contact_sheet(path: Path, rows: Sequence[Row]) -> None:
    """Draw the rows below each other into a PNG. Raises OSError where it cannot be written."""
    columns = max(len(row.panels) for row in rows)
    cell, height = PANEL_PX + MARGIN_PX, TITLE_PX + CAPTION_PX + PANEL_PX + MARGIN_PX
    sheet = Image.new("RGB", (columns * cell + MARGIN_PX, len(rows) * height + MARGIN_PX), (24, 24, 26))
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        top = MARGIN_PX + number * height
        draw.text((MARGIN_PX, top + 2), row.title, fill=(255, 255, 255), font=ImageFont.load_default(22))
        for column, (caption, panel) in enumerate(row.panels):
            left = MARGIN_PX + column * cell
            draw.text((left, top + TITLE_PX), caption, fill=(190, 190, 190), font=ImageFont.load_default(17))
            sheet.paste(Image.fromarray(panel), (left, top + TITLE_PX + CAPTION_PX))
    sheet.save(path, format="PNG")


def _window(run: XRayRun, minip: npt.NDArray[np.uint16]) -> tuple[float, float]:
    """Grey values of a subtracted run from its darkest vessels to ghosts a little brighter than the background."""
    # What a shutter covers is the same in all frames.
    seen = run.subtracted_frames.max(axis=0) > minip
    low = min(float(np.percentile(minip[seen] if seen.any() else minip, DARKEST_PERCENTILE)), 2047.0)
    return low, 2048 + BRIGHT_SHARE * (2048 - low)


def phases(run: XRayRun) -> tuple[tuple[str, int], ...]:
    """Four of the subtracted frames, by name and number: arteries at their darkest, half way to the veins, veins half
    as dark as they get, and veins at their darkest."""
    dark = np.float32(2048.0) - run.subtracted_frames.astype(np.float32)
    arteries, veins = run.arteries_mm > SEEN_MM, run.veins_mm > SEEN_MM
    of_arteries = _mean_over(dark, arteries & ~veins)
    of_veins = _mean_over(dark, veins & ~arteries)
    arterial = int(of_arteries.argmax())
    late = max(int(of_veins.argmax()), arterial)
    half = of_veins[arterial : late + 1] >= of_veins[: arterial + 1].min() / 2 + of_veins[late] / 2
    early = arterial + int(half.argmax())
    return (
        ("arterial", arterial),
        ("capillary", round((arterial + early) / 2)),
        ("early venous", early),
        ("late venous", late),
    )


def _mean_over(dark: npt.NDArray[np.float32], mask: BoolArray) -> FloatArray:
    return dark[:, mask].mean(axis=1) if mask.any() else np.zeros(len(dark))


def _title(patient: SimulatedPatient) -> str:
    run = patient.runs[0]
    angle = run.carm.primary_angle_deg or 0.0
    stroke = "no occlusion"
    if patient.stroke is not None:
        side = "" if patient.stroke.side == "middle" else f" {patient.stroke.side}"
        stroke = f"{patient.stroke.site}{side} occluded, {'after' if patient.treated else 'before'} thrombectomy"
    start_px = mean_projection_error_px(patient.radiological_pose, patient.pose, patient.volume.centre_mm, run.carm)
    spacing = " x ".join(f"{edge:.2f}" for edge in patient.volume.spacing_mm)
    parts = (
        f"Seed {patient.seed}",
        stroke,
        f"{patient.injected} injected",
        f"{'LAO' if angle >= 0 else 'RAO'} {abs(angle):.0f}",
        f"{len(run.frames)} frames, {1000 / run.frame_time_ms:.1f}/s",
        f"CTA {spacing} mm",
        f"start {start_px:.0f} px off",
    )
    return "   |   ".join(parts)


def _own_run_masks(run: XRayRun, minip: Rgb) -> tuple[str, Rgb]:
    with tempfile.TemporaryDirectory(prefix="deepiterreg-") as folder:
        try:
            prepared = prepare_angiogram(read_angiogram(write_xa(run, Path(folder) / "dsa.dcm")))
        except InputError as error:
            return _refused("masks", error)
    arteries, veins = (_small(mask.astype(np.float32)) for mask in (prepared.arteries, prepared.veins))
    return "own masks: arteries, veins", _tinted(minip, arteries, veins)


def _own_volume_masks(patient: SimulatedPatient, faces_left: bool) -> tuple[str, Rgb]:
    try:
        prepared = prepare_volume(patient.volume)
    except InputError as error:
        return _refused("CTA masks", error)
    others, veins = (
        _small(lateral_and_frontal(mask, patient.volume, faces_left)[0].astype(np.float32))
        for mask in (prepared.vessels & ~prepared.veins, prepared.veins)
    )
    black = np.zeros((PANEL_PX, PANEL_PX, 3), dtype=np.uint8)
    return "own CTA: vessels, skull veins", _tinted(black, others, veins, opacity=1.0)


def _refused(what: str, error: InputError) -> tuple[str, Rgb]:
    """A panel that shows why there is none."""
    panel = Image.new("RGB", (PANEL_PX, PANEL_PX), (60, 20, 20))
    words, lines = str(error).split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 34:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    ImageDraw.Draw(panel).text((8, 8), "\n".join(lines), fill=(255, 255, 255), font=ImageFont.load_default(15))
    return f"no {what}", np.asarray(panel)


def _tinted(grey: Rgb, arteries: npt.NDArray[np.float32], veins: npt.NDArray[np.float32], opacity: float = 0.65) -> Rgb:
    image = grey.astype(np.float32)
    for share, colour in ((veins, VEIN_RGB), (arteries, ARTERY_RGB)):
        alpha = opacity * np.clip(share, 0, 1)[..., None]
        image = (1 - alpha) * image + alpha * np.array(colour, dtype=np.float32)
    return image.round().astype(np.uint8)


def _grey(image: npt.NDArray[np.generic], window: tuple[float, float]) -> Rgb:
    low, high = window
    small = _small((image.astype(np.float32) - low) / (high - low))
    return np.repeat((np.clip(small, 0, 1) * 255).round().astype(np.uint8)[..., None], 3, axis=2)


def _small(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The image, shrunk or enlarged to a panel with its proportions kept, 0 beside it."""
    rows, columns = image.shape
    scale = PANEL_PX / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    resized = np.asarray(Image.fromarray(image.astype(np.float32)).resize(size, how))
    panel = np.zeros((PANEL_PX, PANEL_PX), dtype=np.float32)
    top, left = (PANEL_PX - resized.shape[0]) // 2, (PANEL_PX - resized.shape[1]) // 2
    panel[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return panel
