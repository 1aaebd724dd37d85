"""Slicer's tools find every string that users see: `_("...")` in Python, and those of the forms.

Slicer runs Qt's lupdate over the source after it has put a context into each `_("...")`, by a pattern and not by
Python's grammar; at run time `slicer.i18n.tr` looks in the context of the file that calls it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.worker_client.messages import disk_full
from Testing.support.paths import ROOT

SOURCES = [ROOT / "DeepIterReg/DeepIterReg.py", *sorted((ROOT / "DeepIterRegLib/mrml").rglob("*.py"))]
FORMS = sorted((ROOT / "DeepIterReg/Resources/UI").glob("*.ui"))
OTHER_NAMES = {"translate", "tr", "_tr"}
FROM_THE_WORKER = {"progress.stage"}
"""English where no translation has the same sentence."""
NOT_FOR_TRANSLATORS = {"nodeTypes", "hideChildNodeTypes", "styleSheet", "SlicerParameterName", "baseName"}


def name_of(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def calls_in(path: Path, names: set[str]) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node.func) in names]


def literal_of(call: ast.Call) -> str | None:
    argument = call.args[0] if len(call.args) == 1 and not call.keywords else None
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def strings() -> dict[Path, set[str]]:
    return {path: {str(literal_of(call)) for call in calls_in(path, {"_"}) if literal_of(call)} for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_is_translated_is_a_literal_in_a_call_of_underscore(path: Path) -> None:
    for call in calls_in(path, {"_"}):
        found = literal_of(call) or ast.unparse(call.args[0]) in FROM_THE_WORKER
        assert found, f"line {call.lineno}: no tool can find what {ast.unparse(call)} translates"
    hidden = [call.lineno for call in calls_in(path, OTHER_NAMES) if literal_of(call)]
    assert not hidden, f"lines {hidden}: call it `_`, or Slicer's tools do not find the string"


def test_lupdate_finds_every_string_in_the_context_that_slicer_looks_in(tmp_path: Path) -> None:
    lupdate = Path(pytest.importorskip("PySide6").__file__).parent / "lupdate"
    if not lupdate.is_file():
        pytest.skip("PySide6 came without lupdate")
    expected: dict[str, set[str]] = {}
    for path, wanted in strings().items():
        context = f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem
        expected.setdefault(context, set()).update(wanted)
        copy = tmp_path / path.parent.name / path.name
        copy.parent.mkdir(exist_ok=True)
        call = re.compile(r"""(?<!_)_\((\s*(["']).+?\2\s*)\)""", re.DOTALL)
        text = call.sub(rf'translate("{context}", \1)', path.read_text(encoding="utf-8"))
        copy.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [lupdate, *tmp_path.rglob("*.py"), "-ts", tmp_path / "found.ts"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"lupdate cannot run here: {done.stderr}")
    contexts = ET.parse(tmp_path / "found.ts").getroot().iter("context")
    found = {
        context.findtext("name"): {source.text for source in context.iter("source") if source.text}
        for context in contexts
    }
    del found["qSlicerAbstractCoreModule"]
    assert found == {context: wanted for context, wanted in expected.items() if wanted}
    assert sum(map(len, found.values())) > 100


def test_slicer_looks_in_the_context_of_the_file_that_has_the_string() -> None:
    """`slicer.i18n.tr` takes the file of its caller, so it must be handed on as it is."""
    files = []

    def tr(text: str) -> str:
        files.append(Path(sys._getframe(1).f_code.co_filename).name)
        return text.upper()

    assert told(disk_full(), tr).startswith("THE IMAGES")
    assert set(files) == {"messages.py", "input_error_messages.py"}


def test_page_hands_slicers_own_function_on() -> None:
    pytest.importorskip("slicer")
    from Testing.qt_adapter import open_module

    with open_module() as opened:
        # Remembered, by C code: whoever looks at the stack of calls sees the file that says it.
        assert opened.widget.panel._services.translate.__wrapped__ is opened.page._


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_keep_names_that_are_no_words_from_translators(path: Path) -> None:
    for prop in ET.parse(path).getroot().iter("property"):
        if prop.get("name") in NOT_FOR_TRANSLATORS:
            for value in prop:
                assert value.get("notr") == "true" or not "".join(value.itertext()).strip(), prop.get("name")
