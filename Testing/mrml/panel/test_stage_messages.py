"""Every stage that a registration reports has a message for the person who waits for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from DeepIterRegLib.common.stage_names import STAGE_NAMES
from DeepIterRegLib.mrml.panel.stage_messages import all_stage_messages, stage_message
from Testing.support.paths import ROOT

REPORTING = ("preparation", "initializer", "refinement")
"""The layers that name stages to whoever called them."""


def test_every_stage_name_has_a_message_and_every_message_a_stage_name():
    assert set(all_stage_messages(str)) == set(STAGE_NAMES)


def test_a_stage_that_is_not_known_keeps_its_name():
    assert stage_message("Writing the images", str) == "Writing the images"


@pytest.mark.parametrize("layer", REPORTING)
def test_stages_are_named_by_the_list_of_stage_names_alone(layer):
    named = list(_names_of_stages(layer))
    assert named
    assert all(name.startswith("stage_names.") for name in named), named


def _names_of_stages(layer: str) -> Iterator[str]:
    """The source of whatever is told, or made a `Stage` or `Level`, by name in a layer's modules."""
    for path in sorted((ROOT / "DeepIterRegLib" / layer).glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            function = ast.unparse(call.func).rpartition(".")[2]
            by_keyword = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
            if function in {"tell", "step", "Level", "_Step"}:
                first = call.args[0]
            elif function == "Stage":
                (first,) = by_keyword
            else:
                continue
            if not ast.unparse(first).endswith((".name", "stage")):
                yield ast.unparse(first)
