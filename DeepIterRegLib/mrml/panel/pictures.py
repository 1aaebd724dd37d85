"""Pictures in the panel: as a label's rich text, which needs neither a file nor a widget of its own."""

from __future__ import annotations

import base64

from DeepIterRegLib.mrml.saving.save_images import Picture, png_of


def picture_text(picture: Picture, width_px: int | None = None) -> str:
    """What a QLabel of rich text shows as the picture. width_px: on the screen, its own if left out."""
    data = base64.b64encode(png_of(picture)).decode("ascii")
    width = picture.shape[1] if width_px is None else width_px
    return f'<img src="data:image/png;base64,{data}" width="{width}">'
