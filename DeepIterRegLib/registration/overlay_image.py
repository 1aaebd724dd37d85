"""overlay.png: the DSA in grey with arteries red and veins blue, before and after the registration, side by side.

The skull is drawn where CTA and DSA do not both show vessels; of a CT without contrast the titles say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.guidance.targets import Mark
from DeepIterRegLib.registration.comparison import ViewComparison
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.overlay_painting import Rgb, images_on, laid_over, overlay_pixels
from DeepIterRegLib.registration.shades import full_strength_mm, grey_image, grey_window
from DeepIterRegLib.registration.target_painting import TARGET_RGB
from DeepIterRegLib.render.vessel_images import VesselRenderer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TARGET_COLOUR = "#{:02x}{:02x}{:02x}".format(*TARGET_RGB)
BEFORE = "before"
LOOK = OverlayLook()
"""As the panel shows a registration at first."""
PANEL_PX = 900
"""Aimed-at width of a panel: small detectors are enlarged to it, so that titles and bar keep their proportions."""
MAX_PANEL_PX = 1400
DOTS_PER_INCH = 100
MOST_LETTERS = 30
NAME_ROWS = 0.036
"""Height of a target's name, of the picture's."""
MARGIN_PX, TITLE_PX, GAP_PX = 16, 64, 16


def load_matplotlib() -> None:
    """What the drawing would wait for; for whoever has time before."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401


def write_overlay(
    path: Path, views: Sequence[ViewComparison], marks: Sequence[Sequence[Mark]] = (), carried: bool = False
) -> None:
    """Draw one row per DSA: before on the left, after on the right, with the NCC of each, if any, and a scale bar.

    The bar is in mm on the detector. marks: for each view the targets, drawn after the registration. carried: the pose
    is another run's, so there is one panel in a row. Raises OSError if the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [_panel_size_px(view) for view in views]
    width_px = max(width for width, _ in panels)
    total_width = (width_px if carried else 2 * width_px + GAP_PX) + 2 * MARGIN_PX
    total_height = sum(height for _, height in panels) + TITLE_PX * len(views) + MARGIN_PX
    figure = Figure(figsize=(total_width / DOTS_PER_INCH, total_height / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    top = float(total_height)
    for number, (view, (panel_width, panel_height)) in enumerate(zip(views, panels, strict=True), start=1):
        bottom = top - TITLE_PX - panel_height
        before, after = overlay_panels(view)
        images = [
            (BEFORE, before, view.ncc_before),
            ("after", after, view.ncc_after),
        ]
        if carried:
            images = [("carried over", after, view.ncc_after)]
        for column, (when, panel, ncc) in enumerate(images):
            left = MARGIN_PX + column * (width_px + GAP_PX) + (width_px - panel_width) / 2
            axes = figure.add_axes((
                left / total_width, bottom / total_height, panel_width / total_width, panel_height / total_height
            ))  # fmt: skip
            axes.imshow(panel, aspect="auto")
            axes.set(xticks=[], yticks=[])
            for side in axes.spines.values():
                side.set_color("0.6")
            name = "" if len(views) == 1 else f"DSA {number}, "
            axes.set_title(name + panel_title(when, ncc, view.shows_skull), fontsize=22, pad=12)
            _draw_scale_bar(axes, view)
            if when != BEFORE and marks:
                _draw_targets(axes, marks[number - 1], view.prepared.angiogram.carm)
        top = bottom
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH)


def panel_title(when: str, ncc: float | None, shows_skull: bool) -> str:
    """What a panel shows, and how well it fits where that is known."""
    if shows_skull:
        return f"{when}: the CT's skull"
    return when if ncc is None else f"{when}: NCC {ncc:.2f}"


def overlay_panels(view: ViewComparison, look: OverlayLook = LOOK) -> tuple[Rgb, Rgb]:
    """(rows, columns, 3) each, the DSA's own pixels with vessels or bones over them: before and after.

    Both in the same strengths, those of the pose that was found, so that they can be compared with each other and with
    the scene.
    """
    angiogram = view.prepared.angiogram
    look = look.settled(view.bones_first)
    renderer = VesselRenderer(view.vessels, angiogram.carm, view.bones)
    before, after = (renderer.draw(pose, bones=bool(look.bones)) for pose in (view.pose_before, view.pose_after))
    full_mm = full_strength_mm(after.arteries + after.veins)
    grey = grey_image(view.prepared.minip, angiogram.valid, grey_window(view.prepared.minip, angiogram.valid))
    first, second = (
        laid_over(grey, overlay_pixels(images_on(angiogram.carm, images), look, full_mm, angiogram.valid), look)
        for images in (before, after)
    )
    return first, second


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


def _draw_targets(axes: Axes, marks: Sequence[Mark], carm: CArm) -> None:
    """A cross at each point, a line along each path, the ellipses, and the names, which do not cover each other."""
    from matplotlib.patheffects import withStroke

    rim = [withStroke(linewidth=3.5, foreground="black", alpha=0.6)]
    limits = axes.get_xlim(), axes.get_ylim()
    for mark in marks:
        if mark.is_path:
            axes.plot(*mark.pixels.T, color=TARGET_COLOUR, linewidth=1.8, path_effects=rim)
        else:
            axes.plot(*mark.pixels.T, "+", color=TARGET_COLOUR, markersize=10, markeredgewidth=1.8, path_effects=rim)
        for ellipse in mark.ellipses:
            outline = ellipse.outline_px()
            axes.plot(*np.concatenate([outline, outline[:1]]).T, color=TARGET_COLOUR, linewidth=1.5, path_effects=rim)
    axes.set(xlim=limits[0], ylim=limits[1])
    row_height, ends = NAME_ROWS * carm.rows, _ends_in_view(marks, carm)
    for (name, column, row), at in zip(ends, _apart([row for _, _, row in ends], row_height), strict=True):
        right = column < 0.7 * carm.columns
        beside = column + (0.06 if right else -0.06) * carm.columns
        axes.plot([column, beside], [row, at], color=TARGET_COLOUR, linewidth=0.8, alpha=0.8)
        axes.text(
            beside, at, _shown_name(name), color=TARGET_COLOUR, fontsize=15, ha="left" if right else "right",
            va="center", clip_on=True, parse_math=False,
            bbox={"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 2},
        )  # fmt: skip


def _ends_in_view(marks: Sequence[Mark], carm: CArm) -> list[tuple[str, float, float]]:
    """Name, column and row of each target that lies on the detector, the uppermost first."""
    places = [(mark.name, mark.ellipses[-1].centre_px) for mark in marks]
    ends = [(name, float(column), float(row)) for name, (column, row) in places]
    seen = [end for end in ends if -0.5 <= end[1] <= carm.columns - 0.5 and -0.5 <= end[2] <= carm.rows - 0.5]
    return sorted(seen, key=lambda end: end[2])


def _apart(rows: Sequence[float], least: float) -> list[float]:
    """Rows, in growing order, moved so that neighbours are `least` apart, about where they were."""
    moved: list[float] = []
    for row in rows:
        moved.append(max(row, moved[-1] + least) if moved else row)
    shift = (sum(moved) - sum(rows)) / max(len(moved), 1)
    return [row - shift for row in moved]


def _shown_name(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "…"
