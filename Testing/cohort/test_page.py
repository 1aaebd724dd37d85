"""The page for quality control: what it shows, in which order, and what becomes of the marks made on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from DeepIterRegLib.cohort.log import CohortLog
from DeepIterRegLib.cohort.marks import MARKS_FILE, Mark, fitting, merged, read_marks, write_marks
from DeepIterRegLib.cohort.page import write_page
from DeepIterRegLib.cohort.patient_result import PatientResult
from DeepIterRegLib.cohort.run import outcomes, register_cohort
from DeepIterRegLib.common.errors import InputError
from Testing.support.browser import CHROMIUM, driven
from Testing.support.cohort_case import AtOnce, cohort_of, pretend, write_table

NASTY = "<script>alert(1)</script>"


def some(folder: Path, *names: str) -> list[PatientResult]:
    cohort = cohort_of(write_table(folder, *names))
    log = CohortLog(folder / "out", pseudonymised=False)
    register_cohort(cohort, log, AtOnce(), lambda outcome, before: None, pretend)
    return list(outcomes(cohort, log, {}))


def page_of(
    folder: Path, found: Sequence[PatientResult], marks: dict[str, Mark] | None = None, embed: bool = False
) -> str:
    write_page(folder / "out", lambda: found, marks or {}, embed)
    return (folder / "out" / "index.html").read_text()


def test_the_least_confident_come_first_and_those_without_result_before_them(tmp_path: Path) -> None:
    found = some(tmp_path, "A", "B", "refused C", "D")
    shown = re.findall(r'data-probability="([^"]*)"', page_of(tmp_path, found))
    assert shown[0] == ""
    assert [float(text) for text in shown[1:]] == sorted(one.probability for one in found if one.probability)


def test_pictures_are_there_and_load_as_they_come_into_view(tmp_path: Path) -> None:
    page = page_of(tmp_path, some(tmp_path, "Müller #1", "refused"))
    pictures = re.findall(r'<img class="\w+" decoding="async" data-src="([^"]+)"', page)
    assert pictures == ["patients/M%C3%BCller%20%25231/before.jpg", "patients/M%C3%BCller%20%25231/after.jpg"]
    assert (tmp_path / "out" / "patients" / "Müller %231" / "before.jpg").exists()
    assert page.count("<img") == 2
    assert not re.findall(r"https?://", page)


def test_an_embedded_page_needs_no_other_file(tmp_path: Path) -> None:
    page = page_of(tmp_path, some(tmp_path, "A"), embed=True)
    assert page.count('src="data:image/jpeg;base64,') == 2
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


def test_nothing_that_a_table_or_a_file_says_breaks_out_of_the_page(tmp_path: Path) -> None:
    found = some(tmp_path, NASTY, "A")
    found[1] = replace(found[1], note='"><img src=x onerror=alert(1)>', mark="unsure", sentence=NASTY)
    page = page_of(tmp_path, found)
    assert page.count("<script") == 2
    assert "onerror=alert(1)>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_keys_mark_filter_and_flicker_in_a_browser(tmp_path: Path) -> None:
    found = some(tmp_path, "A", "B", NASTY, "refused D")
    page_of(tmp_path, found, {"A": Mark("A", found[0].result, "unsure", "old", "2020-01-01T00:00:00.000Z")})
    script = """
      const name = () => document.querySelector("article.current").dataset.patient;
      const order = cards.map((card) => card.dataset.patient), at = [name()];
      press("r"); at.push(name());
      press("a"); press("j"); press("k"); at.push(name());
      press("u"); press("u");
      const note = document.querySelector("article.current .note");
      note.value = 'a "quote"; and, more';
      note.dispatchEvent(new Event("input", { bubbles: true }));
      press(" ");
      const visible = getComputedStyle(document.querySelector(".after")).visibility;
      press(" ");
      press("f"); await wait(700);
      const flickers = document.body.classList.contains("before");
      press("f");
      byId("marked").value = "accepted"; filter();
      const accepted = seen().map((card) => card.dataset.patient);
      byId("marked").value = ""; byId("below").value = "1"; filter();
      const below = seen().map((card) => card.dataset.patient);
      byId("below").value = ""; byId("find").value = "script"; filter();
      const words = seen().map((card) => card.dataset.patient);
      byId("find").value = "nobody"; filter();
      const empty = !byId("empty").hidden;
      byId("save").click();
      return { order, at, visible, flickers, accepted, below, words, empty, csv: await saved[0],
        said: byId("said").textContent, kept: Object.keys(JSON.parse(localStorage.getItem(stored))).length };
    """
    outcome = driven(tmp_path / "out" / "index.html", script)
    order = outcome["order"]
    by_confidence = [one.patient for one in sorted(found, key=lambda one: one.probability or -1.0)]
    assert order == by_confidence
    assert outcome["at"] == [order[0], order[1], order[2]]
    assert outcome["visible"] == "hidden"
    assert outcome["flickers"]
    assert outcome["accepted"] == [order[1]]
    assert outcome["below"] == ["refused D"]
    assert outcome["words"] == [NASTY]
    assert outcome["empty"]
    assert outcome["kept"] == 4
    saved = tmp_path / "saved.csv"
    saved.write_text(outcome["csv"], encoding="utf-8")
    marks = read_marks(saved)
    assert {name: mark.mark for name, mark in marks.items()} == dict(
        zip(order, ["rejected", "accepted", "unsure", "unsure"], strict=True)
    )
    assert marks[order[3]].note == 'a "quote"; and, more'
    assert fitting(marks, found) == (marks, [])


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("first", [0, 150])
def test_of_two_hundred_patients_a_browser_loads_the_pictures_that_are_near(tmp_path: Path, first: int) -> None:
    page_of(tmp_path, some(tmp_path, *(f"patient {number}" for number in range(200))))
    # Headless, it may draw once alone: what is seen is not scrolled to, but at the top.
    page = tmp_path / "out" / "index.html"
    hidden = f"<style>article:nth-of-type(-n + {first}) {{ display: none; }}</style></head>"
    page.write_text(page.read_text(encoding="utf-8").replace("</head>", hidden), encoding="utf-8")
    script = """
      await wait(1500);
      return cards.map((card) => [...card.querySelectorAll("img")].every((one) => one.naturalWidth > 0));
    """
    loaded = driven(page, script)
    assert len(loaded) == 200
    assert loaded[first]
    assert [number for number, done in enumerate(loaded) if done and not 0 <= number - first < 20] == []


def test_marks_survive_a_file_and_a_spreadsheet(tmp_path: Path) -> None:
    marks = {"=A": Mark("=A", "0123456789ab", "accepted", "-fine; really", "2026"), "Ä": Mark("Ä", mark="unsure")}
    path = tmp_path / MARKS_FILE
    write_marks(path, marks.values())
    assert read_marks(path) == marks
    path.write_text("patient;mark\nÄ;rejected\n", encoding="utf-8-sig")
    assert merged(marks, read_marks(path))["Ä"].mark == "rejected"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patient,mark\nA,good\n", "Row 2, column mark of marks.csv is 'good'"),
        ("patient,mark\n,accepted\n", "Row 2, column patient of marks.csv is empty"),
        ("name,mark\nA,accepted\n", "no columns patient and mark"),
        ('patient,mark\n"A,accepted\n', "cannot be read as CSV"),
        ("", "no columns patient and mark"),
    ],
)
def test_marks_that_are_none_are_told_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / MARKS_FILE
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_marks(path)
    assert said in str(caught.value)


def test_a_mark_of_another_result_or_patient_is_left_out_and_told(tmp_path: Path) -> None:
    found = [PatientResult(row=2, patient="A", status="check", result="aaaaaaaaaaaa")]
    marks = {"A": Mark("A", "bbbbbbbbbbbb", "accepted"), "B": Mark("B", mark="accepted")}
    good, said = fitting(marks, found)
    assert good == {}
    assert said == [
        "A was registered again since it was marked; look at it again.",
        "B is marked, but not a patient of this cohort; the mark was left out.",
    ]
