"""The simulated patient in Slicer's Sample Data: made on this computer at the first use, then kept in the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.volume_node import add_volume
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.worker_client.client import WorkerClient
from DeepIterRegLib.worker.sample_file import FORMAT_VERSION, read_sample

CATEGORY = "DeepIterReg"
SAMPLE_NAME = "CTA and DSA of a\nsimulated stroke patient"
"""The text on the button."""
THUMBNAIL = "DeepIterRegSample.png"
SEED = 2006
"""An M1 occlusion before thrombectomy. The lateral view alone takes it from 13.2 mm to 0.3 mm mean projection error."""
DETECTOR_PX, CT_COLUMNS = 1024, 512
CTA_NAME, DSA_NAMES = "Sample CTA", ("Sample DSA lateral", "Sample DSA frontal")
FRAMES_PER_SECOND_SHOWN = 5.0


class Window(Protocol):
    """What shows how far the simulation is, and has a button to cancel it."""

    def show(self, stage: str, fraction: float) -> None: ...

    def close(self) -> None: ...


class SampleLoader:
    """Loads the patient, after the worker has simulated it where the cache does not have it yet.

    new_worker: makes a worker of our own, that is ended afterwards. new_window: opens the progress window, of what to
    call when Cancel is pressed. warn: shows a sentence.
    """

    def __init__(
        self,
        scene: Any,
        *,
        new_worker: Callable[[], WorkerClient],
        new_window: Callable[[Callable[[], None]], Window],
        warn: Callable[[str], None],
        translate: Callable[[str], str] = str,
        on_loaded: Callable[[list[Any]], None] = lambda nodes: None,
    ) -> None:
        self._scene = scene
        self._new_worker = new_worker
        self._new_window = new_window
        self._warn = warn
        self._ = translate
        self._on_loaded = on_loaded
        self._worker: WorkerClient | None = None
        self._window: Window | None = None

    @property
    def is_busy(self) -> bool:
        return self._worker is not None

    def load(self) -> None:
        """Load at once from the cache, or later, when it is simulated. A second call meanwhile does nothing."""
        if self.is_busy:
            return
        path = sample_path(self._scene)
        if path.is_file() and self._add(path):
            return
        self._worker = self._new_worker()
        self._window = self._new_window(self._worker.cancel)
        self._window.show(self._("Starting"), 0.0)
        payload = {"seed": SEED, "detector_px": DETECTOR_PX, "ct_columns": CT_COLUMNS, "path": str(path)}
        self._worker.run("sample", payload, self)

    # What the worker's client calls: see `JobListener`.

    def started(self) -> None: ...

    def prepared(self, preview: Any) -> None: ...

    def progress(self, progress: Progress) -> None:
        if self._window is not None:
            self._window.show(self._(progress.stage), progress.fraction)

    def done(self, result: Any) -> None:
        self._end()
        if not self._add(Path(result["path"])):
            self._warn(self._("The simulated patient cannot be read; is the disk of Slicer's cache full?"))

    def failed(self, error: UserError) -> None:
        self._end()
        self._warn(told(error, self._))

    def cancelled(self) -> None:
        self._end()

    def _end(self) -> None:
        window, worker = self._window, self._worker
        self._window = self._worker = None
        if window is not None:
            window.close()
        if worker is not None:
            worker.close()

    def _add(self, path: Path) -> bool:
        try:
            nodes = load_sample(self._scene, path)
        except InputError:
            return False
        self._on_loaded(nodes)
        return True


def sample_path(scene: Any) -> Path:
    """Where Slicer's cache has the patient, or will have it. Clearing the cache in Slicer's settings removes it."""
    name = f"DeepIterReg-sample-{FORMAT_VERSION}-{SEED}-{DETECTOR_PX}-{CT_COLUMNS}.npz"
    return Path(scene.GetCacheManager().GetRemoteCacheDirectory()) / name


def load_sample(scene: Any, path: Path) -> list[Any]:
    """Add the patient's CTA (scalar volume) and its DSAs (sequences, each with a browser and proxy), in this order.

    Raises InputError for a file that is none.
    """
    sample = read_sample(path)
    cta = add_volume(scene, sample.volume)
    cta.SetName(scene.GenerateUniqueName(CTA_NAME))
    sequences = []
    # The first one last: of several runs the panel proposes the latest.
    for angiogram, name in reversed(list(zip(sample.angiograms, DSA_NAMES, strict=True))):
        sequence = add_angiogram(scene, angiogram)
        sequence.SetName(scene.GenerateUniqueName(name))
        _add_browser(scene, sequence)
        sequences.append(sequence)
    return [cta, *reversed(sequences)]


def _add_browser(scene: Any, sequence: Any) -> None:
    """As the DICOM module does: a browser, whose proxy volume shows one frame."""
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{sequence.GetName()} browser")
    browser.SetPlaybackRateFps(FRAMES_PER_SECOND_SHOWN)
    browser.AddSynchronizedSequenceNode(sequence)
    proxy = browser.GetProxyNode(sequence)
    if proxy is not None:
        proxy.SetName(sequence.GetName())


def register_sample_data(translate: Callable[[str], str]) -> None:
    """Offer the patient in Slicer's Sample Data module; call it when the application has started up."""
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # Slicer 5.12 and later
        logic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        uris=[],
        fileNames=[],
        nodeNames=[],
        thumbnailFileName=thumbnail_path(),
        customDownloader=lambda source: slicer_sample_loader(translate).load(),
    )


def thumbnail_path() -> str | None:
    """The picture on the button, in the source tree or in Slicer's package; None where it is in neither."""
    beside = Path(__file__).resolve().parents[3]
    for icons in (beside / "DeepIterReg" / "Resources" / "Icons", beside / "Resources" / "Icons"):
        if (icons / THUMBNAIL).is_file():
            return str(icons / THUMBNAIL)
    return None


def slicer_sample_loader(translate: Callable[[str], str]) -> SampleLoader:
    """The loader of the running application: one, however often the button is pressed."""
    import slicer

    from DeepIterRegLib.mrml.worker_client.process import slicer_worker

    loader: SampleLoader | None = getattr(slicer.modules, "deepIterRegSampleLoader", None)
    if loader is None or not loader.is_busy:
        loader = SampleLoader(
            slicer.mrmlScene,
            new_worker=slicer_worker,
            new_window=lambda cancel: ProgressWindow(cancel, translate),
            warn=slicer.util.warningDisplay,
            translate=translate,
            on_loaded=_show_in_views,
        )
        # The worker's callbacks need an owner until it is done.
        slicer.modules.deepIterRegSampleLoader = loader
    return loader


TITLE_PX = 360


class ProgressWindow:
    """Implements `Window` with Qt; not modal, for nothing in the application has to wait."""

    def __init__(self, cancel: Callable[[], None], translate: Callable[[str], str]) -> None:
        _ = translate
        import qt
        import slicer

        self._ = translate
        self._dialog = qt.QProgressDialog(slicer.util.mainWindow())
        self._dialog.setWindowTitle(_("Simulating a patient"))
        # Wide enough for its title, which a window does not count.
        self._dialog.setMinimumWidth(TITLE_PX)
        self._dialog.setCancelButtonText(_("Cancel"))
        self._dialog.minimumDuration = 0
        self._dialog.autoClose = False
        self._dialog.autoReset = False
        self._dialog.maximum = 100
        self._dialog.connect("canceled()", cancel)

    def show(self, stage: str, fraction: float) -> None:
        self._dialog.labelText = self._("{stage} …").format(stage=stage)
        self._dialog.value = round(100 * fraction)
        self._dialog.show()

    def close(self) -> None:
        self._dialog.blockSignals(True)  # Closing it counts as cancelling.
        self._dialog.close()
        self._dialog.deleteLater()


def _show_in_views(nodes: list[Any]) -> None:
    import slicer

    slicer.util.setSliceViewerLayers(background=nodes[0], fit=True)
