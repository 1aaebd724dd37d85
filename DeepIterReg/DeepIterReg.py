"""Slicer finds this file: the module, its parameters and the glue to DeepIterRegLib, which holds the method."""

import importlib.util
import sys
from pathlib import Path

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


@parameterNodeWrapper
class DeepIterRegParameterNode:
    """What the panel holds and a saved scene keeps. For the numbers the lowest value says: as the image has it."""

    cta: vtkMRMLScalarVolumeNode
    dsa: vtkMRMLNode
    secondDsa: vtkMRMLNode
    primaryAngleDeg: float = -181.0
    secondaryAngleDeg: float = -181.0
    sddMm: float = 0.0
    sidMm: float = 0.0
    pixelSpacingMm: float = 0.0


class DeepIterRegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        from DeepIterRegLib.mrml.widget import RegistrationPanel

        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/DeepIterReg.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = DeepIterRegLogic()
        self.panel = RegistrationPanel(self.ui, self.logic, slicer.app.processEvents, _)
        self.ui.registerButton.connect("clicked()", self.onRegisterButton)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.setParameterNode(self.logic.getParameterNode())

    def cleanup(self):
        self.panel.cancel()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        # Connected once and not on every visit: disconnectGui leaves the GUI connected to the node.
        if self._parameterNode is None:
            self.setParameterNode(self.logic.getParameterNode())

    def onSceneStartClose(self, caller, event):
        self.panel.cancel()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        self.panel.clear()
        if self.parent.isEntered:
            self.enter()

    def onReload(self):
        for name in [name for name in sys.modules if name.partition(".")[0] == "DeepIterRegLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def setParameterNode(self, parameterNode):
        """Connect the panel to a parameter node, and disconnect it from the one before."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        self.panel.parameters = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
            self.onParametersChanged()

    def onParametersChanged(self, caller=None, event=None):
        self.panel.update()

    def onRegisterButton(self):
        with slicer.util.tryWithErrorDisplay(_("The registration failed."), waitCursor=False):
            self.panel.register_or_cancel()


class DeepIterRegLogic(ScriptedLoadableModuleLogic):
    """The module's logic. The work is done by DeepIterRegLib.mrml.logic.DeepIterRegLogic, which scripts should use."""

    def getParameterNode(self):
        return DeepIterRegParameterNode(super().getParameterNode())

    def register(self, cta, dsas, **options):
        """Register nodes of the application's scene; see DeepIterRegLib.mrml.logic.DeepIterRegLogic.register."""
        from DeepIterRegLib.mrml.logic import DeepIterRegLogic as SceneLogic

        return SceneLogic(slicer.mrmlScene).register(cta, dsas, **options)


class DeepIterRegTest(ScriptedLoadableModuleTest):
    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_registers_the_built_in_patient()

    def test_registers_the_built_in_patient(self):
        import tempfile

        from DeepIterRegLib.geometry.projection import mean_projection_error_mm
        from DeepIterRegLib.images.dsa_files import read_angiogram
        from DeepIterRegLib.mrml.logic import DeepIterRegLogic as SceneLogic
        from DeepIterRegLib.simulate.simple import simple_patient, write_patient

        patient = simple_patient(seed=1)
        logic = SceneLogic(slicer.mrmlScene)
        with tempfile.TemporaryDirectory() as folder:
            angiogram = read_angiogram(write_patient(patient, folder)["dsa"])
        cta, dsa = logic.load_cta(patient.volume), logic.load_dsa(angiogram)
        registration = logic.register(cta, [dsa])
        truth = patient.pose, patient.volume.centre_mm, patient.carm
        before_mm = mean_projection_error_mm(registration.initial_pose, *truth)
        after_mm = mean_projection_error_mm(registration.pose, *truth)
        assert after_mm < before_mm / 2
        assert cta.GetParentTransformNode().GetName() == "CTA to C-arm"
        self.delayDisplay(f"Mean projection error {before_mm:.1f} mm before, {after_mm:.1f} mm after")
