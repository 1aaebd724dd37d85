"""What the header of an X-ray image says about its pixels, wherever the object keeps it: what they are proportional to,
and whether they are as acquired or subtracted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from DeepIterRegLib.common.errors import Field
from DeepIterRegLib.images.dicom_numbers import word_of, words_of
from DeepIterRegLib.images.functional_groups import holder_of, items_of, numbers_of_frame, words_of_frame

if TYPE_CHECKING:
    from pydicom import Dataset

Kind = Literal["raw", "subtracted"]

SUBTRACTED = ("SUBTRACTION", "SUBTRACTED", "SUB", "DSA")
"""Values of Image Type or Frame Type beyond the first two, of the standard (C.8.19.6.1) and of consoles."""


def kind_told(dataset: Dataset, frame: int, file_name: str) -> tuple[Kind | None, str]:
    """What the header says the pixels are, and the tag that says it; None where it is silent.

    Image Type or Frame Type name a subtraction, a code of how the image was derived does, or they call it original;
    Recommended Viewing Mode SUB asks the viewer to subtract. frame: whose functional groups count.
    """
    kinds = words_of_frame(dataset, "FrameType", frame, file_name, field=Field.DSA)
    kinds = kinds or words_of(dataset, "ImageType", file_name, field=Field.DSA)
    if any(word in SUBTRACTED for word in kinds[2:]):
        return "subtracted", "Image Type (0008,0008)"
    if any("SUBTRACTION" in meaning for meaning in _derivations(dataset, frame, file_name)):
        return "subtracted", "Derivation Code Sequence (0008,9215)"
    if kinds[:1] == ["ORIGINAL"]:
        return "raw", "Image Type (0008,0008)"
    if word_of(dataset, "RecommendedViewingMode", file_name, field=Field.DSA) == "SUB":
        return "raw", "Recommended Viewing Mode (0028,1090)"
    return None, ""


def is_linear(dataset: Dataset, frame: int, file_name: str) -> bool:
    """Whether pixels are proportional to the X-ray intensity: Pixel Intensity Relationship (0028,1040) LIN."""
    return words_of_frame(dataset, "PixelIntensityRelationship", frame, file_name, field=Field.DSA)[:1] == ["LIN"]


def is_inverted(dataset: Dataset, frame: int, file_name: str) -> bool:
    """Whether the tags say that more X-rays make a pixel darker: what stands in where the pixels do not tell."""
    sign = numbers_of_frame(dataset, "PixelIntensityRelationshipSign", frame, file_name, field=Field.DSA)
    if sign is not None:
        return bool(sign[0] == -1)
    return word_of(dataset, "PhotometricInterpretation", file_name, field=Field.DSA) == "MONOCHROME1"


def rescale(dataset: Dataset, frame: int, file_name: str) -> tuple[float, float]:
    """Rescale Slope (0028,1053) and Intercept (0028,1052); 1 and 0 where there are none.

    Raises InputError for numbers that are none.
    """
    slope = numbers_of_frame(dataset, "RescaleSlope", frame, file_name, count=1, field=Field.DSA)
    intercept = numbers_of_frame(dataset, "RescaleIntercept", frame, file_name, count=1, field=Field.DSA)
    return float(slope[0]) if slope is not None and slope[0] else 1.0, 0.0 if intercept is None else float(intercept[0])


def _derivations(dataset: Dataset, frame: int, file_name: str) -> list[str]:
    """The meanings of the codes that say how a frame was derived, in capitals."""
    holder = holder_of(dataset, "DerivationCodeSequence", frame, file_name, field=Field.DSA)
    if holder is None:
        return []
    items = items_of(holder, "DerivationCodeSequence", file_name, Field.DSA)
    return [word_of(item, "CodeMeaning", file_name, field=Field.DSA) for item in items]
