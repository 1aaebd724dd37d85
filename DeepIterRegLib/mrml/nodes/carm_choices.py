"""What a user has chosen for a DSA beside typed values: a preset of its system, and how its image is turned.

Kept on the DSA's node, the preset with its values: a scene may be opened where nobody knows its name.
"""

from __future__ import annotations

import json
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_presets import CArmPreset, preset_of_row
from DeepIterRegLib.geometry.image_turn import ImageTurn
from DeepIterRegLib.mrml.nodes.dsa_node import source_of
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX

PRESET = PREFIX + "carm-preset"
TURN = PREFIX + "image-turn"
"""Attributes of a DSA's node, as JSON."""


def chosen_preset(dsa: Any) -> CArmPreset | None:
    """The preset of a DSA, None where none was chosen; what makes no sense in an edited scene is passed over."""
    row = _content(dsa, PRESET)
    try:
        return preset_of_row(row, "The DSA") if isinstance(row, dict) else None
    except InputError:
        return None


def choose_preset(dsa: Any, preset: CArmPreset | None) -> None:
    source_of(dsa).SetAttribute(PRESET, None if preset is None else json.dumps(preset.to_row()))


def chosen_turn(dsa: Any) -> ImageTurn | None:
    """How the user says the image is turned, None where the header counts."""
    content = _content(dsa, TURN)
    if not isinstance(content, list) or len(content) != 2 or content[0] not in range(4):
        return None
    return ImageTurn(int(content[0]), bool(content[1]))


def choose_turn(dsa: Any, turn: ImageTurn | None) -> None:
    text = None if turn is None else json.dumps([turn.quarter_turns, turn.mirrored])
    source_of(dsa).SetAttribute(TURN, text)


def _content(dsa: Any, name: str) -> Any:
    try:
        return json.loads(source_of(dsa).GetAttribute(name) or "null")
    except ValueError:
        return None
