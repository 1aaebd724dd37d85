"""Lists the sentences of the library's errors where Slicer's translation tools find them.

The tools look for `_("...")` under DeepIterReg and DeepIterRegLib/mrml alone, and the library below knows no language.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "DeepIterRegLib"
TARGET = LIBRARY / "mrml/panel/input_error_messages.py"
ERRORS = LIBRARY / "common/errors.py"
NOT_IN_THE_PANEL = ("cli", "cohort", "parallel", "research")
"""Rooms whose errors only a command shows."""
BASE = "UserError"
LINE = 120

HEAD = '''"""Every sentence of the library's errors, for Slicer's translation tools. Made by `make messages`."""

from __future__ import annotations

from collections.abc import Callable


def translated(sentence: str, translate: Callable[[str], str]) -> str:
    """A sentence in the user's language, with its places; as it is where it is not one of the library's."""
    return dict(zip(_sentences(str), _sentences(translate), strict=True)).get(sentence, sentence)


def _sentences(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
'''


@dataclass(frozen=True)
class ErrorCall:
    """One place in the library that makes an error."""

    file: Path
    call: ast.Call

    @property
    def sentence(self) -> str | None:
        """None where it is no literal."""
        argument = self.call.args[0] if len(self.call.args) == 1 else None
        return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def library_files() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def error_calls(files: list[Path]) -> Iterator[ErrorCall]:
    """Of UserError and every class that comes from it."""
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in library_files()}
    kinds = error_classes(trees)
    for file in files:
        for node in ast.walk(trees[file]):
            if isinstance(node, ast.Call) and _name(node.func) in kinds:
                yield ErrorCall(file, node)


def error_classes(trees: dict[Path, ast.Module]) -> set[str]:
    """The names of UserError and of every class that comes from it."""
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds, before = {BASE}, 0
    while len(kinds) > before:
        before = len(kinds)
        kinds |= {node.name for node in classes if {_name(base) for base in node.bases} & kinds}
    return kinds


def sentences() -> list[str]:
    """What the panel may have to tell, in the order of the alphabet: sentences, and the quantities in them."""
    files = [file for file in library_files() if file.relative_to(LIBRARY).parts[0] not in NOT_IN_THE_PANEL]
    found = {call.sentence for call in error_calls(files) if call.sentence is not None}
    return sorted(found | _quantities())


def _quantities() -> set[str]:
    for node in ast.walk(ast.parse(ERRORS.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AnnAssign) and _name(node.target) == "QUANTITIES" and isinstance(node.value, ast.Dict):
            return {ast.literal_eval(value) for value in node.value.values}
    raise LookupError("QUANTITIES")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def module() -> str:
    """The content of the module that lists them."""
    return HEAD + "".join(_entry(sentence) for sentence in sentences()) + "    )\n"


def _entry(sentence: str) -> str:
    """A call of underscore, formatted as ruff does."""
    line = f"        _({_quoted(sentence)}),\n"
    if len(line) <= LINE + 1:
        return line
    if len(f"            {_quoted(sentence)}") <= LINE:
        return f"        _(\n            {_quoted(sentence)}\n        ),\n"
    pieces, rest = [], sentence
    while len(_quoted(rest)) + 12 > LINE:
        cut = rest.rfind(" ", 0, LINE - 16) + 1
        pieces.append(rest[:cut])
        rest = rest[cut:]
    return "        _(\n" + "".join(f"            {_quoted(piece)}\n" for piece in (*pieces, rest)) + "        ),\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the list is out of date")
    args = parser.parse_args()
    content = module()
    if args.check:
        if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == content:
            return 0
        print(f"{TARGET.relative_to(ROOT)} is out of date: make messages", file=sys.stderr)
        return 1
    TARGET.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
