"""Which of a series' images are the CTA's slices: one stack, and what was left out of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.ct.pixels import same_pixels
from DeepIterRegLib.images.ct.slices import LeftOut, Slice
from DeepIterRegLib.images.ct.stack import MIN_SLICES, SAME_PLACE_MM, SliceStack

CLEARLY_MORE = 2.0
"""Something is taken without asking when it has this many times the slices of the next one."""
SAME_DIRECTION, SAME_SPACING = 1e-3, 1e-3
"""Of direction cosines, and part of a pixel's size: what rounding in the files leaves."""
MOST_ODD = 0.1
"""Part of a series that may be left out as odd."""
MOST_AT_AN_END = 3
"""Slices beyond a gap at an end of a stack that may be left out."""
NAMED = 5
"""Images that a warning names."""
TILTED_DEG = 1.0
INTERLEAVED = 0.9
"""Part of neighbouring slices that come from different scans where two are interleaved."""
SCANS = (
    "Temporal Position Index (0020,9128)", "Temporal Position Identifier (0020,0100)", "Stack ID (0020,9056)",
    "Acquisition Number (0020,0012)", "Image Type (0008,0008)", "Frame Type (0008,9007)",
    "Convolution Kernel (0018,1210)",
)  # fmt: skip
"""What does not change from slice to slice within one scan."""


@dataclass(frozen=True, eq=False)
class ChosenStack:
    """The slices of one volume, in the order along their normal."""

    slices: tuple[Slice, ...]
    stack: SliceStack
    warnings: tuple[str, ...]


def choose_stack(slices: Sequence[Slice], others: Iterable[LeftOut], source: Path) -> ChosenStack:
    """The one stack among the images of a series. others: what is no slice at all. source: the file or folder given.

    Left out and named in a warning: localizers and screen saves, a few images of another size or direction, copies,
    a small second scan, single slices far from the rest. Raises InputError where there is no whole stack, or several
    from which nothing tells the right one.
    """
    left = list(others)
    alike = _of_one_geometry(slices, left, source)
    alike = _without_copies(alike, left, source)
    _require_few(left, len(alike), source)
    _require_enough(alike, source)
    chosen, stack = _one_scan(alike, left, source)
    return ChosenStack(tuple(chosen), stack, (*_told(left), *_tilt_warning(chosen, stack)))


def _of_one_geometry(slices: Sequence[Slice], left: list[LeftOut], source: Path) -> list[Slice]:
    """The slices of the most frequent size, pixel spacing and direction; notes the few others in `left`."""
    groups: list[list[Slice]] = []
    for one in slices:
        for group in groups:
            if _differs(one, group[0]) is None:
                group.append(one)
                break
        else:
            groups.append([one])
    if not groups:
        return []
    groups.sort(key=len, reverse=True)
    main = groups[0]
    for group in groups[1:]:
        parallel = _differs(group[0], main[0]) != "another direction"
        if len(main) < CLEARLY_MORE * len(group) or (parallel and len(group) >= MIN_SLICES):
            raise InputError(
                "The slices in {file} differ in size, pixel spacing or orientation; give one series.",
                field=Field.CTA,
                file=source,
            )
        left += [LeftOut(one.name, f"an image of {_differs(one, main[0])}") for one in group]
    return main


def _differs(one: Slice, other: Slice) -> str | None:
    if np.abs(one.orientation - other.orientation).max() > SAME_DIRECTION:
        return "another direction"
    if one.size != other.size:
        return "another size"
    if np.abs(one.spacing_mm - other.spacing_mm).max() > SAME_SPACING * other.spacing_mm.max():
        return "another pixel size"
    return None


def _without_copies(slices: list[Slice], left: list[LeftOut], source: Path) -> list[Slice]:
    """One of each slice that is there twice with the same pixels, unless the slices are phases, which share some."""
    by_place: dict[tuple[float, ...], list[Slice]] = defaultdict(list)
    for one in slices:
        by_place[tuple(np.rint(one.position_mm / SAME_PLACE_MM).tolist())].append(one)
    pairs = [(first, one) for first, *more in by_place.values() for one in more]
    if not pairs or len(pairs) > len(by_place):  # of a perfusion, which would take minutes to compare
        return slices
    same = same_pixels([first for first, _ in pairs], [one for _, one in pairs], source)
    if not same.all() and _scans(slices, source) is not None:
        return slices
    copies = {id(one) for (_, one), is_same in zip(pairs, same, strict=True) if is_same}
    left += [LeftOut(one.name, "a copy of another one") for one in slices if id(one) in copies]
    return [one for one in slices if id(one) not in copies]


def _require_few(left: Sequence[LeftOut], kept: int, source: Path) -> None:
    """Refuse a series of which many images have no place: those may be its slices."""
    placeless = [one for one in left if "without a place" in one.reason]
    if len(placeless) > MOST_ODD * kept:
        raise InputError(
            "{count} images in {file} have no Image Position (0020,0032), Image Orientation (0020,0037) or Pixel "
            "Spacing (0028,0030); export the series again.",
            field=Field.CTA,
            file=source,
            count=len(placeless),
        )


def _require_enough(slices: Sequence[Slice], source: Path) -> None:
    if len(slices) < MIN_SLICES:
        raise InputError(
            "{file} holds only {count} CT slices, too few for a head; give the whole series.",
            field=Field.CTA,
            file=source,
            count=len(slices),
        )


def _one_scan(slices: list[Slice], left: list[LeftOut], source: Path) -> tuple[list[Slice], SliceStack]:
    """The slices of one scan in their order; notes those of others in `left`. Raises InputError."""
    try:
        ordered, stack = _stacked(slices, source)
    except InputError as error:
        scans = _scans(slices, source)
        if scans is not None:
            return _larger_scan(*scans, left, source, error)
        trimmed = _without_far_ends(slices, left)
        if trimmed is None:
            raise
        ordered, stack = _stacked(trimmed, source, error)
        return ordered, stack
    for mark in SCANS:
        values = [one.marks.get(mark, "") for one in ordered]
        changes = sum(a != b for a, b in pairwise(values))
        counts = Counter(values)
        if len(counts) == 2 and changes > INTERLEAVED * (len(values) - 1) and min(counts.values()) >= MIN_SLICES:
            raise _several(mark, {v: [one for one in ordered if one.marks.get(mark, "") == v] for v in counts}, source)
    return ordered, stack


def _stacked(slices: list[Slice], source: Path, instead: InputError | None = None) -> tuple[list[Slice], SliceStack]:
    """Sorted along the normal. Raises InputError, or `instead`, for what is no even stack."""
    first = slices[0]
    try:
        stack, order = SliceStack.from_positions(
            np.array([one.position_mm for one in slices]), first.orientation, first.spacing_mm, source.name
        )
    except InputError:
        if instead is not None:
            raise instead from None
        raise
    return [slices[int(i)] for i in order], stack


def _scans(slices: list[Slice], source: Path) -> tuple[str, dict[str, list[Slice]]] | None:
    """The first mark by which the slices fall apart into whole even stacks and little else, and these."""
    for mark in dict.fromkeys(mark for one in slices for mark in one.marks):
        groups: dict[str, list[Slice]] = defaultdict(list)
        for one in slices:
            groups[one.marks.get(mark, "")].append(one)
        large = {value: group for value, group in groups.items() if len(group) >= MIN_SLICES}
        rest = len(slices) - sum(map(len, large.values()))
        if (
            len(groups) > 1
            and large
            and rest <= MOST_ODD * len(slices)
            and all(_is_even(g, source) for g in large.values())
        ):
            return mark, dict(groups)
    return None


def _is_even(slices: list[Slice], source: Path) -> bool:
    try:
        _stacked(slices, source)
    except InputError:
        return False
    return True


def _larger_scan(
    mark: str, groups: dict[str, list[Slice]], left: list[LeftOut], source: Path, error: InputError
) -> tuple[list[Slice], SliceStack]:
    """The largest, where it is by far. Raises InputError, or `error` for pieces of one scan behind each other."""
    ranked = sorted(groups.values(), key=len, reverse=True)
    if len(ranked[0]) < CLEARLY_MORE * len(ranked[1]):
        (low, high), (other_low, other_high) = (_reach_mm(group) for group in ranked[:2])
        raise _several(mark, groups, source) if low < other_high and other_low < high else error
    for group in ranked[1:]:
        left += [LeftOut(one.name, f"of another scan ({mark})") for one in group]
    return _stacked(ranked[0], source)


def _reach_mm(slices: Sequence[Slice]) -> tuple[float, float]:
    """Along the normal."""
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    heights = [float(one.position_mm @ normal) for one in slices]
    return min(heights), max(heights)


def _several(mark: str, groups: dict[str, list[Slice]], source: Path) -> InputError:
    return InputError(
        "The series in {file} holds {count} phases, scans or reconstructions of the same head, which differ in {tag}: "
        "{sizes} slices; export the one with the most contrast alone for {cta}.",
        field=Field.CTA,
        file=source,
        count=len(groups),
        tag=mark,
        sizes=", ".join(f"{value or 'none'} of {len(group)}" for value, group in sorted(groups.items())),
    )


def _without_far_ends(slices: list[Slice], left: list[LeftOut]) -> list[Slice] | None:
    """Without a few slices beyond a gap at an end; None where there are none."""
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    ordered = sorted(slices, key=lambda one: float(one.position_mm @ normal))
    steps_mm = np.diff([float(one.position_mm @ normal) for one in ordered])
    gaps = np.flatnonzero(steps_mm > 1.5 * np.median(steps_mm))
    first = max((int(gap) + 1 for gap in gaps if gap < MOST_AT_AN_END), default=0)
    last = min((int(gap) + 1 for gap in gaps if gap + 1 >= len(ordered) - MOST_AT_AN_END), default=len(ordered))
    kept = ordered[first:last]
    if len(kept) in (len(ordered), 0) or len(kept) < MIN_SLICES:
        return None
    left += [LeftOut(one.name, "beyond a gap at the end of the stack") for one in ordered[:first] + ordered[last:]]
    return kept


def _told(left: Sequence[LeftOut]) -> tuple[str, ...]:
    """One warning for each reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in left:
        by_reason[one.reason].append(one.name)
    found = []
    for reason, names in by_reason.items():
        shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        found.append(f"Left out of the CTA's series: {shown} ({reason}).")
    return tuple(found)


def _tilt_warning(slices: Sequence[Slice], stack: SliceStack) -> tuple[str, ...]:
    """Where the header speaks of a tilted gantry, and positions and directions show none."""
    tilt_deg = float(np.median([one.tilt_deg for one in slices]))
    upright = abs(abs(stack.direction[2, 2]) - 1) < 1 - np.cos(np.radians(TILTED_DEG))
    straight = np.linalg.norm(stack.drift_mm) < np.tan(np.radians(TILTED_DEG)) * stack.spacing_mm[2]
    if abs(tilt_deg) <= TILTED_DEG or not (upright and straight):
        return ()
    return (
        f"The CTA's Gantry/Detector Tilt (0018,1120) is {tilt_deg:.1f} degrees, but its slices lie straight above each "
        "other; that was believed. If it was not straightened after the scan, the head is sheared and the pose wrong.",
    )
