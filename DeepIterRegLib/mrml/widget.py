"""What the module's panel does. Qt is only touched through the widgets it is given, so that tests can give fakes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any, Protocol

from DeepIterRegLib.errors import InputError, RegistrationCancelled
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.registration import Progress, Registration

AS_THE_IMAGE_HAS_IT_DEG, AS_THE_IMAGE_HAS_IT_MM = -181.0, 0.0
"""The spin boxes' lowest values, which they show as words."""
FIELD_OF_OPTION = {
    "--primary-angle": "Primary angle",
    "--secondary-angle": "Secondary angle",
    "--sdd": "Source to detector",
    "--sid": "Source to isocentre",
    "--pixel-spacing": "Pixel spacing",
    "--cta": "CTA",
    "--dsa": "DSA",
}
"""The command line's options, which errors name, as the panel calls them."""


class RegistrationLogic(Protocol):
    """The part of `DeepIterRegLogic` that the panel needs."""

    def register(self, cta: Any, dsas: list[Any], **options: Any) -> Registration: ...


class RegistrationPanel:
    """The first panel: images in, Register, what came out.

    ui: the widgets of DeepIterReg.ui by name. process_events: keeps the application alive while registering.
    translate: of the strings the user sees. `parameters` is the module's parameter node, None while there is none.
    """

    def __init__(
        self,
        ui: Any,
        logic: RegistrationLogic,
        process_events: Callable[[], None],
        translate: Callable[[str], str] = str,
    ) -> None:
        self.parameters: Any = None
        self._ui = ui
        self._logic = logic
        self._process_events = process_events
        self._tr = translate
        self._running = False
        self._cancelled = False
        self.clear()

    def clear(self) -> None:
        """Forget the result on show."""
        self._ui.resultLabel.text = ""
        self._ui.progressBar.visible = False
        self.update()

    def update(self) -> None:
        """Let the button say what it does, or what is missing before it can."""
        if self._running:
            return
        missing = self._missing()
        self._ui.registerButton.enabled = missing is None
        self._ui.registerButton.text = self._tr("Register") if missing is None else missing

    def register_or_cancel(self) -> None:
        """Press of the button. Errors of the input are shown in the panel; what else goes wrong is raised."""
        if self._running:
            self.cancel()
            return
        if self._missing() is not None:
            return
        self._running, self._cancelled = True, False
        self._ui.registerButton.text = self._tr("Cancel")
        self._ui.resultLabel.text = ""
        self._ui.progressBar.value = 0
        self._ui.progressBar.visible = True
        try:
            parameters = self.parameters
            dsas = [dsa for dsa in (parameters.dsa, parameters.secondDsa) if dsa is not None]
            registration = self._logic.register(
                parameters.cta, dsas, geometry=geometry_options(parameters), progress=self._progress
            )
            self._show(result_html(registration, self._tr))
        except InputError as error:
            self._show(html.escape(in_the_panels_words(str(error))))
        except RegistrationCancelled:
            self._show(html.escape(self._tr("Cancelled; everything is as it was.")))
        finally:
            self._running = False
            self._ui.progressBar.visible = False
            self.update()

    def cancel(self) -> None:
        """End a running registration at its next step."""
        self._cancelled = True

    def _missing(self) -> str | None:
        parameters = self.parameters
        if parameters is None or (parameters.cta is None and parameters.dsa is None):
            return self._tr("Select a CTA and a DSA")
        if parameters.cta is None:
            return self._tr("Select a CTA")
        return self._tr("Select a DSA") if parameters.dsa is None else None

    def _progress(self, progress: Progress) -> None:
        similarity = "" if progress.similarity is None else f" ({progress.similarity:.3f})"
        self._ui.progressBar.value = round(100 * progress.fraction)
        self._ui.progressBar.format = f"{progress.stage}{similarity}"
        self._process_events()
        if self._cancelled:
            raise RegistrationCancelled

    def _show(self, rich_text: str) -> None:
        self._ui.resultLabel.text = rich_text


def geometry_options(parameters: Any) -> GeometryOptions | None:
    """What was typed in over the images' own geometry; None where nothing was. Raises InputError for absurd numbers.

    With two DSAs the angles of one cannot be those of the other: typed-in angles are refused.
    """
    angles = [
        None if value <= AS_THE_IMAGE_HAS_IT_DEG else value
        for value in (parameters.primaryAngleDeg, parameters.secondaryAngleDeg)
    ]
    lengths = [
        None if value <= AS_THE_IMAGE_HAS_IT_MM else value
        for value in (parameters.sddMm, parameters.sidMm, parameters.pixelSpacingMm)
    ]
    if parameters.secondDsa is not None and angles != [None, None]:
        raise InputError(
            "Two DSAs have angles of their own; leave --primary-angle and --secondary-angle to the images."
        )
    if all(value is None for value in (*angles, *lengths)):
        return None
    return GeometryOptions(*angles, *lengths)


def in_the_panels_words(message: str) -> str:
    """An error's sentence with the panel's fields in place of the command line's options."""
    pattern = "|".join(sorted(map(re.escape, FIELD_OF_OPTION), key=len, reverse=True))
    return re.sub(rf"({pattern})( (DEG|MM|PATH|FILE))?\b", lambda match: f'"{FIELD_OF_OPTION[match[1]]}"', message)


def result_html(registration: Registration, translate: Callable[[str], str] = str) -> str:
    """The result in a few lines: stages with their similarity, seconds, device, warnings."""
    lines = [translate("Registered in {seconds:.1f} s on {device}.").format(
        seconds=registration.seconds, device=registration.device.upper()
    )]  # fmt: skip
    for stage in registration.stages:
        if stage.similarity is not None and stage.similarity_before is not None:
            lines.append(
                f"{stage.name}: {stage.similarity_name} {stage.similarity_before:.3f} → {stage.similarity:.3f}"
            )
    lines += [translate("Note: ") + warning for warning in registration.warnings]
    return "<br>".join(html.escape(line) for line in lines)
