"""The HTML pages' templates: package data, filled by jinja2 with everything escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.errors import InputError

if TYPE_CHECKING:
    from jinja2 import Environment


def filled(template: str, **values: Any) -> str:
    """The template of that file name in `templates/`, with these values in it."""
    return _environment().get_template(template).render(**values)


def require_jinja() -> None:
    """Raises InputError where jinja2 is not installed: better before an experiment than after it."""
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise InputError("The pages of an experiment need jinja2; install it with `pip install jinja2`.") from error


@cache
def _environment() -> Environment:
    require_jinja()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # A name that is missing is a mistake of ours, not an empty cell.
    return Environment(
        loader=PackageLoader("DeepIterRegLib.research.evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
