"""Which code made a result: a hash that changes when code does, and not when its comments or its layout change."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "DeepIterRegLib"
ROOT = Path(__file__).resolve().parents[2]


@cache
def code_fingerprint(*modules: str) -> str:
    """Twelve hexadecimal digits of what `modules` do, with every module of this package that they import.

    modules: dotted, below the package ("preparation.cta"). Imports count at any depth, also those in functions. Other
    packages' versions do not count. A module that is not there counts as absent.
    """
    sources: dict[str, str] = {}
    to_read = [f"{PACKAGE}.{module}" for module in modules]
    while to_read:
        name = to_read.pop()
        path = _path(name)
        if name in sources or path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sources[name] = ast.dump(_without_docstrings(tree))
        to_read += _imported(tree)
    text = "\n".join(f"{name}:{sources[name]}" for name in sorted(sources))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _path(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    found = [candidate for candidate in (path.with_suffix(".py"), path / "__init__.py") if candidate.is_file()]
    return found[0] if found else None


def _imported(tree: ast.AST) -> Iterator[str]:
    """Modules of the package; `from a import b` may mean the module a.b or a name in a, so it gives both."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Strings that stand alone, the comments of modules, classes, functions and constants, taken out."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_text(item)]  # type: ignore[attr-defined]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
