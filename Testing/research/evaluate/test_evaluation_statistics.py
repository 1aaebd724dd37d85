"""Rates, errors, capture ranges and comparisons of experiments, on rows whose answers are known."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from DeepIterRegLib.research.evaluate.capture_range import capture_range, leaves_threshold, median_curve
from DeepIterRegLib.research.evaluate.confidence_intervals import (
    bootstrap_interval,
    cluster_bootstrap,
    percentile_interval,
    wilson_interval,
)
from DeepIterRegLib.research.evaluate.page import html_page
from DeepIterRegLib.research.evaluate.paired import mcnemar_p
from DeepIterRegLib.research.evaluate.plots import draw_plots
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, Row
from DeepIterRegLib.research.evaluate.statistics import groups_of, summarise
from DeepIterRegLib.review.counting import wilcoxon_p


def row(patient: int, final_mm: float, *, method="published", initializer="none", start=0, start_px=20.0, error=""):
    """A registration that ended `final_mm` off, or with an error."""
    result = math.nan if error else final_mm
    return Row(
        patient=str(patient),
        experiment="testset",
        method=method,
        initializer=initializer,
        start=start,
        mpe_radiological_px=start_px,
        mpe_start_px=start_px,
        mpe_initialized_px=start_px,
        mpe_final_px=result / MM_PER_PX,
        mpe_final_mm=result,
        tre_mm=0.8 * result,
        success=not error and final_mm < 5,
        seconds=math.nan if error else 0.5,
        error=error,
        error_along_beam_mm=0.7 * result,
        error_across_beam_mm=0.2 * result,
    )


def cohort(method: str, seed: int, patients=12, starts=1, initializer="none") -> list[Row]:
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        for start in range(starts):
            start_px = rng.uniform(2, 60)
            rows.append(
                row(patient, rng.uniform(0.5, 12), method=method, initializer=initializer, start=start,
                    start_px=start_px, error="" if rng.random() < 0.9 else "The disk is full.")
            )  # fmt: skip
    return rows


def only_method(rows: list[Row]) -> dict:
    return summarise(rows)["experiments"][0]["methods"][0]


def test_wilson_interval_is_the_textbooks():
    # Wilson 1927 for 37 of 94, from the closed form.
    n, p, z = 94, 37 / 94, stats.norm.ppf(0.975)
    centre, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert wilson_interval(37, 94) == pytest.approx(
        ((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n))
    )
    assert wilson_interval(0, 0) is None


def test_bootstrap_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    intervals = [bootstrap_interval(rng.normal(7, 2, 40), np.mean, seed, resamples=300) for seed in range(120)]
    assert 0.88 <= np.mean([low <= 7 <= high for low, high in intervals]) <= 0.99


def test_bootstrap_is_seeded_and_stands_equal_values():
    values = np.random.default_rng(2).gamma(2, 3, 30)
    assert bootstrap_interval(values, np.median, 5) == bootstrap_interval(values, np.median, 5)
    assert bootstrap_interval(values, np.median, 5) != bootstrap_interval(values, np.median, 6)
    assert bootstrap_interval(np.full(10, 3.0), np.mean, 0) == (3.0, 3.0)
    assert bootstrap_interval(np.array([3.0]), np.mean, 0) is None


def test_registrations_of_one_patient_are_drawn_together():
    # Two patients, each always the same: the mean of a resample can only be 0, 1/2 or 1, however many registrations.
    value = np.repeat([0.0, 1.0], 50)
    samples = cluster_bootstrap(["a"] * 50 + ["b"] * 50, lambda indices: value[indices].mean(), 0, 200)
    assert set(samples) == {0.0, 0.5, 1.0}
    assert percentile_interval(samples) == (0.0, 1.0)


def test_bins_have_equal_counts_and_medians():
    rng = np.random.default_rng(0)
    curve = median_curve(rng.permutation(np.arange(203.0)), np.full(203, 2.0))
    assert sorted(curve.count) == [20] * 7 + [21] * 3
    assert (np.diff(curve.initial) > 0).all()
    assert (curve.final == 2).all()
    assert curve.initial[0] == 10  # 0 to 20


def test_capture_range_of_a_step_lies_between_the_bins_on_its_sides():
    # Bins of ten, centres 4.5, 14.5, ...; up to 50 px everything ends at 1 px, from there on at 21 px.
    initial = np.arange(100.0)
    final = np.where(initial < 50, 1.0, 21.0)
    found = capture_range([str(number % 20) for number in range(100)], initial, final)
    assert found.value == pytest.approx(44.5 + 10 * (5 - 1) / (21 - 1))
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high
    assert 40 < found.interval.low < found.interval.high < 60
    assert (found.final_low <= found.curve.final).all()
    assert (found.final_high >= found.curve.final).all()


@pytest.mark.parametrize(("final", "expected"), [(np.full(100, 2.0), None), (np.full(100, 9.0), 0.0)])
def test_capture_range_that_is_never_left_or_never_entered(final, expected):
    assert leaves_threshold(median_curve(np.arange(100.0), final)) == expected


def test_first_departure_counts_even_if_the_median_comes_back():
    final = np.array([1.0, 9, 1, 1, 9, 9, 9, 9, 9, 9]).repeat(10)
    assert leaves_threshold(median_curve(np.arange(100.0), final)) == pytest.approx(4.5 + 10 * 4 / 8)


def test_a_registration_without_result_is_far_off_in_the_capture_range():
    # More than half of the third bin and of all later ones came to nothing.
    initial = np.arange(100.0)
    final = np.where((initial >= 20) & (initial % 10 < 6), np.nan, 1.0)
    curve = median_curve(initial, final)
    assert np.isinf(curve.final[2:]).all()
    assert leaves_threshold(curve) == pytest.approx(14.5)


def test_wilcoxon_and_mcnemar_against_scipy_and_by_hand():
    differences = np.array([1.5, -0.5, 2, 3, 0, -1, 4, 2.5, 0, 6])
    assert wilcoxon_p(differences) == stats.wilcoxon(differences[differences != 0]).pvalue
    assert wilcoxon_p(np.zeros(5)) is None
    # Five positive differences without ties: 2 of 2^5 sign patterns are as extreme.
    assert wilcoxon_p(np.array([1.0, 2, 3, 4, 5])) == pytest.approx(2 / 32)
    first, second = np.array([True] * 6 + [False] * 4), np.array([False] * 6 + [False] * 4)
    assert mcnemar_p(first, second) == pytest.approx(2 / 2**6)
    assert mcnemar_p(first, first) == 1


@pytest.mark.usefixtures("few_resamples")
def test_summary_counts_what_is_there():
    rows = [row(1, 1.0), row(2, 3.0), row(3, 8.0), row(4, 0, error="cta.nrrd is damaged.")]
    found = only_method(rows)
    assert (found["patients"], found["registrations"], found["successes"]) == (4, 4, 2)
    assert found["success_rate"]["value"] == 0.5
    assert found["success_rate"]["interval"] == "Wilson"
    assert found["failures"] == {"no_result": 1, "inaccurate": 1, "by_error": {"cta.nrrd is damaged.": 1}}
    final = found["errors"]["mpe_final_mm"]
    assert (final["all"]["count"], final["all"]["mean"]["value"]) == (3, pytest.approx(4))
    assert (final["successes"]["count"], final["successes"]["median"]["value"]) == (2, pytest.approx(2))
    assert final["all"]["percentile95"] == pytest.approx(np.percentile([1, 3, 8], 95))
    assert found["errors"]["mpe_start_mm"]["all"]["mean"]["value"] == pytest.approx(20 * MM_PER_PX)
    assert found["capture_range"] == {"px": None, "mm": None}  # four registrations make no curve


@pytest.mark.usefixtures("few_resamples")
def test_an_infinite_error_is_null_and_not_the_end():
    found = only_method([row(number, 1.0) for number in range(9)] + [row(9, math.inf)])
    final = found["errors"]["mpe_final_mm"]["all"]
    assert final["mean"] == {"value": None, "low": None, "high": None}
    assert final["median"]["value"] == 1.0
    assert final["percentile95"] is None


@pytest.mark.usefixtures("few_resamples")
def test_methods_and_initializers_are_compared_on_common_patients():
    first = [row(number, 6.0 + number) for number in range(8)]
    second = [row(number, 1.0 + number / 10, initializer="learned") for number in range(2, 10)]
    experiment = summarise(first + second)["experiments"][0]
    assert [method["label"] for method in experiment["methods"]] == ["published", "published + learned"]
    (pair,) = experiment["comparisons"]
    assert (pair["registrations"], pair["wilcoxon"]["patients"]) == (6, 6)
    assert pair["wilcoxon"]["p"] == pytest.approx(2 / 2**6)
    assert pair["wilcoxon"]["median_difference_mm"] < 0
    assert pair["success"] == {"both": 0, "only_first": 0, "only_second": 6, "neither": 0, "mcnemar_p": 2 / 2**6}


@pytest.mark.usefixtures("few_resamples")
def test_several_starts_of_a_patient_are_not_independent():
    rows = cohort("published", 1, patients=6, starts=20)
    experiment = summarise(rows + cohort("default", 2, patients=6, starts=20))["experiments"][0]
    (pair,) = experiment["comparisons"]
    assert pair["wilcoxon"]["patients"] == 6
    assert pair["success"]["mcnemar_p"] is None
    assert experiment["methods"][0]["success_rate"]["interval"] == "bootstrap over patients"
    assert len(experiment["methods"][0]["capture_range"]["px"]["bins"]) == 10


@pytest.mark.usefixtures("few_resamples")
@pytest.mark.parametrize("starts", [1, 10])
def test_summary_fits_its_schema(starts):
    schema = json.loads(
        files("DeepIterRegLib").joinpath("schemas/evaluate_summary.schema.json").read_text(encoding="utf-8")
    )
    rows = cohort("published", 1, starts=starts) + cohort("default", 2, starts=starts)
    rows.append(replace(row(3, 0, error="x"), experiment="optimizer-only", mpe_start_px=math.nan))
    summary = summarise(rows)
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(summary, allow_nan=False)))


@pytest.mark.usefixtures("few_resamples")
def test_page_needs_no_other_file_and_escapes_everything(tmp_path):
    rows = [*cohort("published", 1), replace(row(77, 0, error="<script>alert(1)</script> & co."), patient="<b>7")]
    plots = draw_plots(rows, tmp_path)
    settings = {"patients": 13, "software": {"numpy": "2.0 <beta>"}}
    page = html_page("Results <1>", rows, summarise(rows), {tmp_path / name: plots[name] for name in plots}, settings)
    assert "<script" not in page
    assert "<b>7" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "2.0 &lt;beta&gt;" in page
    assert "<title>Results &lt;1&gt;</title>" in page
    sources = re.findall(r'(?:src|href)="([^"]{0,22})', page)
    assert len(sources) == len(plots)
    assert set(sources) == {"data:image/png;base64,"}
    assert page.count("<tr>") == page.count("</tr>")


@pytest.mark.usefixtures("few_resamples")
def test_every_experiment_gets_plots_that_are_images(tmp_path):
    rows = cohort("published", 1) + cohort("default", 2)
    rows += [replace(one, experiment="capture-range") for one in cohort("published", 3, patients=6, starts=10)]
    names = set(draw_plots(rows, tmp_path))
    assert {"testset_before_after.png", "capture-range_capture_range.png"} <= names
    assert "capture-range_before_after.png" not in names  # many starts per patient
    assert names == {path.name for path in tmp_path.iterdir()}
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert image.width >= 800
            assert len(image.convert("L").getcolors()) > 10


@pytest.mark.usefixtures("few_resamples")
def test_plots_stand_rows_without_any_result(tmp_path):
    lost = [replace(row(number, 0, error="The worker died."), mpe_start_px=math.nan) for number in range(3)]
    assert draw_plots(lost, tmp_path)
    assert "The worker died." in html_page("t", lost, summarise(lost), {}, {})


def test_groups_keep_the_order_of_their_rows():
    rows = [row(2, 1.0, method="b"), row(1, 1.0, method="a"), row(3, 1.0, method="b")]
    assert [(group.label, group.patients) for group in groups_of(rows)] == [("b", ["2", "3"]), ("a", ["1"])]
