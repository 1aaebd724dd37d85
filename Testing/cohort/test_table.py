"""A cohort's table: separators, encodings, paths, and what is wrong with a row."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from DeepIterRegLib.cohort.columns import COLUMNS
from DeepIterRegLib.cohort.table import Row, read_table
from DeepIterRegLib.common.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("cta.nrrd", "dsa.dcm", "dsa2.dcm", "pose.tfm"):
        (tmp_path / "images" / name).write_bytes(b"x")
    return tmp_path


def written(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


PLAIN = "patient,cta,dsa\nA,images/cta.nrrd,images/dsa.dcm\n"


def test_paths_are_relative_to_the_table_and_rows_count_as_in_a_spreadsheet(folder: Path) -> None:
    text = PLAIN + "\nB,images/cta.nrrd,images/dsa.dcm\n"
    first, second = read_table(written(folder, text))
    assert (first.number, first.name, second.number) == (2, "A", 4)
    assert first.cta == folder / "images" / "cta.nrrd"
    assert first.problem is None
    assert first.dsa2 is None


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_byte_order_marks_and_umlauts(folder: Path, separator: str, encoding: str) -> None:
    (folder / "Schädel.nrrd").write_bytes(b"x")
    text = "patient,cta,dsa\r\nMüller,Schädel.nrrd,images/dsa.dcm\r\n".replace(",", separator)
    (row,) = read_table(written(folder, text.encode(encoding)))
    assert row.name == "Müller"
    assert row.problem is None


def test_every_column_is_a_field(folder: Path) -> None:
    given = {"patient": "A", "volume_kind": "3dra", "comment": "first"}
    given |= {name: "images/pose.tfm" for name in COLUMNS if name.endswith(("transform", "_2", "carm", "carm2"))}
    given |= {name: "images/dsa.dcm" for name in COLUMNS if name.startswith(("cta", "dsa"))}
    given |= {name: "1.5" for name in COLUMNS if name not in given}
    (row,) = read_table(written(folder, ",".join(given) + "\n" + ",".join(given.values()) + "\n"))
    assert row.problem is None
    assert {name for name in COLUMNS if name != "patient" and getattr(row, name) in (None, "", "auto")} == set()
    assert row.sdd2 == 1.5


def test_a_decimal_comma_between_semicolons(folder: Path) -> None:
    text = "patient;cta;dsa;sdd\nA;images/cta.nrrd;images/dsa.dcm;1195,5\n"
    assert read_table(written(folder, text))[0].sdd == 1195.5


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("patient,cta,dsa\n", "no row below"),
        ("patient,cta\nA,b\n", "no column dsa"),
        ("patient,cta,dsa,dob\nA,b,c,d\n", "column 'dob' (number 4)"),
        ("patient,cta,dsa,dsa\nA,b,c,d\n", "column dsa twice"),
        ("patient;cta,dsa\nA,b,c\n", "separated by comma and semicolon"),
        ("patient,cta,dsa\nM\xfcller,b,c\n".encode("latin-1"), "Row 2 of table.csv is not UTF-8"),
        (PLAIN + '"B,b,c\n', "Row 3 of table.csv cannot be read"),
        ("patient,cta,dsa\nA\0,b,c\n", "no text file"),
    ],
)
def test_a_table_that_is_none_is_told_in_a_sentence(folder: Path, text: str | bytes, said: str) -> None:
    assert said in refused(written(folder, text))


def test_no_table_at_all(folder: Path) -> None:
    assert "cannot be read" in refused(folder / "absent.csv")
    assert "--find" in refused(folder)


@pytest.mark.parametrize(
    ("head", "cells", "said"),
    [
        ("", ",images/cta.nrrd,images/dsa.dcm", "Row 3, column patient"),
        ("", "B,,images/dsa.dcm", "Row 3, column cta of table.csv is empty"),
        (
            "",
            "B,images/absent.nrrd,images/dsa.dcm",
            "Row 3, column cta of table.csv: images/absent.nrrd does not exist",
        ),
        ("", "B;images/cta.nrrd;images/dsa.dcm", "Row 3 of table.csv has 1 cells, but there are 3 columns"),
        (",sdd", "B,images/cta.nrrd,images/dsa.dcm,far", "Row 3, column sdd of table.csv: 'far' is not a finite"),
        (",volume_kind", "B,images/cta.nrrd,images/dsa.dcm,mr", "Row 3, column volume_kind of table.csv is 'mr'"),
        (",carm", "B,images/cta.nrrd,images/dsa.dcm,images", "images is a folder"),
        (",sdd2", "B,images/cta.nrrd,images/dsa.dcm,1000", "column sdd2 of table.csv is about a second run"),
        ("", f"{'B' * 200},images/cta.nrrd,images/dsa.dcm", "longer than 100 characters"),
    ],
)
def test_what_is_wrong_with_a_row_stays_with_the_row(folder: Path, head: str, cells: str, said: str) -> None:
    text = f"patient,cta,dsa{head}\nA,images/cta.nrrd,images/dsa.dcm{',' * bool(head)}\n{cells}\n"
    good, bad = read_table(written(folder, text))
    assert good.problem is None
    assert bad.problem is not None
    assert said in str(bad.problem)


def test_a_reference_that_is_not_there_hinders_no_registration(folder: Path) -> None:
    text = "patient,cta,dsa,reference_transform\nA,images/cta.nrrd,images/dsa.dcm,absent.tfm\n"
    (row,) = read_table(written(folder, text))
    assert row.problem is None
    assert "column reference_transform" in str(row.reference_problem)


@pytest.mark.parametrize("other", ["A", "a", "A "])
def test_two_patients_of_one_name_are_both_refused(folder: Path, other: str) -> None:
    rows = read_table(
        written(folder, PLAIN + f"{other},images/cta.nrrd,images/dsa.dcm\nB,images/cta.nrrd,images/dsa.dcm\n")
    )
    assert "same name as row 3" in str(rows[0].problem)
    assert "same name as row 2" in str(rows[1].problem)
    assert rows[2].problem is None


def test_five_thousand_rows(folder: Path) -> None:
    text = "patient,cta,dsa\n" + "".join(f"P{n},images/cta.nrrd,images/dsa.dcm\n" for n in range(5000))
    rows = read_table(written(folder, text))
    assert len(rows) == 5000
    assert not any(row.problem for row in rows)


def test_a_row_travels_to_another_process(folder: Path) -> None:
    row = read_table(written(folder, "patient,cta,dsa\nA,x,y\n"))[0]
    copy: Row = pickle.loads(pickle.dumps(row))
    assert str(copy.problem) == str(row.problem)
