"""The answers of a blind comparison as a table in the scene, and as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from DeepIterRegLib.mrml.nodes.node_attributes import ROLE, role
from DeepIterRegLib.mrml.review.session import ReviewSession
from DeepIterRegLib.review.answers import COLUMNS, PANEL_COLUMNS, panel_row, write_answers

TABLE_NAME = "Registration review"


def add_table(scene: Any, session: ReviewSession) -> Any:
    """A new vtkMRMLTableNode with the answers of a session; the columns are PANEL_COLUMNS."""
    import vtk

    node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(TABLE_NAME))
    node.SetAttribute(ROLE, "review")
    rows = [panel_row(answer, session.seed) for answer in session.answers]
    kinds = {int: vtk.vtkIntArray, float: vtk.vtkDoubleArray, str: vtk.vtkStringArray}
    modified = node.StartModify()
    for column, name in enumerate(PANEL_COLUMNS):
        array = kinds[type(rows[0][column])]()
        array.SetName(name)
        for row in rows:
            array.InsertNextValue(row[column])
        node.AddColumn(array)
        node.SetColumnDescription(name, COLUMNS[name])
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
    table = node.GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    rows = (
        [table.GetValue(row, index).ToString() for index in range(len(columns))]
        for row in range(table.GetNumberOfRows())
    )
    write_answers(Path(path), [column.GetName() for column in columns], rows)
