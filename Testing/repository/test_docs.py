"""The pages can be found, their links lead somewhere, and what they name is there: files, functions, commands."""

from __future__ import annotations

import argparse
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from DeepIterRegLib.cli.main import build_parser
from Testing.support.paths import ROOT

DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "Resources" / "README.md",
    ROOT / "Resources" / "checkpoints" / "model_card.md",
    *sorted(DOCS.rglob("*.md")),
]
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(
    r"(?<![\w./<$-])(?:[\w-]+/)*[\w-]+\.(?:py|ui)\b"
    r"|(?<![\w./<$-])(?:DeepIterRegLib|DeepIterReg|Testing|Resources|docs|requirements)/[\w./-]*\w(?![\w/<])"
    r"|(?<![\w./<$-])(?:[\w-]+/)+(?![\w<])"
)
"""A module or form with some of its folders or none, a whole path of any kind, or folders with a slash behind them."""
ROOMS = ("DeepIterRegLib/", "DeepIterReg/", "Testing/", "Resources/", "docs/", "requirements/")
NOT_OURS = {"update_translations.py", "output/", "results/", "heads/", "tensorboard/", "build/"}
"""Slicer's, and what commands write."""
MODULE = re.compile(r"\b((?:DeepIterRegLib|Testing)(?:\.\w+)+)")
MOST_README_WORDS = 900
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def ids(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def files_of_the_repository() -> frozenset[str]:
    """Paths from the root, of what git knows and of what is new."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git repository")
    return frozenset(path for path in listed.stdout.splitlines() if (ROOT / path).exists())


@cache
def folders_of_the_repository() -> frozenset[str]:
    return frozenset(parent.as_posix() for path in files_of_the_repository() for parent in Path(path).parents)


def code_of(page: Path) -> list[str]:
    """What stands in a page as code: between backticks, fenced, or indented by four."""
    text = text_of(page)
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4,}(\S[^\n]*)$", text, flags=re.MULTILINE)
    return [*CODE.findall(text), *(line for block in fenced for line in block.splitlines()), *indented]


def anchors_of(page: Path) -> set[str]:
    """What a link can point to within a page, spelled as GitHub spells it."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_to_a_file_of_this_repository_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in LINK.findall(text_of(page)):
            if ":" in target:
                continue
            name, _, anchor = target.partition("#")
            path = page.parent / name if name else page
            if not path.exists() or (anchor and anchor not in anchors_of(path)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


@pytest.mark.parametrize("folder", [DOCS, DOCS / "measurements"], ids=["docs", "measurements"])
def test_index_names_every_page(folder: Path) -> None:
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    linked = {target.partition("#")[0] for target in LINK.findall(text_of(folder / "README.md"))}
    assert linked >= pages, f"list it in {folder.relative_to(ROOT)}/README.md"


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    """A path may leave out the folders above it: `register.py`, `cli/register.py`."""
    files, folders = files_of_the_repository(), folders_of_the_repository()
    missing = []
    for code in code_of(page):
        for path in PATH.findall(code):
            if path in NOT_OURS or "://" in code:
                continue
            name = path.rstrip("/")
            known = folders if path.endswith("/") else files | folders
            whole = path.startswith(ROOMS)
            if name not in known and (whole or not any(each.endswith(f"/{name}") for each in known)):
                missing.append(path)
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_module_that_a_page_names_is_there(page: Path) -> None:
    """`DeepIterRegLib.a.b` is a module or a package, or a name that stands in one."""
    files, missing = files_of_the_repository(), []
    for code in code_of(page):
        for dotted in MODULE.findall(code):
            parts = dotted.split(".")
            base = "/".join(parts)
            if {f"{base}.py", f"{base}/__init__.py"} & files:
                continue
            holder = "/".join(parts[:-1])
            homes = {f"{holder}.py", f"{holder}/__init__.py"} & files
            if not any(re.search(rf"\b{parts[-1]}\b", (ROOT / home).read_text(encoding="utf-8")) for home in homes):
                missing.append(dotted)
    assert not missing


def parser_of(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of the innermost command that `words` begin with, and the words behind it."""
    parser, words = build_parser(), list(words)
    while words:
        subparsers = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not subparsers or words[0] not in subparsers[0].choices:
            break
        parser = subparsers[0].choices[words.pop(0)]
    return parser, words


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_command_and_option_that_a_page_names_is_there(page: Path) -> None:
    wrong = []
    for code in code_of(page):
        for line in re.findall(r"(?:^|/)deepiterreg (.+)", code):
            words = line.replace("[", " ").replace("]", " ").replace("|", " ").split()
            if words[0].startswith(("-", "COMMAND", ".")):
                continue
            parser, rest = parser_of(words)
            if parser.prog.split()[-1:] == ["deepiterreg"]:
                wrong.append(f"deepiterreg {words[0]}")
            options = {option for action in parser._actions for option in action.option_strings} | {"--debug"}
            wrong += [f"deepiterreg {line}: {word}" for word in rest if word.startswith("--") and word not in options]
    assert not wrong


def test_readme_is_short() -> None:
    assert len(text_of(ROOT / "README.md").split()) <= MOST_README_WORDS


def test_readme_has_one_table_and_its_figures_are_those_of_the_linked_pages() -> None:
    """A row without a link belongs to the page of the row above it."""
    text = text_of(ROOT / "README.md")
    assert len(re.findall(r"^\| --- ", text, flags=re.MULTILINE)) == 1
    page, checked = ROOT / "README.md", 0
    for row in re.findall(r"^\|(.+)\|$", text, flags=re.MULTILINE)[2:]:
        label, *cells = row.split("|")
        for target in LINK.findall(label):
            page = ROOT / target
        assert page.parent == DOCS / "measurements", "the first row links its page"
        figures = {figure for cell in cells for figure in FIGURE.findall(cell)}
        assert figures <= set(FIGURE.findall(text_of(page))), f"{label.strip()}: not in {page.name}"
        checked += len(figures)
    assert checked >= 10


def test_figures_of_measurements_stand_once() -> None:
    """No row of a table stands on two pages."""
    home: dict[str, Path] = {}
    twice = []
    for page in PAGES:
        for row in set(re.findall(r"^\|.*\d.*\|$", text_of(page), flags=re.MULTILINE)):
            if len(FIGURE.findall(row)) >= 3 and home.setdefault(row, page) != page:
                twice.append(f"{page.name}, {home[row].name}: {row}")
    assert not twice


def test_a_wrong_path_would_be_found() -> None:
    assert PATH.findall("DeepIterRegLib/no/such.py, `register.py`, mrml/adjust/ and a/<b>.py") == [
        "DeepIterRegLib/no/such.py",
        "register.py",
        "mrml/adjust/",
    ]


def test_every_page_that_the_code_names_is_there() -> None:
    code = [path for path in files_of_the_repository() if path.endswith((".py", ".json", ".toml", ".ui"))]
    named = {(path, page) for path in code for page in re.findall(r"docs/[\w/]+\.md", text_of(ROOT / path))}
    assert len(named) > 10
    assert not [f"{path}: {page}" for path, page in sorted(named) if not (ROOT / page).is_file()]
