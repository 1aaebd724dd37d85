"""Saving a registration: transform, scene, images, DICOM object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.adjust.debounce import Debounced
from DeepIterRegLib.mrml.nodes.provenance import note_adjustment
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.messages import saved_message, told
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.saving.save_images import image_paths, save_images, thumbnail_of
from DeepIterRegLib.mrml.saving.save_scene import save_scene
from DeepIterRegLib.mrml.saving.save_transform import save_transform
from DeepIterRegLib.mrml.saving.spatial_registration import (
    of_one_patient,
    registration_sources,
    save_spatial_registration,
)

DEBOUNCE_MS = 500
"""How long the pose has to stay before the report says what was adjusted by hand."""


class SaveSection:
    """Writes files, and keeps the report in the scene true while the pose is edited. ui: the widgets of Save.ui."""

    def __init__(self, ui: Any, services: Services) -> None:
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._case: RegisteredCase | None = None
        self._observer: int | None = None
        self._busy = False
        # To write the report takes longer than a slider's step may.
        self._debounced = Debounced(self._note, services.call_later, DEBOUNCE_MS)
        self._buttons = (
            (ui.saveTransformButton, self._save_transform),
            (ui.saveSceneButton, self._save_scene),
            (ui.saveImagesButton, self._save_images),
            (ui.saveDicomButton, self._save_dicom),
        )
        for button, save in self._buttons:
            button.connect("clicked()", self._handler(save))
        self.show(None)

    def show(self, case: RegisteredCase | None) -> None:
        """Save this registration from now on."""
        if case is None or self._case is None or case.pose_node is not self._case.pose_node:
            self._say("")
        self._observe(case)
        self._enable()

    def busy(self, running: bool) -> None:
        """Save nothing half-registered."""
        self._busy = running
        self._enable()
        if not running and self._case is not None:
            self._debounced.changed()

    def close(self) -> None:
        """Observe the pose no longer."""
        self._observe(None)

    def _enable(self) -> None:
        for button, _ in self._buttons:
            button.enabled = self._case is not None and not self._busy

    def _handler(self, save: Callable[[RegisteredCase], str | None]) -> Callable[[], None]:
        """Of a click: says what was saved, or why not."""

        def clicked() -> None:
            if self._case is None:
                return
            try:
                said = save(self._case)
            except InputError as error:
                said = told(error, self._)
            if said is not None:
                self._say(said)

        return clicked

    def _save_transform(self, case: RegisteredCase) -> str | None:
        kinds = {".tfm": self._("Transform, text"), ".h5": self._("Transform, HDF5")}
        path = self._services.dialogs.save_file(self._("Save the transform"), "cta_to_carm.tfm", kinds)
        if path is None:
            return None
        save_transform(case, path)
        return saved_message([Path(path)], self._)

    def _save_scene(self, case: RegisteredCase) -> str | None:
        kinds = {".mrb": self._("Slicer scene with its data")}
        path = self._services.dialogs.save_file(self._("Save the scene"), "registration.mrb", kinds)
        if path is None:
            return None
        save_scene(self._services.scene, path, self._services.application, thumbnail_of([case]))
        return saved_message([Path(path)], self._)

    def _save_images(self, case: RegisteredCase) -> str | None:
        folder = self._services.dialogs.choose_folder(self._("Folder for the images"))
        if folder is None:
            return None
        there = [path.name for path in image_paths(case, folder) if path.exists()]
        if there and not self._services.dialogs.ask(
            self._("Save the images"),
            self._("{folder} has {names} already. Replace them?").format(
                folder=Path(folder).name, names=", ".join(there)
            ),
            self._("Replace"),
            self._("Cancel"),
        ):
            return None
        paths = save_images(case, folder)
        return saved_message(paths, self._)

    def _save_dicom(self, case: RegisteredCase) -> str | None:
        sources = registration_sources(case, self._services.file_of_instance)
        if not of_one_patient(sources) and not self._services.dialogs.ask(
            self._("Save a DICOM registration"),
            self._("The DICOM files of CTA and DSA have different patient IDs. Are they of the same patient?"),
            self._("Same patient"),
            self._("Cancel"),
        ):
            return None
        kinds = {".dcm": self._("DICOM file")}
        path = self._services.dialogs.save_file(self._("Save a DICOM registration"), "cta_to_carm.dcm", kinds)
        if path is None:
            return None
        save_spatial_registration(case, sources, path, self._services.application)
        return (
            saved_message([Path(path)], self._)
            + " "
            + self._("To send it to an archive, import it in Slicer's DICOM module.")
        )

    def _say(self, text: str) -> None:
        self._ui.saveLabel.text = text
        self._ui.saveLabel.visible = bool(text)

    def _observe(self, case: RegisteredCase | None) -> None:
        import slicer

        if self._case is not None and self._observer is not None:
            self._case.pose_node.RemoveObserver(self._observer)
        self._case, self._observer = case, None
        if case is not None:
            moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
            self._observer = case.pose_node.AddObserver(moved, self._pose_moved)

    def _pose_moved(self, _node: Any, _event: str) -> None:
        self._debounced.changed()

    def _note(self) -> None:
        case = self._case
        if case is None or case.pose_node.GetScene() is None or self._busy:
            return
        try:
            note_adjustment(case, self._services.application)
        except InputError as error:
            self._say(told(error, self._))
