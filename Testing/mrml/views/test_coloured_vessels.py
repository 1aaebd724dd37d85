"""Vessels in 3D by what the run fills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.filling.branch_map import BranchMap
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_cases
from DeepIterRegLib.mrml.nodes.scene import read_scene
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from DeepIterRegLib.mrml.views.coloured_vessels import (
    ARRIVAL,
    COLOURS,
    PROBABILITY,
    arrival_limits,
    colour_by,
    coloured_by,
    has_map,
    keep_map,
)
from DeepIterRegLib.mrml.views.surfaces import show_surfaces, surface_of
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.vessel_colours import EMPTY_ORANGE, FILLED_BLUE, UNKNOWN_GREY
from Testing.support.registered_scene import registered_scene
from Testing.support.small_registration import OTHER_POSE, POSE, spiral_mm


def halves() -> BranchMap:
    """The spiral's lower half is filled and full after 1.5 s, its upper half is not."""
    low = spiral_mm().min(axis=0) - 5
    cells = np.ceil((spiral_mm().max(axis=0) + 5 - low) / 1.5).astype(int)[::-1]
    height_mm = low[2] + 1.5 * np.arange(cells[0])
    labels = np.full((2, *cells), -1, dtype=np.int16)
    labels[0] = (height_mm > 0)[:, None, None]
    return BranchMap(
        labels, low, 1.5, np.array([2, 0], dtype=np.uint8), np.array([0.9, 0.1], dtype=np.float32),
        np.array([1.5, np.nan], dtype=np.float32), True,
    )  # fmt: skip


def arteries(case: RegisteredCase) -> Any:
    return surface_of(case, "arteries")


def values(case: RegisteredCase, name: str) -> tuple[Any, Any]:
    from vtk.util.numpy_support import vtk_to_numpy

    data = arteries(case).GetPolyData()
    return vtk_to_numpy(data.GetPoints().GetData())[:, 2], vtk_to_numpy(data.GetPointData().GetArray(name))


@pytest.fixture
def case() -> RegisteredCase:
    made = registered_scene(views=1)
    show_surfaces(made, OverlayLook())
    return made


def test_each_half_gets_its_colour_and_its_numbers(case: RegisteredCase) -> None:
    assert not has_map(case)
    assert coloured_by(case) == "kind"
    keep_map(case, halves())
    assert has_map(case)
    assert arrival_limits(case) == (1.5, 1.5, "s")
    for name, below, above in (
        (COLOURS["filled"], FILLED_BLUE, EMPTY_ORANGE), (COLOURS["arrival"], None, UNKNOWN_GREY),
        (PROBABILITY, 0.9, 0.1), (ARRIVAL, 1.5, -1),
    ):  # fmt: skip
        height_mm, found = values(case, name)
        for chosen, wanted in ((height_mm < -3, below), (height_mm > 3, above)):
            assert chosen.any()
            if wanted is not None:
                unit = 255 if found.ndim == 2 else 1
                np.testing.assert_allclose(
                    found[chosen],
                    np.broadcast_to(unit * np.array(wanted), found[chosen].shape),
                    atol=0.51 if unit > 1 else 1e-6,
                )


def test_colours_are_those_of_a_pose(case: RegisteredCase) -> None:
    keep_map(case, halves())
    case.set_pose(OTHER_POSE)
    assert not has_map(case)
    case.set_pose(POSE)
    assert has_map(case)


def test_colours_are_put_on_and_taken_off_and_saved(case: RegisteredCase, tmp_path: Path) -> None:
    colour_by(case, "filled")
    assert coloured_by(case) == "kind", "nothing is known yet"
    keep_map(case, halves())
    display = arteries(case).GetDisplayNode()
    for by in ("filled", "arrival"):
        colour_by(case, by)
        assert coloured_by(case) == by
        assert display.GetActiveScalarName() == COLOURS[by]
        assert display.GetScalarRangeFlag() == display.UseDirectMapping
    save_scene(case.cta.GetScene(), tmp_path / "scene.mrb")
    (back,) = registered_cases(read_scene(tmp_path / "scene.mrb"))
    assert coloured_by(back) == "arrival"
    assert has_map(back)
    np.testing.assert_array_equal(values(back, COLOURS["filled"])[1], values(case, COLOURS["filled"])[1])
    colour_by(case, "kind")
    assert not display.GetScalarVisibility()
