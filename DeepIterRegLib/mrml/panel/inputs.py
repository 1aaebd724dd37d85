"""The panel's first section: the images, the C-arm of each DSA, and what is seldom needed.

The widgets are bound here and not by Slicer's parameter node wrapper, which would replace the selectors' node types and
the choices' texts with its own, and stays connected after it was disconnected. The parameter node holds the selection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field
from DeepIterRegLib.mrml.nodes.candidates import all_nodes, can_be_cta, can_be_dsa, likeliest_cta, likeliest_dsa
from DeepIterRegLib.mrml.nodes.dsa_node import source_of
from DeepIterRegLib.mrml.nodes.input_check import Missing, missing_cta, missing_dsa, missing_second
from DeepIterRegLib.mrml.nodes.segmentation_masks import given_cta_masks, given_detector_masks
from DeepIterRegLib.mrml.panel.carm_form import CArmForm
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.packages import Machine, Packages, SlicerMachine
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest, request_of
from DeepIterRegLib.registration.options import Options

SELECTORS = {
    name: f"{name}Selector"
    for name in (
        "cta",
        "dsa",
        "secondDsa",
        "ctaVessels",
        "ctaVeins",
        "dsaVessels",
        "dsaVeins",
        "secondDsaVessels",
        "secondDsaVeins",
    )
}
"""The parameter node's nodes and the widgets that select them."""
CHOICES = {
    "method": {"default": "methodDefaultRadio", "published": "methodPublishedRadio"},
    "device": {"auto": "deviceAutoRadio", "cpu": "deviceCpuRadio", "cuda": "deviceCudaRadio"},
}
"""The parameter node's words and the buttons that choose them."""


class InputsSection:
    """ui: the widgets of Inputs.ui. on_changed: called after the user changed something. machine: what PyTorch would
    be installed on."""

    def __init__(
        self, ui: Any, services: Services, on_changed: Callable[[], None], machine: Machine | None = None
    ) -> None:
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._on_changed = on_changed
        self._packages = Packages(
            machine or SlicerMachine(), services.dialogs, services.settings, self._, services.worker.close
        )
        self._parameters: Any = None
        self._bereft: set[str] = set()
        """Selectors whose node is being removed, and which will choose the next one in the list."""
        self._forms = {prefix: CArmForm(ui, prefix, services, self._changed) for prefix in ("dsa", "secondDsa")}
        for name, widget_name in SELECTORS.items():
            selector = getattr(ui, widget_name)
            # The second, because Slicer does not tell of a change between two nodes of the same name.
            for signal in ("currentNodeChanged(vtkMRMLNode*)", "nodeActivated(vtkMRMLNode*)"):
                selector.connect(signal, lambda node, name=name: self._on_selected(name, node))
            selector.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", lambda node, name=name: self._on_removed(name, node))
        for name, buttons in CHOICES.items():
            for word, widget_name in buttons.items():
                button = getattr(ui, widget_name)
                button.connect("toggled(bool)", lambda on, name=name, word=word: self._on_chosen(name, word, on))
        ui.installTorchButton.connect("clicked()", self._on_install)
        self.update()
        self._show_device()

    def set_parameters(self, parameters: Any) -> None:
        """Work with another parameter node; None while there is none."""
        self._parameters = parameters
        self.update()

    def update(self) -> None:
        """Show what the parameter node and the scene hold. Cheap, and calls nobody back."""
        parameters = self._parameters
        self._offer()
        for name, widget_name in SELECTORS.items():
            selector, node = getattr(self._ui, widget_name), self._selected(name)
            if name not in self._bereft and not _is(selector.currentNode(), node):
                _quietly([selector], partial(selector.setCurrentNode, node))
        for name, buttons in CHOICES.items():
            chosen = getattr(parameters, name, None) or next(iter(buttons))
            button = getattr(self._ui, buttons.get(chosen) or next(iter(buttons.values())))
            if not button.checked:
                others = [getattr(self._ui, other) for other in buttons.values()]
                _quietly(others, partial(setattr, button, "checked", True))
        cta, dsa, second = (getattr(parameters, name, None) for name in ("cta", "dsa", "secondDsa"))
        wrong = self._wrong_images(cta, dsa, second)
        for name, form in self._forms.items():
            node = dsa if name == "dsa" else second
            form.show(node if name not in wrong else None)
        for name in ("cta", "dsa", "secondDsa"):
            note = getattr(self._ui, f"{name}Note")
            note.text = told(wrong[name].reason, self._) if name in wrong else ""
            note.visible = bool(note.text)
        for name in ("secondDsaVessels", "secondDsaVeins"):
            getattr(self._ui, f"{name}Label").visible = second is not None
            getattr(self._ui, f"{name}Selector").visible = second is not None

    def propose(self) -> None:
        """Select the most likely CTA and DSA of the scene where none is selected."""
        parameters, scene = self._parameters, self._services.scene
        if parameters is None:
            return
        before = parameters.cta, parameters.dsa
        if parameters.cta is None:
            parameters.cta = likeliest_cta(scene)
        if parameters.dsa is None:
            parameters.dsa = likeliest_dsa(scene, parameters.cta)
        if (parameters.cta, parameters.dsa) != before:
            self._changed()

    def missing(self) -> str | None:
        """What has to be selected or typed in first, as the button says it; None when all is there."""
        self.update()
        cta, dsa, second = (getattr(self._parameters, name, None) for name in ("cta", "dsa", "secondDsa"))
        if cta is None and dsa is None:
            return self._("Select a CTA and a DSA")
        for missing in self._wrong_images(cta, dsa, second).values():
            return missing.action
        for form in self._forms.values():
            needed = form.missing()
            if needed is not None:
                return needed.action
        return None

    def nodes(self) -> tuple[Any, list[Any]]:
        """The CTA's node, and the DSAs' nodes (the sequences behind proxies) in the request's order."""
        parameters = self._parameters
        selected = [node for node in (parameters.dsa, parameters.secondDsa) if node is not None]
        return parameters.cta, [source_of(node) for node in selected]

    def request(self, initial_pose: FloatArray | None = None) -> RegistrationRequest:
        """What to send to the worker. Raises InputError."""
        parameters = self._parameters
        cta, dsas = self.nodes()
        prefixes = ["dsa", "secondDsa"][: len(dsas)]
        vessels, veins = given_cta_masks(parameters.ctaVessels, parameters.ctaVeins, cta)
        return request_of(
            cta,
            dsas,
            [self._forms[prefix].geometry() for prefix in prefixes],
            self._services.file_of_instance,
            cta_vessels=vessels,
            cta_veins=veins,
            dsa_vessels=given_detector_masks(
                [getattr(parameters, f"{p}Vessels") for p in prefixes], dsas, Field.DSA_VESSELS
            ),
            dsa_veins=given_detector_masks([getattr(parameters, f"{p}Veins") for p in prefixes], dsas, Field.DSA_VEINS),
            options=Options(method=parameters.method, initial_pose=initial_pose, device=parameters.device),
        )

    def request_to_read(self) -> RegistrationRequest | None:
        """The selected images, whatever is still missing of their geometry; None while a CTA or a DSA is not selected.
        Raises InputError."""
        parameters = self._parameters
        if parameters is None or parameters.cta is None or parameters.dsa is None:
            return None
        return self.request()

    def offer_packages(self) -> bool:
        """The one question at the first use; always True, for a registration needs no package."""
        self._packages.offer_once()
        self._show_device()
        return True

    def show(self, case: Any) -> None:
        """A registration was made, loaded or closed."""
        self.update()

    def busy(self, running: bool) -> None:
        """Nothing may be changed while a registration runs."""
        self._ui.inputsContent.enabled = not running

    def close(self) -> None:
        """Let go of the scene's nodes."""
        self.set_parameters(None)

    def _wrong_images(self, cta: Any, dsa: Any, second: Any) -> dict[str, Missing]:
        """What is wrong with the images, by the name of the selector, in the order in which they are to be selected."""
        files = self._services.file_of_instance
        found = {"cta": missing_cta(cta, self._), "dsa": missing_dsa(dsa, cta, files, self._)}
        if second is not None:
            same = missing_second(dsa, second, self._)
            found["secondDsa"] = same or missing_dsa(second, cta, files, self._, second=True)
        return {name: missing for name, missing in found.items() if missing is not None}

    def _selected(self, name: str) -> Any:
        """The node that a selector shows: of a DSA its sequence, whichever of the two was selected."""
        node = getattr(self._parameters, name, None)
        return source_of(node) if node is not None and name in ("dsa", "secondDsa") else node

    def _offer(self) -> None:
        """Let the selectors list each run once, and only what can be a CTA or a DSA, beside what is selected."""
        nodes = list(all_nodes(self._services.scene)) if self._parameters is not None else []
        cta, dsa, second = (self._selected(name) for name in ("cta", "dsa", "secondDsa"))
        for name, offered in (
            ("cta", lambda node: can_be_cta(node) and not _is(node, dsa)),
            ("dsa", lambda node: can_be_dsa(node) and not _is(node, cta)),
            ("secondDsa", lambda node: can_be_dsa(node) and not _is(node, cta) and not _is(node, dsa)),
        ):
            chosen = {"cta": cta, "dsa": dsa, "secondDsa": second}[name]
            hidden = [node.GetID() for node in nodes if not offered(node) and not _is(node, chosen)]
            selector = getattr(self._ui, SELECTORS[name])
            model = selector.sortFilterProxyModel()
            if sorted(model.hiddenNodeIDs) != sorted(hidden):
                _quietly([selector], partial(setattr, model, "hiddenNodeIDs", hidden))

    def _on_removed(self, name: str, node: Any) -> None:
        """The selected node goes from the scene: nothing is selected then, and no other node behind the user's back."""
        if self._parameters is None or not _is(self._selected(name), node):
            return
        self._bereft.add(name)
        setattr(self._parameters, name, None)
        self._services.call_later(self._after_removal, 0)

    def _after_removal(self) -> None:
        self._bereft.clear()
        self._changed()

    def _on_selected(self, name: str, node: Any) -> None:
        if name in self._bereft:
            return
        if self._parameters is not None and not _is(self._selected(name), node):
            setattr(self._parameters, name, node)
            self._changed()

    def _on_chosen(self, name: str, word: str, on: bool) -> None:
        if on and self._parameters is not None and getattr(self._parameters, name) != word:
            setattr(self._parameters, name, word)
            self._changed()

    def _changed(self) -> None:
        self.update()
        self._on_changed()

    def _on_install(self) -> None:
        self._packages.install()
        self._show_device()

    def _show_device(self) -> None:
        status = self._packages.status()
        self._ui.deviceStatusLabel.text = status.sentence
        self._ui.installTorchButton.visible = status.can_install


def _is(a: Any, b: Any) -> bool:
    return (a is None) == (b is None) and (a is b or a is None or a.GetID() == b.GetID())


def _quietly(widgets: Sequence[Any], change: Callable[[], None]) -> None:
    """Change widgets without being told of it."""
    before = [widget.blockSignals(True) for widget in widgets]
    try:
        change()
    finally:
        for widget, blocked in zip(widgets, before, strict=True):
            widget.blockSignals(blocked)
