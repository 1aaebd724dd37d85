"""The Slicer module's file and forms, without Slicer: what loads when, and that names on both sides agree."""

from __future__ import annotations

import ast
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

from DeepIterRegLib.common.errors import Field
from DeepIterRegLib.mrml.panel.messages import panel_names
from DeepIterRegLib.mrml.panel.widget import FORMS
from Testing.support.paths import ROOT

MODULE = ROOT / "DeepIterReg" / "DeepIterReg.py"
FORMS_FOLDER = ROOT / "DeepIterReg" / "Resources" / "UI"
ICON = ROOT / "DeepIterReg" / "Resources" / "Icons" / "DeepIterReg.png"
SECTIONS = sorted((ROOT / "DeepIterRegLib" / "mrml" / "panel").glob("*.py"))
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


def forms() -> dict[str, ET.Element]:
    return {path.stem: ET.parse(path).getroot() for path in sorted(FORMS_FOLDER.glob("*.ui"))}


def widgets_of(form: ET.Element) -> dict[str, ET.Element]:
    return {str(widget.get("name")): widget for widget in form.iter("widget")}


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


def test_panel_has_a_form_for_each_section_and_no_other() -> None:
    assert sorted(FORMS) == sorted(forms())
    for name, form in forms().items():
        top = form.find("widget")
        assert top is not None
        assert (top.get("class"), top.get("name"), form.findtext("class")) == ("qMRMLWidget", name, name)


def test_widgets_have_names_of_their_own_over_all_forms() -> None:
    names = [str(widget.get("name")) for form in forms().values() for widget in form.iter("widget")]
    assert len(names) == len(set(names))


def test_every_widget_that_the_code_names_is_in_a_form() -> None:
    in_forms = {name for form in forms().values() for name in widgets_of(form)}
    in_forms |= {str(found.get("name")) for form in forms().values() for found in form.iter("layout")}
    named = set()
    for path in SECTIONS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self._ui", "ui"):
                named.add(node.attr)
    assert len(named) > 40
    assert named <= in_forms, named - in_forms


def test_node_selectors_follow_the_scene() -> None:
    for form in forms().values():
        top = form.find("widget")
        assert top is not None
        selectors = {name for name, widget in widgets_of(form).items() if widget.get("class") == "qMRMLNodeComboBox"}
        connected = {
            connection.findtext("receiver")
            for connection in form.iter("connection")
            if connection.findtext("sender") == top.get("name")
            and connection.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
            and connection.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
        }
        assert connected == selectors
        declared = {custom.findtext("class") for custom in form.iter("customwidget")}
        used = {str(widget.get("class")) for widget in widgets_of(form).values()}
        assert {name for name in used if not name.startswith("Q")} <= declared


def test_wheel_changes_no_setting_by_accident() -> None:
    """Of a list or a number whose value changes as the panel is scrolled, nobody notices: selectors of nodes only."""
    used = {str(widget.get("class")) for form in forms().values() for widget in form.iter("widget")}
    assert not used & {"QComboBox", "ctkComboBox"}


def test_panels_words_are_the_forms_labels() -> None:
    labels = {
        str(prop.findtext("string")).rstrip(":")
        for widget in forms()["Inputs"].iter("widget")
        for prop in widget.findall("property")
        if prop.get("name") == "text"
    }
    named = {name.strip('"') for field, name in panel_names(str).items() if field is not Field.INITIAL_POSE}
    assert named <= labels


def test_panel_loads_nothing_heavy_into_the_application() -> None:
    """Everything the page imports, and all modules of the panel: numpy, and Slicer's own."""
    code = (
        "import sys, DeepIterRegLib.mrml.panel.widget, DeepIterRegLib.mrml.panel.sample_data\n"
        "import DeepIterRegLib.mrml.panel.slicer_services\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    heavy = {"scipy", "numba", "torch", "safetensors", "matplotlib", "PIL", "pydicom", "rich", "slicer", "vtk", "qt"}
    assert not set(done.stdout.split()) & heavy
