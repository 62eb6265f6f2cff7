"""The rules and the dashboard of the component ``monitoring`` are those that the table in code makes."""

from collections.abc import Callable

import pytest

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
