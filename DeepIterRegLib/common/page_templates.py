"""HTML pages from templates: package data, filled by jinja2 with everything escaped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.errors import InputError

if TYPE_CHECKING:
    from jinja2 import Environment


def filled(package: str, template: str, **values: Any) -> str:
    """The template of that file name in `templates/` of a package, with these values in it."""
    return _environment(package).get_template(template).render(**values)


def filled_in_parts(package: str, template: str, **values: Any) -> Iterator[str]:
    """The same piece by piece, for pages that need not be in memory as a whole."""
    return iter(_environment(package).get_template(template).generate(**values))


def require_jinja() -> None:
    """Raises InputError where jinja2 is not installed: better before an experiment than after it."""
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise InputError("HTML pages need jinja2; install it with `pip install jinja2`.") from error


@cache
def _environment(package: str) -> Environment:
    require_jinja()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # A name that is missing is a mistake of ours, not an empty cell.
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
