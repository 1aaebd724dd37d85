"""From the frames of any file to a subtracted run with dark vessels, and the native image under it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.burnt_in import LEAST_FRAMES, burnt_in
from DeepIterRegLib.images.native_image import NativeImage, native_image
from DeepIterRegLib.images.pixel_shift import subtract_shifted
from DeepIterRegLib.images.reading_notes import ASSUMED, note_decision
from DeepIterRegLib.images.shutter import BLACK_RAW, BLACK_SUBTRACTED, without_black_border, without_bright_border
from DeepIterRegLib.images.subtraction import (
    Appearance,
    Frames,
    appearance,
    is_subtracted,
    logarithm,
    vessels_are_bright,
)
from DeepIterRegLib.images.xa_mask import MaskFrames
from DeepIterRegLib.images.xa_pixels import Kind

SINGLE_FRAME = "is a single subtracted frame"
MIN_VALID, FEW_VALID = 0.03, 0.5
MIN_DEPTH_OF_NOISE = 5.0
"""Vessels are at least this many standard deviations of the coarse image's noise deep. Pure noise reaches 3.8."""
MIN_SATURATED = 0.02
"""Of the image: more pixels of exactly the greatest or least value are air or shutter, fewer vessels or letters."""
MOVED = 0.01
"""Of the image: 3 mm on a detector of 300 mm, from where on it matters in which frame a pose is right."""


@dataclass(frozen=True, eq=False)
class RawRun:
    """Frames as a file stores them, and what its header says about them."""

    pixels: npt.NDArray[np.float32]
    """(T, rows, columns)."""
    valid: BoolArray
    """(rows, columns) inside the shutter that the header describes."""
    linear: bool = False
    """Proportional to the X-ray intensity (LIN), not to its logarithm."""
    inverted: bool = False
    """The header says that more X-rays make a pixel darker."""
    brightest: float | None = None
    """The largest value that the pixels can hold, where there is one."""
    mask: MaskFrames | None = None
    plain: bool = False
    """Of a device that subtracts nothing (DX, CR)."""
    told: Kind | None = None
    """What the header says the pixels are."""
    told_by: str = ""
    """The tag that says it."""
    has_text: bool = False
    """The header says that text is written in the pixels."""


def _how_subtracted(raw: RawRun, flat: bool) -> tuple[str, str]:
    """What is done about it, and why."""
    if flat:
        return "the file's frames are subtracted already", "the pixels"
    if len(raw.pixels) == 1 or raw.plain:
        return "a single image, nothing to subtract", "the number of frames"
    if raw.mask is None:
        return "done here, with the first frame as the mask", ASSUMED
    return "done here, with the mask frames", "Mask Subtraction Sequence (0028,6100)"


@dataclass(frozen=True, eq=False)
class SubtractedRun:
    """What an `Angiogram` needs of them."""

    frames: Frames
    """(T, rows, columns), none where there is no contrast in raw frames."""
    valid: BoolArray
    warnings: tuple[str, ...]
    native: NativeImage | None = None
    head_motion: FloatArray | None = None
    """(T, 3) as in `Angiogram`."""


def subtracted_run(raw: RawRun, file_name: str) -> SubtractedRun:
    """Subtract the mask where that has not been done, turn bright vessels dark, and find the shutter.

    Pixels outside `valid` get the run's background level. Raw frames in which no contrast arrives, or a single one,
    become a native image without frames. Raises InputError for frames that are not finite, black or constant, and for
    subtracted ones without contrast.
    """
    pixels, valid = raw.pixels, raw.valid
    warnings: list[str] = []
    if not np.isfinite(pixels).all():
        raise InputError(
            "{file} holds pixels that are not numbers (NaN or infinite); export it again.",
            field=Field.DSA,
            file=file_name,
        )
    if pixels.min() == pixels.max():
        if pixels.flat[0] <= 0:
            raise InputError(
                "{file} is all black; give an angiogram with contrast, or an X-ray of the head, for {dsa}.",
                field=Field.DSA,
                file=file_name,
            )
        raise InputError(
            "{file} is the same grey ({grey:g}) everywhere; give an angiogram with contrast, or an X-ray of the head,"
            " for {dsa}.",
            field=Field.DSA,
            file=file_name,
            grey=pixels.flat[0],
        )
    if valid.mean() < MIN_VALID:
        warnings.append(f"{file_name} has shutter tags (0018,1600) that would hide the whole image; they were ignored.")
        valid = np.ones_like(valid)
    valid = _require_visible(without_black_border(pixels, valid, BLACK_RAW), file_name)
    unsubtracted: _Unsubtracted | None = None
    seen, flat, written = None, False, np.zeros_like(valid)
    if raw.mask is None and not raw.plain:
        # Text is the strongest thing in a subtracted run; of raw frames subtraction takes it away.
        written = burnt_in(pixels, valid, raw.has_text)
        seen = appearance(pixels, valid & ~written)
        flat = _is_flat(raw, valid & ~written, seen)
    if raw.told is not None and seen is not None and flat != (raw.told == "subtracted"):
        is_what = "subtracted" if flat else "not subtracted"
        warnings.append(
            f"{file_name} is {raw.told} by its header ({raw.told_by}), but its pixels are those of a run that is"
            f" {is_what}: the pixels were believed."
        )
    note_decision("Subtraction", *_how_subtracted(raw, flat))
    if seen is not None and flat:
        frames = pixels
        inner = _require_visible(without_black_border(pixels, valid, BLACK_SUBTRACTED), file_name)
        if (inner != valid).any():
            valid, seen = inner, appearance(frames, inner & ~written)
        if written.any():
            valid = valid & ~written
            warnings.append(
                f"{file_name} has text or marks written in its pixels, over {written.mean():.1%} of the image: what is"
                " beneath them was left out."
            )
    else:
        unsubtracted = _subtract_mask(raw, valid)
        frames, valid = unsubtracted.frames, unsubtracted.valid
        seen = appearance(frames, valid)
        if len(pixels) == 1 or _shows_nothing(seen):
            return _native_run(raw, unsubtracted, file_name, warnings)
        if raw.mask is None:
            warnings.append(f"{file_name} is not subtracted and names no mask frame; its first frame was the mask.")
    if _shows_nothing(seen):
        raise InputError(
            "{file} shows neither contrast nor bone above the noise; give a run with filled vessels, or an X-ray"
            " of the head, for {dsa}.",
            field=Field.DSA,
            file=file_name,
        )
    told = vessels_are_bright(seen)
    bright = raw.inverted if told is None else told
    if told is None:
        warnings.append(
            f"{file_name} does not show clearly whether its vessels are dark or bright;"
            f" {'bright' if bright else 'dark'} was assumed."
        )
    native, head_motion = None, None
    if unsubtracted is not None:
        # What contrast does to a pixel, bone does too.
        sure = told is not None
        native = native_image(unsubtracted.mask, valid, "mask frame", bone_is_bright=bright, sign_is_known=sure)
        head_motion = unsubtracted.head_motion
    elif len(pixels) == 1:
        # A single frame may be flat without having been subtracted: whether it shows vessels tells.
        alone = logarithm(pixels[0]) if raw.linear else pixels[0]
        native = native_image(alone, valid, "native image", bone_is_bright=bright, sign_is_known=False)
    if bright:
        frames = frames.min() + frames.max() - frames
    if not valid.all():
        frames = np.where(valid, frames, np.median(frames[:: max(1, len(frames) // 8), valid]))
    if len(frames) == 1:
        warnings.append(f"{file_name} {SINGLE_FRAME}: arteries and veins cannot be told apart by time.")
    if raw.has_text and len(pixels) < LEAST_FRAMES:
        warnings.append(
            f"{file_name} has text written in its pixels (Burned In Annotation, 0028,0301), which in so few frames"
            " cannot be told from vessels; check the vessels, or give a mask of them."
        )
    if valid.mean() < FEW_VALID:
        warnings.append(f"{file_name} has a shutter over {1 - valid.mean():.0%} of the image; only the rest is used.")
    return SubtractedRun(frames.astype(np.float32, copy=False), valid, tuple(warnings), native, head_motion)


@dataclass(frozen=True, eq=False)
class _Unsubtracted:
    """Raw frames after the subtraction, and what was subtracted."""

    frames: Frames
    """(T, rows, columns) logarithms less that of the mask."""
    mask: npt.NDArray[np.float32]
    """(rows, columns) logarithm of the mask, in the geometry of the frames."""
    valid: BoolArray
    head_motion: FloatArray
    """(T, 3)"""


def _subtract_mask(raw: RawRun, valid: BoolArray) -> _Unsubtracted:
    """Raw frames minus their mask, the one of the header, else the first frame; and what is valid of them.

    Where the head moved, all are first brought to where it lay when the arteries were full.
    """
    chosen = raw.mask or MaskFrames((0,))
    pixels = raw.pixels
    if raw.linear and raw.inverted and raw.brightest is not None:
        pixels = raw.brightest - pixels
    mask = pixels[list(chosen.indices)].mean(axis=0, dtype=np.float32)
    if chosen.shift_px != (0.0, 0.0):
        mask = ndimage.shift(mask, chosen.shift_px, order=1, mode="nearest")
    logs, log_mask = (logarithm(pixels), logarithm(mask)) if raw.linear else (pixels, mask)
    still = np.zeros((len(logs), 3))
    if len(logs) == 1:
        return _Unsubtracted(logs - log_mask, log_mask, valid, still)
    shifted = subtract_shifted(logs, log_mask, valid)
    if shifted is None:
        return _Unsubtracted(logs - log_mask, log_mask, valid, still)
    return _Unsubtracted(shifted.frames, shifted.mask, shifted.valid, shifted.head_motion)


def _native_run(raw: RawRun, unsubtracted: _Unsubtracted, file_name: str, warnings: list[str]) -> SubtractedRun:
    """A single frame, or a run in which no contrast arrives: the mean of its frames, without noise and motion."""
    logs = unsubtracted.mask + unsubtracted.frames.mean(axis=0)
    # Light of the beam that passed through, in files that mean it: LIN was turned round before its logarithm.
    bright = raw.inverted and not raw.linear
    native = native_image(logs, unsubtracted.valid, "native image", bone_is_bright=bright, sign_is_known=False)
    none = np.zeros((0, *logs.shape), dtype=np.float32)
    if len(raw.pixels) > 1:
        warnings.append(f"{file_name} shows no contrast: it is registered by the skull.")
        motion = np.hypot(unsubtracted.head_motion[:, 0], unsubtracted.head_motion[:, 1])
        if motion.max() > MOVED * min(logs.shape):
            warnings.append(
                f"{file_name} shows a head that moves, by up to {motion.max():.0f} pixels: the pose is that of frame"
                f" {int(motion.argmin()) + 1}."
            )
    return SubtractedRun(none, unsubtracted.valid, tuple(warnings), native, unsubtracted.head_motion)


def _is_flat(raw: RawRun, valid: BoolArray, seen: Appearance) -> bool:
    """Whether the frames are as flat as subtracted ones, and still so away from bright borders: the edge of open air,
    or of a shutter in a negative, is deeper than any vessel. seen: the frames where valid."""
    pixels = raw.pixels
    if not is_subtracted(seen, raw.brightest, raw.told):
        return False
    inner = without_bright_border(pixels, valid, BLACK_RAW)
    shown = pixels.mean(axis=0)
    for extreme in (shown[valid].min(), shown[valid].max()):
        saturated = shown == extreme
        if saturated.mean() > MIN_SATURATED:  # what is left in corners
            inner &= ~saturated
    return inner.mean() < MIN_VALID or is_subtracted(appearance(pixels, inner), raw.brightest, raw.told)


def _shows_nothing(seen: Appearance) -> bool:
    """Whether nothing stands out of the noise."""
    return seen.depth <= MIN_DEPTH_OF_NOISE * seen.noise or seen.depth == 0


def _require_visible(valid: BoolArray, file_name: str) -> BoolArray:
    if valid.mean() < MIN_VALID:
        raise InputError(
            "{file} is black or shuttered almost everywhere; give a run that shows the head for {dsa}.",
            field=Field.DSA,
            file=file_name,
        )
    return valid
