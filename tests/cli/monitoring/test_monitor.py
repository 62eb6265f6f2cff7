"""``headrace monitor``: the policy, and decisions by it."""

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.core.base.errors import InputError
from headrace.core.monitors.decisions import policy_yaml
from headrace.monitoring.decisions.history import HistoryStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace
from tests.core.monitors.made_reports import day, made_report
from tests.made_bundle import copy_bundle

RUNNER = CliRunner()


def test_the_default_policy_is_printed_written_and_checked(tmp_path: Path) -> None:
    """It is written once; a policy that cannot work is refused by its place."""
    printed = RUNNER.invoke(app, ["monitor", "policy"])
    assert printed.output == policy_yaml.default_text()
    path = tmp_path / "monitoring.yaml"
    assert RUNNER.invoke(app, ["monitor", "policy", "-o", str(path)]).exit_code == 0
    assert path.read_text() == printed.output
    checked = RUNNER.invoke(app, ["monitor", "policy", "--check", str(path)])
    assert "11 monitors over windows of a day" in checked.output
    assert "a chance of 0.002738" in checked.output
    again = RUNNER.invoke(app, ["monitor", "policy", "-o", str(path)])
    assert isinstance(again.exception, InputError)
    path.write_text("violated_windows: 9\n")
    refused = RUNNER.invoke(app, ["monitor", "policy", "--check", str(path)])
    assert "9 of 5 windows can never be violated" in str(refused.exception)


def test_a_decision_is_printed_with_its_reasons_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome first, then the reasons, then where it stands; JSON is the document."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_REGISTRY", raising=False)
    bundle = copy_bundle(tmp_path / "made")
    history = HistoryStore(StorePlace(FolderStore(tmp_path / "store")), bundle.name)
    empty = RUNNER.invoke(app, ["monitor", "decisions", bundle.name, "store"])
    assert "headrace monitor decide makes one" in str(empty.exception)
    broken = made_report(3, {"contract_violations:range": "data_fault"}, digest=bundle.digest)
    history.add_report(dataclasses.replace(broken, name=bundle.name))
    Path("monitoring.yaml").write_text("monitors: {contract_violations: {}}\n")
    command = ["monitor", "decide", str(bundle.folder), "store", "--policy", "monitoring.yaml"]
    command += ["--trained", "2026-01-01T00:00:00Z", "--at", day(3).end.isoformat()]
    shown = RUNNER.invoke(app, command)
    assert shown.exit_code == 0, shown.exception
    first, second, third, last = shown.output.splitlines()
    assert first == (f"customers {bundle.digest[:12]}, 2026-01-04T00:00:00Z to 2026-01-05T00:00:00Z: stop.")
    assert second == "  The data are broken, so that nothing is trained on them."
    assert third == "  contract_violations:range is data_fault on day 3."
    assert last == "The decision stands in store, and in no registry, because there is none here."
    document = json.loads(RUNNER.invoke(app, [*command, "--json"]).output)
    assert document == next(history.decisions()).as_json()
    listed = RUNNER.invoke(app, ["monitor", "decisions", bundle.name, "store"])
    assert "stop" in listed.output.splitlines()[1]
