"""The Slicer module's file, form and panel, without Slicer: what loads when, and that names on both sides agree."""

from __future__ import annotations

import ast
import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from DeepIterRegLib.errors import InputError
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.mrml.widget import RegistrationPanel, geometry_options, in_the_panels_words, result_html
from DeepIterRegLib.registration import Progress
from Testing.small_registration import LATERAL, FakeRegister, small_angiogram, small_volume

ROOT = Path(__file__).resolve().parents[1]
MODULE = ROOT / "DeepIterReg" / "DeepIterReg.py"
FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "DeepIterReg.ui"
ICON = ROOT / "DeepIterReg" / "Resources" / "Icons" / "DeepIterReg.png"
PANEL = ROOT / "DeepIterRegLib" / "mrml" / "widget.py"
ALLOWED_AT_START_UP = {*sys.stdlib_module_names, "slicer", "vtk", "qt", "ctk", "numpy", "SimpleITK", "scipy"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_at_file_scope(path: Path) -> set[str]:
    """Top-level packages that a file imports when it is loaded, inside `if` and `try` too but not in functions."""
    names: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree_of(path))
    return names


def form_widgets() -> dict[str, ET.Element]:
    return {str(widget.get("name")): widget for widget in ET.parse(FORM).iter("widget")}


def bound_parameters() -> dict[str, ET.Element]:
    """Widgets by the parameter that their SlicerParameterName names."""
    bound = {}
    for widget in form_widgets().values():
        for prop in widget.findall("property"):
            if prop.get("name") == "SlicerParameterName":
                assert prop.get("stdset") == "0", "a dynamic property, or uic looks for a setter"
                bound[str(prop.findtext("string"))] = widget
    return bound


def parameter_class() -> ast.ClassDef:
    classes = [node for node in tree_of(MODULE).body if isinstance(node, ast.ClassDef)]
    return next(node for node in classes if node.name == "DeepIterRegParameterNode")


def test_slicer_starts_without_loading_anything_heavy() -> None:
    assert imported_at_file_scope(MODULE) <= ALLOWED_AT_START_UP


def test_library_below_mrml_loads_without_slicer() -> None:
    for path in sorted((ROOT / "DeepIterRegLib").rglob("*.py")):
        assert not imported_at_file_scope(path) & {"slicer", "qt", "ctk", "vtk"}, path.name


def test_module_has_the_classes_that_slicer_looks_for() -> None:
    names = {node.name for node in tree_of(MODULE).body if isinstance(node, ast.ClassDef)}
    assert {"DeepIterReg", "DeepIterRegWidget", "DeepIterRegLogic", "DeepIterRegTest"} <= names


def test_icon_is_a_square_picture() -> None:
    with Image.open(ICON) as icon:
        assert (icon.size, icon.format) == ((128, 128), "PNG")
        assert len(icon.convert("RGB").getcolors(128 * 128) or []) > 100, "an empty icon"


def test_every_parameter_is_bound_to_one_widget_of_the_form() -> None:
    fields = {node.target.id for node in parameter_class().body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    assert set(bound_parameters()) == fields
    assert len(fields) == 8


def test_numbers_start_at_the_value_that_means_as_the_image_says() -> None:
    for node in parameter_class().body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            widget = bound_parameters()[node.target.id]  # type: ignore[union-attr]
            minimum = next(p for p in widget.findall("property") if p.get("name") == "minimum").findtext("double")
            assert float(minimum or "nan") == ast.literal_eval(node.value)
            assert any(p.get("name") == "specialValueText" for p in widget.findall("property"))


def test_every_widget_that_the_code_names_is_in_the_form() -> None:
    named = set()
    for path, owner in ((PANEL, "_ui"), (MODULE, "ui")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == owner:
                named.add(node.attr)
    assert named == {"registerButton", "progressBar", "resultLabel"}
    assert named <= set(form_widgets())


def test_node_selectors_follow_the_scene() -> None:
    form = ET.parse(FORM).getroot()
    top = form.find("widget")
    assert top is not None
    assert top.get("class") == "qMRMLWidget"
    selectors = {name for name, widget in form_widgets().items() if widget.get("class") == "qMRMLNodeComboBox"}
    connected = {
        connection.findtext("receiver")
        for connection in form.iter("connection")
        if connection.findtext("sender") == top.get("name")
        and connection.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and connection.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    assert connected == selectors
    assert len(selectors) == 3
    declared = {custom.findtext("class") for custom in form.iter("customwidget")}
    used = {str(widget.get("class")) for widget in form_widgets().values()}
    assert {name for name in used if not name.startswith("Q")} == declared


def fake_ui() -> SimpleNamespace:
    return SimpleNamespace(
        registerButton=SimpleNamespace(enabled=False, text="", connect=lambda *_: None),
        progressBar=SimpleNamespace(value=0, visible=True, format="%p%"),
        resultLabel=SimpleNamespace(text="old"),
    )


def parameters(**changes: Any) -> SimpleNamespace:
    values = {
        "cta": "the CTA", "dsa": "the DSA", "secondDsa": None, "primaryAngleDeg": -181.0, "secondaryAngleDeg": -181.0,
        "sddMm": 0.0, "sidMm": 0.0, "pixelSpacingMm": 0.0,
    }  # fmt: skip
    return SimpleNamespace(**(values | changes))


class FakeLogic:
    """Stands in for DeepIterRegLogic: reports half way, then fails or returns a registration."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.calls: list[tuple[Any, list[Any], dict[str, Any]]] = []

    def register(self, cta: Any, dsas: list[Any], **options: Any) -> Any:
        self.calls.append((cta, dsas, options))
        options["progress"](Progress("Segmenting the CTA", 0.5, 0.25))
        if self.error is not None:
            raise self.error
        return FakeRegister()(small_volume(), [small_angiogram(LATERAL)], method="default", progress=None)


def panel(logic: FakeLogic, process_events: Any = lambda: None, **changes: Any) -> tuple[RegistrationPanel, Any]:
    ui = fake_ui()
    made = RegistrationPanel(ui, logic, process_events)
    made.parameters = parameters(**changes)
    made.update()
    return made, ui


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"cta": None, "dsa": None}, "Select a CTA and a DSA"),
        ({"cta": None}, "Select a CTA"),
        ({"dsa": None}, "Select a DSA"),
        ({}, "Register"),
    ],
)
def test_button_says_what_is_missing(changes: dict[str, None], text: str) -> None:
    logic = FakeLogic()
    made, ui = panel(logic, **changes)
    assert (ui.registerButton.text, ui.registerButton.enabled) == (text, text == "Register")
    made.register_or_cancel()
    assert bool(logic.calls) == (text == "Register")


def test_register_runs_the_logic_and_shows_the_result() -> None:
    logic = FakeLogic()
    made, ui = panel(logic, secondDsa="another", sddMm=1100.0)
    during = []
    made._process_events = lambda: during.append(
        (ui.registerButton.text, ui.progressBar.visible, ui.progressBar.value, ui.progressBar.format)
    )
    made.register_or_cancel()
    cta, dsas, options = logic.calls[0]
    assert (cta, dsas, options["geometry"].sdd_mm) == ("the CTA", ["the DSA", "another"], 1100.0)
    assert during == [("Cancel", True, 50, "Segmenting the CTA (0.250)")]
    assert (ui.registerButton.text, ui.progressBar.visible) == ("Register", False)
    assert "NCC 0.250 → 0.812" in ui.resultLabel.text
    assert "CPU" in ui.resultLabel.text
    assert "The shutter hides a part of the DSA." in ui.resultLabel.text


def test_second_press_cancels_instead_of_starting_another() -> None:
    logic = FakeLogic()
    made, ui = panel(logic)
    made._process_events = made.register_or_cancel
    made.register_or_cancel()
    assert len(logic.calls) == 1
    assert ui.resultLabel.text == "Cancelled; everything is as it was."
    assert (ui.registerButton.text, ui.registerButton.enabled) == ("Register", True)
    made._process_events = lambda: None
    made.register_or_cancel()
    assert "NCC" in ui.resultLabel.text, "a cancelled run must not cancel the next one"


def test_input_error_is_shown_in_the_panels_words_and_unexpected_ones_are_raised() -> None:
    made, ui = panel(FakeLogic(InputError("The DSA has no <SDD>; give --sdd MM or --primary-angle DEG.")))
    made.register_or_cancel()
    assert ui.resultLabel.text == html_of('The DSA has no <SDD>; give "Source to detector" or "Primary angle".')
    made, ui = panel(FakeLogic(MemoryError()))
    with pytest.raises(MemoryError):
        made.register_or_cancel()
    assert (ui.registerButton.text, ui.progressBar.visible) == ("Register", False)


def html_of(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def test_errors_keep_words_that_only_look_like_options() -> None:
    assert in_the_panels_words("a--sddx --volume-kind") == "a--sddx --volume-kind"
    assert in_the_panels_words("swap --cta and --dsa.") == 'swap "CTA" and "DSA".'


def test_geometry_is_left_to_the_image_unless_typed_in() -> None:
    assert geometry_options(parameters()) is None
    options = geometry_options(parameters(primaryAngleDeg=0.0, pixelSpacingMm=0.3))
    assert isinstance(options, GeometryOptions)
    assert (options.primary_angle_deg, options.secondary_angle_deg) == (0.0, None)
    assert (options.sdd_mm, options.sid_mm, options.pixel_spacing_mm) == (None, None, 0.3)
    with pytest.raises(InputError, match="Two DSAs"):
        geometry_options(parameters(secondDsa="another", secondaryAngleDeg=5.0))


def test_result_is_safe_to_show_as_rich_text() -> None:
    registration = FakeRegister()(small_volume(), [small_angiogram(LATERAL)], method="default", progress=None)
    object.__setattr__(registration, "warnings", ("<b>bold</b> & more",))
    assert result_html(registration).endswith("Note: &lt;b&gt;bold&lt;/b&gt; &amp; more")


class Base:
    """In the place of the classes that the module's own are derived from."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = parent
        self.layout = SimpleNamespace(addWidget=lambda widget: None)
        self.observed: list[tuple[Any, Any, Any]] = []

    def setup(self) -> None: ...

    def onReload(self) -> None: ...

    def resourcePath(self, name: str) -> str:
        return str(MODULE.parent / "Resources" / name)

    def addObserver(self, node: Any, event: Any, callback: Any) -> None:
        self.observed.append((node, event, callback))

    def removeObserver(self, node: Any, event: Any, callback: Any) -> None:
        self.observed.remove((node, event, callback))

    def removeObservers(self) -> None:
        self.observed.clear()


def parameter_node_wrapper(cls: type) -> Any:
    """In the place of Slicer's: a class whose nodes take the defaults of its fields."""

    def make(_: Any = None) -> SimpleNamespace:
        values = {name: getattr(cls, name, None) for name in cls.__annotations__}
        return SimpleNamespace(**values, connectGui=lambda ui: 1, disconnectGui=lambda tag: None)

    return make


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """DeepIterReg.py loaded with the outlines of Slicer's application around it."""
    ui = fake_ui()
    form = SimpleNamespace(setMRMLScene=lambda scene: None)
    util = ModuleType("slicer.util")
    util.VTKObservationMixin = type("VTKObservationMixin", (), {"__init__": lambda self: None})  # type: ignore[attr-defined]
    util.loadUI = lambda path: form if Path(path) == FORM else None  # type: ignore[attr-defined]
    util.childWidgetVariables = lambda widget: ui  # type: ignore[attr-defined]
    slicer = ModuleType("slicer")
    slicer.__dict__.update(
        util=util,
        vtkMRMLNode=object,
        vtkMRMLScalarVolumeNode=object,
        mrmlScene=SimpleNamespace(StartCloseEvent="start", EndCloseEvent="end"),
        app=SimpleNamespace(processEvents=lambda: None),
    )
    i18n = ModuleType("slicer.i18n")
    i18n.__dict__.update(tr=str, translate=lambda context, text: text)
    wrapper = ModuleType("slicer.parameterNodeWrapper")
    wrapper.__dict__.update(parameterNodeWrapper=parameter_node_wrapper)
    scripted = ModuleType("slicer.ScriptedLoadableModule")
    for suffix in ("", "Widget", "Logic", "Test"):
        name = f"ScriptedLoadableModule{suffix}"
        setattr(scripted, name, type(name, (Base,), {"getParameterNode": lambda self: None}))
    fakes = {"slicer": slicer, "slicer.util": util, "slicer.i18n": i18n}
    fakes |= {"slicer.parameterNodeWrapper": wrapper, "slicer.ScriptedLoadableModule": scripted}
    fakes["vtk"] = ModuleType("vtk")
    fakes["vtk"].vtkCommand = SimpleNamespace(ModifiedEvent="modified")  # type: ignore[attr-defined]
    for name, fake in fakes.items():
        monkeypatch.setitem(sys.modules, name, fake)
    spec = importlib.util.spec_from_file_location("DeepIterReg", MODULE)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return SimpleNamespace(file=loaded, ui=ui)


def test_module_describes_itself(module: Any) -> None:
    parent = SimpleNamespace()
    module.file.DeepIterReg(parent)
    assert parent.title == "DeepIterReg"
    assert parent.categories == ["Registration"]
    assert len(parent.helpText) > 100
    assert len(parent.acknowledgementText) > 50
    assert parent.contributors


def test_widget_sets_up_follows_its_parameters_and_survives_closing_the_scene(module: Any) -> None:
    widget = module.file.DeepIterRegWidget(SimpleNamespace(isEntered=True))
    widget.setup()
    button = module.ui.registerButton
    assert (button.text, button.enabled) == ("Select a CTA and a DSA", False)
    widget._parameterNode.cta = widget._parameterNode.dsa = "a node"
    modified = [callback for _, event, callback in widget.observed if event == "modified"]
    assert len(modified) == 1
    modified[0](None, "modified")
    assert (button.text, button.enabled) == ("Register", True)
    events = {event: callback for _, event, callback in widget.observed}
    events["start"](None, "start")
    assert widget._parameterNode is None
    events["end"](None, "end")
    assert button.text == "Select a CTA and a DSA"
    assert [event for _, event, _ in widget.observed].count("modified") == 1
    widget.cleanup()
    assert not widget.observed


def test_reload_forgets_the_library_too(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = module.file.DeepIterRegWidget(SimpleNamespace(isEntered=True))
    modules = dict(sys.modules)
    monkeypatch.setattr(sys, "modules", modules)
    widget.onReload()
    assert not [name for name in modules if name.partition(".")[0] == "DeepIterRegLib"]
    assert "Testing.small_registration" in modules
