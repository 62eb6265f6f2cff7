"""The dashboard: what Grafana needs of its JSON, as far as it can be checked without a Grafana server."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.core.monitors.service.service_objectives import DEFAULT_OBJECTIVES
from headrace.monitoring.rules.dashboard import make_dashboard, render_dashboard
from headrace.monitoring.rules.recording_rules import make_recording_rules
from tests.real.prometheus import promtool

VARIABLES = {"$__rate_interval": "5m", "$namespace": ".*", "$model": ".*"}


@pytest.fixture(scope="module")
def panels() -> list[dict[str, Any]]:
    """All panels, rows included."""
    found = make_dashboard()["panels"]
    assert len(found) > 15
    return list(found)


def expressions() -> list[str]:
    """All queries with values for the dashboard's variables."""
    document = make_dashboard()
    texts = [target["expr"] for panel in document["panels"] for target in panel.get("targets", ())]
    texts += [annotation["expr"] for annotation in document["annotations"]["list"]]
    for name, value in VARIABLES.items():
        texts = [text.replace(name, value) for text in texts]
    return texts


def test_panels_are_distinct_and_do_not_overlap(panels: list[dict[str, Any]]) -> None:
    """Ids from 1; within 24 columns; every cell belongs to one panel."""
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not own & cells, panel["title"]
        cells |= own


def test_each_query_names_its_source_and_itself(panels: list[dict[str, Any]]) -> None:
    """By the variable that a person chooses Prometheus with; letters from A within a panel."""
    for panel in panels:
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            references = [target["refId"] for target in panel["targets"]]
            assert references == [chr(ord("A") + place) for place in range(len(references))]
            assert panel["description"].endswith(".")


def test_recorded_series_exist() -> None:
    """A query of a series that no rule records would show nothing."""
    records = {rule.record for rule in make_recording_rules(DEFAULT_OBJECTIVES)}
    wanted = {
        word
        for text in expressions()
        for word in text.replace("(", " ").replace("{", " ").split()
        if ":headrace_" in word
    }
    assert wanted
    assert wanted <= records


def test_the_sidecar_finds_it() -> None:
    """By the label that Grafana's chart looks for; the value is the dashboard's JSON."""
    document = yaml.safe_load(render_dashboard())
    assert document["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert json.loads(document["data"]["headrace.json"]) == make_dashboard()


@pytest.mark.prometheus
def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    """As rules of a file, whose expressions promtool parses."""
    rules = [{"record": f"query:{place}", "expr": text} for place, text in enumerate(expressions())]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"SUCCESS: {len(rules)} rules found" in promtool("check", "rules", tmp_path / "rules.yaml")
