"""What several sections say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from DeepIterRegLib.common.errors import Field, UserError
from DeepIterRegLib.mrml.panel.input_error_messages import translated


def told(said: UserError | str, translate: Callable[[str], str]) -> str:
    """An error in the user's language, with the panel's labels; a sentence that is translated already as it is."""
    if isinstance(said, str):
        return said
    return said.told(panel_names(translate), lambda sentence: translated(sentence, translate))


def panel_names(translate: Callable[[str], str]) -> dict[Field, str]:
    """The labels of the fields, in quotes. What the panel has no widget for is not among them."""
    _ = translate
    labels = {
        Field.CTA: _("CTA"),
        Field.DSA: _("DSA"),
        Field.CTA_VESSELS: _("CTA vessels"),
        Field.CTA_VEINS: _("CTA veins"),
        Field.DSA_VESSELS: _("DSA vessels"),
        Field.DSA_VEINS: _("DSA veins"),
        Field.PRIMARY_ANGLE: _("LAO/RAO"),
        Field.SECONDARY_ANGLE: _("CRA/CAU"),
        Field.SDD: _("Source to detector"),
        Field.SID: _("Source to isocentre"),
        Field.PIXEL_SPACING: _("Pixel size"),
        Field.PRESET: _("System"),
        Field.IMAGE_TURN: _("Image is stored"),
        Field.INITIAL_POSE: _("Adjust by hand"),
        Field.METHOD: _("Method"),
        Field.DEVICE: _("Compute on"),
    }
    return {field: f'"{label}"' for field, label in labels.items()}


def saved_message(paths: Sequence[Path], translate: Callable[[str], str]) -> str:
    """What was written into a folder, by its own name: the way to it is long, and the user has just chosen it."""
    _ = translate
    folder = paths[0].parent
    return _("Saved {names} in {folder}.").format(
        names=", ".join(path.name for path in paths), folder=folder.name or str(folder)
    )
