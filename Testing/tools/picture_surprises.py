"""The confidence's surprises, drawn: `python -m Testing.tools.picture_surprises LINES... --to FILE.jpg`.

Of registrations that `measure_confidence` has tried, those that were believed and wrong, and those that were doubted
and right: their patients are simulated anew (half a minute each), registered in the same way, and the overlays of the
true and of the found pose set beside each other.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.confidence.model import load_model, read_model
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.overlay_image import overlay_panels
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.research.confidence.evaluate import Surprise, surprises
from DeepIterRegLib.research.confidence.rows import read_rows
from DeepIterRegLib.research.evaluate.cohort import SimulatedCohort
from DeepIterRegLib.research.simulate.patient import PatientOptions
from Testing.tools.measure_confidence import Patient, Trials
from Testing.tools.measure_skull import SKULL_SHARE, simulate_one

CELL_PX, TITLE_PX, COLUMNS = 300, 34, 4
HARD_SEEDS = range(250_000, 300_000)
QUALITY = 80


def patient_of(seed: int, folder: Path) -> Patient:
    """Simulated where it is not there yet."""
    where = folder / f"p{seed}"
    if not (where / "truth.npz").exists():
        difficulty: Any = "hard" if seed in HARD_SEEDS else "calibrated"
        simulate_one(seed, SimulatedCohort(seed, PatientOptions(difficulty=difficulty), skull_share=SKULL_SHARE), where)
    return Patient.read(where)


def drawn(surprise: Surprise, folder: Path) -> Image.Image:
    """The overlay at the truth on the left, at the result on the right. Another patient's CTA has no truth."""
    seed, kind, form = (surprise.line[name] for name in ("seed", "kind", "form"))
    patient = patient_of(seed, folder)
    other = patient_of(surprise.line["other"], folder) if kind == "stranger" else None
    (make,) = [make for name, stored, make in Trials(patient, other).named() if (name, stored) == (kind, form)]
    trial = make()
    found = register(PreparedImages(trial.volume, (trial.angiogram,)), trial.options)
    truth: FloatArray = found.initial_pose if kind == "stranger" else patient.truth(form)
    (view,) = compare_views(replace(found, initial_pose=truth))
    cell = Image.new("RGB", (2 * CELL_PX, CELL_PX + TITLE_PX), "white")
    for number, panel in enumerate(overlay_panels(view)):
        cell.paste(Image.fromarray(np.asarray(panel)).resize((CELL_PX, CELL_PX)), (number * CELL_PX, TITLE_PX))
    ImageDraw.Draw(cell).text((4, 6), str(surprise), fill="black", font=ImageFont.load_default(15))
    return cell


def sheet(cells: Sequence[Image.Image]) -> Image.Image:
    columns = COLUMNS // 2
    rows = -(-len(cells) // columns)
    width, height = cells[0].size
    whole = Image.new("RGB", (columns * width, rows * height), "white")
    for number, cell in enumerate(cells):
        whole.paste(cell, (number % columns * width, number // columns * height))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, help="the one that ships, if left out")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--to", type=Path, required=True)
    args = parser.parse_args()
    model = load_model() if args.model is None else read_model(args.model.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        cells = []
        for surprise in surprises(read_rows(args.lines), model, args.count):
            cells.append(drawn(surprise, Path(folder)))
            print(surprise, flush=True)
            sheet(cells).save(args.to, quality=QUALITY)


if __name__ == "__main__":
    main()
