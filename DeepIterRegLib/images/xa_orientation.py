"""Whether an XA image was rotated or mirrored before it was stored, from what its header says about that.

An XA image is upright unless its header says otherwise: the patient's head up, seen from the detector (PS3.17
FFF.2.1.3.1.2). Patient Orientation (0020,0020) names where its rows and columns point in the patient, which the C-arm's
angles say too; Field of View Rotation and Horizontal Flip (PS3.3 C.8.11.4) say how it lies against the detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.angle_words import angle_words
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.image_turn import ALL_TURNS, QUARTER_DEG, UPRIGHT, ImageTurn
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE, PATIENT_AXES
from DeepIterRegLib.images.dicom_numbers import words_of
from DeepIterRegLib.images.functional_groups import numbers_of_frame, words_of_frame

if TYPE_CHECKING:
    from pydicom import Dataset

DIRECTIONS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
"""The letters of Patient Orientation, in RAS."""
LATER_LETTERS = 0.5
"""Weight of every further letter: the first is the nearest direction."""
FITS = 1.3
"""Sum of the two cosines between the letters' directions and the image's axes: 1.4 to 2 where the letters are the
nearest ones."""
CLEARLY = 1.0
"""By which another turn has to fit better than the image as it is, before it is believed. Consoles that write the
letters of a frontal view everywhere stay below."""

DETECTOR_TAGS = "Field of View Rotation (0018,7032) and Horizontal Flip (0018,7034)"


def stored_turn(
    dataset: Dataset, carm: CArm, patient_position: str, frame: int, file_name: str
) -> tuple[ImageTurn, list[str]]:
    """How the stored image lies against the upright one, and sentences on what was believed.

    carm: upright, for its directions. patient_position: DICOM's; the angles of a patient who does not lie head first,
    supine, are read in two ways. frame: whose functional groups count. Raises InputError for a rotation that is none.
    """
    told, detector = _letters(dataset, file_name), detector_turn(dataset, frame, file_name)
    if told is None:
        if detector == UPRIGHT:
            return UPRIGHT, []
        return detector, [
            f"{file_name} was {detector} against the detector ({DETECTOR_TAGS}), and has no Patient Orientation"
            " (0020,0020) that confirms it: it was read so, check left and right, and up and down."
        ]
    letters = "\\".join(told)
    readings = [_best_turn(told, carm, np.eye(3))]
    if patient_position != HEAD_FIRST_SUPINE and patient_position in PATIENT_AXES:
        readings.append(_best_turn(told, carm, PATIENT_AXES[patient_position]))
    if all(turn is None for turn in readings):
        return detector, [
            f"{file_name} has the Patient Orientation (0020,0020) {letters}, which does not fit the C-arm's angles"
            f" ({_angles(carm)}), however the image was turned: the angles were used; check them, and left and right."
        ]
    if UPRIGHT in readings:
        if detector == UPRIGHT:
            return UPRIGHT, []
        return UPRIGHT, [
            f"{file_name} was {detector} against the detector ({DETECTOR_TAGS}), but its Patient Orientation"
            f" (0020,0020) {letters} is that of an upright image: that was used; check left and right, and up and down."
        ]
    turns = [turn for turn in readings if turn is not None]
    if detector in turns:
        return detector, [
            f"{file_name} is {detector}: {DETECTOR_TAGS} and Patient Orientation (0020,0020) {letters} say so, and it"
            " was read so."
        ]
    beside = "" if detector == UPRIGHT else f" ({DETECTOR_TAGS} say {detector})"
    return turns[0], [
        f"{file_name} has the Patient Orientation (0020,0020) {letters}, which is that of an image {turns[0]} at the"
        f" C-arm's angles ({_angles(carm)}){beside}: it was read so; check left and right, and the sign of the angles."
    ]


def detector_turn(dataset: Dataset, frame: int, file_name: str) -> ImageTurn:
    """How the stored image lies against the detector: Field of View Rotation and Horizontal Flip.

    Raises InputError for a rotation that is not by right angles.
    """
    rotation = numbers_of_frame(dataset, "FieldOfViewRotation", frame, file_name, count=1, field=Field.CARM)
    rotation_deg = 0.0 if rotation is None else float(rotation[0])
    if rotation_deg % QUARTER_DEG:
        raise InputError(
            "{file} has a Field of View Rotation (0018,7032) of {rotation_deg:g} degrees, which is not by right angles;"
            " export the run as it was acquired[, or give {carm}].",
            field=Field.CARM,
            file=file_name,
            rotation_deg=rotation_deg,
        )
    flip = words_of_frame(dataset, "FieldOfViewHorizontalFlip", frame, file_name, field=Field.CARM)
    return ImageTurn(int(rotation_deg // QUARTER_DEG) % 4, flip[:1] == ["YES"])


def says_how_it_lies(dataset: Dataset, frame: int, file_name: str) -> bool:
    """Whether any tag says that the image is upright, or not."""
    flip = words_of_frame(dataset, "FieldOfViewHorizontalFlip", frame, file_name, field=Field.CARM)
    return bool(flip) or _letters(dataset, file_name) is not None


def _letters(dataset: Dataset, file_name: str) -> tuple[str, str] | None:
    """The two values of Patient Orientation, None where they name no directions."""
    values = words_of(dataset, "PatientOrientation", file_name, field=Field.DSA)
    if len(values) != 2 or not all(value and set(value) <= set(DIRECTIONS) for value in values):
        return None
    return values[0], values[1]


def _best_turn(told: Sequence[str], carm: CArm, patient_axes: FloatArray) -> ImageTurn | None:
    """The turn whose image has rows and columns in the told directions; None where none fits.

    patient_axes: (3, 3) whose columns are the patient's R, A, S in the C-arm frame.
    """
    along_row, down_column = (_direction(value) for value in told)
    fits = {}
    for turn in ALL_TURNS:
        right, down = turn.axes(carm.column_direction, carm.row_direction)
        fits[turn] = float(along_row @ (patient_axes.T @ right) + down_column @ (patient_axes.T @ down))
    best = max(fits, key=lambda turn: fits[turn])
    if fits[best] >= FITS and fits[best] > fits[UPRIGHT] + CLEARLY:
        return best
    return UPRIGHT if fits[UPRIGHT] >= FITS else None


def _direction(letters: str) -> FloatArray:
    """(3,) unit vector, RAS."""
    vector = np.sum([LATER_LETTERS**n * np.array(DIRECTIONS[letter]) for n, letter in enumerate(letters)], axis=0)
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _angles(carm: CArm) -> str:
    return angle_words(carm.primary_angle_deg or 0.0, carm.secondary_angle_deg or 0.0)
