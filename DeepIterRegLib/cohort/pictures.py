"""before.jpg and after.jpg: small overlays in the same place, for the page on which one flickers between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from DeepIterRegLib.registration.comparison import ViewComparison
from DeepIterRegLib.registration.overlay_image import overlay_panels
from DeepIterRegLib.registration.overlay_painting import Rgb

HEIGHT_PX = 480
QUALITY = 85
GAP_PX = 4


def write_pictures(folder: Path, views: Sequence[ViewComparison]) -> None:
    """Write both, the runs beside each other. Raises OSError."""
    pairs = [tuple(_resized(panel, view) for panel in overlay_panels(view)) for view in views]
    for name, panels in zip(("before", "after"), zip(*pairs, strict=True), strict=True):
        gap = np.zeros((HEIGHT_PX, GAP_PX, 3), dtype=np.uint8)
        beside = [part for panel in panels for part in (gap, panel)][1:]
        _write(folder / f"{name}.jpg", np.concatenate(beside, axis=1))


def _resized(panel: Rgb, view: ViewComparison) -> Rgb:
    """HEIGHT_PX high, in the shape that the detector's pixels give it."""
    from PIL import Image

    carm = view.prepared.angiogram.carm
    row_mm, column_mm = carm.pixel_spacing_mm
    width = round(HEIGHT_PX * carm.columns * column_mm / (carm.rows * row_mm))
    return np.asarray(Image.fromarray(panel).resize((width, HEIGHT_PX), Image.Resampling.LANCZOS))


def _write(path: Path, pixels: Rgb) -> None:
    from PIL import Image

    # Without subsampling: thin red lines on grey.
    Image.fromarray(pixels).save(path, quality=QUALITY, subsampling=0)
