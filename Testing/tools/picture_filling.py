"""The vessel map beside the truth: `python -m Testing.tools.picture_filling PATIENT PNG`.

PATIENT: a patient's folder of `measure_skull simulate --untreated --forms raw`. Registers the run; what is grey in the
truth lies far from any simulated vessel.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.filling.vessel_map import vessel_map
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.filled_image import COLOUR_OF, filled_panel, painted
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.registration.vessel_colours import UNKNOWN_GREY
from Testing.tools.filling_truth import ENHANCED, NEAR_MM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patient", type=Path)
    parser.add_argument("png", type=Path)
    args = parser.parse_args()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    truth, known = np.load(args.patient / "truth.npz"), np.load(args.patient / "filling.npz")
    volume = prepare_volume(Volume(np.load(args.patient / "cta.npy"), truth["ijk"], "cta", "CTA"))
    run = prepare_angiogram(read_angiogram(args.patient / "raw.dcm"))
    found = register(PreparedImages(volume, (run,)))
    distance, nearest = cKDTree(known["positions_mm"]).query(volume.cloud.positions_mm)
    true = np.where(distance > NEAR_MM, 2, np.where(known["fraction"][nearest] >= ENHANCED, 1, 0))
    colours = np.array([COLOUR_OF["not filled"], COLOUR_OF["filled"], UNKNOWN_GREY])
    figure = Figure(figsize=(16, 8.4))
    FigureCanvasAgg(figure)
    panels = (
        ("found: blue filled, orange not, pink cannot tell",
         filled_panel(found, run, vessel_map(volume.cloud, [run], found.pose))),
        ("truth", painted(found, run, true, colours)),
    )  # fmt: skip
    for axes, (title, panel) in zip(figure.subplots(1, 2), panels, strict=True):
        axes.imshow(panel)
        axes.set_title(title, fontsize=16)
        axes.set(xticks=[], yticks=[])
    figure.tight_layout()
    figure.savefig(args.png)


if __name__ == "__main__":
    main()
