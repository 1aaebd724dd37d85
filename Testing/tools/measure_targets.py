"""How far a target lies from where it is drawn: `python -m Testing.tools.measure_targets register|summary FOLDER`.

register: simulated patients are made and registered, one after the other, and what the summary needs is kept in FOLDER,
a file for each patient; what is there is not done again. summary: the tables of docs/measurements/targets.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_json import carm_to_json
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import register

FIRST_SEED, COUNT = 330_000, 20
DETECTOR_PX, CT_COLUMNS = 512, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("register", "summary"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    args = parser.parse_args()
    {"register": register_all}[args.step](args)


def register_all(args: argparse.Namespace) -> None:
    """A lateral run of each patient, stored raw, registered by the default method."""
    from DeepIterRegLib.research.simulate.files.truth import truth_of
    from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
    from DeepIterRegLib.research.simulate.patient import PatientOptions, simulate_patient

    args.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(args.first, args.first + args.count):
        path = args.folder / f"{seed}.npz"
        if path.exists():
            continue
        began = time.process_time()
        patient = simulate_patient(seed, PatientOptions(detector_px=DETECTOR_PX, ct_columns=CT_COLUMNS))
        with tempfile.TemporaryDirectory() as folder:
            write_xa(patient.runs[0], Path(folder) / "run.dcm", form="raw", seed=seed)
            angiogram = read_angiogram(Path(folder) / "run.dcm")
        try:
            images = PreparedImages(prepare_volume(patient.volume), (prepare_angiogram(angiogram),))
            found = register(images, Options())
        except InputError as error:
            print(seed, "refused:", error, flush=True)
            continue
        assert found.confidence is not None
        cloud, volume = images.volume.cloud, images.volume
        np.savez_compressed(
            path,
            truth=json.dumps(truth_of(patient)),
            pose=found.pose,
            covariance=found.confidence.covariance,
            verdict=found.confidence.verdict,
            centre_mm=volume.frame.centre_mm,
            carm=carm_to_json(found.angiograms[0].angiogram.carm),
            positions_mm=cloud.positions_mm,
            weights_mm3=cloud.weights_mm3,
            is_vein=cloud.is_vein,
            cell_mm=cloud.cell_mm,
            cloud_centre_mm=cloud.centre_mm,
            ijk_to_ras=volume.volume.ijk_to_ras,
            shape=volume.volume.voxels.shape,
        )
        print(seed, found.confidence.verdict, f"{time.process_time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
