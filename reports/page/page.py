"""Render templates to one self-contained page: styles inline, no scripts, no external resources."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from headrace.core.packaging.cards.markdown import markdown
from headrace.reports.base import number_format
from headrace.reports.page import svg

_TEMPLATES = Path(__file__).parents[1] / "templates"
# Characters that browsers drop or refuse; tabs and line ends stay.
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), "\ufffd")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in ("count", "number", "metric", "percent", "seconds", "size", "shorten"):
        environment.filters[name] = getattr(number_format, name)
    environment.filters["markdown"] = markdown
    environment.globals["draw"] = svg
    environment.globals["styles"] = Markup(_styles())  # noqa: S704 - the project's own file
    return environment


def _styles() -> str:
    return (_TEMPLATES / "page.css").read_text(encoding="utf-8")


def render(template: str, **values: Any) -> str:
    """Fill a template of this package.

    Args:
        template: Its file name.
        **values: Variables of the template; every text is escaped.

    Returns:
        The page, which can always be encoded as UTF-8.
    """
    text = _environment().get_template(template).render(**values).translate(_CONTROLS)
    return text.encode("utf-8", "replace").decode("utf-8")
