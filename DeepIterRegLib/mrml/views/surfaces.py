"""The CTA's vessels as surfaces for the 3D view, made from the points that the overlay is drawn from."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.views.in_steps import at_once
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.report import shows_skull

Vessels = Literal["arteries", "veins"]
REFERENCES: dict[Vessels, str] = {"arteries": PREFIX + "artery-surface", "veins": PREFIX + "vein-surface"}
"""References from the pose to the models."""
START_REFERENCE = PREFIX + "start"
"""Reference from the pose to the transform that the surfaces are under while one looks at where it started."""
NAMES: dict[Vessels, str] = {"arteries": "CTA arteries", "veins": "CTA veins"}
SKULL_NAME = "CT skull"
"""Of what takes the arteries' place where a CT shows no contrast."""

MOST_VOXELS = 4_000_000
"""Of the grid that a surface is made on: no step of making it takes a tenth of a second."""
EDGE = 0.15
"""Fill of a voxel, after smoothing, at which a vessel's wall is drawn: low, so that vessels one voxel wide survive."""
SMOOTHING_VOXELS = 0.6
SMALLEST_MM = 4.0
"""Pieces that are smaller along every axis are left out: specks of noise, in which the eye finds no vessel."""


def vessel_surface(cloud: VesselCloud) -> Any:
    """vtkPolyData around the points of a cloud, patient frame (mm), with normals; empty for an empty cloud."""
    steps = vessel_surface_steps(cloud)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def vessel_surface_steps(cloud: VesselCloud) -> Generator[None, None, Any]:
    """`vessel_surface`, stopping after each filter: none of them takes a tenth of a second."""
    import vtk

    surface = vtk.vtkPolyData()
    if len(cloud) == 0:
        return surface
    fill, origin, voxel_mm = filled_grid(cloud)
    yield
    blur = vtk.vtkImageGaussianSmooth()
    blur.SetInputData(_image(fill, origin, voxel_mm))
    blur.SetStandardDeviation(SMOOTHING_VOXELS)
    blur.SetRadiusFactor(2.0)
    blur.Update()
    yield
    wall = vtk.vtkFlyingEdges3D()
    wall.SetInputData(blur.GetOutput())
    wall.SetValue(0, EDGE)
    wall.ComputeNormalsOff()
    wall.ComputeGradientsOff()
    wall.ComputeScalarsOff()
    wall.Update()
    yield
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputData(without_specks(wall.GetOutput()))
    yield
    smooth.SetNumberOfIterations(15)
    smooth.SetPassBand(0.1)
    smooth.BoundarySmoothingOff()
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    smooth.Update()
    yield
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputData(smooth.GetOutput())
    normals.SplittingOff()
    normals.Update()
    surface.ShallowCopy(normals.GetOutput())
    return surface


def without_specks(surface: Any) -> Any:
    """The pieces of a vtkPolyData that are SMALLEST_MM long along an axis at least; all of it where none is."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    pieces = vtk.vtkPolyDataConnectivityFilter()
    pieces.SetInputData(surface)
    pieces.SetExtractionModeToAllRegions()
    pieces.ColorRegionsOn()
    pieces.Update()
    colored = pieces.GetOutput()
    if pieces.GetNumberOfExtractedRegions() < 2:
        return surface
    region = vtk_to_numpy(colored.GetPointData().GetScalars())
    points = vtk_to_numpy(colored.GetPoints().GetData())
    order = np.argsort(region, kind="stable")
    first = np.flatnonzero(np.diff(region[order], prepend=-1))
    span = np.maximum.reduceat(points[order], first) - np.minimum.reduceat(points[order], first)
    large = np.zeros(region.max() + 1, dtype=bool)
    large[region[order][first]] = span.max(axis=1) >= SMALLEST_MM
    if large.all() or not large.any():
        return surface
    kept = numpy_to_vtk(large[region].astype(np.uint8), deep=True)
    kept.SetName("kept")
    colored.GetPointData().SetScalars(kept)
    chosen = vtk.vtkThreshold()
    chosen.SetInputData(colored)
    chosen.SetInputArrayToProcess(0, 0, 0, vtk.vtkDataObject.FIELD_ASSOCIATION_POINTS, "kept")
    chosen.SetUpperThreshold(0.5)
    chosen.SetThresholdFunction(vtk.vtkThreshold.THRESHOLD_UPPER)
    outside = vtk.vtkGeometryFilter()
    outside.SetInputConnection(chosen.GetOutputPort())
    outside.Update()
    result = outside.GetOutput()
    result.GetPointData().Initialize()
    return result


def filled_grid(cloud: VesselCloud) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64], float]:
    """(K, J, I) root of the share of each voxel that is vessel; the first one's centre and the voxels' edge, mm."""
    positions = cloud.positions_mm.astype(np.float64)
    low, high = positions.min(axis=0), positions.max(axis=0)
    margin = 3
    voxel_mm = cloud.cell_mm
    while np.prod((high - low) / voxel_mm + 2 * margin + 1) > MOST_VOXELS:
        voxel_mm *= 1.1
    shape = np.ceil((high - low) / voxel_mm).astype(int) + 2 * margin + 1
    origin = low - margin * voxel_mm
    i, j, k = np.rint((positions - origin) / voxel_mm).astype(np.int64).T
    fill = np.zeros(shape[::-1], dtype=np.float32)
    np.add.at(fill.reshape(-1), (k * shape[1] + j) * shape[0] + i, cloud.weights_mm3 / np.float32(voxel_mm**3))
    # The root: a vessel thinner than a voxel fills little of it.
    return np.sqrt(np.minimum(fill, 1, out=fill), out=fill), origin, float(voxel_mm)


def show_surfaces(case: RegisteredCase, look: OverlayLook, visible: bool = True) -> None:
    """Show the arteries and veins of a case in 3D, in the overlay's colours, moving with the pose.

    They are made when first shown, or when the vessels have changed, and kept with the scene.
    """
    at_once(show_surfaces_steps(case, look, visible))


def show_surfaces_steps(case: RegisteredCase, look: OverlayLook, visible: bool = True) -> Iterator[None]:
    """`show_surfaces`, in pieces; it ends early where the case goes from the scene meanwhile."""
    # Of a CT without contrast its skull stands in the arteries' place.
    skull = shows_skull(case.report)
    first = bool(look.settled(case.bones_first).bones) if skull else look.arteries
    colours = {"arteries": look.bone_colour if skull else look.artery_colour, "veins": look.vein_colour}
    wanted: dict[Vessels, tuple[bool, VesselCloud]] = {
        "arteries": (first, case.cloud.arteries), "veins": (look.veins, case.cloud.veins)
    }  # fmt: skip
    for vessels, (shown, cloud) in wanted.items():
        node = surface_of(case, vessels)
        if visible and shown and len(cloud) and _is_outdated(node, case):
            surface = yield from vessel_surface_steps(cloud)
            if case.pose_node.GetScene() is None:
                return
            node = _made(case, vessels, surface)
        if node is not None:
            display = node.GetDisplayNode()
            display.SetVisibility(visible and shown)
            display.SetColor(*colours[vessels])


def place_surfaces(case: RegisteredCase, before: bool) -> None:
    """Let the surfaces of a case lie where the registration started, or under its pose."""
    surfaces = [node for vessels in REFERENCES if (node := surface_of(case, vessels)) is not None]
    transform = case.pose_node
    if before and surfaces:
        transform = referenced_node(
            case.pose_node, START_REFERENCE, "vtkMRMLLinearTransformNode", "Starting pose", "starting-pose"
        )
        transform.SetHideFromEditors(True)
        transform.SetMatrixTransformToParent(matrix_of_array(case.initial_pose))
    for node in surfaces:
        if node.GetTransformNodeID() != transform.GetID():
            node.SetAndObserveTransformNodeID(transform.GetID())


def surface_of(case: RegisteredCase, vessels: Vessels) -> Any | None:
    """The model of a case's arteries or veins, None before it was shown."""
    return case.pose_node.GetNodeReference(REFERENCES[vessels])


def surfaces_are_shown(case: RegisteredCase) -> bool:
    """Whether a surface of the case is visible."""
    nodes = [surface_of(case, vessels) for vessels in REFERENCES]
    return any(node is not None and node.GetDisplayNode().GetVisibility() for node in nodes)


def unhide_surfaces(case: RegisteredCase) -> None:
    """Show a case's surfaces, those that there are, again: another registration's were shown meanwhile."""
    for vessels in REFERENCES:
        node = surface_of(case, vessels)
        if node is not None and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(True)


POINTS = PREFIX + "points"
"""Attribute of a surface: how many points it was made of, and their weight; others make another surface."""


def _is_outdated(node: Any | None, case: RegisteredCase) -> bool:
    return node is None or node.GetPolyData() is None or node.GetAttribute(POINTS) != _fingerprint(case.cloud)


def _fingerprint(cloud: VesselCloud) -> str:
    return f"{len(cloud)} {float(cloud.weights_mm3.sum()):.6g} {float(cloud.positions_mm.sum(dtype=np.float64)):.6g}"


def _made(case: RegisteredCase, vessels: Vessels, surface: Any) -> Any:
    name = SKULL_NAME if shows_skull(case.report) else NAMES[vessels]
    node = referenced_node(case.pose_node, REFERENCES[vessels], "vtkMRMLModelNode", name, vessels)
    node.SetAndObservePolyData(surface)
    node.SetAttribute(POINTS, _fingerprint(case.cloud))
    node.SetAndObserveTransformNodeID(case.pose_node.GetID())
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetVisibility2D(False)
        display.SetBackfaceCulling(False)
        # In a mirrored view one sees what counts as their backs.
        display.SetBackfaceColorHSVOffset(0.0, 0.0, 0.0)
        display.SetSpecular(0.25)
        display.SetPower(20.0)
        display.SetAmbient(0.15)
    return node


def _image(fill: npt.NDArray[np.float32], origin: npt.NDArray[np.float64], voxel_mm: float) -> Any:
    from DeepIterRegLib.mrml.nodes.arrays import image_data

    image = image_data(fill)
    image.SetOrigin(*origin)
    image.SetSpacing(voxel_mm, voxel_mm, voxel_mm)
    return image
