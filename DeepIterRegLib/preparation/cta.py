"""Preparation of the 3D side: from the volume to vessels, veins and the points that are rendered.

By hand, because published segmentations of head CTAs are networks that need PyTorch and leave out the veins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.rigid import rotation_angle_deg
from DeepIterRegLib.images.axis_order import AxisOrder
from DeepIterRegLib.images.volume import Volume, VolumeKind
from DeepIterRegLib.preparation.boneless import segment_boneless
from DeepIterRegLib.preparation.boxes import placed
from DeepIterRegLib.preparation.cloud_from_volume import cloud_from_volume
from DeepIterRegLib.preparation.fine import partial_volume
from DeepIterRegLib.preparation.given_masks import checked_mask
from DeepIterRegLib.preparation.head_box import head_box, whole
from DeepIterRegLib.preparation.head_frame import frame_about
from DeepIterRegLib.preparation.head_grid import HeadGrid, find_head
from DeepIterRegLib.preparation.hounsfield_limits import BRAIN_HU
from DeepIterRegLib.preparation.prepared import PreparedVolume
from DeepIterRegLib.preparation.rotational import segment_rotational
from DeepIterRegLib.preparation.segment_cta import segment_cta
from DeepIterRegLib.preparation.skull.cloud import skull_cloud

StepCallback = Callable[[str, float], None]
"""Called with the stage's name (`common.stage_names`) and the fraction of the preparation that is done, 0 to 1."""

MOST_VESSELS_ML = 150.0
"""About twice what head and neck hold, from the 7th cervical vertebra up: published sections times textbook lengths.
Jugular veins up to 82 and 52 mm2 (Magnano 2016, PLoS One 11:e0149532) x 150 mm, 20 mL; transverse and sigmoid sinuses
53 and 47 mm2 and sagittal sinus 37 mm2 (J Clin Neurosci 2017;40:190) x 130 and 270 mm, 23 mL; common and internal
carotids 6.5 and 5.1 mm wide (Krejza 2006, Stroke 37:1103) x 100 and 200 mm, both sides, 15 mL; arteries of the brain,
cortical and deep veins, external branches and vertebrals, 20 mL at most. The rest is for wide veins and the rims of
vessels that thick slices add. The aortic arch, if the scan shows it, can come on top."""

NO_CONTRAST = "The CT shows no contrast, so there are no vessels to show; it is registered by its skull."
NO_VEINS = "No large veins were found in the CTA (early phase?): vein-based steps have nothing to work on."
NO_SKULL = "The bones were taken out of the CTA; the holes that they left stand for the skull."
NO_HEAD = (
    "The CTA shows neither skull nor brain cavity: what is brighter than tissue was taken for vessels, and the"
    " registration starts with the middle of the volume; check the overlay."
)
NO_PLACE = (
    "The CTA shows no head to find the middle of, so the registration starts with the middle of the volume; check the"
    " overlay."
)
VEINS_NOT_SOUGHT = (
    "The large veins of the CTA were not looked for, because it shows no head; a mask of them can be given"
    " (--cta-veins, in Slicer CTA veins)."
)
ASKEW = (
    "The head lies {degrees:.0f} degrees askew in the CTA; the registration starts with the head's own axes. Check left"
    " and right."
)


def prepare_volume(
    volume: Volume,
    vessels: BoolArray | None = None,
    veins: BoolArray | None = None,
    progress: StepCallback | None = None,
) -> PreparedVolume:
    """Find the vessels of a CTA or a 3DRA and turn them into the cloud of points that the renderers project.

    vessels, veins: (K, J, I) masks that replace the segmentation. Of `vessels` alone, the veins are still looked for
    where there is a head; `veins` alone join the vessels that are found, and an empty mask says that there are none.
    With both, nothing is segmented, so neither head nor contrast is required.

    How the voxels are ordered makes no difference: they are prepared in one order (`images/axis_order.py`), and the
    masks of the result come back in the volume's own.

    Of a CTA that shows more, head and upper neck are looked at alone (`head_box`): of masks, too. A CT without contrast
    is a CTA without vessels: empty masks, a cloud of no points, and a warning. One whose bones were taken out is of the
    kind "vessels", with a warning.

    Raises InputError: no head in a CTA with bones, no vessels in a 3DRA or in a CTA without bones, a mask that is empty
    or of another size. Warnings of the result: the volume's own, no contrast, a faint (early or late) phase, no veins,
    metal, no skull, a head that lies askew, more vessels than head and neck hold.
    """
    tell: StepCallback = progress or (lambda step, fraction: None)
    order = AxisOrder.standard(volume)
    given, volume = volume, order.of_volume(volume)
    masks = [
        None if mask is None else order.apply(mask)
        for mask in (checked_mask(vessels, given, Field.CTA_VESSELS), checked_mask(veins, given, Field.CTA_VEINS))
    ]
    box = whole(volume) if volume.kind == "3dra" else head_box(volume)
    if any(mask is not None and mask.any() and not mask[box].any() for mask in masks):
        box = whole(volume)  # somebody marked something else than head and neck
    part = volume.within(box)
    given_vessels, given_veins = (None if mask is None else mask[box] for mask in masks)
    prepare = _from_rotational if volume.kind == "3dra" else _from_cta
    found = prepare(part, given_vessels, given_veins, tell)
    warnings = volume.warnings + found.warnings
    if given_vessels is None:
        warnings += _too_much(part, found.vessels)
    tell(stage_names.SAMPLING_VESSELS, 0.95)
    head = found.head
    frame = None if head is None else frame_about(head.brain_mm, head.axes, volume.centre_mm)
    centre_mm = volume.centre_mm if frame is None else frame.centre_mm
    cloud = replace(cloud_from_volume(part, found.vessels, found.veins, found.fill), centre_mm=centre_mm)
    if len(cloud) == 0 and found.vessels.any():
        raise InputError(
            "The mask of the CTA's vessels covers nothing brighter than tissue; check that {cta_vessels} "
            "belongs to {cta}.",
            field=Field.CTA_VESSELS,
        )
    skull = None if head is None else skull_cloud(head, centre_mm)
    tell(stage_names.SAMPLING_VESSELS, 1.0)
    all_vessels, all_veins = (
        np.ascontiguousarray(order.undo(placed(mask, box, volume.voxels.shape)))
        for mask in (found.vessels, found.veins)
    )
    shown = given if found.kind == given.kind else replace(given, kind=found.kind)
    return PreparedVolume(shown, all_vessels, all_veins, cloud, warnings, skull, frame)


def _too_much(volume: Volume, vessels: BoolArray) -> tuple[str, ...]:
    """The warning that more was found than can be vessels; empty where it was not."""
    found_ml = float(np.count_nonzero(vessels)) * float(np.prod(volume.spacing_mm)) / 1000
    if found_ml <= MOST_VESSELS_ML:
        return ()
    return (
        f"{found_ml:.0f} mL of {volume.name} were taken for vessels, more than head and neck hold (about "
        f"{MOST_VESSELS_ML:.0f} mL at most), so much of it is probably bone or tissue; check the overlay, or give a "
        "mask of the vessels.",
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What a volume shows, before the cloud is made."""

    vessels: BoolArray
    """(K, J, I), veins included."""
    veins: BoolArray
    fill: FloatArray
    """(N,) share of each voxel of `vessels`, in their order, that is vessel."""
    head: HeadGrid | None
    """None for a 3DRA, and for a CTA that shows no head and whose vessels are given, or that has no bone."""
    kind: VolumeKind
    warnings: tuple[str, ...] = ()


def _from_rotational(volume: Volume, vessels: BoolArray | None, veins: BoolArray | None, tell: StepCallback) -> _Found:
    tell(stage_names.FINDING_VESSELS, 0.0)
    none = np.zeros(volume.voxels.shape, dtype=bool)
    found, brightness = segment_rotational(volume.voxels, float(np.prod(volume.spacing_mm)))
    fill = brightness[found]
    if vessels is not None:
        found = vessels
    if veins is not None:
        found = found | veins
    if vessels is not None or veins is not None:
        fill = partial_volume(volume.voxels, found, none if veins is None else veins, 0.0)
    if not found.any():
        raise InputError(
            "No vessel stands out of the background in the CTA; give a rotational angiogram that was taken "
            "with contrast, or {cta_vessels}.",
            field=Field.CTA,
        )
    return _Found(found, none if veins is None else veins, fill, head=None, kind=volume.kind)


def _from_cta(volume: Volume, vessels: BoolArray | None, veins: BoolArray | None, tell: StepCallback) -> _Found:
    head = find_head(volume, tell)
    if head is None:
        return _without_head(volume, vessels, veins, tell)
    kind: VolumeKind = "vessels" if head.is_restored else "cta"
    warnings: tuple[str, ...] = (NO_SKULL,) if head.is_restored else ()
    if not np.array_equal(head.axes, np.eye(3)):
        warnings += (ASKEW.format(degrees=rotation_angle_deg(head.axes)),)
    if vessels is not None and veins is not None:
        all_vessels = vessels | veins
        fill = partial_volume(volume.voxels, all_vessels, veins, BRAIN_HU)
        return _Found(all_vessels, veins, fill, _with_vessels(head, all_vessels), kind, warnings)
    found = segment_cta(volume, head, tell)
    head = found.head
    all_vessels, all_veins = found.vessels, found.veins
    if vessels is not None:
        all_vessels, all_veins = vessels, all_veins & vessels
    if veins is not None:
        all_vessels, all_veins = all_vessels | veins, veins
    if all_vessels is not found.vessels:
        head = _with_vessels(head, all_vessels)
    fill = partial_volume(volume.voxels, all_vessels, all_veins, head.levels.tissue_hu)
    warnings += found.warnings
    if not all_vessels.any():
        warnings = (NO_CONTRAST, *warnings)
    elif veins is None and not all_veins.any():
        warnings = (*warnings, NO_VEINS)
    return _Found(all_vessels, all_veins, fill, head, kind, warnings)


def _without_head(volume: Volume, vessels: BoolArray | None, veins: BoolArray | None, tell: StepCallback) -> _Found:
    """What a CTA shows that has no bone, or of which a mask tells the vessels. Raises InputError for others."""
    warnings: tuple[str, ...] = (NO_PLACE,)
    if vessels is not None:
        all_vessels = vessels if veins is None else vessels | veins
        all_veins = np.zeros_like(vessels) if veins is None else veins
        fill = partial_volume(volume.voxels, all_vessels, all_veins, BRAIN_HU)
    elif volume.kind == "vessels":
        tell(stage_names.FINDING_VESSELS, 0.3)
        all_vessels, fill = segment_boneless(volume)
        all_veins = np.zeros_like(all_vessels) if veins is None else veins
        if all_veins.any():
            all_vessels = all_vessels | all_veins
            fill = partial_volume(volume.voxels, all_vessels, all_veins, BRAIN_HU)
        if not all_vessels.any():
            raise InputError(
                "The CTA has no bones, and no vessel stands out of its tissue; give a CT angiogram of the head with "
                "contrast, or {cta_vessels}.",
                field=Field.CTA,
            )
        warnings = (NO_HEAD,)
    else:
        raise InputError(
            "The CTA shows no head: no space of a brain's size with bone around it; give a CT angiogram of "
            "the whole head in Hounsfield units, or a mask of its vessels with {cta_vessels}[; if its bones were taken "
            "out, set {volume_kind} to vessels].",
            field=Field.CTA,
        )
    if veins is None:
        warnings += (VEINS_NOT_SOUGHT,)
    return _Found(all_vessels, all_veins, fill, None, volume.kind, warnings)


def _with_vessels(head: HeadGrid, vessels: BoolArray) -> HeadGrid:
    """`head` with the vessels of a mask (K, J, I) on the volume's grid."""
    return replace(head, vessels=head.work.from_fine(vessels))
