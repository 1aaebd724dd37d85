"""overlay.png and the panel show one registration in the same pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("slicer")

from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.saving.save_images import pictures_of
from DeepIterRegLib.registration import overlay_image
from DeepIterRegLib.registration.comparison import compare_views
from Testing.support.small_registration import FRONTAL, LATERAL, FakeRegister, small_angiogram, small_volume


def test_overlay_png_has_the_pixels_of_the_panels_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A pixel of the page for each of the detector's.
    monkeypatch.setattr(overlay_image, "PANEL_PX", LATERAL.columns)
    logic = DeepIterRegLogic(new_scene(), FakeRegister())
    cta = logic.load_cta(small_volume())
    dsas = [logic.load_dsa(small_angiogram(LATERAL)), logic.load_dsa(small_angiogram(FRONTAL, frames=1, shutter_px=0))]
    views = compare_views(logic.register(cta, dsas))
    (case,) = registered_cases(logic.scene)
    pictures = [one.overlay for one in pictures_of(case)]
    for view, picture in zip(views, pictures, strict=True):
        assert (np.ptp(picture, axis=2) > 60).any(), "there are vessels to see"
        np.testing.assert_array_equal(overlay_image.overlay_panels(view)[1], picture)

    overlay_image.write_overlay(tmp_path / "overlay.png", views[:1])
    page = np.asarray(Image.open(tmp_path / "overlay.png").convert("RGB"))
    rows, columns, _ = pictures[0].shape
    top, left = overlay_image.TITLE_PX, overlay_image.MARGIN_PX + columns + overlay_image.GAP_PX
    # Without the frame, and the scale bar's writing at the bottom.
    seen = np.s_[3 : rows // 2, 3 : columns - 3]
    np.testing.assert_array_equal(page[top : top + rows, left : left + columns][seen], pictures[0][seen])
