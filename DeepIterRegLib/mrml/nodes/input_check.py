"""What is missing or wrong with the selected images, found without looking at a voxel: the Register button says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.mrml.nodes.carm_values import CArmValues
from DeepIterRegLib.mrml.nodes.dsa_node import FileOfInstance, dsa_source_of, source_of
from DeepIterRegLib.mrml.nodes.volume_node import volume_source_of

Translate = Callable[[str], str]


@dataclass(frozen=True)
class Missing:
    """Why nothing can be registered yet."""

    action: str
    """What to do, in the few words that fit a button."""
    reason: str | UserError = ""
    """A whole sentence, where the action does not explain itself: translated, or an error that is still to be told."""


def missing_cta(cta: Any, translate: Translate = str) -> Missing | None:
    """What keeps a node from being the CTA; None where nothing does. Its grey values are for the registration."""
    _ = translate
    if cta is None:
        return Missing(_("Select a CTA"))
    try:
        volume_source_of(cta)
    except InputError as error:
        return Missing(_("Select another CTA"), error)
    return None


def missing_dsa(
    dsa: Any, cta: Any, file_of_instance: FileOfInstance, translate: Translate = str, second: bool = False
) -> Missing | None:
    """What keeps a node from being a DSA; None where nothing does. A single frame will do."""
    _ = translate
    if dsa is None:
        return Missing(_("Select a DSA"))
    if cta is not None and (dsa is cta or source_of(dsa) is cta or source_of(dsa) is source_of(cta)):
        return Missing(_("Select a DSA that is not the CTA"))
    again = _("Select another second DSA") if second else _("Select another DSA")
    if source_of(dsa).IsA("vtkMRMLSequenceNode") and source_of(dsa).GetNumberOfDataNodes() == 0:
        return Missing(again, _("The selected DSA has no frames."))
    try:
        dsa_source_of(dsa, None, file_of_instance)
    except InputError as error:
        return Missing(again, error)
    return None


def missing_second(dsa: Any, second: Any, translate: Translate = str) -> Missing | None:
    """Two views of one run are none: a sequence and its proxy volume are the same DSA."""
    _ = translate
    if dsa is not None and second is not None and source_of(dsa) is source_of(second):
        return Missing(_("Select a second DSA that is not the first"))
    return None


def missing_geometry(values: CArmValues, second: bool, translate: Translate = str) -> Missing | None:
    """The first of a DSA's C-arm values that nothing knows, or that contradict each other."""
    _ = translate
    if values.moves:
        reason = _("The C-arm or the table moves during this run; a run at rest is needed.")
        return Missing(_("Select another DSA"), reason)
    actions = {
        "primary_angle_deg": _("Enter the C-arm's angles"),
        "secondary_angle_deg": _("Enter the C-arm's angles"),
        "sdd_mm": _("Enter the source-to-detector distance"),
        "sid_mm": _("Enter the source-to-isocentre distance"),
        "pixel_spacing_mm": _("Enter the detector's pixel size"),
    }
    for name in values.missing:
        return Missing(actions[name] + (_(" (second DSA)") if second else ""))
    sdd_mm, sid_mm = values.values["sdd_mm"].number, values.values["sid_mm"].number
    if isinstance(sdd_mm, (int, float)) and isinstance(sid_mm, (int, float)) and sid_mm >= sdd_mm:
        reason = _("The isocentre would lie behind the detector: the distance to it must be the smaller one.")
        return Missing(_("Correct the C-arm's distances") + (_(" (second DSA)") if second else ""), reason)
    return None
