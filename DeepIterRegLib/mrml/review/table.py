"""The answers of a blind comparison as a table in the scene, and as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.mrml.nodes.node_attributes import ROLE, role
from DeepIterRegLib.mrml.review.session import ReviewSession
from DeepIterRegLib.review.blind_comparison import SCALE

TABLE_NAME = "Registration review"
COLUMNS = {
    "comparison": "Number, in the order in which they were shown.",
    "left": "Transform whose vessels were shown on the left.",
    "right": "Transform whose vessels were shown on the right.",
    "choice": "1 to 5: the paper's scale, from left definitely better to right definitely better.",
    "words": "The choice in words.",
    "preferred": "Transform that was chosen; empty where both were the same.",
    "comment": "What the reader wrote.",
    "seconds": "For which the pair was shown.",
    "seed": "Of the random order and sides.",
}
SAME_NAME = ""


def add_table(scene: Any, session: ReviewSession) -> Any:
    """A new vtkMRMLTableNode with the answers of a session; the columns are COLUMNS."""
    import vtk

    node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(TABLE_NAME))
    node.SetAttribute(ROLE, "review")
    rows = [
        (
            number, answer.left.name, answer.right.name, answer.choice, SCALE[answer.choice - 1],
            SAME_NAME if answer.preferred is None else answer.preferred.name, answer.comment,
            round(answer.seconds, 1), session.seed,
        )
        for number, answer in enumerate(session.answers, start=1)
    ]  # fmt: skip
    kinds = {int: vtk.vtkIntArray, float: vtk.vtkDoubleArray, str: vtk.vtkStringArray}
    modified = node.StartModify()
    for column, (name, what) in enumerate(COLUMNS.items()):
        array = kinds[type(rows[0][column])]()
        array.SetName(name)
        for row in rows:
            array.InsertNextValue(row[column])
        node.AddColumn(array)
        node.SetColumnDescription(name, what)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.EndModify(modified)
    return node


def last_table(scene: Any) -> Any | None:
    """The newest table of `add_table` in a scene, None where there is none."""
    nodes = (
        scene.GetNthNodeByClass(index, "vtkMRMLTableNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLTableNode"))
    )
    tables = [node for node in nodes if role(node) == "review"]
    return tables[-1] if tables else None


def save_csv(node: Any, path: Path | str) -> None:
    """Write a table to a CSV file (UTF-8, commas), over an existing one. Raises InputError if it cannot be written."""
    path = Path(path)
    table = node.GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.GetName() for column in columns])
    for row in range(table.GetNumberOfRows()):
        writer.writerow([_plain(table.GetValue(row, index).ToString()) for index in range(len(columns))])
    try:
        with whole_file(path) as file:
            # The mark lets a spreadsheet read the accents.
            file.write(text.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise InputError("{file} cannot be written; is the disk full, or the folder read-only?", file=path) from error


def _plain(text: str) -> str:
    """No formula for a spreadsheet."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
