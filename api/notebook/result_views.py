"""How results are shown in a notebook: made when it asks for them, without network and without an error.

Results of this library's own classes have ``_repr_html_``. Those of the layers below, which know no notebook, are
registered by name with IPython's formatters, which imports none of them.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from headrace.reports.notebook.fragment import Fragment

# Module and class of what is shown, and the function of reports/notebook that describes it.
_DESCRIPTIONS: Mapping[tuple[str, str], str] = {
    ("headrace.core.bundles.bundle", "Bundle"): "models:describe_bundle",
    ("headrace.core.contracts.contract", "Contract"): "tables:describe_contract",
    ("headrace.core.monitors.reports.monitor_report", "MonitorReport"): "monitors:describe_report",
    ("headrace.core.ab_tests.plan", "ABTestPlan"): "monitors:describe_ab_plan",
    ("headrace.core.ab_tests.result", "ABTestResult"): "monitors:describe_ab_test",
    ("headrace.monitoring.monitors.monitor_window", "MonitoredWindow"): "monitors:describe_monitoring",
}


class Printer(Protocol):
    """The part of IPython's pretty printer that is used."""

    def text(self, text: str) -> None:
        """Print a text."""


def html_or_none(describe: "Callable[[], Fragment]") -> str | None:
    """Return what a notebook shows; None, so that it shows the text, where the result cannot be described.

    A view of a result must not fail in place of the cell that has it, whatever became of its files.
    """
    try:
        return describe().as_html()
    except Exception:  # noqa: BLE001 - as above
        return None


def describe_value(value: Any) -> "Fragment":
    """Describe a value of a class in the table above."""
    kind = type(value)
    module, _, name = _DESCRIPTIONS[kind.__module__, kind.__name__].partition(":")
    describe = getattr(import_module(f"headrace.reports.notebook.{module}"), name)
    if kind.__name__ == "MonitoredWindow":
        return describe(value.report, value.decision, standing=value.standing)  # type: ignore[no-any-return]
    return describe(value)  # type: ignore[no-any-return]


def register_views() -> bool:
    """Register the views with IPython if this process is a session of it; again does no harm.

    Returns:
        Whether it is one.
    """
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python and hasattr(python, "get_ipython") else None
    formatter = getattr(shell, "display_formatter", None)
    if formatter is None:
        return False
    for module, name in _DESCRIPTIONS:
        formatter.formatters["text/html"].for_type_by_name(module, name, _show_html)
        formatter.formatters["text/plain"].for_type_by_name(module, name, _print_text)
    return True


def _show_html(value: Any) -> str | None:
    return html_or_none(lambda: describe_value(value))


def _print_text(value: Any, printer: Printer, cycle: bool) -> None:
    try:
        text = repr(value) if cycle else describe_value(value).as_text()
    except Exception:  # noqa: BLE001 - see html_or_none
        text = repr(value)
    printer.text(text)
