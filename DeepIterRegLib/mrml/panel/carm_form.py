"""The C-arm of one DSA in the panel: five values, each with its origin and a way back from what was typed; a preset
for what is missing, and how the image is turned.

Line edits and no spin boxes: the mouse wheel must not change the geometry of a registration, and "LAO 30" is what a
radiologist writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.carm_text import number_of, text_of
from DeepIterRegLib.mrml.nodes.carm_values import (
    CArmValues,
    Origin,
    below_typed,
    carm_values,
    set_typed,
    typed_geometry,
)
from DeepIterRegLib.mrml.nodes.dsa_node import source_of
from DeepIterRegLib.mrml.nodes.input_check import Missing, missing_geometry
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.preset_choice import PresetChoice
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.turn_choice import TurnChoice

FIELD_OF = {
    "primary_angle_deg": "PrimaryAngle",
    "secondary_angle_deg": "SecondaryAngle",
    "sdd_mm": "Sdd",
    "sid_mm": "Sid",
    "pixel_spacing_mm": "PixelSpacing",
}
"""The middle of the widgets' names in Inputs.ui: dsaSddEdit, dsaSddOrigin, dsaSddUndo, secondDsaSddEdit, ..."""
STYLE_OF: dict[Origin | str, str] = {
    "dicom": "",
    "scene": "",
    "typed": "color: #2f7fd1; font-weight: bold;",
    "preset": "color: #8a5fc7; font-weight: bold;",
    "missing": "color: #d9480f; font-weight: bold;",
    "wrong": "color: #d9480f;",
}
"""Legible on Slicer's light and dark ground; the word says the same as the colour."""


class CArmForm:
    """Shows and edits the C-arm of one DSA. What is typed is kept on the DSA's node (`mrml.carm_values`)."""

    def __init__(self, ui: Any, prefix: str, services: Services, on_change: Callable[[], None]) -> None:
        """prefix: of the widgets' names, "dsa" or "secondDsa". on_change: called after the user changed a value."""
        self._ui = ui
        self._prefix = prefix
        self._services = services
        self._on_change = on_change
        self._dsa: Any = None
        self._values: CArmValues | None = None
        self._wrong: dict[str, InputError] = {}
        """What is typed and not understood, by value: the error that says so."""
        self._typing: str | None = None
        """The value that is being typed, whose text is left alone meanwhile."""
        self._refused: InputError | None = None
        """What could not be kept as a preset."""
        self._preset = PresetChoice(ui, prefix, services, lambda: self._values, self._on_preset)
        self._turn = TurnChoice(ui, prefix, services, self._on_turn)
        for name in FIELD_OF:
            edit = self._widget(name, "Edit")
            edit.connect("textEdited(QString)", lambda text, name=name: self._on_typing(name, text))
            edit.connect("editingFinished()", lambda name=name: self._on_finished(name))
            self._widget(name, "Undo").connect("clicked()", lambda name=name: self._on_undo(name))

    def show(self, dsa: Any) -> None:
        """Show the values of a DSA's node; None hides the form."""
        if not _same(dsa, self._dsa):
            self._wrong, self._typing, self._refused = {}, None, None
        self._dsa = dsa
        self._group.visible = dsa is not None
        self._refresh()
        # A section whose wrapped notes need more height than it was given takes it from these rows.
        self._group.minimumHeight = self._group.sizeHint.height()

    def missing(self) -> Missing | None:
        """What is to be entered or corrected first; None where nothing is."""
        if self._dsa is None or self._values is None:
            return None
        if self._wrong:
            name, error = next(iter(self._wrong.items()))
            sentence = told(error, self._services.translate)
            return Missing(self._correct(name), f"{self._widget(name, 'Label').text} {sentence}")
        return missing_geometry(self._values, self._prefix != "dsa", self._services.translate)

    def geometry(self) -> Any | None:
        """`GeometryOptions` of what was typed and chosen, None where nothing was."""
        return None if self._dsa is None else typed_geometry(self._dsa)

    def _on_typing(self, name: str, text: str) -> None:
        """Every key counts at once: on some systems a button is pressed before the field has lost the focus."""
        if self._dsa is None:
            return
        self._typing = name
        self._wrong.pop(name, None)
        try:
            # What was typed and then deleted is no longer typed.
            number = number_of(name, text) if text.strip() else None
        except InputError as error:
            self._wrong[name] = error
            number = None
        set_typed(self._dsa, name, number)
        self._refresh()
        self._on_change()

    def _on_finished(self, name: str) -> None:
        self._typing = None
        self._refresh()

    def _on_undo(self, name: str) -> None:
        if self._dsa is None:
            return
        self._typing = None
        self._wrong.pop(name, None)
        set_typed(self._dsa, name, None)
        self._refresh()
        self._on_change()

    def _on_preset(self, error: InputError | None) -> None:
        self._refused = error
        self._refresh()
        if error is None:
            self._on_change()

    def _on_turn(self) -> None:
        self._refresh()
        self._on_change()

    def _refresh(self) -> None:
        """Bring all widgets up to date."""
        if self._dsa is None:
            self._values = None
            self._preset.show(None)
            self._turn.show(None)
            return
        _ = self._services.translate
        self._values = carm_values(self._dsa, self._services.file_of_instance)
        found = below_typed(self._dsa, self._services.file_of_instance)
        words: dict[str, str] = {
            "dicom": _("from DICOM"),
            "typed": _("typed"),
            "scene": _("from scene"),
            "preset": _("preset"),
        }
        words["missing"] = _("missing")
        for name, value in self._values.values.items():
            edit, origin, undo = (self._widget(name, part) for part in ("Edit", "Origin", "Undo"))
            wrong = self._wrong.get(name)
            if name != self._typing and wrong is None:
                edit.text = "" if value.number is None else text_of(name, value.number)
            origin.text = _("unclear") if wrong else words[value.origin]
            origin.toolTip = told(wrong or "", _)
            origin.styleSheet = STYLE_OF["wrong" if wrong else value.origin]
            undo.enabled = value.origin == "typed" or wrong is not None
            before = found.values[name].number
            undo.toolTip = (
                _("Forget what was typed.")
                if before is None
                else _("Forget what was typed and go back to {value}.").format(value=text_of(name, before))
            )
        self._preset.show(self._dsa)
        self._turn.show(self._dsa)
        self._show_notes()

    def _show_notes(self) -> None:
        assert self._values is not None
        missing = self.missing()
        notes: list[Any] = [] if missing is None or not missing.reason else [missing.reason]
        notes += self._values.notes.values()
        if self._refused is not None:
            notes.append(self._refused)
        self._note.text = "\n".join(told(note, self._services.translate) for note in notes)
        self._note.visible = bool(notes)

    def _correct(self, name: str) -> str:
        _ = self._services.translate
        return {
            "primary_angle_deg": _("Correct the LAO/RAO angle"),
            "secondary_angle_deg": _("Correct the CRA/CAU angle"),
            "sdd_mm": _("Correct the source-to-detector distance"),
            "sid_mm": _("Correct the source-to-isocentre distance"),
            "pixel_spacing_mm": _("Correct the detector's pixel size"),
        }[name]

    def _widget(self, name: str, part: str) -> Any:
        return getattr(self._ui, f"{self._prefix}{FIELD_OF[name]}{part}")

    @property
    def _group(self) -> Any:
        return getattr(self._ui, f"{self._prefix}CArmGroup")

    @property
    def _note(self) -> Any:
        return getattr(self._ui, f"{self._prefix}CArmNote")


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return a is b or source_of(a) is source_of(b)
