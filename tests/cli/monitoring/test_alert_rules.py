"""``headrace monitor rules``."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from headrace.cli.monitoring.monitor import app
from headrace.core.base.errors import InputError
from headrace.monitoring.rules.rule_files import render_prometheus_rule

WIDE = "name=wide,kind=latency,target=0.9,threshold_seconds=0.1"


def test_the_default_objectives_are_those_of_the_component(tmp_path: Path) -> None:
    """What is written is what the kustomize component has."""
    ended = CliRunner().invoke(app, ["rules", "--format", "operator", "-o", str(tmp_path / "rules.yaml")])
    assert ended.exit_code == 0
    assert (tmp_path / "rules.yaml").read_text() == render_prometheus_rule()


def test_objectives_of_ones_own() -> None:
    """They take the place of the defaults; alerts that could never fire are named, beside the rules."""
    ended = CliRunner().invoke(app, ["rules", "--objective", WIDE])
    groups = yaml.safe_load(ended.stdout)["groups"]
    objectives = {rule.get("labels", {}).get("objective") for group in groups for rule in group["rules"]}
    assert objectives == {None, "wide"}
    assert "Objective wide (target 0.9 over 30 days) has no alert over 1 h: it could never fire." in ended.stderr


def test_the_dashboard_and_wrong_objectives() -> None:
    """A ConfigMap; two objectives of one name are a mistake."""
    assert yaml.safe_load(CliRunner().invoke(app, ["rules", "--format", "dashboard"]).stdout)["kind"] == "ConfigMap"
    ended = CliRunner().invoke(app, ["rules", "--objective", WIDE, "--objective", WIDE])
    assert isinstance(ended.exception, InputError)
    with pytest.raises(InputError, match="wide is there more than once"):
        raise ended.exception
