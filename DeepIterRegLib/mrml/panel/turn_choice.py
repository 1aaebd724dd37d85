"""The choice of how an image is turned, in the C-arm form, with the picture as it is read then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from DeepIterRegLib.geometry.image_turn import QUARTER_DEG, ImageTurn
from DeepIterRegLib.mrml.nodes.carm_choices import choose_turn, chosen_turn
from DeepIterRegLib.mrml.panel.pictures import picture_text
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.saving.save_images import Picture
from DeepIterRegLib.mrml.views.frames_view import frame_pixels
from DeepIterRegLib.mrml.views.selected_dsa import fullest_frame
from DeepIterRegLib.registration.shades import grey_image, grey_window

PREVIEW_PX = 150


class TurnChoice:
    """ui, prefix: as of `CArmForm`. on_change: called after the user chose."""

    def __init__(self, ui: Any, prefix: str, services: Services, on_change: Callable[[], None]) -> None:
        self._told, self._mirror, self._preview = (
            getattr(ui, f"{prefix}Turn{part}") for part in ("Told", "Mirror", "Preview")
        )
        self._quarters = [getattr(ui, f"{prefix}Turn{quarter * QUARTER_DEG}") for quarter in range(4)]
        self._ = services.translate
        self._on_change = on_change
        self._dsa: Any = None
        self._frame: Picture | None = None
        for button in (self._told, *self._quarters, self._mirror):
            button.connect("clicked()", self._on_clicked)

    def show(self, dsa: Any) -> None:
        """Show what is chosen for a DSA's node."""
        if dsa is not self._dsa:
            self._frame = None
        self._dsa = dsa
        turn = None if dsa is None else chosen_turn(dsa)
        (self._told if turn is None else self._quarters[turn.quarter_turns]).checked = True
        self._mirror.checked = turn is not None and turn.mirrored
        frame = None if turn is None else self._shown_frame()
        self._preview.visible = frame is not None
        if turn is not None and frame is not None:
            picture = upright(frame, turn)
            width_px = round(PREVIEW_PX * picture.shape[1] / max(picture.shape))
            caption = self._("Read as this picture: is the head up?")
            self._preview.text = f"{picture_text(picture, width_px)}<br>{caption}"

    def _on_clicked(self) -> None:
        if self._dsa is None:
            return
        quarter = next((quarter for quarter, button in enumerate(self._quarters) if button.checked), None)
        mirrored = bool(self._mirror.checked)
        before = chosen_turn(self._dsa)
        if quarter is None and mirrored and before is None:
            quarter = 0  # Mirrored says something, so nothing is told by the header any longer.
        choose_turn(self._dsa, None if quarter is None else ImageTurn(quarter, mirrored))
        self._on_change()

    def _shown_frame(self) -> Picture | None:
        """The frame with most contrast, as it is stored, small; found once for each DSA."""
        if self._frame is None:
            pixels = frame_pixels(self._dsa, fullest_frame(self._dsa))
            if pixels is not None:
                step = max(1, -(-max(pixels.shape) // PREVIEW_PX))
                small = np.ascontiguousarray(pixels[::step, ::step], dtype=np.float32)
                everywhere = np.ones(small.shape, dtype=bool)
                self._frame = grey_image(small, everywhere, grey_window(small, everywhere))
        return self._frame


def upright(stored: Picture, turn: ImageTurn) -> Picture:
    """The upright image of a stored one (rows, columns) that was turned so."""
    back = stored[:, ::-1] if turn.mirrored else stored
    return np.ascontiguousarray(np.rot90(back, turn.quarter_turns))
