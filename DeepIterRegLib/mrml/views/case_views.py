"""One click: all views show a registered case the way it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from DeepIterRegLib.mrml.nodes.node_attributes import role
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.nodes.scene_transaction import SceneTransaction
from DeepIterRegLib.mrml.views.frustum import FRUSTUM_ROLE, frustum_of, show_frustums
from DeepIterRegLib.mrml.views.in_steps import at_once
from DeepIterRegLib.mrml.views.layout import Arrangement, arrange, is_arranged
from DeepIterRegLib.mrml.views.surfaces import REFERENCES, show_surfaces_steps, surface_of, surfaces_are_shown
from DeepIterRegLib.mrml.views.views import (
    SLICE_VIEWS,
    calm_three_d_view,
    fit_slice_view,
    fit_three_d_view,
    look_from_source,
    show_in_slice_view,
    shows_role,
    slice_shows,
    view_node,
)
from DeepIterRegLib.registration.overlay_look import OverlayLook


def arrange_case(
    case: RegisteredCase,
    arrangement: Arrangement,
    look: OverlayLook,
    equalize: Callable[[], None] = lambda: None,
    run: Callable[[Iterator[None]], None] = at_once,
) -> None:
    """Show the DSAs with their overlays in the slice views, the first C-arm's view of the scene in 3D, in a layout.

    Surfaces and beams are made when they are missing; where the user has hidden them, they stay hidden. Those of other
    registrations go from the 3D view. equalize: gives the views of a layout the same size. run: makes the surfaces, in
    pieces where it likes. Call `fit_case` once the application has given the views their sizes.
    """
    scene = case.cta.GetScene()
    if arrange(scene, arrangement):
        equalize()
    hide_others(case)
    with SceneTransaction(scene) as transaction:
        for name, view in zip(SLICE_VIEWS, case.views, strict=False):
            show_in_slice_view(scene, transaction, name, plane=view.plane, drr=view.drr, carm=view.carm)
        calm_three_d_view(scene, transaction)
        look_from_source(scene, transaction, case.views[0].carm)
    if surfaces_are_shown(case) or all(surface_of(case, vessels) is None for vessels in REFERENCES):
        run(show_surfaces_steps(case, look))
    if frustum_of(case.views[0]) is None:
        show_frustums(case)


def fit_case(case: RegisteredCase) -> None:
    """Fit the views of a case to the size that they have now; those that show something else are left alone."""
    scene = case.cta.GetScene()
    if scene is None:
        return
    for name, view in zip(SLICE_VIEWS, case.views, strict=False):
        if slice_shows(scene, name, view.drr):
            fit_slice_view(view_node(scene, "vtkMRMLSliceNode", name), view.carm)
    if slice_shows(scene, SLICE_VIEWS[0], case.views[0].drr) and is_arranged(scene, "one", "two"):
        # There, the 3D view is as large as the first slice view beside it.
        width, height, _ = view_node(scene, "vtkMRMLSliceNode", SLICE_VIEWS[0]).GetDimensions()
        fit_three_d_view(scene, case.views[0].carm, width, height)


def hide_others(case: RegisteredCase) -> None:
    """Take out of the 3D view what belongs to other registrations: beams, surfaces, and planes of DSAs."""
    scene = case.cta.GetScene()
    own = [frustum_of(view) for view in case.views] + [surface_of(case, vessels) for vessels in REFERENCES]
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLModelNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLModelNode")
        if role(node) in (FRUSTUM_ROLE, *REFERENCES) and node not in own and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(False)
    for name in SLICE_VIEWS[len(case.views) :]:
        composite = scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")
        slice_node = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if composite is not None and slice_node is not None and shows_role(composite, "plane", "drr", "frame"):
            slice_node.SetSliceVisible(False)


def has_second_view(case: RegisteredCase) -> bool:
    return len(case.views) > 1
