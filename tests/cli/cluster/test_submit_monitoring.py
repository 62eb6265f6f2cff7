"""The pipeline ``monitoring`` submitted to Kubeflow Pipelines, which is played (see ``tests.cluster.kfp_server``).

Its steps really run, on a real object store.
"""

import json
from pathlib import Path

import pytest

from headrace.core.base.settings import StoreSettings
from headrace.monitoring.decisions.history import HistoryStore
from headrace.pipelines.local.summary import Summary
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect
from headrace.stores.objects.open_objects import open_objects
from tests.cluster.kfp_server import kubeflow_pipelines
from tests.conftest import headrace
from tests.made_bundle import copy_bundle
from tests.stores.conftest import rclone_settings

__all__ = ["rclone_settings"]


def test_the_monitoring_pipeline_is_submitted_and_decides(
    rclone_settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window without rows is a warning; its report and its decision lie in the store that was named."""
    bundle = copy_bundle(tmp_path / "made")
    model = publish(bundle.folder, connect(rclone_settings, create=True))
    told = {"KUBECONFIG": "/nowhere", **rclone_settings.environment()}
    arguments = {
        "model": model,
        "store": "s3://headrace/monitoring",
        "trained": "2026-01-01T00:00:00Z",
        "now": "2026-02-01T06:00:00Z",
    }
    with kubeflow_pipelines(store=rclone_settings, environment=rclone_settings.environment()) as played:
        ended = headrace(
            "submit",
            "monitoring",
            "--follow",
            *(part for name, value in arguments.items() for part in ("--argument", f"{name}={value}")),
            "--pipeline-root",
            "s3://headrace/runs",
            "--output",
            str(tmp_path / "out"),
            HEADRACE_KFP_ENDPOINT=played.address,
            **told,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    summary = Summary.model_validate_json((tmp_path / "out" / "summary.json").read_text())
    ran = [step.name for step in summary.steps if step.status == "succeeded"]
    assert ran == ["collect", "join_labels", "monitor", "decide"]
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    (decision,) = HistoryStore(open_objects("s3://headrace/monitoring"), bundle.name).latest_decisions(bundle.digest)
    assert (decision.outcome, decision.window.end) == ("warn", "2026-02-01T00:00:00Z"), json.dumps(decision.as_json())
