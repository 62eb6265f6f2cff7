"""The rules and the dashboard of the component ``monitoring`` are those that the table in code makes."""

from collections.abc import Callable

import pytest

from headrace.core.monitors.service.service_objectives import DEFAULT_OBJECTIVES
from headrace.monitoring.rules.alert_rule import AlertRule
from headrace.monitoring.rules.alert_rules import make_alert_rules
from headrace.monitoring.rules.dashboard import render_dashboard
from headrace.monitoring.rules.rule_files import render_prometheus_rule
from tests.conftest import REPOSITORY

COMPONENT = REPOSITORY / "kustomize" / "components" / "monitoring"


@pytest.mark.parametrize(
    ("name", "render"),
    [("prometheus-rule.yaml", render_prometheus_rule), ("dashboard.yaml", render_dashboard)],
)
def test_the_component_is_current(name: str, render: Callable[[], str], request: pytest.FixtureRequest) -> None:
    """`make compiled` renews it."""
    fresh = f"# Made by headrace.monitoring.rules; `make compiled` writes it.\n{render()}"
    shipped = COMPONENT / name
    if request.config.getoption("--rewrite"):
        shipped.write_text(fresh)
    assert shipped.exists(), "run `make compiled`"
    assert shipped.read_text() == fresh, "run `make compiled` and read the diff"


GUIDE = REPOSITORY / "docs" / "guides" / "monitoring-prometheus.md"
_BEGIN, _END = "<!-- alerts: made by `make compiled` -->\n", "<!-- end of alerts -->"


def describe_alerts() -> str:
    """Sections of the guide, one for each name of an alert, under the anchors that the alerts' annotations name."""
    by_name: dict[str, list[AlertRule]] = {}
    for rule in make_alert_rules(DEFAULT_OBJECTIVES):
        by_name.setdefault(rule.name, []).append(rule)
    return "\n".join(_describe(name, rules) for name, rules in by_name.items())


def _describe(name: str, rules: list[AlertRule]) -> str:
    lines = [f"- *{rule.severity}*{_label(rule)}: fires {rule.fires}; resolves {rule.resolves}." for rule in rules]
    return "\n".join([f"### {name}\n", *lines, "", rules[0].description, ""])


def _label(rule: AlertRule) -> str:
    labels = ", ".join(rule.labels.values())
    return f" ({labels})" if labels else ""


def test_the_guide_lists_the_alerts(request: pytest.FixtureRequest) -> None:
    """Each with its severity and when it fires and resolves; `make compiled` renews it."""
    text = GUIDE.read_text()
    head, _, rest = text.partition(_BEGIN)
    fresh = f"{head}{_BEGIN}\n{describe_alerts()}\n{_END}{rest.partition(_END)[2]}"
    if request.config.getoption("--rewrite"):
        GUIDE.write_text(fresh)
    assert GUIDE.read_text() == fresh, "run `make compiled` and read the diff"
