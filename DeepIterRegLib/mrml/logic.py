"""The registration for nodes: what the command line and scripts call. The panel's computes in a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.progress import ProgressCallback
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.dsa_node import FileOfInstance, angiogram_of, slicer_file_of_instance, sources_of
from DeepIterRegLib.mrml.nodes.registered_case import drr_node_of, pose_node_of
from DeepIterRegLib.mrml.nodes.result_nodes import show_registration
from DeepIterRegLib.mrml.nodes.volume_node import add_volume, volume_of
from DeepIterRegLib.mrml.overlay.drr_overlay import OverlayPainter
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.images import Masks, PatientImages
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.report import bones_come_first, build_report
from DeepIterRegLib.registration.result import Registration, outcome_of

Register = Callable[[PatientImages, Options | None, ProgressCallback | None], Registration]
"""`registration.register.register_images` or what stands in for it."""


class DeepIterRegLogic:
    """Registers a CTA node to DSA nodes of one scene.

    In Slicer's Python console:

        from DeepIterRegLib.mrml.logic import DeepIterRegLogic
        logic = DeepIterRegLogic(slicer.mrmlScene)
        registration = logic.register(getNode("CTA"), [getNode("DSA")])
        print(registration.pose)              # patient (RAS, mm) to C-arm frame, also in the node "CTA to C-arm"
        logic.save_scene("/tmp/patient.mrb")

    The scene's world is the C-arm frame: the CTA moves, the DSA's image plane stays where the detector was.
    """

    def __init__(
        self,
        scene: Any,
        register: Register | None = None,
        file_of_instance: FileOfInstance = slicer_file_of_instance,
    ) -> None:
        """scene: vtkMRMLScene. register: prepares and registers. file_of_instance: finds the DICOM file of an instance
        UID."""
        self.scene = scene
        self._register = register
        self._file_of_instance = file_of_instance
        self._painters: list[OverlayPainter] = []

    def load_cta(self, volume: Volume) -> Any:
        """Add a volume that was read outside Slicer; returns its vtkMRMLScalarVolumeNode."""
        return add_volume(self.scene, volume)

    def load_dsa(self, angiogram: Angiogram) -> Any:
        """Add a run that was read outside Slicer, with its geometry; returns its vtkMRMLSequenceNode."""
        return add_angiogram(self.scene, angiogram)

    def register(
        self,
        cta: Any,
        dsas: Sequence[Any],
        options: Options | None = None,
        *,
        geometry: GeometryOptions | Sequence[GeometryOptions | None] | None = None,
        masks: Masks[Any] | None = None,
        progress: ProgressCallback | None = None,
    ) -> Registration:
        """Register a CTA to one or several DSAs of the unmoved patient, and show the result in the scene.

        cta: scalar volume node; transforms it is under count, but for the pose of an earlier registration. dsas:
        sequence nodes, their proxy volumes, or volumes whose third axis is time. options: method, starting pose, seed
        and so on. geometry: what the user says about the C-arm, one for all DSAs or one each. masks: arrays that
        replace our segmentations.

        Raises InputError for nodes that cannot be registered, RegistrationCancelled (or what `progress` raises) when
        cancelled; the scene and an earlier result are then as they were.
        """
        images = self.images_of(cta, dsas, geometry, masks)
        registration = self._registering()(images, options, progress)
        report = build_report(registration, compare_views(registration))
        self.show(cta, dsas, registration, report)
        return registration

    def images_of(
        self,
        cta: Any,
        dsas: Sequence[Any],
        geometry: GeometryOptions | Sequence[GeometryOptions | None] | None = None,
        masks: Masks[Any] | None = None,
    ) -> PatientImages:
        """The images in nodes; arguments as of `register`. Raises InputError."""
        geometries = list(geometry) if isinstance(geometry, Sequence) else [geometry] * len(sources_of(dsas))
        volume = volume_of(cta, masks is not None and masks.tell_cta)
        angiograms = tuple(
            angiogram_of(node, options_of_node, self._file_of_instance)
            for node, options_of_node in zip(dsas, geometries, strict=True)
        )
        return PatientImages(volume, angiograms, masks or Masks())

    def show(self, cta: Any, dsas: Sequence[Any], registration: Registration, report: Mapping[str, Any]) -> None:
        """Write a registration of these nodes into the scene, all or nothing. report: `build_report` of it."""
        sources = sources_of(dsas)
        outcome = outcome_of(registration, report)
        show_registration(self.scene, cta, sources, outcome)
        self._painters = [
            OverlayPainter(
                drr_node_of(source), outcome.cloud, view.carm, view.valid,
                bones=outcome.bones, bones_first=bones_come_first(report),
            )
            for source, view in zip(sources, outcome.views, strict=True)
        ]  # fmt: skip

    def update_overlay(self, pose: FloatArray) -> None:
        """Redraw the DRRs of the last registration at another pose (4, 4), as while a slider moves."""
        for painter in self._painters:
            painter.paint(pose, OverlayLook())

    def pose_node(self, cta: Any) -> Any | None:
        """The linear transform node with the pose of a registered CTA, or None."""
        return pose_node_of(cta)

    def save_scene(self, path: Path | str) -> None:
        """Write the scene with all its images to an MRB file. Raises InputError if it cannot be written."""
        save_scene(self.scene, path)

    def _registering(self) -> Register:
        if self._register is not None:
            return self._register
        from DeepIterRegLib.registration.register import register_images

        return register_images
