"""The blind test: what the page gives away (nothing), what the key says, how choices are counted."""

from __future__ import annotations

import argparse
import io
import json
import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.research.commands.blind_test import add_arguments, count_answers
from DeepIterRegLib.research.evaluate.blind_overlay import (
    POSES,
    REFERENCE,
    THREE_STAGE,
    TWO_STAGE,
    BlindCase,
    blind_case,
)
from DeepIterRegLib.research.evaluate.blind_page import make_blind_test
from DeepIterRegLib.research.evaluate.blind_test import write_blind_test
from DeepIterRegLib.research.evaluate.case import Case, Costs
from DeepIterRegLib.review.answers import PAGE_COLUMNS, PANEL_COLUMNS, Answer, panel_row, read_answers, write_answers
from DeepIterRegLib.review.counting import count_preferences
from DeepIterRegLib.review.key import Key, key_to_json, read_key, unblinded
from DeepIterRegLib.review.scale import SCALE
from Testing.support.browser import CHROMIUM, driven

PAIRS = tuple(combinations(POSES, 2))


def images(name: str) -> BlindCase:
    """A patient whose images are told apart by their bytes only."""
    return BlindCase(name, (8, 8), f"grey {name}".encode(), {pose: f"{pose} {name}".encode() for pose in POSES})


def cases(count: int = 14) -> list[BlindCase]:
    return [images(f"MUSTERMANN-{number}") for number in range(count)]


def data_of(page: str) -> dict:
    (text,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def answers_csv(key: Key, choice: int = 3) -> str:
    """As the page saves it."""
    return (
        ",".join(PAGE_COLUMNS)
        + "\n"
        + "".join(
            f"{key.test},{number},{choice},{SCALE[choice - 1]},1.5,2026-01-01T00:00:00Z,R\n"
            for number in range(1, len(key.pairs) + 1)
        )
    )


def test_fourteen_patients_make_the_papers_42_comparisons():
    _, key = make_blind_test(cases(), seed=1)
    pairs = Counter((pair.case, frozenset((pair.left, pair.right))) for pair in key.pairs)
    assert len(key.pairs) == len(pairs) == 42
    assert {pair for _, pair in pairs} == {frozenset(pair) for pair in PAIRS}


def test_page_names_neither_patients_nor_methods():
    page, key = make_blind_test(cases(), seed=1)
    for word in (*POSES, "stage", "reference", "published", "MUSTERMANN"):
        assert word.lower() not in page.lower()
    assert key.test in page
    # A pair is three numbers of images; nothing else belongs to it.
    assert all(set(pair) == {"number", "grey", "left", "right"} for pair in data_of(page)["pairs"])


def test_page_shows_what_the_key_says():
    page, key = make_blind_test(cases(5), seed=3)
    data = data_of(page)
    encoded = {one.name: one for one in cases(5)}
    for number, (shown, pair) in enumerate(zip(data["pairs"], key.pairs, strict=True), start=1):
        case = encoded[pair.case]
        assert data["overlays"][shown["left"]] == make_uri("png", case.overlays[pair.left])
        assert data["overlays"][shown["right"]] == make_uri("png", case.overlays[pair.right])
        assert data["greys"][shown["grey"]]["url"] == make_uri("jpeg", case.grey)
        assert shown["number"] == number


def make_uri(kind: str, content: bytes) -> str:
    import base64

    return f"data:image/{kind};base64," + base64.b64encode(content).decode()


def test_order_and_sides_are_random_and_seeded():
    key = make_blind_test(cases(), seed=1)[1]
    assert key_to_json(key) == key_to_json(make_blind_test(cases(), seed=1)[1])
    other = make_blind_test(cases(), seed=2)[1]
    assert key_to_json(key)["comparisons"] != key_to_json(other)["comparisons"]
    assert key.test != other.test
    # Of 42 fair coins, fewer than 8 or more than 34 heads come once in 20 000 tests.
    first_is_left = sum((pair.left, pair.right) in PAIRS for pair in key.pairs)
    assert 8 <= first_is_left <= 34
    positions = [number for number, pair in enumerate(key.pairs) if pair.case == "MUSTERMANN-0"]
    assert positions != [0, 1, 2]


def test_images_lie_in_the_page_in_no_order_that_tells_them_apart():
    page, _ = make_blind_test(cases(), seed=1)
    overlays = data_of(page)["overlays"]
    methods = [next(pose for one in cases() for pose in POSES if make_uri("png", one.overlays[pose]) == overlay)
               for overlay in overlays]  # fmt: skip
    assert methods != sorted(methods)
    assert methods != list(POSES) * 14


def test_page_asks_nothing_of_the_network():
    page, _ = make_blind_test(cases(2), seed=0)
    assert "default-src 'none'" in page
    assert not re.findall(r"https?://", page)
    assert not re.findall(r'(?:src|href)="', page)


def test_page_has_the_papers_scale():
    data = data_of(make_blind_test(cases(1), seed=0)[0])
    assert data["scale"] == list(SCALE)
    assert data["scale"][0] == "left definitely better than right"
    assert data["scale"][4] == "right definitely better than left"


DRIVE = """
  for (const key of ["1", "5", "3", "9", "2", "4", "4"]) { press(key); await wait(400); }
  press("ArrowLeft");
  press("2");
  await wait(400);
  press(" ");
  document.getElementById("in").click();
  document.getElementById("csv").click();
  const layers = [...document.querySelectorAll(".layers")];
  return {
    csv: await saved[0],
    where: document.getElementById("where").textContent,
    finished: !document.getElementById("finished").hidden,
    hidden: [...document.querySelectorAll(".overlay")].map((overlay) => overlay.style.opacity),
    zooms: layers.map((one) => one.style.transform),
    kept: Object.keys(JSON.parse(localStorage.getItem(stored)).answers).length,
  };
"""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_page_in_a_browser_keeps_what_the_keys_choose(tmp_path):
    page, key = make_blind_test(cases(2), seed=4)
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    outcome = driven(path, DRIVE)
    saved = tmp_path / "answers.csv"
    saved.write_text(outcome["csv"], encoding="utf-8")
    # 9 is no choice; the last but one was changed from 4 to 2.
    answers = unblinded(read_answers(saved), key, saved)
    assert [answer.choice for answer in answers] == [1, 5, 3, 2, 2, 4]
    assert outcome["where"] == "Comparison 6 of 6, 6 answered"
    assert outcome["finished"]
    assert outcome["kept"] == 6
    assert outcome["hidden"] == ["0", "0"]
    left, right = outcome["zooms"]
    assert left == right
    assert "scale(1.4)" in left


def test_names_and_title_cannot_break_out_of_the_page():
    page, _ = make_blind_test([images("</script><b>")], seed=0, title="<i>Reading")
    assert "<i>Reading" not in page
    assert page.count("</script>") == 2


def test_nobody_to_compare_is_bad_input():
    with pytest.raises(InputError, match="nothing to compare"):
        make_blind_test([], seed=0)


# Counting


def scored(key: Key, of_pair: dict) -> list[Answer]:
    """Answers whose score towards the second of each pair is what `of_pair` lists, patient by patient."""
    left = {pair: list(values) for pair, values in of_pair.items()}
    answers = []
    for number, pair in enumerate(key.pairs, start=1):
        sides = (pair.left, pair.right)
        score = left[sides].pop(0) if sides in left else -left[sides[::-1]].pop(0)
        answers.append(Answer(comparison=number, choice=3 + score, test=key.test))
    return answers


def test_preferences_and_wilcoxon_are_counted_through_the_blinding(tmp_path):
    _, key = make_blind_test(cases(6), seed=4)
    wanted = {
        (TWO_STAGE, THREE_STAGE): [1, 1, 0, -1, 2, 0],
        (TWO_STAGE, REFERENCE): [0] * 6,
        (THREE_STAGE, REFERENCE): [-2, -2, -1, -1, -2, -1],
    }
    counts = count_preferences(unblinded(scored(key, wanted), key, tmp_path), key.compared)
    assert counts.comparisons == 18
    assert counts.same == 8
    assert counts.preferred == {TWO_STAGE: 1, THREE_STAGE: 3 + 6, REFERENCE: 0}
    by_pair = {(pair.first, pair.second): pair for pair in counts.pairs}
    assert by_pair[TWO_STAGE, REFERENCE].p is None
    assert by_pair[TWO_STAGE, THREE_STAGE].second_definitely_better == 1
    for pair in ((TWO_STAGE, THREE_STAGE), (THREE_STAGE, REFERENCE)):
        assert by_pair[pair].p == pytest.approx(stats.wilcoxon(np.array(wanted[pair])).pvalue)
    assert by_pair[THREE_STAGE, REFERENCE].p < 0.05 < by_pair[TWO_STAGE, THREE_STAGE].p


def test_answers_survive_csv_and_json(tmp_path):
    _, key = make_blind_test(cases(2), seed=4)
    csv, as_json = tmp_path / "answers.csv", tmp_path / "answers.json"
    # As spreadsheets give it back: a byte order mark, other line ends.
    csv.write_text("\ufeff" + answers_csv(key, 4).replace("\n", "\r\n"), encoding="utf-8", newline="")
    numbers = range(len(key.pairs), 0, -1)
    rows = [{"comparison": number, "choice": 4, "seconds": 1.5} for number in numbers]
    as_json.write_text(json.dumps({"test": key.test, "reader": "R", "answers": rows}))
    expected = [Answer(comparison=number, choice=4, seconds=1.5, test=key.test) for number in reversed(numbers)]
    assert read_answers(csv) == read_answers(as_json) == expected


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "5 of 6 answers .comparison 6 is missing"),
        (lambda text: text.replace(",3,left", ",7,left", 1), "is not 1 to 5"),
        (lambda text: text.replace(",3,left", ",,left", 1), "is not 1 to 5"),
        (lambda text: text.replace(",3,left", ",²,left", 1), "is not 1 to 5"),
        (lambda text: text.replace(",1,3,", ",one,3,", 1), "which is not a number"),
        (lambda text: text.replace(",1,3,", ",7,3,", 1), "a comparison 7, which the test does not have"),
        (lambda text: text + text.splitlines()[1] + "\n", "twice"),
        (lambda text: re.sub(r"^\w{12}", "0" * 12, text, flags=re.MULTILINE), "another blind test"),
        (lambda text: text.replace("choice", "answer"), "holds no answers"),
        (lambda text: "{" + text, "holds no answers"),
        (lambda text: "\0\1" + text, "another blind test"),
        (lambda text: "", "0 of 6 answers"),
        (lambda text: '{"test": "x", "answers": 3}', "holds no answers"),
        (lambda text: '{"test": "x", "answers": [3]}', "holds no answers"),
    ],
)
def test_damaged_foreign_and_incomplete_answers_are_one_sentence(tmp_path, damage, sentence):
    _, key = make_blind_test(cases(2), seed=4)
    path = tmp_path / "answers.csv"
    path.write_text(damage(answers_csv(key)), encoding="utf-8")
    with pytest.raises(InputError, match=sentence) as caught:
        unblinded(read_answers(path), key, path)
    assert "answers.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


KEY_START = b'{"test": "a", "seed": 0, "compared": ["two-stage", "three-stage"], "comparisons": '


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", KEY_START + b"[]}",
    KEY_START + b'[{"comparison": 1, "case": "c", "left": "two-stage", "right": "two-stage"}]}',
    KEY_START + b'[{"comparison": 2, "case": "c", "left": "two-stage", "right": "three-stage"}]}',
    KEY_START + b'[{"comparison": 1, "case": "c", "left": ["x"], "right": "two-stage"}]}'])  # fmt: skip
def test_a_file_that_is_no_key_is_one_sentence(tmp_path, content):
    path = tmp_path / "key.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^key\.json is not "):
        read_key(path)


def arguments(*words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--output")
    return parser.parse_args([str(word) for word in words])


def test_command_writes_page_and_key_and_counts_what_comes_back(tmp_path, capsys):
    page = write_blind_test(cases(3), tmp_path / "out", seed=5)
    key_path = page.with_name("blind_key.json")
    key = read_key(key_path)
    assert key.test in page.read_text(encoding="utf-8")
    answers = tmp_path / "answers.csv"
    answers.write_text(answers_csv(key, 1))
    assert count_answers(arguments("--count", answers, "--key", key_path, "--output", tmp_path / "out")) == 0
    counts = json.loads((tmp_path / "out" / "blind_counts.json").read_text())
    assert sum(counts["preferred"].values()) == 9
    assert "three-stage" in capsys.readouterr().out


def test_another_test_does_not_overwrite_the_key_of_one_that_is_out(tmp_path):
    write_blind_test(cases(3), tmp_path, seed=5)
    write_blind_test(cases(3), tmp_path, seed=5)  # the same again is no harm
    with pytest.raises(InputError, match=r"blind_key\.json of another blind test"):
        write_blind_test(cases(3), tmp_path, seed=6)


def test_counting_needs_the_key_of_what_is_blinded(tmp_path):
    _, key = make_blind_test(cases(2), seed=4)
    answers = tmp_path / "answers.csv"
    answers.write_text(answers_csv(key))
    with pytest.raises(InputError, match=r"answers\.csv does not say what was left and right; give the blind_key"):
        count_answers(arguments("--count", answers))
    with pytest.raises(InputError, match="--count"):
        count_answers(arguments("--key", tmp_path / "key.json"))
    with pytest.raises(InputError, match=r"nowhere\.json cannot be read"):
        count_answers(arguments("--count", answers, "--key", tmp_path / "nowhere.json"))


def test_what_the_panel_saved_is_counted_without_a_key(tmp_path, capsys):
    saved = tmp_path / "registration_review.csv"
    shown = [("-A", "B", 1), ("B", "C", 4), ("C", "-A", 3)]
    rows = [
        panel_row(Answer(comparison=number, choice=choice, left=left, right=right, seconds=1.0), 7)
        for number, (left, right, choice) in enumerate(shown, start=1)
    ]
    write_answers(saved, PANEL_COLUMNS, [[str(cell) for cell in row] for row in rows])
    assert count_answers(arguments("--count", saved, "--output", tmp_path)) == 0
    counts = json.loads((tmp_path / "blind_counts.json").read_text())
    assert counts["preferred"] == {"-A": 1, "B": 0, "C": 1}
    assert counts["same"] == 1
    assert "1 of 3 comparisons: the same." in capsys.readouterr().out


# Images


@pytest.fixture(scope="module")
def bar() -> Case:
    """A vertical vessel, 4 mm thick, through the isocentre, on a detector whose pixels are not square."""
    carm = CArm.from_angles(0, 0, 1000, 500, (1.0, 0.5), 64, 128)
    z = np.arange(-12, 12.1, 0.5, dtype=np.float32)
    x, y = np.meshgrid(np.arange(-2, 2.1, 0.5), np.arange(-2, 2.1, 0.5))
    points = np.array([(a, b, c) for c in z for a, b in zip(x.flat, y.flat, strict=True)], dtype=np.float32)
    cloud = VesselCloud(points, np.full(len(points), 0.125, np.float32), np.zeros(len(points), bool), 0.5, np.zeros(3))
    minip = np.full((64, 128), 100, np.float32)
    minip[:, 60:68] = 10
    nothing = np.zeros_like(minip)
    mask = minip < 50
    run = Angiogram(minip[None], carm, np.ones_like(mask), None, "HFS", "x")
    prepared = PreparedAngiogram(run, minip, nothing, mask, mask, mask, nothing, nothing)
    volume = Volume(np.zeros((2, 2, 2), np.int16), np.eye(4), "cta", "x")
    empty = np.zeros((2, 2, 2), bool)
    return Case(
        "7",
        PreparedImages(PreparedVolume(volume, empty, empty, cloud), (prepared,)),
        np.eye(4),
        np.eye(4),
        Costs(0, 0, 0, 0),
    )


def test_overlay_is_red_where_the_pose_puts_the_vessel(bar):
    shifted = np.eye(4)
    shifted[0, 3] = 8.0  # 16 mm on the detector, to the image's right or left
    drawn = blind_case(bar, {TWO_STAGE: np.eye(4), THREE_STAGE: shifted, REFERENCE: np.eye(4)})
    assert drawn.size_px == (128, 128)  # square pixels: the detector is 64 mm both ways
    grey = np.asarray(Image.open(io.BytesIO(drawn.grey)), dtype=float)
    assert grey.shape == (128, 128)
    assert grey[64, 64] < 40 < 200 < grey[64, 20]
    centres = {}
    for name, overlay in drawn.overlays.items():
        red, green, blue, opacity = np.moveaxis(np.asarray(Image.open(io.BytesIO(overlay)), float), 2, 0)
        assert (red > 200).all()
        assert (np.maximum(green, blue) < 50).all()
        assert opacity.max() == pytest.approx(153, abs=4)  # of 255: the MinIP shows through
        centres[name] = (opacity.sum(axis=0) * np.arange(128)).sum() / opacity.sum()
    assert centres[REFERENCE] == centres[TWO_STAGE] == pytest.approx(63.5, abs=0.7)
    assert abs(centres[THREE_STAGE] - 63.5) == pytest.approx(32, abs=1)


def test_a_missing_pose_is_bad_input(bar):
    with pytest.raises(InputError, match="two-stage, three-stage, reference"):
        blind_case(bar, {TWO_STAGE: np.eye(4)})
