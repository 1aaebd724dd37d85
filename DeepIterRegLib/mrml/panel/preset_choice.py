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
    """ui, prefix: as of `CArmForm`. values: what the form shows. on_change: called after the user chose, kept or forgot
    one; with an error where that was not possible.

    A line edit with a list below it that opens, and no combination of both: see `wheel.py`.
    """

    def __init__(
        self,
        ui: Any,
        prefix: str,
        services: Services,
        values: Callable[[], CArmValues | None],
        on_change: Callable[[InputError | None], None],
    ) -> None:
        self._edit, self._keep, self._choose, self._list = (
            getattr(ui, f"{prefix}Preset{part}") for part in ("Edit", "Keep", "Choose", "List")
        )
        self._services = services
        self._ = services.translate
        self._values = values
        self._on_change = on_change
        self._dsa: Any = None
        self._offered: list[CArmPreset] = []
        self._edit.connect("textEdited(QString)", lambda text: self._show_button())
        self._edit.connect("editingFinished()", self._on_typed)
        self._choose.connect("toggled(bool)", self._on_opened)
        self._list.connect("currentRowChanged(int)", self._on_row)
        self._keep.connect("clicked()", self._on_keep)

    def show(self, dsa: Any) -> None:
        """Show what is chosen for a DSA's node."""
        changed = dsa is not self._dsa
        self._dsa = dsa
        if dsa is None:
            return
        chosen = chosen_preset(dsa)
        if changed or chosen is not None:
            self._edit.text = "" if chosen is None else chosen.name
        self._edit.toolTip = self._("For values that neither the header nor you say.") + (
            "" if chosen is None else "\n" + self._("Source: {source}").format(source=chosen.source)
        )
        self._show_button()

    def _on_opened(self, opened: bool) -> None:
        """Show the list, as it is now."""
        blocked = self._list.blockSignals(True)
        self._offered = all_presets(self._services.settings)
        self._list.clear()
        for name in (self._("None"), *(preset.name for preset in self._offered)):
            self._list.addItem(name)
        self._list.currentRow = -1
        self._list.blockSignals(blocked)
        self._list.visible = bool(opened)

    def _on_row(self, row: int) -> None:
        if row < 0 or self._dsa is None:
            return
        self._take(self._offered[row - 1] if row else None)
        self._choose.checked = False

    def _on_typed(self) -> None:
        """A name that is known chooses it, none at all takes it back; another one is for `Keep`."""
        if self._dsa is None:
            return
        text, chosen = self._edit.text.strip(), chosen_preset(self._dsa)
        if not text:
            if chosen is not None:
                self._take(None)
            return
        for preset in all_presets(self._services.settings):
            if preset.name.lower() == text.lower() and preset != chosen:
                self._take(preset)
                return

    def _take(self, preset: CArmPreset | None) -> None:
        choose_preset(self._dsa, preset)
        self._edit.text = "" if preset is None else preset.name
        self._on_change(None)

    def _on_keep(self) -> None:
        if self._dsa is None:
            return
        settings = self._services.settings
        try:
            if self._forgets():
                forget_preset(settings, self._edit.text)
                self._take(None)
            else:
                self._take(keep_preset(settings, self._typed()))
        except InputError as error:
            self._on_change(error)

    def _typed(self) -> CArmPreset:
        """The values that the form shows, under the name that stands in the line."""
        values = self._values()
        shown = [None if values is None else values.values[name].number for name in NUMBERS]
        sdd_mm, sid_mm, pixel_mm = (number[0] if isinstance(number, tuple) else number for number in shown)
        return CArmPreset(self._edit.text, OWN_SOURCE, "", sdd_mm, sid_mm, pixel_mm)

    def _forgets(self) -> bool:
        """Whether the button takes away the user's own preset that is chosen."""
        return self._edit.text in [preset.name for preset in user_presets(self._services.settings)]

    def _show_button(self) -> None:
        forgets = self._forgets()
        self._keep.text = self._("Forget") if forgets else self._("Keep")
        self._keep.toolTip = (
            self._("Takes this preset out of your own.")
            if forgets
            else self._("Keeps the distances and the pixel size above as a preset of your own: type its name first.")
        )
