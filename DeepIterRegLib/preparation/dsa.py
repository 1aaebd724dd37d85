"""Prepares an angiographic run: minimum projection, flat contrast, vessel mask, first split of arteries and veins.

By hand, because published segmentations of DSAs are networks that need PyTorch and take single frames.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.native_image import NativeImage
from DeepIterRegLib.images.run import SINGLE_FRAME
from DeepIterRegLib.preparation.background import binned, enlarged, flattened
from DeepIterRegLib.preparation.line_filter import line_response
from DeepIterRegLib.preparation.minip import minimum_intensity_projection
from DeepIterRegLib.preparation.phases import Phases, split_phases
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.preparation.skull.of_angiogram import skull_image
from DeepIterRegLib.preparation.vessel_mask_2d import vessel_mask

LEAST_VESSEL_FRACTION = 5e-4
"""Of the uncovered detector; a single carotid fills some hundredths."""
CURVE_FACTOR = 2
"""Curves of contrast over time are taken from frames binned this much: half the noise, a quarter of the work."""
STRONG_GHOSTS = 0.2
"""Brightness of the brightest hundredth over the vessels' depth: 0.11 to 0.18 on the real runs in cases, 0.03 on the
built-in patient at rest, 0.21 when its head drifts by 3 px (of 0.6 mm) on the detector."""
MARGIN_PX = 3.0
"""Width of the soft edge that keeps a vessel's flanks in the contrast image."""


def prepare_angiogram(
    angiogram: Angiogram, vessels: BoolArray | None = None, veins: BoolArray | None = None
) -> PreparedAngiogram:
    """Find the vessels of a run.

    vessels, veins: (rows, columns) masks that replace the segmentation; veins alone replaces the split by time, with
    the vessels found here. `arteries` and `veins` share the pixels where an artery crosses a vein. A run in which
    nothing fills with contrast is taken for its native image; raises InputError where it has none, and for masks of
    another size. The same input gives the same result.
    """
    _require_shape(angiogram, vessels, Field.DSA_VESSELS)
    _require_shape(angiogram, veins, Field.DSA_VEINS)
    if not angiogram.shows_contrast:
        return _without_contrast(angiogram)
    minip = minimum_intensity_projection(angiogram.frames)
    flat = flattened(minip, angiogram.valid)
    if vessels is None:
        found = vessel_mask(line_response(flat), flat, angiogram.valid)
        if found.sum() < LEAST_VESSEL_FRACTION * angiogram.valid.sum():
            if angiogram.native is not None and veins is None:
                return _without_contrast(_without_frames(angiogram, angiogram.native))
            raise InputError(
                "The DSA shows no vessels: nothing in it is darker than noise and motion; give a run with "
                "contrast, or {dsa_vessels}.",
                field=Field.DSA,
            )
        vessels = found if veins is None else found | veins
    else:
        vessels = vessels | veins if veins is not None else vessels.copy()
        if not vessels.any():
            raise InputError(
                "{dsa_vessels} marks no pixel; mark the vessels with values above 0, or leave it out.",
                field=Field.DSA_VESSELS,
            )

    warnings = [*angiogram.warnings]
    if _ghosts(angiogram, flat, vessels) > STRONG_GHOSTS:
        warnings.append(
            f"{angiogram.name} was subtracted from a mask that the head has moved against; check the result, or use"
            " another run."
        )
    artery_flat, vein_flat, arteries, vein_mask = flat, np.zeros_like(flat), vessels, np.zeros_like(vessels)
    if len(angiogram.frames) > 1:
        phases, small, artery_flat, vein_flat = _phases(angiogram, vessels, flat)
        arteries, vein_mask = _phase_masks(phases, small, vessels)
        if phases.split == len(angiogram.frames):
            warnings.append(
                f"{angiogram.name} ends before the veins fill, or its frames do not tell when: all vessels count as"
                " arteries."
            )
    if veins is not None:
        vein_mask, arteries, vein_flat, artery_flat = veins.copy(), vessels & ~veins, flat, flat
    if len(angiogram.frames) == 1 and angiogram.native is not None and angiogram.native.source == "native image":
        # With vessels in it, it was subtracted after all.
        angiogram = replace(angiogram, native=None)
    skull, warning = skull_image(angiogram)
    warnings += [warning] if warning is not None and len(angiogram.frames) > 1 else []
    contrast = _masked(flat, vessels)
    scale = max(float(np.percentile(contrast[vessels], 99.5)), 1e-12)
    return PreparedAngiogram(
        angiogram=angiogram,
        minip=minip,
        contrast=contrast / np.float32(scale),
        vessels=vessels,
        veins=vein_mask,
        arteries=arteries,
        artery_contrast=_masked(artery_flat, arteries) / np.float32(scale),
        vein_contrast=_masked(vein_flat, vein_mask) / np.float32(scale),
        warnings=tuple(warnings),
        skull=skull,
    )


def _without_frames(angiogram: Angiogram, native: NativeImage) -> Angiogram:
    """The native image alone. That contrast is dark or bright was read from noise or motion."""
    return replace(
        angiogram,
        frames=angiogram.frames[:0],
        frame_times_s=None,
        native=replace(native, sign_is_known=False),
        warnings=(
            *(line for line in angiogram.warnings if SINGLE_FRAME not in line),
            f"{angiogram.name} shows no vessels: it is registered by the skull.",
        ),
        head_motion=None,
    )


def _without_contrast(angiogram: Angiogram) -> PreparedAngiogram:
    """Of a native image: shown as it is, without vessels."""
    skull, _ = skull_image(angiogram)
    none = np.zeros(angiogram.valid.shape, dtype=bool)
    nothing = np.zeros(angiogram.valid.shape, dtype=np.float32)
    shown = nothing if angiogram.native is None else -angiogram.native.attenuation
    return PreparedAngiogram(
        angiogram=angiogram,
        minip=shown,
        contrast=nothing,
        vessels=none,
        veins=none,
        arteries=none,
        artery_contrast=nothing,
        vein_contrast=nothing,
        warnings=angiogram.warnings,
        skull=skull,
    )


def _require_shape(angiogram: Angiogram, mask: BoolArray | None, field: Field) -> None:
    if mask is not None and mask.shape != angiogram.valid.shape:
        raise InputError(
            "{field} has {size} pixels, but the DSA has {dsa_size}; both must have the same size.",
            field=field,
            size=mask.shape,
            dsa_size=angiogram.valid.shape,
        )


def _ghosts(angiogram: Angiogram, flat: npt.NDArray[np.float32], vessels: BoolArray) -> float:
    """How bright the bright side of motion ghosts is, relative to the vessels: contrast itself is never bright."""
    brightest = flattened(angiogram.frames.max(axis=0), angiogram.valid) if len(angiogram.frames) > 1 else flat
    bright = -float(np.percentile(ndimage.gaussian_filter(brightest, 1.0)[angiogram.valid], 1))
    return bright / max(float(np.percentile(flat[vessels], 90)), 1e-12)


def _masked(flat: npt.NDArray[np.float32], mask: BoolArray) -> npt.NDArray[np.float32]:
    """The contrast of the vessels in `mask` and their immediate flanks; 0 elsewhere, ghosts included."""
    distance = ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)
    weight = np.clip(1.5 - distance / MARGIN_PX, 0, 1).astype(np.float32)
    return np.maximum(flat, 0) * weight


def _phases(
    angiogram: Angiogram, vessels: BoolArray, flat: npt.NDArray[np.float32]
) -> tuple[Phases, BoolArray, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Phases of the run, the binned mask whose pixels they describe, and the flat contrast of either phase."""
    factor = CURVE_FACTOR
    rows, columns = vessels.shape
    valid = binned(angiogram.valid.astype(np.float32), factor) > 0.99
    small = binned(vessels.astype(np.float32), factor) > 0
    curves = np.empty((len(angiogram.frames), int(small.sum())), dtype=np.float32)
    for number, frame in enumerate(angiogram.frames):
        curves[number] = flattened(binned(frame, factor), valid)[small]
    phases = split_phases(curves)
    total = np.maximum(curves.max(axis=0), 1e-12)
    images = []
    for part in (phases.early, phases.late):
        share = np.zeros(small.shape, dtype=np.float32)
        share[small] = np.clip(part / total, 0, 1)
        images.append(flat * enlarged(share, factor)[:rows, :columns])
    return phases, small, images[0], images[1]


def _phase_masks(phases: Phases, small: BoolArray, vessels: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Full-size masks (arteries, veins) from the flags of the binned vessel pixels."""
    rows, columns = vessels.shape
    masks = []
    for flags in (phases.is_artery, phases.is_vein):
        image = np.zeros(small.shape, dtype=bool)
        image[small] = flags
        large = np.repeat(np.repeat(image, CURVE_FACTOR, axis=0), CURVE_FACTOR, axis=1)
        masks.append(large[:rows, :columns] & vessels)
    return masks[0], masks[1]
