"""The table of C-arm presets: what it must hold, and what is refused of another one."""

from __future__ import annotations

import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_presets import (
    COLUMNS,
    CArmPreset,
    preset_named,
    preset_of_row,
    presets_of_text,
    shipped_presets,
)
from DeepIterRegLib.geometry.reach import Reach
from DeepIterRegLib.images.xa_tags import SDD, SID

HEADER = ",".join(COLUMNS) + "\n"


def test_every_shipped_preset_has_a_source_and_sensible_values():
    presets = shipped_presets()
    assert presets
    for preset in presets:
        assert len(preset.source) > 30, "the document by its name"
        known = [preset.sdd_mm, preset.sid_mm, preset.pixel_spacing_mm, preset.reach]
        assert any(value is not None for value in known)
        assert preset.sid_mm is None or SID.low <= preset.sid_mm <= SID.high
        assert preset.sdd_mm is None or SDD.low <= preset.sdd_mm <= SDD.high
    assert len({preset.name.lower() for preset in presets}) == len(presets)


def test_a_preset_is_found_by_its_name_in_any_case():
    first = shipped_presets()[0]
    assert preset_named(f" {first.name.upper()} ") == first
    with pytest.raises(InputError, match=f"no C-arm preset 'X-ray'; those there are: {first.name}"):
        preset_named("X-ray")


def test_a_row_comes_back_as_it_was():
    preset = CArmPreset("A", "hand book", "20 cm", 1200.0, 800.0, 0.2, Reach(100, 110, 40, 50))
    assert preset_of_row(preset.to_row(), "here") == preset
    bare = CArmPreset("B", "hand book", sid_mm=720.0)
    assert preset_of_row(bare.to_row(), "here") == bare


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A,,1200,800,0.2,,,,,", "needs a name and the source"),
        (",,1200,800,0.2,,,,,book", "needs a name and the source"),
        ('A,,"1,2",800,,,,,,book', "sdd_mm is '1,2'"),
        ("A,,-1,800,,,,,,book", "sdd_mm is '-1'"),
        ("A,,0,800,,,,,,book", "sdd_mm is '0'"),
        ("A,,nan,800,,,,,,book", "sdd_mm is 'nan'"),
        ("A,,800,1200,,,,,,book", "behind the detector"),
        ("A,,,,,100,100,,,book", "all of rao_deg"),
        ("A,,,,,200,100,45,45,book", "does not reach 200"),
        ("A,,,800,,,,,,book\na,,,810,,,,,,book", "two C-arm presets"),
    ],
)
def test_a_row_without_source_or_with_senseless_values_is_refused(row, said):
    with pytest.raises(InputError, match=said):
        presets_of_text(HEADER + row + "\n", "mine.csv")


def test_another_table_is_refused():
    with pytest.raises(InputError, match=r"mine.csv has not the columns .* write name,"):
        presets_of_text("system,sid\nA,720\n", "mine.csv")
