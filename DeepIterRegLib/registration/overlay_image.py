"""overlay.png: the DSA in grey with the DRR in red, before and after the registration, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.registration.comparison import ViewComparison
from DeepIterRegLib.registration.shades import RED, full_red_length_mm, grey_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TINT_OPACITY = 0.6
"""Of the thickest vessels: the DSA stays visible below them."""
PANEL_PX = 900
"""Aimed-at width of a panel: small detectors are enlarged to it, so that titles and bar keep their proportions."""
MAX_PANEL_PX = 1400
DOTS_PER_INCH = 100


def write_overlay(path: Path, views: Sequence[ViewComparison]) -> None:
    """Draw one row per DSA: before on the left, after on the right, with the NCC of each and a scale bar.

    The bar is in mm on the detector. Raises OSError if the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [_panel_size_px(view) for view in views]
    width_px = max(width for width, _ in panels)
    margin, title, gap = 16, 64, 16
    total_width = 2 * width_px + gap + 2 * margin
    total_height = sum(height for _, height in panels) + title * len(views) + margin
    figure = Figure(figsize=(total_width / DOTS_PER_INCH, total_height / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    top = float(total_height)
    for number, (view, (panel_width, panel_height)) in enumerate(zip(views, panels, strict=True), start=1):
        bottom = top - title - panel_height
        # The same for both panels, so that they can be compared.
        full_red = full_red_length_mm(np.stack([view.drr_before, view.drr_after]))
        images = (("before", view.drr_before, view.ncc_before), ("after", view.drr_after, view.ncc_after))
        for column, (when, drr, ncc) in enumerate(images):
            left = margin + column * (width_px + gap) + (width_px - panel_width) / 2
            axes = figure.add_axes((
                left / total_width, bottom / total_height, panel_width / total_width, panel_height / total_height
            ))  # fmt: skip
            axes.imshow(blend(view, drr, full_red), aspect="auto")
            axes.set(xticks=[], yticks=[])
            for side in axes.spines.values():
                side.set_color("0.6")
            name = "" if len(views) == 1 else f"DSA {number}, "
            axes.set_title(f"{name}{when}: NCC {ncc:.2f}", fontsize=22, pad=12)
            _draw_scale_bar(axes, view)
        top = bottom
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH)


def blend(view: ViewComparison, drr: npt.NDArray[np.float32], full_red_mm: float) -> npt.NDArray[np.float32]:
    """(rows, columns, 3) RGB, 0 to 1, of the DSA's MinIP with `drr` as a transparent red tint.

    full_red_mm: length of vessel along a ray that gets the strongest tint.
    """
    grey = grey_image(view.prepared.minip, view.prepared.angiogram.valid)
    opacity = tint_opacity(drr, grey.shape, full_red_mm)[..., None]
    return (1 - opacity) * grey[..., None] + opacity * RED


def tint_opacity(drr: npt.NDArray[np.float32], shape: tuple[int, ...], full_red_mm: float) -> npt.NDArray[np.float32]:
    """`shape` opacity of the red tint, 0 to TINT_OPACITY, of a DRR whose pixels are blocks of that image's."""
    # The square root lets the thin vessels show beside a carotid ten times as thick.
    return TINT_OPACITY * np.sqrt(np.clip(_enlarge(drr, shape) / full_red_mm, 0, 1))


def _enlarge(image: npt.NDArray[np.float32], shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Bilinear, pixel blocks onto the pixels they were put together from; what fills no block is 0."""
    if image.shape == shape:
        return image
    from scipy.ndimage import map_coordinates

    factor = max(shape[0] // image.shape[0], 1)
    rows, columns = ((np.arange(size) + 0.5) / factor - 0.5 for size in shape)
    enlarged = map_coordinates(image, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="constant")
    return enlarged.astype(np.float32)


def _panel_size_px(view: ViewComparison) -> tuple[int, int]:
    """Width and height of a panel whose pixels have the shape of the detector's."""
    carm = view.prepared.angiogram.carm
    row_mm, column_mm = carm.pixel_spacing_mm
    width = float(np.clip(carm.columns, PANEL_PX, MAX_PANEL_PX))
    return round(width), round(width * carm.rows * row_mm / (carm.columns * column_mm))


def _draw_scale_bar(axes: Axes, view: ViewComparison) -> None:
    """A bar of a round number of mm on the detector, about a fifth of the image wide, lower left."""
    carm = view.prepared.angiogram.carm
    column_mm = carm.pixel_spacing_mm[1]
    wanted_mm = carm.columns * column_mm / 5
    bar_mm = max((length for length in (5, 10, 20, 50, 100) if length <= wanted_mm), default=1)
    begin = 0.03 * carm.columns
    y = 0.965 * carm.rows
    ends = [begin, begin + bar_mm / column_mm]
    for colour, thickness in (("white", 10), ("black", 5)):
        axes.plot(ends, [y, y], color=colour, linewidth=thickness, solid_capstyle="butt")
    axes.text(
        begin, y - 0.02 * carm.rows, f"{bar_mm} mm on the detector", color="white", fontsize=15, va="bottom",
        bbox={"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 3},
    )  # fmt: skip
