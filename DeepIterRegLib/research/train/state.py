"""A training's state on disk: everything that it needs to go on as if it had never stopped. Slicer never loads this."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.research.train.recipe import Recipe

STATE_FILE = "state.safetensors"
FORMAT = "deepiterreg-training-1"


@dataclass(frozen=True)
class Progress:
    """Where a training is. JSON-able but for the recipe, which is so by itself."""

    recipe: Recipe
    source: str
    """Name of the source of anatomy."""
    began_with: str
    """Digest of the checkpoint it began with; "" for random weights."""
    samples: int
    seconds: float
    """Of training, validations included, resumed parts too."""
    validated: int
    """Samples at the last validation; -1 before the first."""
    scaler: dict[str, Any]
    """Of torch's GradScaler; empty where none is used."""


@dataclass(frozen=True, eq=False)
class State:
    """Weights, their average, and the optimiser's moments by the name of the weight."""

    progress: Progress
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    moments: dict[str, dict[str, torch.Tensor]]


def save_state(folder: Path, state: State) -> None:
    """Write `STATE_FILE`, all of it or nothing. Raises OSError."""
    from safetensors.torch import save

    tensors = {f"network/{name}": value for name, value in state.network.items()}
    tensors |= {f"average/{name}": value for name, value in state.average.items()}
    tensors |= {
        f"moments/{name}/{moment}": value
        for name, moments in state.moments.items()
        for moment, value in moments.items()
    }
    values = {**vars(state.progress), "recipe": state.progress.recipe.as_json()}
    text = {"format": FORMAT, "progress": json.dumps(values)}
    content = save({name: value.cpu().contiguous() for name, value in tensors.items()}, text)
    with whole_file(folder / STATE_FILE) as file:
        file.write(content)


def load_state(folder: Path) -> State | None:
    """What `save_state` wrote; None where there is none. Raises InputError for a file that is damaged or foreign."""
    from safetensors import SafetensorError, safe_open

    path = folder / STATE_FILE
    if not path.exists():
        return None
    parts: dict[str, dict[str, Any]] = {"network": {}, "average": {}, "moments": {}}
    try:
        with safe_open(path, framework="pt") as file:
            text = file.metadata() or {}
            if text.get("format") != FORMAT:
                raise _Foreign
            values = json.loads(text["progress"])
            for key in file.keys():  # noqa: SIM118 - not a mapping
                part, name = key.split("/", 1)
                if part == "moments":
                    name, moment = name.rsplit("/", 1)
                    parts[part].setdefault(name, {})[moment] = file.get_tensor(key)
                else:
                    parts[part][name] = file.get_tensor(key)
        progress = Progress(**{**values, "recipe": Recipe.from_json(values["recipe"])})
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, _Foreign) as error:
        what = "is no state of a training by this version" if isinstance(error, _Foreign) else "is damaged"
        raise InputError(
            f"{STATE_FILE} in {folder.name or folder} {what}; delete it to begin again, or train into a new folder with"
            " --output DIR."
        ) from error
    return State(progress, **parts)


class _Foreign(Exception):
    """Not one of ours."""
