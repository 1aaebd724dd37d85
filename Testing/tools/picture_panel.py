"""Pictures of the panel for README and tutorial: `python -m Testing.tools.picture_panel` (two minutes).

Goes the tutorial's way through the real panel, with the real worker, on the patient of Sample Data, which is simulated
first and kept in --cache. Writes Resources/Screenshots/tutorial_*.jpg, panel.jpg and panel_overlay.jpg.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import Image

from DeepIterRegLib.mrml.panel import register_section, sample_data, slicer_services
from DeepIterRegLib.mrml.views.case_views import fit_case
from Testing.qt_adapter import open_module
from Testing.support.paths import ROOT
from Testing.support.slicer_window import (
    LEAST_HEIGHT_PX,
    PANEL_GROUND,
    PANEL_PX,
    WINDOW_PX,
    dialog_picture,
    panel_picture,
    set_view_sizes,
    slice_picture,
    tiles,
    widget_picture,
    window,
)

QUALITY = 83
TILE_PX = 420
ZOOM = 2.0
"""Of the looks' pictures, on the middle of the image."""
STAGE_SHOWN = "Searching for the position"
"""Of the registration that is caught while registering."""
WIDE_PX = 1600
"""The catalogue's picture."""
REGISTER_TIMEOUT_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description="pictures of the panel")
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Screenshots", metavar="DIR")
    parser.add_argument("--cache", type=Path, default=ROOT / "Testing" / "output", metavar="DIR")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    args.cache.mkdir(parents=True, exist_ok=True)
    with open_module() as opened:
        opened.scene.GetCacheManager().SetRemoteCacheDirectory(str(args.cache.resolve()))
        Tour(opened, args.output).walk()


class Tour:
    """One way through the module; a picture at each stop."""

    def __init__(self, opened: Any, folder: Path) -> None:
        self._opened, self._ui, self._scene = opened, opened.ui, opened.scene
        self._folder = folder

    def walk(self) -> None:
        # The box and its letters in an empty 3D view: too large for these small views.
        view = self._scene.GetSingletonNode("1", "vtkMRMLViewNode")
        view.SetBoxVisible(False)
        view.SetAxisLabelsVisible(False)
        nodes = self._load()
        self._inputs(*nodes[:2])
        self._catch_while_registering()
        self._result()
        self._looks()
        self._good_and_wrong()
        self._adjust()
        self._two_views(nodes[2])
        self._saved()

    def _load(self) -> list[Any]:
        """The Sample Data module, its button and its progress window."""
        self._opened.exit()
        loaded: list[Any] = []
        loader = sample_data.SampleLoader(
            self._scene,
            new_worker=slicer_services.slicer_worker,
            new_window=lambda cancel: sample_data.ProgressWindow(cancel, str),
            warn=raise_,
            on_loaded=loaded.extend,
        )
        loader.load()
        self._opened.process_events(until=lambda: bool(loaded), timeout=REGISTER_TIMEOUT_S)
        show_in_all_slice_views(self._scene, loaded[0])
        self._save("tutorial_sample_data", window(sample_data_panel(), self._scene))
        return loaded

    def _inputs(self, cta: Any, dsa: Any) -> None:
        self._opened.enter()
        assert (self._ui.ctaSelector.currentNode(), self._ui.dsaSelector.currentNode()) == (cta, dsa), "proposed"
        self._opened.process_events(0.2)
        self._picture("tutorial_inputs", ["inputsButton"], ["ctaSelector", "dsaSelector", "dsaCArmGroup"])

    def _catch_while_registering(self) -> None:
        shown, caught = register_section.LivePreview.show, False

        def show(preview: Any, pose: Any) -> None:
            nonlocal caught
            shown(preview, pose)
            if not caught and self._ui.stageLabel.text.startswith(STAGE_SHOWN):
                caught = True
                set_view_sizes(self._scene, LEAST_HEIGHT_PX)
                shown(preview, pose)
                self._picture("tutorial_running", ["inputsButton"], ["registerButton"])

        with mock.patch.object(register_section.LivePreview, "show", show):
            self._register()
        assert caught, f"no pose came with the stage {STAGE_SHOWN!r}"

    def _result(self) -> None:
        self._picture("tutorial_result", ["resultButton", "overlayButton"], ["arrangeButton"])
        self._picture("panel", ["inputsButton", "resultButton", "overlayButton"], width=WIDE_PX)

    def _looks(self) -> None:
        """The same view in every look of the overlay."""
        ui = self._ui
        pictures = []
        with self._zoomed(ZOOM):
            for title, set_, undo in (
                ("Filled", lambda: None, lambda: None),
                ("Outline", ui.outlineButton.click, ui.filledButton.click),
                ("Before the registration", ui.beforeButton.click, ui.beforeButton.click),
                ("Squares", ui.compareSquaresButton.click, ui.compareOffButton.click),
                ("Swipe", ui.compareSwipeButton.click, ui.compareOffButton.click),
                ("Bones", ui.bonesCheckBox.click, ui.bonesCheckBox.click),
            ):
                pictures.append((title, self._red_view_after(set_)))
                undo()
        self._save("panel_overlay", tiles(pictures, 3))

    def _good_and_wrong(self) -> None:
        """The result, and two positions that are wrong."""
        ui = self._ui
        ui.veinsCheckBox.click()
        pictures = []
        with self._zoomed(1.25):
            views: tuple[tuple[str, dict[str, float]], ...] = (
                ("Good: on each other everywhere", {}),
                ("Wrong: beside each other everywhere", {"rightSlider": 5.0, "upSlider": -3.0}),
                ("Wrong: turned, farther off towards the edges", {"turnSlider": 7.0}),
            )
            for title, moves in views:
                pictures.append((title, self._red_view_after(partial(self._move, moves))))
                ui.resetButton.click()
        ui.veinsCheckBox.click()
        self._save("tutorial_good_and_wrong", tiles(pictures, 3))

    def _move(self, moves: dict[str, float]) -> None:
        for slider, value in moves.items():
            getattr(self._ui, slider).value = value

    def _adjust(self) -> None:
        self._ui.rightSlider.value = 3.0
        self._opened.process_events(1.0)
        self._picture("tutorial_adjust", ["adjustButton"], ["rightSlider", "undoButton", "refineButton"])
        self._ui.resetButton.click()

    def _two_views(self, second: Any) -> None:
        self._ui.secondDsaSelector.setCurrentNode(second)
        self._register()
        self._picture("tutorial_two_views", ["inputsButton", "resultButton"], ["secondDsaSelector"])

    def _saved(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "patient" / "registration.mrb"
            path.parent.mkdir()
            with mock.patch.object(slicer_services.QtDialogs, "save_file", return_value=str(path)):
                self._ui.saveSceneButton.click()
        self._picture("tutorial_save", ["resultButton", "saveButton"], ["saveSceneButton"])

    def _register(self) -> None:
        self._ui.registerButton.click()
        running = self._opened.widget.panel.register_section
        self._opened.process_events(until=lambda: not running.is_running, timeout=REGISTER_TIMEOUT_S)
        self._opened.process_events(0.5)
        assert self._opened.widget.panel.case is not None, self._ui.stageLabel.text
        overlay = self._opened.widget.panel.overlay
        self._opened.process_events(until=lambda: not overlay.makes_surfaces)

    @contextmanager
    def _zoomed(self, zoom: float) -> Iterator[None]:
        """The first DSA's view square and zoomed in; afterwards as it was."""
        node = self._scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
        node.SetDimensions(TILE_PX, TILE_PX, 1)
        fit_case(self._opened.widget.panel.case)
        width, height, depth = node.GetFieldOfView()
        node.SetFieldOfView(width / zoom, height / zoom, depth)
        yield
        node.SetFieldOfView(width, height, depth)

    def _red_view_after(self, change: Callable[[], object]) -> Any:
        change()
        self._opened.process_events(0.5)
        return slice_picture("Red")

    def _picture(self, name: str, sections: list[str], marked: Sequence[str] = (), width: int = WINDOW_PX) -> None:
        panel = panel_picture(self._opened, sections, marked)
        case = self._opened.widget.panel.case
        if case is not None and not self._opened.widget.panel.register_section.is_running:
            set_view_sizes(self._scene, max(panel.height, LEAST_HEIGHT_PX), width)
            fit_case(case)
        self._save(name, window(panel, self._scene, width))

    def _save(self, name: str, picture: Image.Image) -> None:
        path = self._folder / f"{name}.jpg"
        picture.save(path, quality=QUALITY, subsampling=0, optimize=True)
        print(f"{path}: {picture.width} × {picture.height}, {path.stat().st_size // 1000} kB")


def sample_data_panel() -> Image.Image:
    """What the Sample Data module shows: the patient's button in its category, and the window while it is simulated."""
    from PySide6 import QtCore, QtGui, QtWidgets
    from SampleData import SampleDataLogic

    source = SampleDataLogic.sources[-1]
    panel = QtWidgets.QWidget()
    layout = QtWidgets.QVBoxLayout(panel)
    group = QtWidgets.QGroupBox(source["category"])
    inner = QtWidgets.QVBoxLayout(group)
    button = QtWidgets.QToolButton()
    button.setText(source["sampleName"])
    button.setIcon(QtGui.QIcon(source["thumbnailFileName"]))
    button.setIconSize(QtCore.QSize(160, 160))
    button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    inner.addWidget(button)
    layout.addWidget(group)
    progress = sample_data.ProgressWindow(lambda: None, str)
    progress.show("Simulating the DSA", 0.54)
    dialog = dialog_picture(progress._dialog._qt(), "Simulating a patient", 340)
    progress.close()
    picture = Image.new("RGB", (PANEL_PX, 420), PANEL_GROUND)
    picture.paste(widget_picture(panel), (0, 0))
    picture.paste(dialog, (24, 270))
    return picture


def show_in_all_slice_views(scene: Any, volume: Any) -> None:
    """As Slicer does with a volume that was loaded."""
    import slicer

    set_view_sizes(scene, LEAST_HEIGHT_PX)
    for name in ("Red", "Yellow", "Green"):
        logic = slicer.app.layoutManager().sliceWidget(name).sliceLogic()
        logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        logic.FitSliceToAll()


def raise_(sentence: str) -> None:
    raise RuntimeError(sentence)


if __name__ == "__main__":
    main()
