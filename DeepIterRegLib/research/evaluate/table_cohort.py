"""A cohort's table as patients of an experiment: what readers found is the truth."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from DeepIterRegLib.cohort.columns import REFERENCES
from DeepIterRegLib.cohort.inputs import image_files, result_key
from DeepIterRegLib.cohort.table import Row, read_table, same_name
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.registration.images import read_images
from DeepIterRegLib.research.evaluate.cohort import CohortPatient, file_stamp
from DeepIterRegLib.research.evaluate.reference import Direction, NoTruth, Place, Reference, read_reference


@dataclass(frozen=True)
class TableCohort:
    """The rows of a table, in their order."""

    table: Path
    """Absolute."""
    direction: Direction
    """Of all its reference transforms."""
    content: str
    """A hash of the table as it was read: what tells two tables apart."""
    rows: Mapping[str, Row] = field(compare=False, repr=False)
    """By patient; "row 7" where the name is missing, or another's too."""

    @classmethod
    def of(cls, table: Path, direction: Direction | None) -> TableCohort:
        """Raises InputError for a file that is no cohort's table, or has no references, or where nobody says which way
        round they are: the two differ by an inverse, and no file tells."""
        rows = read_table(table)
        if not any(row.reference_transform or row.reference_problem for row in rows):
            raise InputError(
                "No row of {file} has a {column}; an experiment needs reference poses to compare with.",
                file=table, column=REFERENCES[0],
            )  # fmt: skip
        if direction is None:
            raise InputError(
                "{file} has reference poses, but nobody says which way round: give --reference-direction carm-to-cta"
                " for transforms as Slicer saves the node of a CTA moved to the C-arm (and as `deepiterreg register`"
                " writes), cta-to-carm for files that take a point of the CTA to the C-arm.",
                file=table,
            )
        names = Counter(same_name(row.name) for row in rows)
        unique = {
            row.name if row.name and names[same_name(row.name)] == 1 else f"row {row.number}": row for row in rows
        }
        return cls(table.absolute(), direction, hashlib.sha256(table.read_bytes()).hexdigest(), unique)

    @property
    def with_reference(self) -> int:
        """Of the rows, as far as one can tell without a look into the files."""
        return sum(row.reference_transform is not None and row.reference_problem is None for row in self.rows.values())

    def names(self) -> Iterator[str]:
        return iter(self.rows)

    def identity(self, name: str) -> Mapping[str, Any]:
        row = self.rows[name]
        references = [getattr(row, column) for column in REFERENCES]
        return {
            "images": result_key(row, self.table.parent, None),
            "references": [None if path is None else file_stamp(path) for path in references],
            "direction": self.direction,
        }

    def load(self, name: str) -> CohortPatient:
        row = self.rows[name]
        # Files of a few lines before images of many megabytes.
        references = tuple(self._references(row))
        if row.problem is not None:
            raise row.problem
        start = None if row.initial_transform is None else read_transform(row.initial_transform)
        return CohortPatient(read_images(image_files(row)), references[0].pose, start, references=references)

    def _references(self, row: Row) -> Iterator[Reference]:
        """Of the first reader, then of the second where there is one. Raises NoTruth."""
        if row.reference_problem is not None:
            raise NoTruth(row.reference_problem.sentence, **row.reference_problem.values)
        if row.reference_transform is None:
            raise NoTruth(
                "Row {row} of {file} has no {column}; without one nobody can tell how well the patient is registered.",
                row=row.number, file=self.table, column=REFERENCES[0],
            )  # fmt: skip
        for column in REFERENCES:
            file = getattr(row, column)
            if file is not None:
                yield read_reference(file, self.direction, Place(self.table, row.number, column))
