"""The user's own C-arm presets, in the application's settings, beside those that we ship."""

from __future__ import annotations

import json
from dataclasses import replace

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_presets import CArmPreset, preset_of_row, shipped_presets
from DeepIterRegLib.mrml.panel.services import Settings

SETTING = "carm-presets"
OWN_SOURCE = "entered by hand"


def user_presets(settings: Settings) -> list[CArmPreset]:
    """What the user has kept; rows that make no sense are passed over."""
    try:
        rows = json.loads(settings.get(SETTING) or "[]")
    except ValueError:
        return []
    presets = []
    for row in rows if isinstance(rows, list) else []:
        try:
            presets.append(preset_of_row(row, "settings"))
        except (InputError, AttributeError):
            continue
    return presets


def all_presets(settings: Settings) -> list[CArmPreset]:
    """The shipped ones first."""
    return [*shipped_presets(), *user_presets(settings)]


def keep_preset(settings: Settings, preset: CArmPreset) -> CArmPreset:
    """Remember a preset, over one of the same name. Raises InputError for a name that we ship, or none, or no value."""
    name = preset.name.strip()
    if any(name.lower() == shipped.name.lower() for shipped in shipped_presets()):
        raise InputError("The preset {name} comes with the program; type in another name.", name=name)
    if not name:
        raise InputError("Type in a name for the preset.")
    if preset.sdd_mm is None and preset.sid_mm is None and preset.pixel_spacing_mm is None:
        raise InputError("There is no distance and no pixel size yet to be kept as a preset.")
    kept = replace(preset, name=name, source=preset.source or OWN_SOURCE)
    _save(settings, [other for other in user_presets(settings) if other.name.lower() != name.lower()] + [kept])
    return kept


def forget_preset(settings: Settings, name: str) -> None:
    _save(settings, [other for other in user_presets(settings) if other.name.lower() != name.lower()])


def _save(settings: Settings, presets: list[CArmPreset]) -> None:
    settings.set(SETTING, json.dumps([preset.to_row() for preset in presets]))
