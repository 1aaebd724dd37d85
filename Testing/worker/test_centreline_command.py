"""The worker's centrelines: of the arrays it asks for, and back through JSON as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.guidance.trace import traced
from DeepIterRegLib.worker.centreline import IS_VEIN, POSITIONS, WEIGHTS
from DeepIterRegLib.worker.commands import command
from DeepIterRegLib.worker.payload import centreline_from_json, centreline_to_json
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
    arrays = {POSITIONS: cloud.positions_mm, WEIGHTS: cloud.weights_mm3, IS_VEIN: cloud.is_vein}
    payload = {"cell_mm": cloud.cell_mm, "centre_mm": [0.0, 0.0, 0.0]}
    result = command("centreline")(payload, Application(tmp_path, arrays))
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
