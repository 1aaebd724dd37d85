"""What an angiogram shows of the skull: in a frame without contrast, else in the noise of its subtracted frames."""

from __future__ import annotations

from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.preparation.skull.noise import noise_image


def skull_image(angiogram: Angiogram) -> tuple[SkullImage | None, str | None]:
    """The clearest image of the skull in an angiogram, None where there is none; and a warning, if one is due."""
    native = angiogram.native
    if native is not None:
        image = SkullImage(
            native.attenuation, False, angiogram.valid & native.valid, native.source, sign_is_known=native.sign_is_known
        )
        return image, None
    found = noise_image(angiogram.frames, angiogram.valid)
    if found.doubt is None:
        return found.image, None
    if found.image is None:
        return None, f"{angiogram.name} {found.doubt}: the skull is not seen in its noise, the vessels decide alone."
    return found.image, f"{angiogram.name} {found.doubt}: the skull in its noise counts less."
