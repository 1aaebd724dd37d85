"""The files of a row, as `registration.images` reads them: the columns mean what the options of `register` mean."""

from __future__ import annotations

from DeepIterRegLib.cohort.columns import NUMBERS_OF_A_RUN, ONE_FOR_BOTH
from DeepIterRegLib.cohort.table import Row
from DeepIterRegLib.geometry.carm_file import read_carm
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.registration.images import ImageFiles, Masks

_QUANTITIES = {
    "primary_angle": "primary_angle_deg", "secondary_angle": "secondary_angle_deg", "sdd": "sdd_mm", "sid": "sid_mm",
    "pixel_spacing": "pixel_spacing_mm",
}  # fmt: skip


def row_files(row: Row) -> ImageFiles:
    """What to read of a patient. Raises InputError: the row's problem, and for numbers that no C-arm has."""
    if row.problem is not None or row.cta is None or row.dsa is None:
        raise row.problem or ValueError(f"row {row.number} has no images")
    suffixes = ("", "2")[: 1 if row.dsa2 is None else 2]
    dsas = (row.dsa,) if row.dsa2 is None else (row.dsa, row.dsa2)
    return ImageFiles(
        row.cta,
        dsas,
        row.volume_kind,
        tuple(_geometry(row, suffix) for suffix in suffixes),
        Masks(
            cta_vessels=row.cta_vessels,
            cta_veins=row.cta_veins,
            dsa_vessels=tuple(getattr(row, f"dsa_vessels{suffix}") for suffix in suffixes),
            dsa_veins=tuple(getattr(row, f"dsa_veins{suffix}") for suffix in suffixes),
        ),
    )


def _geometry(row: Row, suffix: str) -> GeometryOptions:
    """Of the first run ("") or the second ("2"), for which some numbers of the first do as well."""
    numbers = {name: getattr(row, f"{name}{suffix}") for name in NUMBERS_OF_A_RUN}
    if suffix:
        numbers |= {name: getattr(row, name) for name in ONE_FOR_BOTH if numbers[name] is None}
    carm = getattr(row, f"carm{suffix}")
    return GeometryOptions(
        **{_QUANTITIES[name]: value for name, value in numbers.items()}, carm=None if carm is None else read_carm(carm)
    )
