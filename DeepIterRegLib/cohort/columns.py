"""The columns of a cohort's table: named as the options of `deepiterreg register`, documented in docs/cohorts.md."""

from __future__ import annotations

from collections.abc import Mapping

from DeepIterRegLib.common.errors import Field

PATIENT, COMMENT = "patient", "comment"

IMAGES = ("cta", "dsa", "dsa2")
NEEDED = (PATIENT, "cta", "dsa")
MASKS = ("cta_vessels", "cta_veins", "dsa_vessels", "dsa_veins", "dsa_vessels2", "dsa_veins2")
CARM_FILES = ("carm", "carm2")
REFERENCES = ("reference_transform", "reference_transform_2")
"""Of one reader and of a second one; registering does not use them."""
VOLUME_KIND = "volume_kind"
NUMBERS_OF_A_RUN = ("primary_angle", "secondary_angle", "sdd", "sid", "pixel_spacing")
ONE_FOR_BOTH = ("sdd", "sid", "pixel_spacing")
"""Of these the first run's number serves the second one as well, where that has none."""
NUMBERS = (*NUMBERS_OF_A_RUN, *(f"{name}2" for name in NUMBERS_OF_A_RUN))
"""A column that ends in 2 is about the second run."""
FILES = (*IMAGES, "initial_transform", *REFERENCES, *MASKS, *CARM_FILES)

COLUMNS = (
    PATIENT, *IMAGES, VOLUME_KIND, "initial_transform", *REFERENCES, *MASKS, *NUMBERS, *CARM_FILES, COMMENT,
)  # fmt: skip
"""All that a table may have, in the order in which we write them."""

COLUMN_OF: Mapping[Field, str] = {
    Field.CTA: "cta",
    Field.DSA: "dsa",
    Field.VOLUME_KIND: "volume_kind",
    Field.CTA_VESSELS: "cta_vessels",
    Field.CTA_VEINS: "cta_veins",
    Field.DSA_VESSELS: "dsa_vessels",
    Field.DSA_VEINS: "dsa_veins",
    Field.PRIMARY_ANGLE: "primary_angle",
    Field.SECONDARY_ANGLE: "secondary_angle",
    Field.SDD: "sdd",
    Field.SID: "sid",
    Field.PIXEL_SPACING: "pixel_spacing",
    Field.CARM: "carm",
    Field.INITIAL_POSE: "initial_transform",
}
"""For the sentences of errors."""
COLUMN_OF_SECOND_RUN: Mapping[Field, str] = {
    field: f"{column}2" if f"{column}2" in COLUMNS else column for field, column in COLUMN_OF.items()
}
"""Of those about the second run."""
