"""Errors: sentences that the command, the panel and the library itself can each tell in their own words."""

from __future__ import annotations

import ast
import json
import pickle
import string
from pathlib import Path

import numpy as np
import pytest

from DeepIterRegLib.cli.option_names import OPTION_NAMES
from DeepIterRegLib.common.errors import QUANTITIES, Field, InputError, Names, UserError, input_error_from_json
from DeepIterRegLib.initializer.checkpoint import CheckpointError
from DeepIterRegLib.mrml.panel.input_error_messages import translated
from DeepIterRegLib.mrml.panel.messages import panel_names, told
from DeepIterRegLib.worker.protocol import line_of, message_of
from Testing.tools.input_error_messages import (
    LIBRARY,
    NOT_IN_THE_PANEL,
    TARGET,
    ErrorCall,
    error_calls,
    library_files,
    module,
)

NO_WIDGET = {
    Field.TARGETS,
    Field.REFERENCE_POSE,
    Field.VOLUME_KIND,
    Field.CARM,
    Field.SIMILARITY,
    Field.TERMS,
    Field.INITIALIZER,
    Field.OUTPUT,
    Field.ARTERIES,
    Field.SKULL,
}
"""What the panel finds out by itself, has no file for, or leaves to the command."""


def product() -> list[Path]:
    """The library that clinicians run."""
    return [path for path in library_files() if not path.relative_to(LIBRARY).as_posix().startswith("research")]


CALLS = list(error_calls(product()))
BELOW_THE_COMMAND = [call for call in CALLS if call.file.relative_to(LIBRARY).parts[0] not in NOT_IN_THE_PANEL]


def name_of(call: ErrorCall) -> str:
    return f"{call.file.relative_to(LIBRARY).as_posix()}:{call.call.lineno}"


def places_in(sentence: str) -> list[tuple[str, str, str | None]]:
    """(name, format, conversion) of each place."""
    parts = string.Formatter().parse(sentence)
    return [(name, spec or "", conversion) for _, name, spec, conversion in parts if name is not None]


def given_in(call: ErrorCall) -> set[str]:
    """Names of the arguments; those that a dict brings (`**where`) from its literal keys in the same file."""
    given = {keyword.arg for keyword in call.call.keywords if keyword.arg is not None}
    if any(keyword.arg is None for keyword in call.call.keywords):
        tree = ast.parse(call.file.read_text(encoding="utf-8"))
        dicts = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
        given |= {
            key.value
            for node in dicts
            for key in node.keys
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }
    return given


def test_the_library_has_errors_to_look_at() -> None:
    assert len(CALLS) > 150
    assert {"InputError", "WorkerError", "CheckpointError"} <= {ast.unparse(call.call.func) for call in CALLS}


def test_sentences_are_literals_whose_places_are_all_given() -> None:
    fields = {field.value for field in Field}
    for call in CALLS:
        where, sentence, given = name_of(call), call.sentence, given_in(call)
        assert sentence is not None, f"{where}: no literal, so it cannot be translated"
        places = {name for name, _, _ in places_in(sentence)}
        assert places <= given | fields, f"{where}: a place that nothing fills"
        assert not (given & fields), f"{where}: a value that hides a field"
        assert "file" not in given or "file" in places, f"{where}: a file that is not told"
        assert sentence.count("[") == sentence.count("]"), where


def test_sentences_of_the_library_name_no_option() -> None:
    for call in BELOW_THE_COMMAND:
        assert "--" not in str(call.sentence), name_of(call)


def test_every_sentence_can_be_told_by_every_front_end() -> None:
    for call in CALLS:
        sentence = str(call.sentence)
        values = {name: (7 if "d" in spec else 7.5) if spec else "x" for name, spec, _ in places_in(sentence)}
        values = {name: value for name, value in values.items() if name not in {*Field, "field", "file"}}
        error = UserError(sentence, field=Field.CTA_VEINS, file="a.dcm", **values)
        for text in (str(error), error.told(OPTION_NAMES), told(error, str)):
            assert not set(text) & set("{}[]"), f"{name_of(call)}: {text}"
        assert call not in BELOW_THE_COMMAND or "--" not in told(error, str), name_of(call)
        in_another_language = told(error, lambda text: f"@{text}")
        assert call not in BELOW_THE_COMMAND or in_another_language[0] == "@", f"{name_of(call)} is not translated"


def test_every_field_has_its_names_or_is_known_to_have_none() -> None:
    assert set(QUANTITIES) == set(Field)
    assert set(OPTION_NAMES) == set(Field)
    assert set(panel_names(str)) == set(Field) - NO_WIDGET


def test_list_for_the_translators_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == module(), "make messages"


def test_one_sentence_in_three_languages() -> None:
    error = InputError(
        "{file} has no {tags}; give {missing}[, or {carm} as a whole].",
        file="/patients/doe/a.dcm",
        tags=["SDD", "SID"],
        missing=(Field.SDD, Field.SID),
    )
    assert str(error) == (
        "a.dcm has no SDD, SID; give the source-to-detector distance, the source-to-isocentre distance, or the C-arm's"
        " geometry as a whole."
    )
    assert error.told(OPTION_NAMES) == "a.dcm has no SDD, SID; give --sdd MM, --sid MM, or --carm FILE as a whole."
    assert told(error, str) == 'a.dcm has no SDD, SID; give "Source to detector", "Source to isocentre".'
    assert "doe" not in json.dumps(error.to_json())


def test_field_at_the_beginning_is_capitalised_and_a_file_is_not() -> None:
    assert str(InputError("{field} is empty.", field=Field.DSA_VEINS)) == "The mask of the DSA's veins is empty."
    assert str(InputError("{file} is empty.", file="mask.nrrd")) == "mask.nrrd is empty."


def errors() -> list[UserError]:
    inner = InputError("correct {sdd}.", field=Field.SDD)
    return [
        InputError("There is no DSA; give {dsa}."),
        InputError("{file}: {part:.0%} of {size} in {axes:.1f}", file="odd {name} [1].dcm", part=np.float32(0.25),
                   size=np.array([3, 4]), axes=(1.25, 2.0)),
        InputError("{field}: {n:d} {reason} {names}", field=Field.CTA, n=np.int64(3), reason=inner, names=["a", "b"]),
        InputError("{x:g} mm, {path}; give {both}[ or {carm}].", x=float("nan"), path=Path("a/b"),
                   both=[Field.SDD, Field.SID]),
        CheckpointError("{file} is not there.", field=Field.INITIALIZER, file="net"),
    ]  # fmt: skip


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.sentence)
@pytest.mark.parametrize("names", [QUANTITIES, OPTION_NAMES, panel_names(str)], ids=["library", "command", "panel"])
def test_error_is_told_alike_on_the_other_side_of_a_process(error: UserError, names: Names) -> None:
    message = message_of(line_of({"type": "failed", "error": error.to_json()}).rstrip())
    assert message is not None
    for copy in (input_error_from_json(message["error"]), pickle.loads(pickle.dumps(error))):
        assert copy.told(names) == error.told(names)
        assert copy.field is error.field
    assert type(pickle.loads(pickle.dumps(error))) is type(error)
    assert "{" not in error.told(names).replace("{name}", "")


def test_braces_and_brackets_of_a_file_name_are_told_as_they_are() -> None:
    assert str(InputError("{file} is empty.", file="scan {sdd} [2].nrrd")) == "scan {sdd} [2].nrrd is empty."


def test_error_can_be_told_without_the_files_name() -> None:
    error = CheckpointError("{file} is {n:d}; correct {field}.", field=Field.CTA, file="doe.dcm", n=3).about("The DSA")
    assert type(error) is CheckpointError
    assert str(error) == "The DSA is 3; correct the CTA."
    assert "doe" not in repr(error.to_json())


def test_what_was_put_together_already_is_told_as_it_is() -> None:
    assert str(InputError("a {odd} name [1, 2]; correct it.")) == "a {odd} name [1, 2]; correct it."


@pytest.mark.parametrize("broken", ["{datei} ist leer.", "{file ist leer.", "{0} ist leer.", "{file.x} ist leer."])
def test_broken_translation_falls_back_on_english(broken: str) -> None:
    error = InputError("{file} is empty.", file="a.png")
    assert error.told(translate=lambda sentence: broken) == "a.png is empty."


def test_panel_translates_the_sentence_the_labels_and_the_quantities() -> None:
    german = {
        "The DSA has no frames; select a loaded angiographic run for {dsa}.": "Die DSA ist leer; {dsa} wählen.",
        "DSA": "Angiogramm",
        "the kind of volume": "die Art des Volumens",
    }
    error = InputError("The DSA has no frames; select a loaded angiographic run for {dsa}.", field=Field.DSA)
    assert told(error, lambda text: german.get(text, text)) == 'Die DSA ist leer; "Angiogramm" wählen.'
    kind = InputError("Set {volume_kind}.")
    assert told(kind, lambda text: german.get(text, text)) == "Set die Art des Volumens."
    assert translated("No sentence of ours.", str.upper) == "No sentence of ours."


def test_what_a_damaged_file_holds_is_told_on_one_line_and_in_part() -> None:
    error = InputError("{file} holds {value}.", file="a.dcm", value="\x1b[31mred\x00\r\nline" + "9" * 5000)
    sentence = str(error)
    assert sentence.isprintable()
    assert sentence.startswith("a.dcm holds ?[31mred? line999")
    assert len(sentence) < 500
    assert str(InputError("{file} holds {value}.", file="a.dcm", value="two  blanks")) == "a.dcm holds two  blanks."
