"""Overlap of simulated segmentations with the truth: the table of docs/measurements/segmentations.md.

Run it as `python -m Testing.tools.measure_segmentations`; it takes a minute for each patient.
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np

from DeepIterRegLib.research.simulate.patient import simulate_patient
from DeepIterRegLib.research.simulate.segmentations.segmentation_defects import dice
from DeepIterRegLib.research.simulate.segmentations.segmentation_quality import SegmentationQuality
from DeepIterRegLib.research.simulate.segmentations.segmentations import SEEN_MM, segment

QUALITIES = ("realistic", "poor")
COLUMNS = ("CTA vessels", "CTA skull veins", "DSA vessels", "DSA veins", "DSA arteries")
DRAWS = 4
"""Segmentations of each patient."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=range(1, 7), help="patients (default: 1 to 6)")
    seeds = list(parser.parse_args().seeds)
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in QUALITIES}
    for seed in seeds:
        patient = simulate_patient(seed)
        run = patient.runs[0]
        arteries, veins = run.arteries_mm > SEEN_MM, run.veins_mm > SEEN_MM
        for name in QUALITIES:
            for draw in range(DRAWS):
                other = dataclasses.replace(patient, seed=1000 * draw + seed)
                masks = segment(other, SegmentationQuality.named(name))
                vessels, found_veins = masks.dsa[0]
                of_arteries = dice(vessels & ~found_veins, arteries & ~veins)
                found[name].append((*masks.cta_dice, *masks.dsa_dice[0], of_arteries))
    print(f"| quality | {' | '.join(COLUMNS)} |")
    print(f"| --- |{' --- |' * len(COLUMNS)}")
    for name, rows in found.items():
        cells = (f"{np.median(column):.2f} (SD {np.std(column):.2f})" for column in np.transpose(rows))
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
