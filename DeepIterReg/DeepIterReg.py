"""Slicer finds this file: the module, its parameters and the glue to DeepIterRegLib, which holds the method."""

import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path

import qt
import slicer
import vtk
from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

# From source Slicer knows only this folder; a packaged extension has the library on its path already.
if importlib.util.find_spec("DeepIterRegLib") is None:
    sys.path.append(str(Path(__file__).resolve().parents[1]))


class DeepIterReg(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("DeepIterReg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        parent.dependencies = []
        parent.contributors = ["The DeepIterReg contributors"]
        parent.helpText = _(
            "Registers a pre-operative CT angiogram (CTA) to an intra-operative angiogram (DSA): finds the rigid "
            "transform that takes the CTA to where the patient lay in the C-arm. Select the CTA and one DSA, or two of "
            "the unmoved patient, and press Register. The C-arm's geometry is read from the DICOM file; what is typed "
            "in replaces it. For research, not for clinical decisions."
        )
        parent.acknowledgementText = _(
            "Implements and extends the deep iterative 2D/3D registration of cerebral angiograms; how to cite it is in "
            "the extension's README. Built on 3D Slicer, SimpleITK and DiffDRR."
        )
        slicer.app.connect("startupCompleted()", onStartUpCompleted)
        slicer.app.connect("aboutToQuit()", onAboutToQuit)


@parameterNodeWrapper
class DeepIterRegParameterNode:
    """What is selected; a saved scene keeps it. The panel's sections bind their widgets themselves: the wrapper's own
    connection outlives its disconnection."""

    cta: vtkMRMLScalarVolumeNode
    dsa: vtkMRMLNode
    secondDsa: vtkMRMLNode
    ctaVessels: vtkMRMLNode
    ctaVeins: vtkMRMLNode
    dsaVessels: vtkMRMLNode
    dsaVeins: vtkMRMLNode
    secondDsaVessels: vtkMRMLNode
    secondDsaVeins: vtkMRMLNode
    method: str = "default"
    device: str = "auto"


def onStartUpCompleted():
    """Offer the simulated patient in Slicer's Sample Data module, and know the layouts that saved scenes may be in."""
    from DeepIterRegLib.mrml.panel.sample_data import register_sample_data
    from DeepIterRegLib.mrml.views.layout import register_layouts

    register_layouts(slicer.mrmlScene)
    register_sample_data(_)


def onAboutToQuit():
    """Slicer has remembered its layout by now; one of ours it would not know when it starts again."""
    from DeepIterRegLib.mrml.panel.slicer_services import leave_known_layout

    leave_known_layout()


class DeepIterRegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self.ui = None
        self._wheelFilter = self._helpFilter = None
        self._parameterNode = None

    def setup(self):
        from DeepIterRegLib.mrml.panel.chosen import mark_chosen_buttons
        from DeepIterRegLib.mrml.panel.help import add_help
        from DeepIterRegLib.mrml.panel.slicer_services import open_page, slicer_services
        from DeepIterRegLib.mrml.panel.wheel import keep_from_wheel
        from DeepIterRegLib.mrml.panel.widget import FORMS, RegistrationPanel

        ScriptedLoadableModuleWidget.setup(self)
        forms = qt.QWidget()
        formsLayout = qt.QVBoxLayout(forms)
        formsLayout.setContentsMargins(0, 0, 0, 0)
        for name in FORMS:
            form = slicer.util.loadUI(self.resourcePath(f"UI/{name}.ui"))
            formsLayout.addWidget(form)
            form.setMRMLScene(slicer.mrmlScene)
        self.layout.addWidget(forms)
        self.layout.addStretch(1)
        self.ui = slicer.util.childWidgetVariables(forms)
        self._wheelFilter = keep_from_wheel(forms)
        mark_chosen_buttons(forms)
        self._helpFilter = add_help(self.ui, _, open_page)
        self.logic = DeepIterRegLogic()
        self.panel = RegistrationPanel(self.ui, slicer_services(forms, _))
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(scene, scene.NodeRemovedEvent, self.onNodeRemoved)
        self.addObserver(scene, scene.EndBatchProcessEvent, self.onNodeRemoved)
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodeAdded)
        self.addObserver(scene, scene.EndBatchProcessEvent, self.onNodeAdded)
        self.setParameterNode(self.logic.getParameterNode())
        # Reloaded, the module is in front already, and nobody enters it.
        if self.parent.isEntered:
            self.enter()

    def cleanup(self):
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
        # The application may still leave the module, and send events to its widgets, while it goes down.
        self.panel = self._parameterNode = self._wheelFilter = self._helpFilter = None

    def enter(self):
        if self.panel is None:
            return
        if self._parameterNode is None:
            self.setParameterNode(self.logic.getParameterNode())
        self.panel.enter()

    def exit(self):
        if self.panel is not None:
            self.panel.leave()

    def onSceneStartClose(self, caller, event):
        self.panel.scene_closes()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.enter()

    def onSceneEndImport(self, caller, event):
        self.setParameterNode(self.logic.getParameterNode())
        self.panel.scene_loaded()

    def onNodeRemoved(self, caller, event):
        if not slicer.mrmlScene.IsClosing() and not slicer.mrmlScene.IsBatchProcessing():
            self.panel.nodes_removed()

    def onNodeAdded(self, caller, event):
        if not slicer.mrmlScene.IsClosing() and not slicer.mrmlScene.IsBatchProcessing():
            self.panel.nodes_added()

    def onReload(self):
        for name in [name for name in sys.modules if name.partition(".")[0] == "DeepIterRegLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def setParameterNode(self, parameterNode):
        """Show another parameter node in the panel, or none."""
        if self._parameterNode is not None:
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        if self.panel is not None:
            self.panel.set_parameters(parameterNode)

    def onParametersChanged(self, caller=None, event=None):
        # A scene that is being added has its nodes, but not all of their images: onSceneEndImport shows it as a whole.
        if not slicer.mrmlScene.IsImporting():
            self.panel.update()


class DeepIterRegLogic(ScriptedLoadableModuleLogic):
    """The module's logic. The work is done by DeepIterRegLib.mrml.logic.DeepIterRegLogic, which scripts should use."""

    def getParameterNode(self):
        return DeepIterRegParameterNode(super().getParameterNode())

    def register(self, cta, dsas, **options):
        """Register nodes of the application's scene; see DeepIterRegLib.mrml.logic.DeepIterRegLogic.register."""
        from DeepIterRegLib.mrml.logic import DeepIterRegLogic as SceneLogic

        return SceneLogic(slicer.mrmlScene).register(cta, dsas, **options)


class DeepIterRegTest(ScriptedLoadableModuleTest):
    """What a clinician does, through the widgets and the worker process: DeepIterRegLib/mrml/self_test.py."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def tearDown(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (
            self.test_button_says_what_is_missing,
            self.test_cancel_leaves_the_scene_as_it_was,
            self.test_registration_is_adjusted_saved_and_opened_again,
        ):
            self.setUp()
            test()
            self.tearDown()

    def test_button_says_what_is_missing(self):
        with self.panelTest() as panelTest:
            panelTest.says_what_is_missing()

    def test_cancel_leaves_the_scene_as_it_was(self):
        with self.panelTest() as panelTest:
            panelTest.select_images()
            panelTest.cancel_leaves_the_scene_as_it_was()

    def test_registration_is_adjusted_saved_and_opened_again(self):
        with self.panelTest() as panelTest:
            panelTest.select_images()
            before_mm, after_mm = panelTest.registers()
            self.delayDisplay(f"Mean projection error {before_mm:.1f} mm before, {after_mm:.1f} mm after")
            panelTest.sliders_move_the_cta_and_undo_takes_it_back()
            panelTest.scene_comes_back_as_it_was_saved()

    @contextmanager
    def panelTest(self):
        """The steps of the test, on the module's widget, which is entered meanwhile; its worker is ended afterwards."""
        from DeepIterRegLib.mrml.self_test import PanelTest

        widget = slicer.modules.deepiterreg.widgetRepresentation().self()
        wasEntered = widget.parent.isEntered
        widget.enter()
        panelTest = PanelTest(widget, slicer.mrmlScene, slicer.app.processEvents)
        try:
            yield panelTest
        finally:
            panelTest.end_worker()
            if not wasEntered:
                widget.exit()
