"""The vessels in 3D coloured by the vessel map: whether the run shows them, or when contrast arrives.

What is known of each point is kept in the surfaces' files, colours and numbers, so any Slicer shows it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.filling.branch_map import BranchMap
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.mrml.nodes.pose_json import pose_to_json
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.views.in_steps import at_once
from DeepIterRegLib.mrml.views.surfaces import REFERENCES, surface_of
from DeepIterRegLib.registration.report import rounded_pose
from DeepIterRegLib.registration.vessel_colours import OF_STATE, ColouredBy, arrival_colours, arrival_range

COLOURS: dict[ColouredBy, str] = {"filled": "filled in this run", "arrival": "contrast arrives"}
"""Names of the surfaces' arrays of (N, 3) colours."""
PROBABILITY, ARRIVAL = "probability of being filled", "arrival of contrast"
"""Names of the arrays of (N,) numbers; an arrival that is not known is -1."""
MAP_OF = PREFIX + "map-of"
"""Attribute of a surface: the pose that its map was made at."""
LIMITS = PREFIX + "arrival-limits"
"""Attribute of a surface: first and last arrival and their unit, "0.5 7.2 s"."""
CANNOT_TELL = 1


def keep_map(case: RegisteredCase, found: BranchMap) -> None:
    """Keep a vessel map of a case's pose in use with its surfaces, those that there are."""
    at_once(keep_map_steps(case, found))


def keep_map_steps(case: RegisteredCase, found: BranchMap) -> Iterator[None]:
    """`keep_map`, stopping after each surface."""
    limits = arrival_range(found.arrival)
    for vessels in REFERENCES:
        node = surface_of(case, vessels)
        if node is None or node.GetPolyData() is None or node.GetPolyData().GetNumberOfPoints() == 0:
            continue
        polydata = node.GetPolyData()
        branch = found.branch_at(_points(polydata), veins=vessels == "veins")
        known = branch >= 0
        if not known.any():
            continue
        state = np.where(known, found.state[branch], CANNOT_TELL)
        arrival = np.where(known, found.arrival[branch], np.nan)
        _put(polydata, PROBABILITY, np.where(known, found.probability[branch], 0.5).astype(np.float32))
        _put(polydata, ARRIVAL, np.where(np.isfinite(arrival), arrival, -1).astype(np.float32))
        _put(polydata, COLOURS["filled"], _bytes(np.array(OF_STATE)[state]))
        _put(polydata, COLOURS["arrival"], _bytes(arrival_colours(arrival, limits or (0.0, 1.0))))
        node.SetAttribute(MAP_OF, pose_key(case))
        text = None if limits is None else f"{limits[0]:.4f} {limits[1]:.4f} {'s' if found.in_seconds else 'frame'}"
        node.SetAttribute(LIMITS, text)
        yield


def has_map(case: RegisteredCase) -> bool:
    """Whether the surfaces know what filled at the pose in use."""
    nodes = [node for vessels in REFERENCES if (node := surface_of(case, vessels)) is not None]
    return bool(nodes) and all(node.GetAttribute(MAP_OF) == pose_key(case) and _has_colours(node) for node in nodes)


def arrival_limits(case: RegisteredCase) -> tuple[float, float, str] | None:
    """First and last arrival of a case's map and their unit, "s" or "frame"; None where no arrival is known."""
    for vessels in REFERENCES:
        node = surface_of(case, vessels)
        words = ((None if node is None else node.GetAttribute(LIMITS)) or "").split()
        if len(words) == 3:
            return float(words[0]), float(words[1]), words[2]
    return None


def colour_by(case: RegisteredCase, by: ColouredBy) -> None:
    """Colour a case's surfaces, those that there are; "kind" leaves them in the overlay's colours."""
    for vessels in REFERENCES:
        node = surface_of(case, vessels)
        display = None if node is None else node.GetDisplayNode()
        if display is None:
            continue
        coloured = by != "kind" and _has_colours(node)
        if coloured:
            display.SetActiveScalar(COLOURS[by], _point_data())
            display.SetScalarRangeFlag(display.UseDirectMapping)
        display.SetScalarVisibility(coloured)


def coloured_by(case: RegisteredCase) -> ColouredBy:
    """How a case's surfaces are coloured now."""
    for vessels in REFERENCES:
        node = surface_of(case, vessels)
        display = None if node is None else node.GetDisplayNode()
        if display is not None and display.GetScalarVisibility():
            for by, name in COLOURS.items():
                if display.GetActiveScalarName() == name:
                    return by
    return "kind"


def pose_key(case: RegisteredCase) -> str:
    """Equal for poses that only a file has been between."""
    return pose_to_json(np.round(np.array(rounded_pose(case.pose)), 6) + 0.0)


def _has_colours(node: Any) -> bool:
    polydata = node.GetPolyData()
    return polydata is not None and all(polydata.GetPointData().GetArray(name) is not None for name in COLOURS.values())


def _points(polydata: Any) -> npt.NDArray[Any]:
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(polydata.GetPoints().GetData())


def _put(polydata: Any, name: str, values: npt.NDArray[Any]) -> None:
    from vtk.util.numpy_support import numpy_to_vtk

    array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
    array.SetName(name)
    polydata.GetPointData().AddArray(array)


def _bytes(colours: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.rint(255 * colours).astype(np.uint8)


def _point_data() -> int:
    import vtk

    return vtk.vtkAssignAttribute.POINT_DATA
