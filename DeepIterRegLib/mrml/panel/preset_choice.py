"""The choice of a C-arm system in the C-arm form, and the user's own systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_presets import NUMBERS, CArmPreset
from DeepIterRegLib.mrml.nodes.carm_choices import choose_preset, chosen_preset
from DeepIterRegLib.mrml.nodes.carm_values import CArmValues
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.user_presets import OWN_SOURCE, all_presets, forget_preset, keep_preset, user_presets


class PresetChoice:
    """box: an editable QComboBox. keep: the button beside it. values: what the form shows. on_change: called after the
    user chose, kept or forgot one; with an error where that was not possible."""

    def __init__(
        self,
        box: Any,
        keep: Any,
        services: Services,
        values: Callable[[], CArmValues | None],
        on_change: Callable[[InputError | None], None],
    ) -> None:
        self._box, self._keep = box, keep
        self._services = services
        self._ = services.translate
        self._values = values
        self._on_change = on_change
        self._dsa: Any = None
        self._offered: list[CArmPreset] = []
        box.connect("activated(int)", self._on_chosen)
        box.connect("editTextChanged(QString)", lambda text: self._show_button())
        keep.connect("clicked()", self._on_keep)

    def show(self, dsa: Any) -> None:
        """Show what is chosen for a DSA's node."""
        changed = dsa is not self._dsa
        self._dsa = dsa
        if dsa is None:
            return
        chosen = chosen_preset(dsa)
        self._offered = all_presets(self._services.settings)
        if chosen is not None and chosen.name not in [preset.name for preset in self._offered]:
            self._offered.append(chosen)
        names = [self._("None"), *(preset.name for preset in self._offered)]
        box = self._box
        if changed or [box.itemText(index) for index in range(box.count)] != names:
            blocked = box.blockSignals(True)
            box.clear()
            for name in names:
                box.addItem(name)
            box.setCurrentIndex(0 if chosen is None else names.index(chosen.name))
            box.blockSignals(blocked)
        box.toolTip = self._("For values that neither the header nor you say.") + (
            "" if chosen is None else "\n" + self._("Source: {source}").format(source=chosen.source)
        )
        self._show_button()

    def _on_chosen(self, index: int) -> None:
        if self._dsa is not None:
            choose_preset(self._dsa, self._offered[index - 1] if 0 < index <= len(self._offered) else None)
            self._on_change(None)

    def _on_keep(self) -> None:
        if self._dsa is None:
            return
        settings = self._services.settings
        chosen = chosen_preset(self._dsa)
        try:
            if self._forgets():
                forget_preset(settings, self._box.currentText)
                if chosen is not None and chosen.name == self._box.currentText:
                    choose_preset(self._dsa, None)
            else:
                choose_preset(self._dsa, keep_preset(settings, self._typed()))
        except InputError as error:
            self._on_change(error)
            return
        self._box.clear()
        self._on_change(None)

    def _typed(self) -> CArmPreset:
        """The values that the form shows, under the name that stands in the box."""
        values = self._values()
        shown = [None if values is None else values.values[name].number for name in NUMBERS]
        sdd_mm, sid_mm, pixel_mm = (number[0] if isinstance(number, tuple) else number for number in shown)
        return CArmPreset(self._box.currentText, OWN_SOURCE, "", sdd_mm, sid_mm, pixel_mm)

    def _forgets(self) -> bool:
        """Whether the button takes away the user's own preset that is chosen."""
        name = self._box.currentText
        return name in [preset.name for preset in user_presets(self._services.settings)]

    def _show_button(self) -> None:
        forgets = self._forgets()
        self._keep.text = self._("Forget") if forgets else self._("Keep")
        self._keep.toolTip = (
            self._("Takes this preset out of your own.")
            if forgets
            else self._("Keeps the distances and the pixel size above as a preset of your own: type its name first.")
        )
