"""The choice of how an image is turned, in the C-arm form, with the picture as it is read then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from DeepIterRegLib.geometry.image_turn import ALL_TURNS, QUARTER_DEG, ImageTurn
from DeepIterRegLib.mrml.nodes.carm_choices import choose_turn, chosen_turn
from DeepIterRegLib.mrml.panel.pictures import picture_text
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.saving.save_images import Picture
from DeepIterRegLib.mrml.views.frames_view import frame_pixels
from DeepIterRegLib.mrml.views.selected_dsa import fullest_frame
from DeepIterRegLib.registration.shades import grey_image, grey_window

PREVIEW_PX = 150


class TurnChoice:
    """box: a QComboBox. preview: a QLabel of rich text. on_change: called after the user chose."""

    def __init__(self, box: Any, preview: Any, services: Services, on_change: Callable[[], None]) -> None:
        self._box, self._preview = box, preview
        self._ = services.translate
        self._on_change = on_change
        self._dsa: Any = None
        self._frame: Picture | None = None
        for text in (self._("as its header says"), *map(self._words, ALL_TURNS)):
            box.addItem(text)
        box.toolTip = self._(
            "An upright image has the patient's head up, as seen from the detector. Choose what was done to this one."
        )
        box.connect("activated(int)", self._on_chosen)

    def show(self, dsa: Any) -> None:
        """Show what is chosen for a DSA's node."""
        if dsa is not self._dsa:
            self._frame = None
        self._dsa = dsa
        turn = None if dsa is None else chosen_turn(dsa)
        index = 0 if turn is None else 1 + ALL_TURNS.index(turn)
        if self._box.currentIndex != index:
            blocked = self._box.blockSignals(True)
            self._box.setCurrentIndex(index)
            self._box.blockSignals(blocked)
        frame = None if turn is None else self._shown_frame()
        self._preview.visible = frame is not None
        if turn is not None and frame is not None:
            caption = self._("Read as this picture: is the head up?")
            picture = upright(frame, turn)
            width_px = round(PREVIEW_PX * picture.shape[1] / max(picture.shape))
            self._preview.text = f"{picture_text(picture, width_px)}<br>{caption}"

    def _on_chosen(self, index: int) -> None:
        if self._dsa is not None:
            choose_turn(self._dsa, ALL_TURNS[index - 1] if index else None)
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

    def _words(self, turn: ImageTurn) -> str:
        _ = self._
        if turn == ImageTurn():
            return _("upright")
        degrees = turn.quarter_turns * QUARTER_DEG
        if not turn.mirrored:
            return _("turned clockwise by {degrees}°").format(degrees=degrees)
        if not degrees:
            return _("mirrored left to right")
        return _("turned clockwise by {degrees}°, then mirrored").format(degrees=degrees)


def upright(stored: Picture, turn: ImageTurn) -> Picture:
    """The upright image of a stored one (rows, columns) that was turned so."""
    back = stored[:, ::-1] if turn.mirrored else stored
    return np.ascontiguousarray(np.rot90(back, turn.quarter_turns))
