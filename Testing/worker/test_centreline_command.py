"""The worker's centrelines: of the arrays it asks for, and back through JSON as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.guidance.trace import traced
from DeepIterRegLib.worker.commands import command
from DeepIterRegLib.worker.payload import centreline_from_json, centreline_to_json
from DeepIterRegLib.worker.sent_cloud import cloud_arrays, cloud_fields
from Testing.guidance.tubes import forked_cloud


class Application:
    """Answers what a command asks for with files."""

    def __init__(self, folder: Path, arrays: dict[str, Any]) -> None:
        self.folder, self.arrays = folder, arrays

    def ask(self, names: Any) -> dict[str, Path]:
        paths = {name: self.folder / f"{name}.npy" for name in names}
        for name, path in paths.items():
            np.save(path, self.arrays[name])
        return paths


def test_the_command_traces_the_cloud_and_leaves_no_file(tmp_path):
    cloud = forked_cloud()
    arrays = {name: make() for name, make in cloud_arrays(cloud).items()}
    result = command("centreline")(cloud_fields(cloud), Application(tmp_path, arrays))
    found, expected = centreline_from_json(json.loads(json.dumps(result))), traced(cloud)
    assert found.points_mm == pytest.approx(expected.points_mm, abs=0.006)
    assert (found.parent == expected.parent).all()
    assert len(found.curves()) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [{"parent": [0]}, {"radii_mm": []}, {"parent": [5] * 3}])
def test_what_is_no_tree_is_refused(damage):
    content = centreline_to_json(traced(forked_cloud()))
    three = {name: values[:3] for name, values in content.items()}
    with pytest.raises(ValueError, match="no"):
        centreline_from_json({**three, **damage})
