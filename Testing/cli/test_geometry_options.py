"""--preset, --rotate and --mirror: what they mean, once and for two runs."""

from __future__ import annotations

import argparse

import pytest

from DeepIterRegLib.cli.geometry_options import add_geometry_options, geometries_of
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_presets import shipped_presets
from DeepIterRegLib.geometry.image_turn import UPRIGHT, ImageTurn
from DeepIterRegLib.images.geometry_options import GeometryOptions


def options(words: list[str], count: int = 1) -> tuple[GeometryOptions, ...]:
    parser = argparse.ArgumentParser()
    add_geometry_options(parser)
    return geometries_of(parser.parse_args(words), count)


@pytest.mark.parametrize(
    ("words", "turn"),
    [
        ([], None),
        (["--rotate", "0"], UPRIGHT),
        (["--rotate", "90"], ImageTurn(1)),
        (["--rotate", "270", "--mirror"], ImageTurn(3, True)),
        (["--mirror"], ImageTurn(0, True)),
        (["--mirror", "no"], UPRIGHT),
    ],
)
def test_the_image_is_turned_as_the_user_says(words, turn):
    (geometry,) = options(words)
    assert geometry.image_turn == turn


def test_two_runs_are_turned_each_in_its_way():
    one, two = options(["--rotate", "90", "--rotate", "0", "--mirror", "no", "--mirror"], 2)
    assert (one.image_turn, two.image_turn) == (ImageTurn(1), ImageTurn(0, True))
    with pytest.raises(InputError, match="--mirror is given 1 times for 2 --dsa"):
        options(["--mirror"], 2)


def test_one_preset_serves_both_runs():
    name = shipped_presets()[0].name
    one, two = options(["--preset", name.lower()], 2)
    assert one.preset == two.preset == shipped_presets()[0]
    with pytest.raises(InputError, match="no C-arm preset"):
        options(["--preset", "my C-arm"])
