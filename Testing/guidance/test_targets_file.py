"""Targets from files: Slicer's Markups and tables, both frames, and what is wrong with a bad one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.guidance.targets_file import read_targets


def markup(kind="Fiducial", system="LPS", points=((1.0, 2.0, 3.0),), labels=None, **others):
    labels = labels or [f"F-{number}" for number in range(1, len(points) + 1)]
    return {
        "type": kind,
        "coordinateSystem": system,
        "coordinateUnits": "mm",
        "controlPoints": [
            {"id": str(number), "label": label, "position": list(point), "positionStatus": "defined"}
            for number, (point, label) in enumerate(zip(points, labels, strict=True))
        ],
        **others,
    }


def read(tmp_path, *markups, name="targets.mrk.json"):
    path = tmp_path / name
    path.write_text(json.dumps({"@schema": "...", "markups": list(markups)}), encoding="utf-8")
    return read_targets(path)


def table(tmp_path, text, name="targets.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_targets(path)


def test_points_and_curves_of_several_markups_in_both_frames(tmp_path):
    fiducials = markup(points=((1, 2, 3), (4, 5, 6)), labels=("occlusion", "aneurysm"))
    curve = markup("Curve", "RAS", ((1, 2, 3), (4, 5, 6), (7, 8, 9)), ("wire-1", "wire-2", "wire-3"))
    line = markup("Line", points=((0, 0, 0), (1, 1, 1)), name="needle")
    occlusion, aneurysm, wire, needle = read(tmp_path, fiducials, curve, line)
    assert (occlusion.name, occlusion.is_path) == ("occlusion", False)
    assert occlusion.points_mm == pytest.approx(np.array([[-1, -2, 3]]))
    assert aneurysm.points_mm == pytest.approx(np.array([[-4, -5, 6]]))
    assert (wire.name, wire.is_path) == ("wire", True)
    assert wire.points_mm == pytest.approx(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]))
    assert needle.name == "needle"


def test_a_closed_curve_returns_and_a_point_that_was_never_placed_does_not_count(tmp_path):
    ring = markup("ClosedCurve", "RAS", ((0, 0, 0), (1, 0, 0), (0, 1, 0)))
    fiducials = markup(system="RAS", points=((1, 2, 3), (9, 9, 9)), labels=("clot", "ghost"))
    fiducials["controlPoints"][1]["positionStatus"] = "undefined"
    closed, clot = read(tmp_path, ring, fiducials)
    assert closed.points_mm[-1] == pytest.approx(closed.points_mm[0])
    assert clot.name == "clot"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (markup(system="IJK"), r"Markup 1 of targets\.mrk\.json has the coordinate system IJK; it must say LPS or RAS"),
        ({"type": "Fiducial", "controlPoints": []}, "coordinate system None"),
        (markup("ROI"), "neither points nor a line nor a curve"),
        (markup(coordinateUnits="cm"), "is in cm; targets are in mm"),
        (markup("Curve"), "a path of one point"),
        (markup(points=((1, 2, float("nan")),)), "Point 1 of markup 1 .* no position of three numbers"),
        (markup(points=((1, 2),)), "no position of three numbers"),
        (markup(points=(("1", 2, 3),)), "no position of three numbers"),
        (markup(points=((True, 2, 3),)), "no position of three numbers"),
        (markup(points=()), "holds no target"),
        (markup(points=((1, 2, 3), (4, 5, 6)), labels=("clot", "clot")), "has the target clot more than once"),
        (markup(points=[(1, 2, 3)] * 51), "holds 51 targets; give at most 50"),
    ],
)
def test_what_is_wrong_with_a_markups_file(tmp_path, content, sentence):
    with pytest.raises(InputError, match=sentence):
        read(tmp_path, content)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"markups": 3}', '{"other": []}', "[" * 100_000])
def test_what_is_no_markups_file(tmp_path, text):
    with pytest.raises(InputError, match="is not a Markups file of Slicer"):
        table(tmp_path, text, "targets.json")


@pytest.mark.parametrize(
    ("header", "sign"),
    [("name,R,A,S", 1), ("Name, R (mm), A (mm), S (mm)", 1), ("name,r_mm,a_mm,s_mm", 1), ("name,L,P,S", -1)],
)
def test_a_table_says_its_frame_in_its_header(tmp_path, header, sign):
    (clot,) = table(tmp_path, f"{header}\nclot,1,-2.5,3\n")
    assert clot.points_mm == pytest.approx(np.array([[sign * 1, sign * -2.5, 3]]))
    assert not clot.is_path


def test_rows_of_one_name_are_a_path_and_columns_may_stand_anyhow(tmp_path):
    text = "S;note;name;A;R\n3,5;x;wire;2;1\n\n4;;wire;2;1\n7;;clot;8;9\n"
    wire, clot = table(tmp_path, "\ufeff" + text)
    assert wire.is_path
    assert wire.points_mm == pytest.approx(np.array([[1, 2, 3.5], [1, 2, 4]]))
    assert clot.points_mm == pytest.approx(np.array([[9, 8, 7]]))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,x,y,z\nclot,1,2,3\n", "begin with name,R,A,S or name,L,P,S"),
        ("R,A,S\n1,2,3\n", "begin with name"),
        ("name,R,R,A,S\nclot,1,1,2,3\n", "begin with name"),
        ("", "begin with name"),
        ("name,R,A,S\nclot,1,2,3\nclip,1,2\n", r"Row 3 of targets\.csv has no name with three numbers"),
        ("name,R,A,S\nclot,1,2,inf\n", r"Row 2 of targets\.csv"),
        ("name,R,A,S\n,1,2,3\n", "Row 2"),
        ("name,R,A,S\n", "holds no target"),
        ("name,R,A,S\nclot,1,2,3\nclip,1,2,3\nclot,1,2,3\n", "clot more than once"),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        table(tmp_path, text)


def test_other_files_are_named_and_what_they_should_be(tmp_path):
    with pytest.raises(InputError, match=r"targets\.txt is neither Slicer's Markups"):
        table(tmp_path, "clot 1 2 3", "targets.txt")
    with pytest.raises(InputError, match="cannot be read as text"):
        read_targets(tmp_path / "missing.csv")
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00\x9c")
    with pytest.raises(InputError, match="cannot be read as text"):
        read_targets(tmp_path / "image.csv")
