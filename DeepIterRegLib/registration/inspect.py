"""What a file or folder is read as: one page that people can send instead of a patient's images.

It reads by the functions that a registration reads by, and tells what those noted (`images/reading_notes.py`). On the
page are no name, date or UID, and of a path not even the last part, which may be a patient's: the files are numbered in
the order in which they were given. Of the tags it shows those in `SHOWN`, which hold numbers and code words alone.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from DeepIterRegLib import __version__
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import QUANTITIES, Field, InputError, Names, UserError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_file import read_carm
from DeepIterRegLib.geometry.pose import PATIENT_AXES
from DeepIterRegLib.geometry.rigid import rotation_angle_deg
from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dicom_numbers import label_of
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.reading_notes import ASSUMED, GIVEN, ReadingNotes, SeriesRead, noted_reading
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.registration.images import Deferred, PatientImages

T = TypeVar("T")
ReadAs = Literal["cta", "vessels", "3dra", "dsa", "x-ray", "transform", "c-arm"]

KINDS = {"cta": "CT angiogram", "vessels": "CT angiogram without its bones", "3dra": "rotational 3D angiogram"}
TRANSFORM_SUFFIXES = {".tfm", ".txt", ".h5", ".mat", ".xfm"}
SHOWN = (
    "Modality", "ImageType", "FrameType", "PatientPosition", "PatientOrientation", "NumberOfFrames", "Rows", "Columns",
    "SamplesPerPixel", "BitsStored", "PixelRepresentation", "PhotometricInterpretation", "BurnedInAnnotation",
    "PositionerPrimaryAngle", "PositionerSecondaryAngle", "PositionerPrimaryAngleIncrement",
    "PositionerSecondaryAngleIncrement", "PositionerMotion", "DetectorPrimaryAngle", "DetectorSecondaryAngle",
    "PositionerIsocenterPrimaryAngle", "PositionerIsocenterSecondaryAngle",
    "PositionerIsocenterDetectorRotationAngle", "DistanceSourceToDetector", "DistanceSourceToPatient",
    "DistanceSourceToIsocenter", "EstimatedRadiographicMagnificationFactor", "ImagerPixelSpacing",
    "ObjectPixelSpacingInCenterOfBeam", "DetectorElementSpacing", "DetectorElementPhysicalSize", "DetectorBinning",
    "PhysicalDetectorSize", "DetectorActiveDimensions", "DetectorActiveOrigin", "PositionOfIsocenterProjection",
    "IsocenterProjection", "FieldOfViewShape", "FieldOfViewDimensions", "FieldOfViewDimensionsInFloat",
    "FieldOfViewOrigin", "FieldOfViewRotation", "FieldOfViewHorizontalFlip", "TableMotion", "TableVerticalIncrement",
    "TableLateralIncrement", "TableLongitudinalIncrement", "TableTopVerticalPosition", "TableTopLongitudinalPosition",
    "TableTopLateralPosition", "TableXPositionToIsocenter", "TableYPositionToIsocenter", "TableZPositionToIsocenter",
    "TableHorizontalRotationAngle", "TableHeadTiltAngle", "TableCradleTiltAngle", "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign", "RecommendedViewingMode", "MaskOperation", "MaskFrameNumbers",
    "MaskSubPixelShift", "RescaleSlope", "RescaleIntercept", "FrameTime", "FrameTimeVector", "CineRate",
    "RecommendedDisplayFrameRate", "ShutterShape", "ShutterLeftVerticalEdge", "ShutterRightVerticalEdge",
    "ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge", "CenterOfCircularShutter", "RadiusOfCircularShutter",
    "CollimatorShape", "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness",
    "GantryDetectorTilt", "KVP", "ReconstructionDiameter",
)  # fmt: skip
"""Tags that hold nothing of the patient, in the order of the page."""
WORDS = frozenset({
    "CT", "XA", "RF", "DX", "CR", "MR", "PT", "US", "ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "AXIAL",
    "LOCALIZER", "VOLUME", "MIXED", "NONE", "SINGLE PLANE", "BIPLANE A", "BIPLANE B", "SINGLE A", "SINGLE B",
    "SUBTRACTION", "SUBTRACTED", "SUB", "NAT", "DSA", "ANGIO", "MPR", "REFORMATTED", "RESAMPLED", "MONOCHROME1",
    "MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YES", "NO", "STATIC", "DYNAMIC", "RECTANGLE",
    "ROUND", "HEXAGONAL", "RECTANGULAR", "CIRCULAR", "POLYGONAL", "LIN", "LOG", "DISP", "DRM", "OTHER", "AVG_SUB",
    "TID", "REV_TID", *PATIENT_AXES,
})  # fmt: skip
"""What those tags say in words. Anything else may have got there by mistake, and is not shown."""
LETTERS = re.compile("[RLAPHF]{1,3}")
"""Of Patient Orientation."""
SHORTEST_NAME = 4
MOST_VALUES = 8
HIDDEN = "..."
SAFE_VALUES = {
    "tag",
    "tags",
    "unit",
    "key",
    "keys",
    "known",
    "image",
    "missing",
    "parts",
    "option",
    "column",
    "columns",
}
"""Of an error's values that are text, those that we wrote."""
NUMBER = re.compile(r"(?!\d{8}\b)[-+0-9.,\\ e]{1,24}|nan|inf|-inf")
"""Of others, what is shown: numbers, but no date."""


@dataclass(frozen=True)
class Fact:
    """One line of the page."""

    name: str
    value: str
    source: str = ""
    """The tag or the part of the file that it came from, or `ASSUMED`; nothing where it follows from other lines."""


@dataclass(frozen=True)
class Refusal:
    """Why a file cannot be what it was tried as."""

    tried_as: str
    """ "cta", "dsa", "transform" or "c-arm"."""
    sentence: str


@dataclass(frozen=True)
class Inspection:
    """What one file or folder was read as."""

    name: str
    """ "file 1", "folder 2", or what it is in a registration: "CTA", "DSA", "DSA 2"."""
    read_as: ReadAs | None
    """None where it was refused."""
    series: tuple[SeriesRead, ...] = ()
    """Of a folder's slices."""
    geometry: tuple[Fact, ...] = ()
    pixels: tuple[Fact, ...] = ()
    tags: tuple[Fact, ...] = ()
    said: tuple[str, ...] = ()
    """What a registration would warn of, and what it takes for granted."""
    refused: tuple[Refusal, ...] = ()
    """Why it is not read as anything."""

    @property
    def assumed(self) -> tuple[Fact, ...]:
        """What nothing in the file says."""
        return tuple(fact for fact in (*self.geometry, *self.pixels) if fact.source == ASSUMED)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: schemas/inspect.schema.json."""
        return {**asdict(self), "assumed": [asdict(fact) for fact in self.assumed]}


@dataclass(frozen=True)
class _Page:
    """One file, folder or image, while it is looked at."""

    name: str
    names: Names
    file_name: str = ""
    unread: str = GIVEN
    """The source of values for which no tag was read."""

    def text(self, sentence: str) -> str:
        """Without the name of the file, wherever it stands; shorter names are words of ours as well ("CTA")."""
        if len(self.file_name) < SHORTEST_NAME:
            return sentence
        return re.sub(rf"(?<!\w){re.escape(self.file_name)}(?!\w)", self.name, sentence)


def versions() -> dict[str, str]:
    """Of what reads."""
    return {
        "deepiterreg": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        **{name: version(name) for name in ("numpy", "pydicom", "SimpleITK")},
    }


def inspect_paths(
    paths: Sequence[str | os.PathLike[str]], geometry: GeometryOptions | None = None, names: Names = QUANTITIES
) -> list[Inspection]:
    """What every file or folder is read as: as the CTA and as the DSA, and whether as both.

    geometry: what the user says of the C-arm; files without tags need all of it. names: a front end's words for what
    the sentences name. Never raises InputError: what is refused says why.
    """
    found: list[Inspection] = []
    for number, given in enumerate(paths, start=1):
        path = Path(given).expanduser()
        page = _Page(f"{'folder' if path.is_dir() else 'file'} {number}", names, path.name)
        found += _inspect(page, path, geometry)
    return found


def _inspect(page: _Page, path: Path, geometry: GeometryOptions | None) -> list[Inspection]:
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[ReadingNotes], Inspection]]
    if suffix == ".json":
        of_file = replace(page, unread="the file")
        readers = {"c-arm": lambda notes: _of_carm(of_file, read_carm(path))}
    elif suffix in TRANSFORM_SUFFIXES:
        readers = {"transform": lambda notes: _of_transform(page, read_transform(path))}
    else:
        readers = {
            "cta": lambda notes: _of_volume(page, read_volume(path), notes),
            "dsa": lambda notes: _of_run(page, read_angiogram(path, geometry), notes),
        }
    return _read_as(page, readers)


def inspect_images(images: PatientImages, names: Names = QUANTITIES) -> list[Inspection]:
    """The same of the images of a registration, however they come: what Slicer's panel registers.

    Images that are fetched are fetched here, as a registration does it. Never raises InputError.
    """
    count = len(images.angiograms)
    found = _read_as(
        _Page("CTA", names), {"cta": lambda notes: _of_volume(_Page("CTA", names), _fetched(images.volume), notes)}
    )
    for number, run in enumerate(images.angiograms, start=1):
        page = _Page(f"DSA {number}" if count > 1 else "DSA", names, unread="given, or read before")
        found += _read_as(page, {"dsa": lambda notes, page=page, run=run: _of_run(page, _fetched(run), notes)})  # type: ignore[misc]
    return found


def _fetched(image: T | Deferred[T]) -> T:
    return image.fetch() if isinstance(image, Deferred) else image


def _read_as(page: _Page, readers: Mapping[str, Callable[[ReadingNotes], Inspection]]) -> list[Inspection]:
    """What the readers make of it: of all that read it, else why none does."""
    found: list[Inspection] = []
    refused: list[Refusal] = []
    seen: list[ReadingNotes] = []
    for tried_as, read in readers.items():
        with noted_reading() as notes, quiet_readers():
            seen.append(notes)
            try:
                found.append(read(notes))
            except InputError as error:
                sentence = page.text(without_contents(error, page.name).told(page.names))
                refused.append(Refusal(tried_as, sentence))
    if found:
        return found
    return [
        Inspection(
            page.name,
            None,
            series=tuple(_safe_series(series) for notes in seen for series in notes.series),
            tags=_tags(max(seen, key=lambda notes: len(notes.tags))),
            refused=tuple(refused),
        )
    ]


def _of_volume(page: _Page, volume: Volume, notes: ReadingNotes) -> Inspection:
    axes = volume.ijk_to_ras[:3, :3] / volume.spacing_mm
    count = volume.voxels.shape[::-1]
    sources = [decision.source for decision in notes.decisions if decision.what == "Place in the patient"]
    source = sources[-1] if sources else _source(notes, "ImageOrientationPatient")
    place = _source(notes, "ImagePositionPatient", otherwise=source)
    geometry = (
        Fact("Voxels", _joined(count)),
        Fact("Voxel size, mm", _joined(volume.spacing_mm), _source(notes, "PixelSpacing", otherwise=source)),
        Fact("Extent, mm", _joined(volume.spacing_mm * count, "{:.0f}")),
        Fact("Axes point to", ", ".join(_direction(axis) for axis in axes.T), source),
        Fact("Axes", "right-handed" if np.linalg.det(axes) > 0 else "left-handed", source),
        Fact("Centre, RAS, mm", _joined(volume.centre_mm, "{:.1f}"), place),
    )
    step = tuple(slice(None, None, max(1, n // 64)) for n in volume.voxels.shape)
    low, middle, high = np.percentile(volume.voxels[step], [0.1, 50, 99.9])
    unit = "arbitrary" if volume.kind == "3dra" else "HU"
    pixels = (
        *_decisions(notes, leave=("Place in the patient",)),
        Fact("Read as", KINDS[volume.kind], "the values"),
        Fact(f"Values, {unit} (0.1, 50, 99.9 %)", f"{low:g}, {middle:g}, {high:g}", _source(notes, "RescaleSlope")),
        Fact("Type of the values", str(volume.voxels.dtype)),
    )
    series = tuple(_safe_series(series) for series in notes.series)
    said = tuple(page.text(warning) for warning in volume.warnings)
    return Inspection(page.name, volume.kind, series, geometry, pixels, _tags(notes), said)


def _of_run(page: _Page, run: Angiogram, notes: ReadingNotes) -> Inspection:
    position = run.patient_position
    facts = [*_carm_facts(run.carm, notes, page.unread)]
    unread = ASSUMED if page.unread == GIVEN else page.unread
    facts.append(Fact("Patient Position", position, _source(notes, "PatientPosition", otherwise=unread)))
    facts += _on_detector(run.carm, position)
    facts += _decisions(notes, of=GEOMETRY_DECISIONS)
    pixels = [*_decisions(notes, leave=(*GEOMETRY_DECISIONS, "Patient Position", *Field))]
    pixels.append(Fact("Frames with contrast", str(len(run.frames))))
    pixels.append(Fact("Head without contrast", "none" if run.native is None else run.native.source))
    pixels.append(Fact("Image that is not shuttered", f"{run.valid.mean():.0%}"))
    if run.frame_times_s is not None and len(run.frame_times_s) > 1:
        times = _source(notes, "FrameTimeVector", "FrameTime", "CineRate", "RecommendedDisplayFrameRate")
        pixels.append(Fact("Seconds from the first frame to the last", f"{run.frame_times_s[-1]:.2f}", times))
    if run.head_motion is not None and len(run.head_motion):
        motion = float(np.hypot(*run.head_motion[:, :2].T).max())
        pixels.append(Fact("Motion of the head, px", f"{motion:.1f}", "the pixels"))
    read_as: ReadAs = "dsa" if run.shows_contrast else "x-ray"
    said = tuple(page.text(sentence) for sentence in (*run.warnings, *run.assumed))
    return Inspection(page.name, read_as, (), tuple(facts), tuple(pixels), _tags(notes), said)


GEOMETRY_DECISIONS = ("Image against an upright one", "Isocentre in the image")


def _carm_facts(carm: CArm, notes: ReadingNotes, unread: str) -> Iterable[Fact]:
    """unread: the source of values that no reader has decided on."""
    decided = {decision.what: decision.source for decision in notes.decisions}

    def fact(name: str, value: str, what: Field) -> Fact:
        source = decided.get(what, unread)
        return Fact(name, value, source if source in (GIVEN, unread) else _source(notes, source, otherwise=source))

    for name, number, what in (
        ("Primary angle (LAO positive), degrees", carm.primary_angle_deg, Field.PRIMARY_ANGLE),
        ("Secondary angle (cranial positive), degrees", carm.secondary_angle_deg, Field.SECONDARY_ANGLE),
        ("Source to detector, mm", carm.sdd_mm, Field.SDD),
        ("Source to isocentre, mm", carm.sid_mm, Field.SID),
    ):
        yield fact(name, "none" if number is None else f"{number:.6g}", what)
    yield fact("Pixel at the detector (rows, columns), mm", _joined(carm.pixel_spacing_mm), Field.PIXEL_SPACING)
    yield Fact("Rows, columns", f"{carm.rows}, {carm.columns}")
    yield Fact("Central ray meets the detector at column, row", _joined(carm.principal_point_px, "{:.1f}", ", "))


def _on_detector(carm: CArm, position: str) -> Iterable[Fact]:
    """Where the image's right and bottom are in a patient who lies as Patient Position says."""
    axes = PATIENT_AXES.get(position)
    if axes is None:
        return
    for name, direction in (("right", carm.column_direction), ("bottom", carm.row_direction)):
        yield Fact(f"The image's {name} is the patient's", _direction(axes.T @ direction), "the angles")


def _of_transform(page: _Page, pose: FloatArray) -> Inspection:
    geometry = (
        Fact("Turns by, degrees", f"{rotation_angle_deg(pose):.2f}"),
        Fact("Moves by, RAS, mm", _joined(pose[:3, 3], "{:.2f}")),
    )
    return Inspection(page.name, "transform", geometry=geometry)


def _of_carm(page: _Page, carm: CArm) -> Inspection:
    facts = tuple(_carm_facts(carm, ReadingNotes(), page.unread))
    return Inspection(page.name, "c-arm", geometry=facts)


def _source(notes: ReadingNotes, *keywords: str, otherwise: str = "") -> str:
    """The first of the tags that was read, as a person knows it."""
    for keyword in keywords:
        for nested in (True, False):
            if (keyword, nested) in notes.tags:
                return label_of(keyword) + (", in functional groups" if nested else "")
    return otherwise


def _decisions(notes: ReadingNotes, of: tuple[str, ...] | None = None, leave: tuple[str, ...] = ()) -> list[Fact]:
    """The last decision of each kind."""
    found = {
        decision.what: Fact(decision.what, decision.value, decision.source)
        for decision in notes.decisions
        if decision.what not in leave and (of is None or decision.what in of)
    }
    return list(found.values())


def _tags(notes: ReadingNotes) -> tuple[Fact, ...]:
    """The tags that were read and may be shown."""
    found = []
    for keyword in SHOWN:
        for nested in (False, True):
            tag = notes.tags.get((keyword, nested))
            if tag is None:
                continue
            shown = [value if _may_be_shown(keyword, value) else HIDDEN for value in tag.values[:MOST_VALUES]]
            more = ["..."] if len(tag.values) > MOST_VALUES else []
            varies = " (the first; others differ)" if tag.varies else ""
            place = "functional groups or another sequence" if nested else "data set"
            found.append(Fact(label_of(keyword), "\\".join([*shown, *more]) + varies, place))
    return tuple(found)


def _may_be_shown(keyword: str, value: str) -> bool:
    if keyword == "PatientOrientation":
        return bool(LETTERS.fullmatch(value))
    return value in WORDS or bool(NUMBER.fullmatch(value))


def _safe_series(series: SeriesRead) -> SeriesRead:
    number = series.number if series.number.isascii() and series.number.isdigit() and len(series.number) < 6 else "?"
    return SeriesRead(number, series.slices, series.others, series.taken)


def without_contents(error: UserError, name: str) -> UserError:
    """The error without what it quotes from the file, numbers aside."""

    def kept(key: str, value: Any) -> Any:
        if isinstance(value, UserError):
            return without_contents(value, name)
        if isinstance(value, tuple):
            return tuple(kept(key, part) for part in value)
        # A field is a text as well, but ours.
        if type(value) is not str or key in SAFE_VALUES or NUMBER.fullmatch(value):
            return value
        return value if key == "modality" and value in WORDS else HIDDEN

    copy = error.about(name)
    copy.values = {key: name if key == "file" else kept(key, value) for key, value in error.values.items()}
    return copy


def _direction(vector: FloatArray) -> str:
    """The patient's directions that a vector (3,), RAS, points to: the nearest one, and others within 70 degrees."""
    letters = [
        (abs(float(x)), pair[0] if x > 0 else pair[1]) for x, pair in zip(vector, ("RL", "AP", "SI"), strict=True)
    ]
    return "".join(letter for size, letter in sorted(letters, reverse=True) if size > 0.34) or "?"


def _joined(values: Iterable[float], form: str = "{:.6g}", by: str = " x ") -> str:
    return by.join(form.format(value) for value in values)
